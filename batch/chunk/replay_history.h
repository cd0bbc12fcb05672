/* What a replay must know of an archive before the first decision: which policies and which tables
 * were in force from which position on, and each transaction's final outcome.
 *
 * A first pass over the archive collects it (replay_scan.c). It cannot be found on the way: tables
 * are adopted long after the position they were built for, and a plan has to be folded from the
 * first record on. Private to batch/. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/record/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A snapshot record: this policy decides behind its position. */
struct replay_policy {
    uint64_t position;
    uint64_t snapshot_id; /* as recorded; not the snapshot's own if the files were edited */
    struct snapshot *snapshot;
};

/* An experiment record that begins or changes one: the challenger, for its share of the rows behind
 * the position. */
struct replay_challenger {
    uint64_t position;
    uint64_t snapshot_id; /* as for a policy */
    struct snapshot *snapshot;
};

/* A span of the archive that was decided on one generation's tables, or without tables. Its states
 * are the fold of all records up to `place`, without the entities that were idle there, and of all
 * records behind it. */
struct replay_span {
    uint64_t from;  /* the generation record; 0: from the first record on, without tables */
    uint64_t until; /* the next generation record; UINT64_MAX: there is none */
    uint64_t place, chain, generation_id; /* of the tables; 0: none */
    struct snapshot *plan;
    /* An earlier span with the same plan whose states exist at `place` and can be copied; SIZE_MAX:
     * none, so this span's states are folded from the first record on. In a pruned archive no span
     * has states before its beginning. */
    size_t parent;
};

/* What a transaction was after one of its amendments. */
struct replay_amendment {
    uint64_t transaction_position, position;
    struct amended now;
};

/* A record of a shadow policy: transactions behind it name it. */
struct replay_shadow {
    uint64_t snapshot_id;
    struct text name;          /* as recorded; heap memory of the history */
    struct snapshot *snapshot; /* NULL: this version cannot load it */
};

/* From a position on, decisions are of another engine definition than those before. */
struct replay_definition {
    uint64_t position; /* of the engine record */
    uint32_t definition;
    char version[32]; /* of the program that began it; cut off if it is longer */
};

struct replay_history {
    /* What to collect; set before the first record. */
    bool with_policies, with_labels, with_shadows;
    uint64_t begin; /* the archive begins after this position since a prune; 0: it does not */
    int64_t labels_until_us;        /* outcomes that were known later give no label; 0: all do */
    struct replay_policy *policies; /* in the archive's order */
    size_t policy_count;
    struct replay_challenger *challengers; /* likewise */
    size_t challenger_count;
    struct replay_span *spans;
    size_t span_count;
    struct replay_shadow *shadows; /* without duplicates, in the order of their first records */
    size_t shadow_count;
    struct snapshot **snapshots; /* without duplicates; owns the references, the others borrow */
    size_t snapshot_count;
    struct buffer labels;      /* enum label by position, two a byte, up to the last outcome's */
    struct buffer amendments;  /* struct replay_amendment, by transaction, then position */
    uint64_t foreign_versions; /* engine records of other versions than this */
    struct replay_definition *definitions; /* in the archive's order; before the first: 1 */
    size_t definition_count;
    int64_t first_us, newest_us; /* event times of the first transaction and the newest */
    bool has_transactions;
};

void replay_history_init(struct replay_history *history, bool with_policies, bool with_labels);
void replay_history_deinit(struct replay_history *history);

/* All records in order; those it does not need are ignored. ERROR_UNSUPPORTED: a policy that this
 * version cannot load any more. ERROR_DAMAGED, ERROR_NOT_FOUND as for replay_history_finish(). */
int replay_history_add(struct replay_history *history, const struct record *record,
                       struct error *ret_error);
/* Of a transaction, only the event time is needed: this avoids decoding it. */
void replay_history_note_time(struct replay_history *history, int64_t at_us);
/* Behind the last record: finds plans and parents of all spans. ERROR_NOT_FOUND: the archive
 * does not have the policy that a generation was built with. */
int replay_history_finish(struct replay_history *history, struct error *ret_error);

/* A given policy instead of the archive's: it and its plan are in force from the first record on.
 * Takes over the reference. */
void replay_history_use_policy(struct replay_history *history, struct snapshot *snapshot);

/* Does anything that was received until the first time count in features that are in use from the
 * second one on? */
bool replay_history_reaches(const struct plan *plan, int64_t until_us, int64_t from_us);

/* NULL: the archive does not have it. */
const struct replay_shadow *replay_history_shadow(const struct replay_history *history,
                                                  uint64_t snapshot_id);

/* Of the experiment that is recorded at this position; NULL: the archive does not have it. */
const struct replay_challenger *replay_history_challenger(const struct replay_history *history,
                                                          uint64_t position);

/* NULL: the decisions at this position are of the first definition, by a program that did not say.
 */
const struct replay_definition *replay_history_definition(const struct replay_history *history,
                                                          uint64_t position);

/* The transaction's label after the last record. */
enum label replay_history_label(const struct replay_history *history, uint64_t position);
/* What it was after the last record. false: it was never amended. */
bool replay_history_amended(const struct replay_history *history, uint64_t position,
                            struct amended *ret_amended);
