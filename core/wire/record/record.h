/* Archive records: plain structs ↔ the payload bytes of archive.proto. docs/ARCHIVE.md has the
 * frame around them. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/bytes/threshold_set.h"
#include "core/wire/types/amendment.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

/* Stored in the record's frame (docs/ARCHIVE.md): never renumber. Switches over it have no default,
 * so the compiler lists all readers that do not say yet what they do with a new type. */
enum record_type {
    RECORD_TRANSACTION = 1,
    RECORD_OUTCOME = 2,
    RECORD_LIST_CHANGE = 3,
    RECORD_SNAPSHOT = 4,
    RECORD_GENERATION = 5,
    RECORD_ENGINE = 6,
    RECORD_SHADOW =
        7, /* a type of its own: an older version must not take it for the policy in force */
    RECORD_AMENDMENT = 8,
    RECORD_BRAKE = 9,
    RECORD_EXPERIMENT = 10,
    RECORD_ERASURE = 11,
    RECORD_LOST = 12,
    RECORD_TYPE_COUNT
};

const char *record_type_name(enum record_type type);

/* Do records of this type change entities? Then engine_entries() derives entries from them, and
 * there are many. All other types are rare: an explanation reads every one of them. So is a type
 * that this version does not know. */
static inline bool record_type_has_entities(enum record_type type) {
    switch (type) {
    case RECORD_TRANSACTION:
    case RECORD_OUTCOME:
    case RECORD_AMENDMENT:
        return true;
    case RECORD_LIST_CHANGE:
    case RECORD_SNAPSHOT:
    case RECORD_GENERATION:
    case RECORD_ENGINE:
    case RECORD_SHADOW:
    case RECORD_BRAKE:
    case RECORD_EXPERIMENT:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return false;
}

/* The same as a set: bit n is type n. */
static inline uint64_t record_types_with_entities(void) {
    uint64_t types = 0;
    for (unsigned type = RECORD_TRANSACTION; type < RECORD_TYPE_COUNT; type++)
        types |= (uint64_t)record_type_has_entities((enum record_type)type) << type;
    return types;
}

static inline uint64_t record_types_rare(void) {
    return ~record_types_with_entities();
}

struct transaction_record {
    struct transaction transaction;
    struct decision decision; /* without position, server_us, features, duplicate, dry_run */
    bool is_backfilled;       /* history that came late; nobody acted on the decision */
};

/* With all that applying it needs: the transaction, and the label that is taken back. */
struct outcome_record {
    int64_t known_time_us; /* when it became known, by the client's clock */
    enum label previous, label;
    struct text source;
    uint64_t transaction_position;  /* of the transaction's record, before this one */
    struct transaction transaction; /* as it was scored */
    enum verdict verdict;           /* of the decision */
    bool is_amended;                /* by then; else `amended` means nothing */
    struct amended amended;
    bool is_backfilled; /* the transaction was */
};

/* With all that applying it needs: the transaction as it was scored, what it was and is by now, its
 * label, and what filters read of its decision. */
struct amendment_record {
    int64_t known_time_us; /* when it became known, by the client's clock */
    struct amended previous, now;
    struct text source;
    uint64_t transaction_position; /* of the transaction's record, before this one */
    struct transaction transaction;
    enum verdict verdict;     /* of the decision */
    const struct text *fired; /* the rules that fired with effect, in the policy's order */
    size_t fired_count;
    enum label label;          /* known by now */
    bool is_backfilled;        /* the transaction was */
    uint64_t earlier_position; /* its amendment before this one; 0: none, or an old record */
};

/* Sets `fired` to the decision's rules that fired() is true for, in the arena. -1: it is full. */
int amendment_record_take_fired(struct amendment_record *amendment, const struct decision *decision,
                                struct arena *arena);

struct policy_file {
    struct text path; /* relative to the policy's folder, with / */
    struct text content;
};

/* A policy with all its files. */
struct snapshot_record {
    uint64_t snapshot_id;
    struct text name;
    const struct policy_file *files;
    size_t file_count;
};

/* generation_id and position 0: no generation any more; the state is folded from the first record.
 */
struct generation_record {
    uint64_t generation_id, position, chain; /* the place that it was built for */
    uint64_t plan_id;                        /* of its features */
    uint64_t snapshot_id;            /* the policy it was built with; 0: an old record, unknown */
    const struct policy_file *files; /* of that policy, when it is not the one that decides */
    size_t file_count;
    struct threshold_set thresholds; /* computed with it; empty: none */
};

/* The version of the program that writes from here on, and the node that does. */
struct engine_record {
    struct text version, node; /* node "": the archive is not replicated */
    uint32_t definition;       /* as it is written: engine_record_definition() */
};

/* Of the engine that decides from here on. Records that are older than the field are of the first.
 */
static inline uint32_t engine_record_definition(const struct engine_record *record) {
    return record->definition ? record->definition : 1;
}

struct list_change_record {
    struct text list, entry; /* the entry in the canonical form of the list */
    bool removed;
    int64_t expiry_time_us; /* 0: it does not expire */
    struct text source, reason;
};

/* A brake pulled or lifted. From here on, while it is in force, the rule acts as if in shadow. */
struct brake_record {
    struct text rule;    /* "": the policy as a whole */
    uint64_t definition; /* what it is for: struct brake_target */
    bool lifted;
    uint64_t fires, decisions; /* in the window that pulled it; 0: a person did */
    uint32_t share_e6;         /* allowed, × 10^6 */
    int64_t window_us;
    struct text source, reason; /* of a person */
    enum arm arm; /* whose decisions pulled it, and who alone it is for; ARM_NONE: for both */
};

/* A challenger begins to decide for a share of a key, with all its files; or ends. */
struct experiment_record {
    bool ended;
    struct text name, key;
    uint32_t share; /* of EXPERIMENT_SHARE_ALL */
    uint64_t snapshot_id;
    struct text policy;
    const struct policy_file *files;
    size_t file_count;
};

/* The value of a field, by its hash_text(). */
struct erased_key {
    struct text field;
    uint64_t hash;
};

#define ERASED_SEAL_SIZE 32

/* A segment that an erasure has rewritten. */
struct erased_segment {
    uint64_t first, records;
    uint8_t seal_before[ERASED_SEAL_SIZE], seal[ERASED_SEAL_SIZE];
};

/* Tables of a pruned archive's beginning that an erasure has replaced. */
struct erased_base {
    uint64_t before, after; /* generations; before 0: not known */
    uint64_t states, texts; /* that were removed, and replaced in other states */
};

/* An erasure begins, with its keys; or it is done, with what it has changed. */
struct erasure_record {
    uint64_t number; /* from 1 */
    const struct erased_key *keys;
    size_t key_count;
    struct text source;
    bool done;
    uint64_t records;
    const struct erased_segment *segments;
    size_t segment_count;
    const struct erased_base *bases;
    size_t base_count;
};

/* It stands for a record that the disk has lost, after `harrier archive quarantine`: nothing
 * follows from it. */
struct lost_record {
    uint64_t first, last; /* of the records that were lost together */
    struct text file;     /* what is left of the segment, relative to the archive; "": nothing is */
};

struct record {
    enum record_type type;
    uint64_t position; /* in the frame, not in the payload: filled in by the reader of the frame */
    int64_t receive_time_us;
    union {
        struct transaction_record transaction;
        struct outcome_record outcome;
        struct amendment_record amendment;
        struct snapshot_record snapshot; /* RECORD_SHADOW too */
        struct generation_record generation;
        struct engine_record engine;
        struct list_change_record list_change;
        struct brake_record brake;
        struct experiment_record experiment;
        struct erasure_record erasure;
        struct lost_record lost;
    };
};

/* The transaction of a record that has one; NULL: it has none. */
static inline struct transaction *record_transaction(struct record *record) {
    if (record->type == RECORD_TRANSACTION)
        return &record->transaction.transaction;
    if (record->type == RECORD_OUTCOME)
        return &record->outcome.transaction;
    return record->type == RECORD_AMENDMENT ? &record->amendment.transaction : NULL;
}

/* Appends the payload. The same record gives the same bytes on every machine. */
void record_encode(const struct record *record, struct buffer *buffer);

/* Any bytes are safe. ERROR_DAMAGED: they are not such a record, or have a verdict or label that
 * this version does not know. ERROR_TOO_LARGE: the arena is full. Everything decoded lives in the
 * arena; position is 0. */
int record_decode(enum record_type type, const void *bytes, size_t length, struct arena *arena,
                  struct record *ret_record, struct error *ret_error);

/* The same, but texts may point into `bytes`: the record is valid no longer than those. Faster for
 * transactions. */
int record_decode_in_place(enum record_type type, const void *bytes, size_t length,
                           struct arena *arena, struct record *ret_record, struct error *ret_error);
/* Only the fast way: false, without a reason, for anything that record_encode() does not write, and
 * for a record that an erasure has rewritten; *ret_record then means nothing. For tests. */
bool record_read_in_place(enum record_type type, const void *bytes, size_t length,
                          struct arena *arena, struct record *ret_record);
/* Reads only the event time of a transaction record that record_encode() wrote. false: use
 * record_decode(). */
bool record_read_event_time(const void *bytes, size_t length, int64_t *ret_event_time_us);
