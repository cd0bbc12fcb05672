/* What an expression is when it runs: instructions for a stack of values, in one run of memory. */
#pragma once

#include "expression.h"
#include "function.h"
#include "list.h"

enum operation {
    OPERATION_END,      /* the result is on top */
    OPERATION_CONSTANT, /* push *constant */
    OPERATION_SLOT,     /* push frame[slot], which is of `type`, absent or an error */
    OPERATION_HAS,      /* push: is frame[slot] there? */
    OPERATION_NOT,
    OPERATION_EQUAL, /* comparisons: two values → bool */
    OPERATION_NOT_EQUAL,
    OPERATION_LESS,
    OPERATION_LESS_EQUAL,
    OPERATION_GREATER,
    OPERATION_GREATER_EQUAL,
    OPERATION_CALL,      /* `count` values → apply() */
    OPERATION_AND,       /* false on top: go to target; else go on with the next operand */
    OPERATION_AND_MERGE, /* two operands → one */
    OPERATION_OR,
    OPERATION_OR_MERGE,
    OPERATION_BRANCH,  /* true: go on; false: go to target; neither: it is the result, go to end */
    OPERATION_JUMP,    /* go to target */
    OPERATION_IN_LIST, /* text → is it in *list? */
    OPERATION_IN_CONSTANTS, /* value → is it one of `count` constants? */
    OPERATION_IN_ITEM,      /* value, found, item → value, found */
    OPERATION_IN_END,       /* value, found → found */
    OPERATION_THRESHOLD,    /* `count` keys → the group's value in the table frame[target], else
                             *constant */
};

struct instruction {
    uint8_t operation;
    uint8_t type;    /* enum value_type; SLOT */
    uint16_t count;  /* CALL, IN_CONSTANTS, THRESHOLD */
    uint32_t target; /* an instruction; THRESHOLD: a slot */
    union {
        uint64_t slot;
        uint64_t end;
        const struct value *constant;
        const struct list *list;
        struct value (*apply)(const struct value *arguments, struct arena *arena);
    };
};

struct expression {
    enum value_type type;
    uint32_t cost;
    const struct instruction *code;
    uint32_t length;
};

/* Deeper than SYNTAX_NESTING_MAX allows: at most seven values wait at each level. */
#define PROGRAM_STACK_MAX 512u

/* Runs from code[start] to OPERATION_END; targets count from code. */
struct value program_run(const struct instruction *code, uint32_t start, const struct value *frame,
                         struct arena *arena);
