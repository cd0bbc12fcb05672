/* Finding the transaction that is asked for, and searching the archive, which all later steps
 * share. Private to store/. */
#pragma once

#include "core/store/explain/archive_search.h"
#include "core/store/generation/generation.h"
#include "explain_options.h"

/* Records found in all parts or in a chunk of them, part by part. */
struct explain_finds {
    struct search search;
    size_t first, count;           /* the parts */
    struct search_result *results; /* one for each of them */
    uint64_t read;                 /* records scanned */
};

/* Called for records in the order of positions; texts lie in the finds. < 0 stops. */
typedef int explain_visit(void *user, const struct record *record, struct error *ret_error);

struct explain_reading {
    const struct explain_options *options;
    struct archive_parts *parts;
    size_t part_count;
    struct arena record; /* the record being visited */
};

int explain_reading_open(struct explain_reading *reading, const struct explain_options *options,
                         struct error *ret_error);
void explain_reading_close(struct explain_reading *reading);

/* Searches all parts. The caller deinits *ret_finds after a failure too. */
int explain_find(struct explain_reading *reading, const struct search *search,
                 struct explain_finds *ret_finds, struct error *ret_error);
void explain_finds_deinit(struct explain_finds *finds);
/* types: bit n: records of type n. */
int explain_visit_finds(struct explain_reading *reading, const struct explain_finds *finds,
                        uint64_t types, explain_visit *visit, void *user, struct error *ret_error);
/* Searches all parts, a chunk of them at a time, and visits what it finds there: with long
 * histories, or if every record may concern an entity, no more than one chunk is in memory. Adds
 * the records scanned to *read. */
int explain_search(struct explain_reading *reading, const struct search *search, uint64_t types,
                   explain_visit *visit, void *user, uint64_t *read, struct error *ret_error);
/* The newest event time of the transactions up to position `last`, over all parts. */
int explain_newest_event(struct explain_reading *reading, uint64_t last, int64_t *ret_newest_us,
                         struct error *ret_error);

struct explain_target {
    uint64_t position;
    struct text id;        /* in the arena */
    uint64_t scanned_from; /* finds hold everything with the id at positions after this */
    uint64_t others;       /* transactions with the same id that were seen before it */
    uint64_t other;        /* position of the last of them */
};

/* Fills *ret_finds with all records of the rarer types and what .scanned_from says. */
int explain_locate(struct explain_reading *reading, struct arena *arena,
                   struct explain_target *ret_target, struct explain_finds *ret_finds,
                   struct error *ret_error);
