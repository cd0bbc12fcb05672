/* What the steps of a rebuild share. rebuild.c has the order of them, rebuild_policy.c finds the
 * policy, rebuild_partition.c divides the work, rebuild_scan.c reads the archive into streams,
 * rebuild_fold.c (with rebuild_groups.c and rebuild_runs.c) and rebuild_ids.c make tables of them.
 * Private to batch/. */
#pragma once

#include "batch/base/ordered_queue.h"
#include "batch/base/ranges.h"
#include "batch/base/spill.h"
#include "batch/base/thread_pool.h"
#include "list_queue.h"
#include "rebuild_options.h"

#include "core/base/buffer.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/generation/generation_writer.h"

#include <stdatomic.h>
#include <string.h>

/* Records between two looks at whether to stop, and two steps of the progress. */
#define REBUILD_STEP 1024

/* How the memory is divided; rebuild_partition.c says why. */
struct budget {
    size_t block_bytes;         /* of a stream */
    size_t streams_bytes;       /* all blocks together; more goes to a file */
    size_t piece_bytes;         /* of a stream, that one thread folds at a time */
    size_t ordered_queue_bytes; /* folded and not yet written */
    size_t streams_max;
};

struct rebuild {
    const struct rebuild_options *options;
    struct progress *progress;
    size_t threads;
    struct budget budget;
    struct archive_parts *parts;
    struct archive_place target; /* last sync mark when the rebuild began */
    struct snapshot *snapshot;
    uint64_t
        guessed_at; /* its position, when a later one may turn up yet; 0: it is the right one */
    struct snapshot
        *folded; /* the one with the plan: it, or an earlier one with the same features */
    const struct plan *plan;
    struct generation_writer *writer;

    /* The generation to go on from; before.id 0: there is none, the rebuild is full. */
    struct generation_manifest before;
    struct tally before_tally;
    struct list_table *lists;  /* of what the rebuild goes on from, then up to the target */
    int64_t newest_receive_us; /* of the records read */
    uint64_t adopted_id; /* of the generation that a server adopted last; 0: none that is known */

    /* Streams: one for each range of each entity's keys, in the order of the tables, then those of
     * the ids. */
    struct ranges *ranges; /* one per entity of the plan they were made for */
    size_t ranges_count;
    size_t id_ranges;
    size_t *first_stream; /* of each entity, of the ids; at its end the number of streams */
    struct spill *spill;

    struct arena computed;       /* what is in the thresholds */
    struct thresholds *in_force; /* of the generation adopted last; NULL: none, or not looked up */
    struct threshold_set thresholds;

    struct rebuild_report report;
};

/* Everything that is summed up over records, in any order. */
struct sums {
    uint64_t records, transactions, outcomes;
    int64_t labels[LABEL_COUNT];
    int64_t newest_event_time_us, newest_receive_us;
    uint64_t newest_generation, newest_generation_position; /* the last one adopted */
};

/* Tells the progress; ERROR_INTERRUPTED when it asks to stop. */
int rebuild_progress(struct rebuild *rebuild, enum rebuild_phase phase, uint64_t done,
                     uint64_t total, struct error *ret_error);

/* Waits for a thread pool and tells the progress meanwhile. done: what the thread pool counts. */
int rebuild_await(struct rebuild *rebuild, struct thread_pool *thread_pool,
                  enum rebuild_phase phase, atomic_ullong *done, uint64_t total,
                  struct error *ret_error);

/* ---- streams ---- */

static inline size_t rebuild_streams(const struct rebuild *rebuild) {
    return rebuild->first_stream[rebuild->plan->entity_count + 1];
}

/* An entry in a stream:
 *
 *   u8      length of the key's rest: of what is behind the prefix that all keys of the range have
 *   u8      length of the body; of either, 255 means that it follows in two bytes
 *   varint  time, as the zigzag difference from the entry before it in the block, × 2, + 1 when it
 *           is a transaction's, not an outcome's
 *   the key's rest, the body
 */
struct stream_entry {
    int64_t time_us;
    const uint8_t *key; /* its rest; the body is behind it */
    uint16_t key_length, body_size;
    bool is_transaction;
};
#define STREAM_ENTRY_HEAD_MAX (2 + 2 * 2 + BUFFER_VARINT_MAX)

static inline struct text stream_entry_rest(const struct stream_entry *entry) {
    return (struct text){.data = (const char *)entry->key, .length = entry->key_length};
}
static inline const uint8_t *stream_entry_body(const struct stream_entry *entry) {
    return entry->key + entry->key_length;
}

/* Fills *ret_entry with the entry at `at` and returns where the next one begins. *time_us: of the
 * one before; 0 at the beginning of a block. */
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
                                       .is_transaction = packed & 1};
    return at + lengths[0] + lengths[1];
}

/* What is known of a transaction's id, in a stream: that it came, or a label that it was given. The
 * latter is followed by another one, of the same hash, that says where. */
struct stream_id {
    uint64_t id_hash;
    uint64_t packed; /* position × 256 + label, or one of these: */
};
#define STREAM_ID_SIZE     sizeof(struct stream_id)
#define STREAM_ID_LABELLED 0x80u /* + label: the transaction's position */
#define STREAM_ID_BY       0xffu /* the position of the record that gave it */

/* ---- steps ---- */
