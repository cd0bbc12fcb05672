/* What a standing is made of, and what passes its borders: standing.c brings it up to the time of a
 * read, standing_note.c follows what changes in the bytes. Internal to those two. */
#pragma once

#include "core/feature/sketch/throng.h"
#include "course.h"
#include "standing.h"
#include "windows.h"

#define MARK_NONE UINT32_MAX

/* What passes a border next: of the raw entries, or of the tiles. */
struct __attribute__((packed, aligned(4))) mark {
    int64_t time_us; /* INT64_MAX: there is none */
    uint32_t at;     /* where its identity begins in the run, or where it begins in the tiles;
                        MARK_NONE: there is none */
};

struct standing {
    int64_t at_us;     /* time of the read that it is made up for */
    int64_t due_us;    /* nothing passes a border before this */
    int64_t newest_us; /* of all items */
    struct windows windows;
    struct throng *throng; /* values, while there are sketches; NULL until needed */
    uint64_t leaving;      /* likely the next value that leaves: to be fetched */
    uintptr_t lies_at;     /* where it is itself: what points into it moves with it */
    bool is_known;
    /* [border], of raw entries. Behind them what is touched less often the further behind it is:
     * the memory of the windows, and the marks of tiles, which few states have. */
    struct mark marks[];
};

/* Where the memory of the windows begins, which is words, and where the marks of tiles do: from the
 * standing's first byte. */
static inline size_t standing_windows_at(const struct entity_plan *entity) {
    size_t marks = entity->course.border_count * sizeof(struct mark);
    return sizeof(struct standing) +
           (marks + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
}
static inline size_t standing_tile_marks_at(const struct entity_plan *entity) {
    return standing_windows_at(entity) + windows_size(entity);
}
/* [border]. Where the state has no tiles, there is none in any of them. */
static inline struct mark *standing_tile_marks(struct standing *standing,
                                               const struct entity_plan *entity) {
    return (struct mark *)((uint8_t *)standing + standing_tile_marks_at(entity));
}

/* Has what is of this time passed the border in a read at at_us? */
static inline bool standing_has_passed(int64_t time_us, uint64_t distance_us, int64_t at_us) {
    return at_us >= time_us && (uint64_t)at_us - (uint64_t)time_us >= distance_us;
}

/* Something of this time will pass the border. */
static inline void standing_expect(struct standing *standing, int64_t time_us,
                                   uint64_t distance_us) {
    int64_t due_us = time_ahead(time_us, distance_us);
    standing->due_us = due_us < standing->due_us ? due_us : standing->due_us;
}

/* is_lone: it is not part of a sketch. */
static inline void standing_pass_entry(struct standing *standing, const struct entity_plan *entity,
                                       const struct border *border, const struct run_entry *entry,
                                       bool is_lone) {
    if (standing->throng && is_lone) {
        const uint16_t *spans = &entity->course.spans[border->first];
        for (size_t i = 0; i < (size_t)border->opens + border->closes; i++)
            throng_pass(standing->throng, entity, spans[i], i < border->opens, entry);
    }
    windows_pass_entry(&standing->windows, entity, border, entry);
}
