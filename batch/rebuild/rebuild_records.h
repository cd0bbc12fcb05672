/* Takes records apart: each into the entries of its entities, which go to the streams, and into
 * sums. Private to batch/. */
#pragma once

#include "core/engine/engine.h"
#include "rebuild_job.h"

/* Must the record be decoded? Every record is counted. */
bool rebuild_needs(const struct rebuild *rebuild, const struct archive_part_record *record);

struct record_scan {
    struct entry_sink sink;
    struct rebuild *rebuild;
    struct engine *engine;
    struct spill_writer *writer;
    size_t *body_max; /* bytes; of each entity */
    uint64_t id_hash; /* of the current transaction; 0: not known yet */
    /* Entities that the current record, an amendment, has taken an entry out of, and their keys. */
    uint64_t taken_out, taken_keys[PLAN_ENTITIES_MAX];
    struct sums sums; /* but for the number of records, which is the caller's to count */
    int failed;       /* an error of the sink, whose take() returns nothing */
    struct error error;
};

/* One per thread; rebuild->spill is there. It holds its own address: it must not move. */
void record_scan_open(struct record_scan *scan, struct rebuild *rebuild);
/* Hands over the unfinished blocks, or drops them where the result is an error; frees. Returns the
 * result or an error of its own. */
int record_scan_close(struct record_scan *scan, int result, struct error *ret_error);
/* A record of any type; list changes and policies are left to the caller. ERROR_DAMAGED, or an
 * error of the spill's file. */
int record_scan_take(struct record_scan *scan, const struct record *record,
                     struct error *ret_error);

#define REBUILD_SUMS_NONE                                                                          \
    (struct sums) {                                                                                \
        .newest_event_time_us = INT64_MIN, .newest_receive_us = INT64_MIN                          \
    }
void rebuild_add_sums(struct sums *sums, const struct sums *more);
/* After the scan: the tally at the target, which is that of the generation before plus these. */
void rebuild_take_sums(struct rebuild *rebuild, const struct sums *sums);
