/* The compiled form of an expression: instructions for a stack of values, contiguous in memory.
 * Absent values and errors travel on the stack like others. */
#pragma once

#include "core/policy/lists/list.h"
#include "core/policy/prefilter/prefilter.h"
#include "expression.h"
#include "function.h"

/* The comparisons, each with the relation of C that does the same to two numbers. */
#define COMPARISONS(each)                                                                          \
    each(EQUAL, ==) each(NOT_EQUAL, !=) each(LESS, <) each(LESS_EQUAL, <=) each(GREATER, >)        \
        each(GREATER_EQUAL, >=)

enum operation {
    OPERATION_END,      /* the result is on top */
    OPERATION_CONSTANT, /* push *constant */
    OPERATION_SLOT,     /* push frame[slot], which is of `type`, absent or an error */
    OPERATION_HAS,      /* push: is frame[slot] there? */
    OPERATION_NOT,
#define NAMED(name, relation) OPERATION_##name,
    COMPARISONS(NAMED) /* two values → bool */
#undef NAMED
    OPERATION_CALL,     /* `count` values → apply() */
    OPERATION_ADD_INTS, /* two values → one, as apply() would: the function's row names it */
    OPERATION_SUBTRACT_INTS,
    OPERATION_MULTIPLY_INTS,
    OPERATION_ADD, /* likewise, of doubles */
    OPERATION_SUBTRACT,
    OPERATION_MULTIPLY,
    OPERATION_DIVIDE,
    OPERATION_AND,       /* false on top: go to target; else go on with the next operand */
    OPERATION_AND_MERGE, /* two operands → one */
    OPERATION_OR,
    OPERATION_OR_MERGE,
    OPERATION_PREFILTER, /* *prefilter answers yes: skip `count` instructions; no: go to target;
                         else continue with the condition */
    OPERATION_BRANCH,  /* true: go on; false: go to target; neither: it is the result, go to end */
    OPERATION_JUMP,    /* go to target */
    OPERATION_IN_LIST, /* value → is it in *list? */
    OPERATION_IN_CONSTANTS,  /* value → is it one of `count` constants? */
    OPERATION_IN_ITEM,       /* value, found, item → value, found */
    OPERATION_IN_END,        /* value, found → found */
    OPERATION_THRESHOLD,     /* `count` keys → the group's value in the table frame[target], else
                              *constant */
    OPERATION_MATCHES,       /* text → does *pattern match it? */
    OPERATION_LOCAL_TIME,    /* time → what clocks of *zone show then */
    OPERATION_LOCAL_TIME_OF, /* time, text → likewise, of the one of *zones that it names */
    /* Macros; program_list.h has what is on the stack meanwhile. `type`: enum macro; an item is
     * `count` values: with two variables its index or key, and itself */
    OPERATION_LOCAL,     /* push the value at place `slot` of the stack */
    OPERATION_LOOP,      /* range: begin; it is missing: go to target */
    OPERATION_LOOP_NEXT, /* push the next item; there is none: go to target */
    OPERATION_LOOP_TEST, /* item, value: go on with the item if it is true, else to target */
    OPERATION_LOOP_TAKE, /* item, value: take both into the result; unless it is final, go to target
                          */
    OPERATION_LOOP_END,  /* the result */
    /* Lists and maps. */
    OPERATION_LIST,     /* push an empty list with room for `slot` values; `type`: or map */
    OPERATION_APPEND,   /* list, value → list */
    OPERATION_PUT,      /* map, key, value → map */
    OPERATION_INDEX,    /* list, int → item */
    OPERATION_LOOK_UP,  /* map, key → value */
    OPERATION_HAS_KEY,  /* map, key → is it there? */
    OPERATION_IN_VALUE, /* value, list or map → is it in there? */
};
#define COMPARISON_CASE(name, relation) case OPERATION_##name:

struct instruction {
    uint8_t operation;
    uint8_t type;    /* enum value_type: SLOT, LIST; enum macro; CALL: is the function tidy? */
    uint16_t count;  /* CALL, IN_CONSTANTS, THRESHOLD, PREFILTER, LOOP_NEXT … LOOP_TAKE */
    uint32_t target; /* an instruction; THRESHOLD: a slot */
    union {
        uint64_t slot;
        uint64_t end;
        const struct value *constant;
        const struct list *list;
        const struct pattern *pattern;
        const struct prefilter *prefilter;
        const struct zone *zone;
        const struct zone_table *zones;
        struct value (*apply)(const struct value *arguments, struct arena *arena);
    };
};

/* An expression that is one function of a name and constants, none of which is missing: run without
 * the stack machine. Many derived fields are such. */
#define SIMPLE_CALL_MAX 4
struct simple_call {
    struct value (*apply)(const struct value *arguments, struct arena *arena);
    bool is_tidy;
    size_t slot, count; /* of the first argument; of all */
    enum value_type type;
    const struct value *constants[SIMPLE_CALL_MAX - 1];
};

enum shape {
    SHAPE_PROGRAM, /* anything */
    SHAPE_SLOT,    /* a name: call.slot and call.type */
    SHAPE_CALL,    /* call */
};

struct expression {
    type_code type;
    enum shape shape;
    uint32_t cost;
    const struct instruction *code;
    uint32_t length;
    bool builds;                       /* texts or lists: it needs memory while it runs */
    const struct prefilter *prefilter; /* of a bool; NULL: none */
    struct simple_call call;
};

/* Deeper than SYNTAX_NESTING_MAX allows: at most eight values wait at each level, and four more
 * for each macro. */
#define PROGRAM_STACK_MAX 544u

/* Runs from code[start] to OPERATION_END; targets count from code, places of the stack from the
 * first of `waiting` values that are there already as far as the code is concerned. */
struct value program_run(const struct instruction *code, uint32_t start, uint32_t waiting,
                         const struct value *frame, struct arena *arena);

static inline bool is_missing(const struct value *v) {
    return v->type == VALUE_ABSENT || v->type == VALUE_ERROR;
}

/* The first absent one of `count` values, else the first error, else NULL: what an operator that
 * needs all of them gives. Absent wins, as CEL's unknown does: an error may come from it. */
static inline const struct value *program_first_missing(const struct value *values, size_t count) {
    const struct value *error = NULL;
    for (size_t i = 0; i < count; i++) {
        if (values[i].type == VALUE_ABSENT)
            return &values[i];
        if (values[i].type == VALUE_ERROR && !error)
            error = &values[i];
    }
    return error;
}
