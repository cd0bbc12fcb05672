/* What the steps of a rebuild share. rebuild.c has the order of them, rebuild_policy.c finds the
 * policy, rebuild_survey.c divides the work, rebuild_scan.c reads the archive into streams,
 * rebuild_fold.c (with rebuild_groups.c and rebuild_runs.c) and rebuild_ids.c make tables of them.
 * Private to batch/. */
#pragma once

#include "crew.h"
#include "outlet.h"
#include "ranges.h"
#include "rebuild.h"
#include "spill.h"

#include "core/store/archive_parts.h"

#include <stdatomic.h>
#include <string.h>

/* Records between two looks at whether to stop, and two steps of the progress. */
#define REBUILD_STEP 1024

/* How the memory is divided; rebuild_survey.c says why. */
struct budget {
    size_t block_bytes;   /* of a stream */
    size_t streams_bytes; /* all blocks together; more goes to a file */
    size_t piece_bytes;   /* of a stream, that one thread folds at a time */
    size_t outlet_bytes;  /* folded and not yet written */
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
    const struct plan *plan; /* the snapshot's */
    struct generation_writer *writer;

    /* The generation to go on from; before.id 0: there is none, the rebuild is full. */
    struct generation_manifest before;
    struct tally before_tally;
    int64_t newest_receive_us; /* of the records read */
    uint64_t adopted_id; /* of the generation that a server adopted last; 0: none that is known */

    /* Streams: one for each range of each entity's keys, in the order of the tables, then those of
     * the ids. */
    struct ranges *ranges; /* one per entity, and behind them that of the ids */
    size_t *first_stream;  /* parallel to ranges; at its end the number of streams */
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
int rebuild_tell(struct rebuild *rebuild, enum rebuild_phase phase, uint64_t done, uint64_t total,
                 struct error *ret_error);

/* Waits for a crew and tells the progress meanwhile. done: what the crew counts. */
int rebuild_await(struct rebuild *rebuild, struct crew *crew, enum rebuild_phase phase,
                  atomic_ullong *done, uint64_t total, struct error *ret_error);

/* ---- streams ---- */

static inline size_t rebuild_streams(const struct rebuild *rebuild) {
    return rebuild->first_stream[rebuild->plan->entity_count + 1];
}

/* An entry in a stream: this, the key, the body. */
struct stream_entry {
    uint16_t key_length; /* the highest bit: it is a transaction's, not an outcome's */
    uint16_t body_size;
    int64_t time_us;
    const uint8_t *key; /* body behind it */
};
#define STREAM_ENTRY_HEAD        12
#define STREAM_ENTRY_TRANSACTION 0x8000

static inline size_t stream_key_length(const struct stream_entry *entry) {
    return entry->key_length & (STREAM_ENTRY_TRANSACTION - 1);
}

/* Returns where the next one begins. */
static inline const uint8_t *stream_entry_at(const uint8_t *at, struct stream_entry *ret_entry) {
    memcpy(&ret_entry->key_length, at, 2);
    memcpy(&ret_entry->body_size, at + 2, 2);
    memcpy(&ret_entry->time_us, at + 4, 8);
    ret_entry->key = at + STREAM_ENTRY_HEAD;
    return ret_entry->key + stream_key_length(ret_entry) + ret_entry->body_size;
}

/* What is known of a transaction's id, in a stream: that it came, or a label that it was given. */
struct stream_id {
    uint64_t id_hash;
    uint64_t packed; /* position of the transaction × 256 + label */
    uint64_t at;     /* position of the record that says so */
};
#define STREAM_ID_SIZE sizeof(struct stream_id)

/* ---- steps ---- */

/* The policy that was given, or the archive's last one. */
int rebuild_load_policy(struct rebuild *rebuild, struct error *ret_error);

/* The payload of the archive's last record of this type, up to the target. 0: there is none. */
int rebuild_find_last(struct rebuild *rebuild, enum record_type type, enum rebuild_phase phase,
                      struct buffer *ret_payload, struct error *ret_error);

/* Looks at some of the records behind the place to go on from, and decides on threads' shares,
 * ranges and streams. */
int rebuild_survey(struct rebuild *rebuild, struct error *ret_error);
void rebuild_forget_streams(struct rebuild *rebuild);

int rebuild_scan(struct rebuild *rebuild, struct error *ret_error);
/* 1: the result would not be that of a full rebuild: transactions came too late. */
int rebuild_fold(struct rebuild *rebuild, struct error *ret_error);

/* After the fold: computes the snapshot's thresholds and cut-offs, and what their change means. */
int rebuild_thresholds(struct rebuild *rebuild, struct error *ret_error);

/* Folds a stream of ids and hands the result to the maker: id hash and packed, 8 bytes each. */
int rebuild_fold_ids(struct rebuild *rebuild, size_t stream, struct generation *before,
                     uint8_t **scratch, size_t *scratch_size, struct outlet_maker *maker,
                     struct error *ret_error);
#define FOLDED_ID_SIZE 16
