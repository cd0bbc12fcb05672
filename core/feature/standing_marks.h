/* What a standing is made of, and what passes its borders: standing.c brings it up to the time of a
 * read, standing_note.c follows what changes in the bytes. Internal to those two. */
#pragma once

#include "course.h"
#include "standing.h"
#include "throng.h"
#include "windows.h"

#define MARK_NONE UINT32_MAX

/* What passes a border next. */
struct mark {
    int64_t raw_us, tile_us; /* INT64_MAX: there is none */
    uint32_t raw_at;         /* where its identity begins in the run; MARK_NONE: there is none */
    uint32_t tile_at;
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
    struct mark marks[]; /* [border]; behind them the memory of the windows */
};

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
