/* Memory for heaps (heap.h): extents cut from huge pages where the machine has them. With a million
 * entities nearly every state that is touched would else wait for the processor to look its page
 * up.
 *
 * The first extents may be of small pages: then whoever has little pays for what it touches, and
 * not for megabytes. One thread at a time; all of the memory goes at once. */
#pragma once

#include "heap.h"

#include <stddef.h>

struct pages {
    struct heap_source source;  /* first */
    struct pages_piece *pieces; /* [piece_count] */
    size_t piece_count;
    size_t used;  /* of the last piece */
    size_t small; /* bytes of small pages that the first piece is of; 0: there are none */
};

#define PAGES_SMALL ((size_t)8 << 20)

/* small: 0 or PAGES_SMALL. Takes no memory yet. */
void pages_init(struct pages *pages, size_t small);
/* With all extents that it gave; tables have been given back before. */
void pages_deinit(struct pages *pages);
