/* What can be tuned in a policy: the scores of its rules, the numbers that their conditions compare
 * values with (limits), and its cut-offs. Each has its place in the files, so that it can be
 * replaced there and nothing else changes.
 *
 * The policy is loaded once more and keeps what a snapshot forgets: of each rule's condition the
 * tree of its &&, || and !, down to parts with a program of their own. So a condition can be
 * evaluated for other limits from values that were computed once, by the evaluator that decides.
 *
 * A limit is a literal int or double that <, <=, > or >= compares with something of the same type,
 * or a literal double that is a factor of what is compared: `amount > 4.0 * card.mean_30d`.
 * Literals elsewhere (in other arithmetic, after ==, in computed values) stay as they are. */
#pragma once

#include "core/policy/load/snapshot.h"

enum tunable_kind { TUNABLE_SCORE, TUNABLE_LIMIT, TUNABLE_CUTOFF, TUNABLE_KINDS };

/* How a value is compared with a limit, value first: `3 <= x` is the same as x >= 3. */
enum tunable_relation { BELOW, AT_MOST, ABOVE, AT_LEAST };

struct tunable {
    enum tunable_kind kind;
    size_t rule;                    /* SCORE, LIMIT: index in the snapshot */
    enum verdict verdict;           /* CUTOFF */
    struct value value;             /* as the policy has it: int, or of a limit double */
    enum tunable_relation relation; /* LIMIT */
    struct text compared;           /* LIMIT: what is compared with it, on one line; of a factor
                                     * "amount / card.mean_30d" */
    size_t file;                    /* index among the snapshot's files */
    size_t offset, length;          /* the literal there, in bytes */
    size_t line;
};

enum condition_kind {
    CONDITION_PART, /* a part that is used as it is: true, false, absent or an error */
    CONDITION_LIMIT,
    CONDITION_AND,
    CONDITION_OR,
    CONDITION_NOT,
};

/* A node of a condition. Nodes are in the order in which they are written, each followed by its
 * operands; `end` is the index behind the last of these. */
struct condition_node {
    enum condition_kind kind;
    size_t end;
    size_t part;    /* PART: a bool; LIMIT: what is compared, an int or double */
    size_t tunable; /* LIMIT */
    size_t factor;  /* LIMIT: the part by which the limit is multiplied before; SIZE_MAX: none */
};

struct condition {
    const struct condition_node *nodes;
    size_t count;
};

struct tunables {
    struct snapshot *snapshot; /* what the programs point to; its slots are those of the original */
    const struct tunable *of;  /* cut-offs first, then by rule */
    size_t count;
    const struct condition *conditions;    /* parallel to the rules */
    const struct expression *const *parts; /* each different one once */
    size_t part_count;
};

/* Of a policy that loads, as all that decided did; else its error. Takes no reference. */
int tunables_new(const struct snapshot *snapshot, struct tunables **ret_tunables,
                 struct error *ret_error);
void tunables_free(struct tunables *tunables); /* NULL is allowed */
