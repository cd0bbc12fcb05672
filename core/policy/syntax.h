/* The syntax tree of an expression: what the parser makes, the checker types and compile.c turns
 * into a program. All of CEL's grammar but messages (`Type{field: …}`) has its node here; the
 * checker says what is not supported yet. */
#pragma once

#include "../base/arena.h"
#include "../base/buffer.h"
#include "../base/text.h"
#include "../base/value.h"
#include "lexer.h"

#include <stdbool.h>

enum syntax_kind {
    SYNTAX_CONSTANT,
    SYNTAX_NAME,        /* name */
    SYNTAX_MEMBER,      /* operand . name */
    SYNTAX_CALL,        /* name(operands), or with `receiver`: first operand . name(the others) */
    SYNTAX_INDEX,       /* operand [ operand ] */
    SYNTAX_LIST,        /* [ operands ] */
    SYNTAX_MAP,         /* { key: value, … }, operands in that order */
    SYNTAX_UNARY,       /* sign operand; ! or - */
    SYNTAX_BINARY,      /* operand sign operand; comparison, in, arithmetic */
    SYNTAX_AND,         /* two or more operands */
    SYNTAX_OR,          /* two or more operands */
    SYNTAX_CONDITIONAL, /* operand ? operand : operand */
};

struct name;     /* scope.h */
struct function; /* function.h */
struct list;     /* list.h */

struct syntax {
    enum syntax_kind kind;
    enum token_type sign;  /* UNARY, BINARY */
    bool receiver;         /* CALL */
    unsigned depth;        /* of the tree from here down */
    size_t offset, length; /* the token it is named by: operator, name, literal */
    size_t start, end;     /* all of it */
    struct value constant; /* CONSTANT; texts live in the arena */
    struct text text;      /* NAME, MEMBER, CALL: the name */
    struct syntax *first, *last, *next;
    size_t operand_count;
    /* Filled by the checker: */
    enum value_type type;            /* VALUE_ERROR: reported already */
    const struct name *name;         /* what NAME or MEMBER stands for */
    const struct function *function; /* CALL, UNARY minus, BINARY arithmetic */
    const struct list *list;         /* right side of `in` */
};

#define EXPRESSION_SOURCE_MAX 8192u /* bytes */
#define SYNTAX_NESTING_MAX    64u   /* brackets, signs, arguments, branches inside each other */
#define SYNTAX_DEPTH_MAX      250u  /* of the tree: chains like a + b + c count too */

/* NULL when something was reported. */
struct syntax *syntax_parse(struct text source, struct arena *arena, struct reporter *reporter);

/* The one way of writing it: equal trees print equally, and reading it again gives the same tree.
 * Names print as the checker resolved them (struct name.canonical) or, unresolved, as written. */
void syntax_print(const struct syntax *syntax, struct buffer *buffer);
