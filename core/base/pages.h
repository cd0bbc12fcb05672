/* Memory for heaps (heap.h): extents cut from huge pages where the machine has them. With a million
 * entities nearly every state that is touched would else wait for the processor to look its page
 * up.
 *
 * The first extents may be of small pages: then whoever has little pays for what it touches, and
 * not for megabytes. One thread at a time; all of the memory goes at once.
 *
 * The kernel gives a page when it is touched first, and clears it: a tenth of a millisecond for a
 * huge one, and some milliseconds where the machine is a guest whose host has to find it too.
 * Whoever cannot wait for that has another thread touch pages ahead of need. */
#pragma once

#include "heap.h"

#include <stddef.h>

/* Somebody with a thread for it. */
struct pages_prefault {
    /* Soon, this is to be touched: pages_touch(). Must not wait; may leave it. */
    void (*prepare)(struct pages_prefault *self, void *memory, size_t size);
    /* This is about to go: when it returns nobody touches any of it any more. */
    void (*forget)(struct pages_prefault *self, const void *memory, size_t size);
};
/* On any thread, whoever uses the memory meanwhile: its bytes stay as they are. */
void pages_touch(void *memory, size_t size);

struct pages {
    struct heap_source source;  /* first */
    struct pages_piece *pieces; /* [piece_count] */
    size_t piece_count;
    size_t piece; /* the one that extents come from */
    size_t used;  /* bytes of that one */
    size_t taken; /* of all of them */
    size_t small; /* bytes of small pages that the first piece is of; 0: there are none */
    struct pages_prefault *prefault; /* NULL: nobody */
    size_t prepared, mapped; /* bytes of all pieces, from the first one on: as asked for, and
                              * all there are */
};

#define PAGES_SMALL ((size_t)8 << 20)
/* So much is touched ahead, but no more than an eighth of what there is. */
#define PAGES_PREFAULT_MAX ((size_t)16 << 20)

/* small: 0 or PAGES_SMALL. Takes no memory yet. */
void pages_init(struct pages *pages, size_t small);
/* From now on this one touches what comes next; NULL: nobody any more, and the one so far has
 * forgotten all of it. */
void pages_use_prefault(struct pages *pages, struct pages_prefault *prefault);
/* With all extents that it gave. */
void pages_deinit(struct pages *pages);

/* Memory of one's own in huge pages, of which only what is touched is taken: zeros. size: a
 * multiple of PAGES_HUGE, and the same when it is given back. */
#define PAGES_HUGE ((size_t)2 << 20)
void *pages_map(size_t size);
void pages_unmap(void *memory, size_t size);
