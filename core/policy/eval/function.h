/* The functions and operators of expressions, one row per combination of types. Comparisons, `in`,
 * the logical operators and has() are the evaluator's own. */
#pragma once

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/base/value.h"
#include "core/policy/lang/type.h"

#include <stdbool.h>

#define FUNCTION_PARAMETERS_MAX 4
#define FUNCTION_PIECES_MAX     256u /* of split() */
#define FUNCTION_SHORT_MAX      64u
#define FUNCTION_TEXT_MAX       4096u /* bytes of a text that an expression builds */

enum function_form {
    FUNCTION_OPERATOR, /* a + b; with one parameter: −a */
    FUNCTION_GLOBAL,   /* name(a) */
    FUNCTION_METHOD,   /* a.name(b) */
};

/* What its cost depends on, beside the call itself. */
enum function_extent {
    FUNCTION_OF_VALUES,    /* nothing */
    FUNCTION_OF_ITEMS,     /* the items of its list */
    FUNCTION_JOINS_LISTS,  /* the items of both of its lists; its type is that of both */
    FUNCTION_MAKES_PIECES, /* FUNCTION_PIECES_MAX */
};

/* How long a text it can make. */
enum function_builds {
    FUNCTION_TAKES_AWAY,  /* no longer than the longest it is given; or none */
    FUNCTION_SHORT_TEXT,  /* a number, a time, a network: FUNCTION_SHORT_MAX */
    FUNCTION_JOINS_TEXTS, /* all that it is given */
    FUNCTION_FILLS_TEXT,  /* up to the limit */
};

struct function {
    const char *name;
    enum function_form form;
    size_t parameter_count;                        /* a method's receiver is the first */
    type_code parameters[FUNCTION_PARAMETERS_MAX]; /* VALUE_LIST, VALUE_MAP: of anything */
    type_code result;
    /* Called with values of exactly these types. Returns the result or VALUE_ERROR. */
    struct value (*apply)(const struct value *arguments, struct arena *arena);
    enum function_extent extent;
    /* Called with more than two arguments of one type it is applied to the first two, its result
     * and the third, and so on. */
    bool chains;
    enum function_builds builds;
    bool is_tidy;       /* allocates nothing but its result */
    bool reads_edge;    /* reads no more of its first text than the second has */
    bool searches_back; /* compares anew at each byte: quadratic */
    uint8_t operation;  /* enum operation: what a program does in place of a call; 0: it calls */
    /* Of functions whose last argument is an offset or time zone: the same, of a time in UTC. */
    struct value (*in_local_time)(const struct value *arguments, struct arena *arena);
};

/* NULL when there is no such combination. */
const struct function *function_find(struct text name, enum function_form form,
                                     const type_code *types, size_t count);

bool function_exists(struct text name, enum function_form form);

/* For messages: all rows in turn, NULL after the last. */
const struct function *function_at(size_t index);

/* A hint for functions of CEL or of other languages that this subset lacks ("uint", "len", …): what
 * to use instead. NULL for other names. */
const char *function_instead(struct text name);
