/* The state that the phases of a rebuild share. rebuild.c calls them in order; rebuild_policy.c
 * finds the policy, rebuild_partition.c divides the work, rebuild_scan.c reads the archive into
 * streams, rebuild_fold.c (with rebuild_groups.c and rebuild_runs.c) and rebuild_ids.c fold those
 * into tables. Phases do not call each other. Private to batch/. */
#pragma once

#include "batch/base/ordered_queue.h"
#include "batch/base/ranges.h"
#include "batch/base/spill.h"
#include "batch/base/thread_pool.h"
#include "batch/thresholds/sample_files.h"
#include "list_queue.h"
#include "rebuild_options.h"

#include "core/base/buffer.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/generation/generation_writer.h"

#include <stdatomic.h>
#include <string.h>

/* Records between two checks for a stop, and between two updates of the progress. */
#define REBUILD_STEP 1024

/* How the memory is divided; rebuild_partition.c says why. */
struct budget {
    size_t block_bytes;         /* of one block of a stream */
    size_t streams_bytes;       /* of all blocks together; what exceeds it goes to a file */
    size_t piece_bytes;         /* of a stream that one thread folds at a time */
    size_t ordered_queue_bytes; /* of states that are folded and not yet written */
    size_t streams_max;
};

struct rebuild {
    const struct rebuild_options *options;
    struct progress *progress;
    size_t threads;
    struct budget budget;
    struct archive_parts *parts;
    struct archive_place target; /* the last sync mark when the rebuild started */
    struct snapshot *snapshot;   /* the policy; its id goes into the manifest */
    uint64_t guessed_at;         /* its position while a later one may turn up; 0: it is final */
    struct snapshot *folded;     /* whose plan is folded: `snapshot`, or the guess that a later
                                    policy with the same features has replaced */
    const struct plan *plan;     /* folded->plan */
    struct generation_writer *writer;

    /* The generation to continue from; before.id 0: none, the rebuild is full. */
    struct generation_manifest before;
    struct tally before_tally;
    /* The tables of the place where the archive begins (generation_base.h); base.id 0: it begins
     * with record 1. A rebuild that would be full starts from them. */
    struct generation_manifest base;
    bool starts_at_base;  /* `before` is `base` */
    bool base_lacks_plan; /* whose states are those of other features, and of no use then */
    /* First those of `before`, after the scan those at the target. */
    struct list_table *lists;
    struct source_table *sources;
    int64_t newest_receive_us;  /* of the records read */
    uint64_t id_days, ids_from; /* as in the manifest */
    int64_t ids_since_us;
    /* A transaction came later than the policy's lateness, for an entity that `before` does not
     * hold: it may have been left out as idle, and only a replay from the first record has what the
     * transaction read of it. */
    bool misses_states;
    bool has_late;       /* some transaction came so late, for whatever entity */
    uint64_t adopted_id; /* of the generation that a server adopted last; 0: none known */
    uint64_t epoch;      /* of the archive when its parts were opened */

    /* Streams: one for each range of each entity's keys, in the order of the tables, then those of
     * the transaction ids. */
    struct ranges *ranges; /* one per entity of the plan they were made for */
    size_t ranges_count;
    size_t id_ranges;
    size_t *first_stream; /* of each entity, of the ids; at its end the number of streams */
    struct spill *spill;

    struct arena computed;       /* memory of `thresholds` */
    struct thresholds *in_force; /* of the generation adopted last; NULL: none, or not looked up */
    struct buffer last_generation; /* a rebuild elsewhere: payload of the last adopted tables'
                                      record; empty: there is none */
    struct threshold_set thresholds;
    struct sample_series samples; /* the values that thresholds are computed from */
    uint64_t sample_inputs;       /* sample_inputs() of what was kept; 0: no values were */
    bool keeps_scores;            /* score_recall.h */

    /* Where folded entries go, as generation_writer_entries() takes them; NULL: to the writer. */
    int (*take_entries)(struct rebuild *rebuild, size_t stream, const uint8_t *entries,
                        size_t length, struct error *ret_error);
    void *take_user;

    struct rebuild_report report;
};

/* Sums over records, one per thread. Each is a sum or a maximum, so the order of records does not
 * matter and threads' sums can be added up. */
struct sums {
    uint64_t records, transactions, outcomes;
    uint64_t late; /* transactions that came later than the lateness allows, after `before` */
    int64_t labels[LABEL_COUNT];
    int64_t newest_event_time_us, newest_receive_us;
    uint64_t newest_generation, newest_generation_position; /* the last one adopted */
};

/* Updates the progress. ERROR_INTERRUPTED: it asks to stop. Only the calling thread of
 * rebuild_run() may use this. */
int rebuild_progress(struct rebuild *rebuild, enum rebuild_phase phase, uint64_t done,
                     uint64_t total, struct error *ret_error);

/* Waits for a thread pool and frees it, updating the progress meanwhile. done: a counter that the
 * jobs advance, in the unit of `total`. */
int rebuild_await(struct rebuild *rebuild, struct thread_pool *thread_pool,
                  enum rebuild_phase phase, atomic_ullong *done, uint64_t total,
                  struct error *ret_error);

/* A file without a name for what does not fit in memory; a make_file() whose user is the struct
 * rebuild. In the writer's folder, or without one in options->generations. Any thread. */
int rebuild_scratch_file(void *user, struct error *ret_error);

/* ---- streams ---- */

static inline size_t rebuild_streams(const struct rebuild *rebuild) {
    return rebuild->first_stream[rebuild->plan->entity_count + 1];
}
/* The entity whose entries are in the stream; of ids: the plan's entity_count. */
static inline size_t rebuild_entity_of(const struct rebuild *rebuild, size_t stream) {
    size_t entity = 0;
    while (rebuild->first_stream[entity + 1] <= stream)
        entity++;
    return entity;
}

/* An entry in a stream:
 *
 *   u8      length of the key's rest, which is the key without the prefix of its range
 *   u8      length of the body; for either length, 255 means that it follows in two bytes
 *   varint  time: 2 × the zigzag difference from the entry before it in the block, + 1 if it may
 *           come later than the lateness allows: a transaction's, not an outcome's
 *   the key's rest, the body (bulk_encode())
 *
 * Blocks are decoded independently of each other: the first difference of a block is from 0.
 */
struct stream_entry {
    int64_t time_us;
    const uint8_t *key; /* its rest; the body is behind it */
    uint16_t key_length, body_size;
    bool may_be_late;
};
#define STREAM_ENTRY_HEAD_MAX (2 + 2 * 2 + BUFFER_VARINT_MAX)

static inline struct text stream_entry_rest(const struct stream_entry *entry) {
    return (struct text){.data = (const char *)entry->key, .length = entry->key_length};
}
static inline const uint8_t *stream_entry_body(const struct stream_entry *entry) {
    return entry->key + entry->key_length;
}

/* Decodes the entry at `at` and returns the address of the next one. *time_us: time of the entry
 * before, 0 at the beginning of a block; updated. The bytes are this process's own and trusted. */
static inline const uint8_t *stream_entry_next(const uint8_t *at, int64_t *time_us,
                                               struct stream_entry *ret_entry) {
    unsigned lengths[2] = {at[0], at[1]}, shift = 0;
    at += 2;
    for (int i = 0; i < 2; i++)
        if (__builtin_expect(lengths[i] == UINT8_MAX, 0)) {
            lengths[i] = load_u16(at);
            at += 2;
        }
    uint64_t packed = 0;
    do
        packed |= (uint64_t)(*at & 0x7f) << shift;
    while (shift += 7, *at++ & 0x80);
    *time_us = (int64_t)((uint64_t)*time_us + (uint64_t)unzigzag(packed >> 1));
    *ret_entry = (struct stream_entry){.time_us = *time_us,
                                       .key = at,
                                       .key_length = (uint16_t)lengths[0],
                                       .body_size = (uint16_t)lengths[1],
                                       .may_be_late = packed & 1};
    return at + lengths[0] + lengths[1];
}

/* A fact about a transaction's id, in a stream of ids: that the transaction came, or a label that
 * it was given. A label takes two items with the same hash: the labelled transaction and the record
 * that gave the label. Sorting by hash is stable, so the pair stays together. */
struct stream_id {
    uint64_t id_hash;
    uint64_t packed; /* position × 256 + kind: 0 for a transaction, or one of these: */
};
#define STREAM_ID_SIZE     sizeof(struct stream_id)
#define STREAM_ID_LABELLED 0x80u /* + label: the position is the labelled transaction's */
#define STREAM_ID_AMENDED  0xfeu /* the position is that of an amendment's record */
#define STREAM_ID_BY       0xffu /* the position is that of the record that gave the label */
