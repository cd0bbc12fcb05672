/* The transactions that are gathered around one, each once, with the keys of their entities; and
 * the searches that find them. Private to this folder. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/engine/engine.h"
#include "core/store/find/find.h"

#define RELATED_MOST 400
#define RELATED_EACH 12 /* transactions of an entity before, and as many after */

struct related_transaction {
    const struct record *record; /* a copy in the set's arena */
    enum label label;
    bool is_amended;
    unsigned step;           /* 0: the one that was asked for; 1; 2 */
    const struct text *keys; /* of the plan's entities, in its order; .data NULL: none */
};

/* A transaction that was found, before it is known whether it is wanted. */
struct related_copy {
    struct buffer bytes; /* of its record, encoded */
    uint64_t position;
    enum label label;
    bool is_amended;
};

struct related_set {
    struct find *find;
    struct snapshot *policy;
    struct engine *engine;
    size_t entity_count;
    struct related_transaction *transactions; /* RELATED_MOST, in the order they were found */
    size_t count;
    struct arena arena;
    struct related_copy copies[RELATED_EACH]; /* of the search under way */
    int64_t ends_us;                          /* of the searches, by the monotonic clock */
    bool is_partial;                          /* a search ended before it was through */
};

/* Takes over the reference to the policy; find stays the caller's. */
struct related_set *related_set_new(struct find *find, struct snapshot *policy);
void related_set_free(struct related_set *set); /* NULL is allowed */

/* Finds it there, or adds a copy of it: its index. -1: the set is full. */
long related_set_add(struct related_set *set, const struct find_row *row, unsigned step);

/* What the index can look an entity's transactions up by: the fields that its key is made of. A
 * derived field is looked up by what it is derived from, which finds the same spelling only.
 * Returns their number; 0: the key is made of attributes alone. */
size_t related_set_terms(const struct related_set *set, size_t entity,
                         const struct transaction *transaction, struct find_key terms[FIELD_COUNT]);

/* Transactions of one entity, between two positions. */
struct related_search {
    const struct find_key *terms;
    size_t term_count;
    size_t entity;
    struct text key;
    uint64_t above, below; /* positions, neither included; below 0: no bound */
    unsigned step;         /* of those that are added */
};

/* Which ones, as indices of the set. */
struct related_found {
    long at[RELATED_EACH];
    size_t count;
    bool more;
};

/* Appends the newest ones, the newest first, until ret_found has `most`, at most RELATED_EACH. */
int related_set_newest(struct related_set *set, const struct related_search *search, size_t most,
                       struct related_found *ret_found, struct error *ret_error);
/* Likewise the oldest ones, the oldest first. */
int related_set_oldest(struct related_set *set, const struct related_search *search, size_t most,
                       struct related_found *ret_found, struct error *ret_error);
/* All of them, or none if they are more than `most`. */
int related_set_all(struct related_set *set, const struct related_search *search, size_t most,
                    struct related_found *ret_found, struct error *ret_error);
