/* What a replay has to know of an archive before it derives the first decision: which policies and
 * which tables were in force from where, and what became of each transaction in the end.
 *
 * A first reading collects it. Tables are adopted long after the place they were built for, and a
 * plan has to be folded from the first record on, so none of this can be found out on the way.
 * Private to batch/. */
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
    uint64_t snapshot_id; /* as recorded: the snapshot's own, unless somebody changed the files */
    struct snapshot *snapshot;
};

/* A span of the archive that was decided on one generation's tables, or on none. Its states are
 * those of all records up to `place`, less what was idle there, and of all records behind it. */
struct replay_span {
    uint64_t from;  /* the generation record; 0: from the first record on, without tables */
    uint64_t until; /* the next generation record; UINT64_MAX: there is none */
    uint64_t place, chain, generation_id; /* 0: no tables */
    struct snapshot *plan;
    /* An earlier span with the same plan whose states are at hand at `place`, to go on from;
     * SIZE_MAX: there is none, they are folded from the first record. */
    size_t parent;
};

/* A record of a shadow policy: transactions behind it name it. */
struct replay_shadow {
    uint64_t snapshot_id;
    struct text name;          /* as recorded; ours */
    struct snapshot *snapshot; /* NULL: this version cannot load it */
};

struct replay_history {
    bool with_policies, with_labels, with_shadows; /* what is wanted; before the first record */
    struct replay_policy *policies;                /* in the archive's order */
    size_t policy_count;
    struct replay_span *spans;
    size_t span_count;
    struct replay_shadow
        *shadows; /* each different one once, in the order of their first records */
    size_t shadow_count;
    struct snapshot **snapshots; /* each different one once; the others point to them */
    size_t snapshot_count;
    struct buffer labels; /* enum label by position, two a byte, as far as there are outcomes */
    uint64_t foreign_versions;   /* engine records of other versions than this */
    int64_t first_us, newest_us; /* event times of the first transaction and the newest */
    bool has_transactions;
};

void replay_history_init(struct replay_history *history, bool with_policies, bool with_labels);
void replay_history_deinit(struct replay_history *history);

/* The records in order. ERROR_UNSUPPORTED: a policy that this version cannot load any more. */
int replay_history_add(struct replay_history *history, const struct record *record,
                       struct error *ret_error);
/* Of a transaction no more is wanted than its event time. */
void replay_history_note_time(struct replay_history *history, int64_t at_us);
/* Behind the last record: finds plans and parents of all spans. ERROR_NOT_FOUND: the archive
 * does not have the policy that a generation was built with. */
int replay_history_finish(struct replay_history *history, struct error *ret_error);

/* Instead of what an archive says: one policy and its plan from the first record on. Takes the
 * reference. */
void replay_history_decree(struct replay_history *history, struct snapshot *snapshot);

/* NULL: the archive does not have it. */
const struct replay_shadow *replay_history_shadow(const struct replay_history *history,
                                                  uint64_t snapshot_id);

/* The transaction's label after the last record. */
enum label replay_history_label(const struct replay_history *history, uint64_t position);
