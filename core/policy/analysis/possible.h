/* The values that a term of a condition can still have, once other conditions on it are known: an
 * interval, with values that it must be one of or cannot be. For proofs (proof.h): it may hold
 * more values than are possible, never fewer. Private to policy/. */
#pragma once

#include "core/base/value.h"
#include "core/policy/lang/lexer.h"

#include <stdbool.h>
#include <stddef.h>

/* Values kept on either side; of more, the further are forgotten. */
#define POSSIBLE_VALUES_MAX 64u

struct possible {
    enum value_type type;
    bool is_empty;
    bool nan; /* a double that is not a number, which no bound excludes */
    bool has_low, low_open, has_high, high_open;
    struct value low, high; /* numbers of either type, or values of its own */
    bool has_only;
    struct value only[POSSIBLE_VALUES_MAX]; /* one of these */
    size_t only_count;
    struct value without[POSSIBLE_VALUES_MAX];
    size_t without_count;
};

/* Everything a value of a simple type can be. */
void possible_init(struct possible *possible, enum value_type type);

/* It is at least, at most. */
void possible_at_least(struct possible *possible, struct value least);
void possible_at_most(struct possible *possible, struct value most);

/* `term sign constant`, a comparison, is true (holds) or false: then the term is a value that makes
 * it so. */
void possible_compare(struct possible *possible, enum token_type sign, struct value constant,
                      bool holds);
/* `term in [values]` is true or false. */
void possible_in(struct possible *possible, const struct value *values, size_t count, bool holds);

/* Is the set surely empty? False also when that is not known. */
bool possible_is_empty(const struct possible *possible);
