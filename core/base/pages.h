/* Memory for heaps (heap.h): extents cut from huge pages where the machine has them. With a million
 * entities, nearly every first touch of a state would otherwise miss the TLB.
 *
 * The first extents may come from small pages: a process with little state then takes the memory it
 * touches and not megabytes. One thread at a time; all of the memory is freed at once.
 *
 * The kernel supplies a page when it is first touched, and clears it: a tenth of a millisecond for
 * a huge page, and some milliseconds in a virtual machine whose host has to find it too. A thread
 * that cannot wait for that has another one touch pages beforehand (struct pages_prefault). */
#pragma once

#include "heap.h"

#include <stddef.h>

/* Touches pages in a thread of its own. Implemented by the owner of the thread. */
struct pages_prefault {
    /* This memory will be needed soon: call pages_touch() for it. Must not block; may skip it. */
    void (*prepare)(struct pages_prefault *self, void *memory, size_t size);
    /* This memory is about to be unmapped: after the return no thread may touch it. */
    void (*forget)(struct pages_prefault *self, const void *memory, size_t size);
};
/* Any thread, also while others use the memory: its content does not change. */
void pages_touch(void *memory, size_t size);

struct pages {
    struct heap_source source;  /* first */
    struct pages_piece *pieces; /* [piece_count] */
    size_t piece_count;
    size_t piece; /* the one that extents come from */
    size_t used;  /* bytes of that one */
    size_t taken; /* of all of them */
    size_t small; /* bytes of the first piece if that has small pages; 0: it has not */
    struct pages_prefault *prefault; /* NULL: none */
    size_t prepared, mapped; /* bytes of all pieces, from the first one on: as asked for, and
                              * all there are */
};

#define PAGES_SMALL ((size_t)8 << 20)
/* At most this much is touched beforehand, and no more than an eighth of what is in use. */
#define PAGES_PREFAULT_MAX ((size_t)16 << 20)

/* small: 0 or PAGES_SMALL. Takes no memory yet. */
void pages_init(struct pages *pages, size_t small);
/* From now on `prefault` touches what comes next; NULL: no one does, and the previous one has
 * forgotten everything. */
void pages_use_prefault(struct pages *pages, struct pages_prefault *prefault);
/* Frees all extents that it supplied. */
void pages_deinit(struct pages *pages);

/* Maps memory in huge pages, zeroed, of which only what is touched is taken. size: a multiple of
 * PAGES_HUGE, and the same when it is unmapped. */
#define PAGES_HUGE ((size_t)2 << 20)
void *pages_map(size_t size);
void pages_unmap(void *memory, size_t size);
