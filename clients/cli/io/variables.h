/* The variables of `harrier eval`: names with types and values, out of a JSON object.
 *
 *   true, "text", 5, 5.0            bool, string, int, double
 *   [1, 2], [1, 2.5]                list(int), list(double)
 *   {"a": 1}                        map(string, int)
 *   {"timestamp": "2026-01-31T00:00:00Z"}, {"duration": "1h30m"}
 *   {"double": 5}, {"double": "nan"}     also "inf" and "-inf"
 *   {"map": [[1, "a"], [2, "b"]]}   a map whose keys need not be texts, or are among these words
 *   {"absent": "double"}            a name of that type without a value
 *
 * A name may have a dot in it, like a feature's: "card.count_10m". */
#pragma once

#include "core/base/error.h"
#include "core/policy/lang/scope.h"

#include <jansson.h>

#define VARIABLES_MAX 256u

struct variables {
    struct arena arena;
    struct scope scope;
    struct text entities[VARIABLES_MAX];
    struct value frame[VARIABLES_MAX];
};

void variables_init(struct variables *variables);
void variables_deinit(struct variables *variables);

/* Those of the object instead of what was there before; NULL: none. ERROR_INVALID. */
int variables_read(struct variables *variables, const json_t *object, struct error *ret_error);
