/* The syntax tree of an expression: the parser builds it, the checker types it and compile.c
 * turns it into a program. All of CEL's grammar but messages (`Type{field: …}`) has its node here.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/text.h"
#include "core/base/value.h"
#include "lexer.h"
#include "type.h"

#include <stdbool.h>

enum syntax_kind {
    SYNTAX_CONSTANT,
    SYNTAX_NAME,        /* name */
    SYNTAX_MEMBER,      /* operand . name */
    SYNTAX_CALL,        /* name(operands), or with `receiver`: first operand . name(the others) */
    SYNTAX_MACRO,       /* a call that the checker found to be one: range, one or two variables,
                         * one or two expressions with them */
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
struct pattern;  /* pattern.h */
struct zone;     /* zone.h */
struct zone_table;

/* What a macro does with each item. */
enum macro {
    MACRO_ALL,
    MACRO_EXISTS,
    MACRO_EXISTS_ONE,
    MACRO_FILTER,
    MACRO_MAP, /* also transformList() */
    MACRO_TRANSFORM_MAP,
};

/* A variable of a macro: what it is within the macro's expressions. */
struct local {
    struct text name;
    type_code type;
    uint32_t items_max, text_max; /* as of a node */
    unsigned level;               /* 0: of the outermost macro */
    unsigned place;               /* 1: the second of its macro's variables */
    struct local *outer;          /* of the second variable, the first */
};

#define LOCAL_NONE UINT32_MAX /* reads_local: of no macro around it */

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
    type_code type;                  /* VALUE_ERROR: reported already */
    const struct name *name;         /* what NAME or MEMBER resolves to */
    struct local *local;             /* what NAME resolves to; MACRO: its last variable */
    const struct function *function; /* CALL, UNARY minus, BINARY arithmetic */
    const struct list *list;         /* right side of `in` */
    const struct pattern *pattern;   /* CALL of matches(): what the receiver is matched with */
    const struct zone *zone; /* CALL: the local time that it reads; its last operand names it */
    const struct zone_table *zones; /* CALL: likewise, one of these; which, its operand tells */
    enum macro macro;
    bool map_key; /* MEMBER, INDEX: of a map's value */
    /* Filled by cost.c: */
    bool reads_frame;
    unsigned reads_local; /* the outermost level of a macro's variable that it reads */
    uint32_t cost;        /* steps at most */
    uint32_t items_max;   /* no list in its value has more items, no map more entries */
    uint32_t text_max;    /* no text in its value has more bytes */
};

/* Of a SYNTAX_MACRO: how many variables it has, and the first expression after them. */
static inline unsigned syntax_variable_count(const struct syntax *macro) {
    return macro->local->place + 1;
}
static inline struct syntax *syntax_macro_parts(const struct syntax *macro) {
    struct syntax *first = macro->first->next->next;
    return syntax_variable_count(macro) == 2 ? first->next : first;
}

#define EXPRESSION_SOURCE_MAX 8192u /* bytes */
#define SYNTAX_NESTING_MAX    64u   /* brackets, signs, arguments, branches inside each other */
#define SYNTAX_DEPTH_MAX      250u  /* of the tree: chains like a + b + c count too */
#define SYNTAX_MACROS_MAX     4u    /* inside each other: each multiplies the cost */

/* Nodes and texts live in the arena, names in the source. NULL when something was reported. */
struct syntax *syntax_parse(struct text source, struct arena *arena, struct reporter *reporter);

/* Appends the canonical form: equal trees print equally, and parsing it gives the same tree. Names
 * print as the checker resolved them (struct name.canonical) or, unresolved, as written. */
void syntax_print(const struct syntax *syntax, struct buffer *buffer);

/* The same and, as a comment, the time zones that it reads with the hash of their rules.
 * Definitions of filters, columns and thresholds are hashes of this text, so changing it discards
 * history. */
void syntax_print_definition(const struct syntax *syntax, struct buffer *buffer);
