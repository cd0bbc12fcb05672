/* Which record is meant, and the reading of an archive that this and all later steps share. Private
 * to store/. */
#pragma once

#include "core/store/archive/archive_search.h"
#include "core/store/generation/generation.h"
#include "explain_options.h"

/* Records found in all parts or a portion of them, part by part. */
struct explain_finds {
    struct search search;
    size_t first, count;           /* the parts */
    struct search_result *results; /* one for each of them */
    uint64_t read;                 /* records gone through */
};

/* Visits records in the order of positions; texts lie in the finds. < 0 ends it. */
typedef int explain_visit(void *user, const struct record *record, struct error *ret_error);

struct explain_reading {
    const struct explain_options *options;
    struct archive_parts *parts;
    size_t part_count;
    struct arena record; /* what is being looked at */
};

int explain_reading_open(struct explain_reading *reading, const struct explain_options *options,
                         struct error *ret_error);
void explain_reading_close(struct explain_reading *reading);

/* Searches all parts. *ret_finds is to be deinit whatever comes of it. */
int explain_find(struct explain_reading *reading, const struct search *search,
                 struct explain_finds *ret_finds, struct error *ret_error);
void explain_finds_deinit(struct explain_finds *finds);
/* types: bit n: records of type n. */
int explain_visit_finds(struct explain_reading *reading, const struct explain_finds *finds,
                        unsigned types, explain_visit *visit, void *user, struct error *ret_error);
/* Searches all parts, a portion at a time, and visits what it finds there: of entities with long
 * histories, or where every record may be one of theirs, no more than a portion is in memory at
 * once. Adds to *read what finds have as `read`. */
int explain_search(struct explain_reading *reading, const struct search *search, unsigned types,
                   explain_visit *visit, void *user, uint64_t *read, struct error *ret_error);
/* Over all parts. */
int explain_newest_event(struct explain_reading *reading, uint64_t last, int64_t *ret_newest_us,
                         struct error *ret_error);

struct explain_target {
    uint64_t position;
    struct text id;        /* in the arena */
    uint64_t scanned_from; /* finds hold everything with the id at positions behind this */
    uint64_t others;       /* transactions with the same id that were seen before it */
    uint64_t other;        /* position of the last of them */
};

/* The finds have all records of the rarer types, and what the target says. */
int explain_locate(struct explain_reading *reading, struct arena *arena,
                   struct explain_target *ret_target, struct explain_finds *ret_finds,
                   struct error *ret_error);
