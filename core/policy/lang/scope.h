/* The names an expression may use, with their types and their slots in the frame. */
#pragma once

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/base/value.h"
#include "type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list;       /* core/policy/lists/list.h */
struct zone_table; /* zone.h */

enum name_kind {
    NAME_FIELD,     /* of the transaction */
    NAME_LATER,     /* verdict, outcome: known after the decision */
    NAME_FEATURE,   /* entity.feature */
    NAME_VALUE,     /* computed */
    NAME_MODEL,     /* models.NAME or models.NAME.CLASS */
    NAME_THRESHOLD, /* thresholds.NAME, with as many keys after it as it has fields */
    NAME_FIRED,     /* fired("rule"): a call's, not among the scope's names */
};

/* The kinds of expressions, by what each may read. */
enum scope_reader {
    SCOPE_DERIVED,   /* a derived field: fields above it */
    SCOPE_FILTER,    /* of a feature: fields, verdict, outcome */
    SCOPE_VALUE,     /* a computed value: fields, features, lists, values before it */
    SCOPE_MODEL,     /* the input of a model: fields, features, lists, values */
    SCOPE_THRESHOLD, /* what a threshold is computed from: fields, features, lists, values,
                        models */
    SCOPE_RULE,      /* fields, features, lists, values, models, thresholds */
};

/* The values that a text can have at all: comparing it with any other literal is a mistake. */
enum name_words {
    WORDS_ANY,
    WORDS_VERDICT,
    WORDS_OUTCOME,
    WORDS_CURRENCY, /* three capital letters of ISO 4217 */
    WORDS_COUNTRY,  /* two capital letters */
    WORDS_MCC,      /* four digits */
};

struct name {
    struct text text; /* "amount", "card.count_10m" */
    enum name_kind kind;
    type_code type;     /* VALUE_ERROR: its declaration has an error; its uses are not reported */
    uint32_t items_max; /* of a list or map, as in struct syntax; what a policy declares is none */
    uint32_t text_max;  /* bytes of a text, likewise; 0: what an expression may build */
    enum name_words words;
    /* Of a field that holds pseudonyms: of what. Only equal or not can be told. Empty: it is none.
     */
    struct text protect;
    size_t slot;
    struct text canonical; /* in sources that are hashed: also what it is made from */
    /* NAME_THRESHOLD: */
    size_t key_count;
    struct text keys; /* for messages: "[mcc]" or "[country][mcc]" */
    double fallback;
};

#define SCOPE_FIRED_MAX 256 /* different rules that conditions may ask for */

/* The names of all rules, and which of them fired() asks for. Known before any expression that uses
 * fired() is read. */
struct rule_names {
    struct text *names; /* of all rules, in the order of files and lines */
    size_t count;
    bool incomplete;                     /* some rule's name could not be read */
    struct name *asked[SCOPE_FIRED_MAX]; /* by fired(), in the order of their slots */
    struct text asked_rules[SCOPE_FIRED_MAX];
    size_t asked_count;
    size_t first_slot;
};

struct scope {
    struct arena *arena;
    struct name **names; /* in slot order as far as declared in it */
    size_t name_count, name_capacity;
    uint32_t *index; /* open addressing by hash; 0 is empty, i + 1 is names[i] */
    size_t index_size;
    struct text *entities;
    size_t entity_count;
    const struct list *lists;
    size_t list_count;
    bool *list_used;                /* parallel to lists */
    const struct zone_table *zones; /* NULL: there are none */
    bool *zone_used;                /* parallel to its zones */
    bool zones_incomplete;          /* there are too many, and some were not read */
    bool *threshold_used;           /* by index; NULL before thresholds are declared */
    size_t first_threshold;         /* slot of the first one */
    struct rule_names *rules;       /* NULL: there is nothing to ask for */
    struct text *announced;         /* derived fields or values that are declared further down */
    size_t announced_count;
    /* A file with declarations had errors, so an unknown name may be declared there: unknown names
     * are not reported. */
    bool incomplete;
};

/* Memory comes from the arena, apart from what scope_deinit() frees. */
void scope_init(struct scope *scope, struct arena *arena);
void scope_deinit(struct scope *scope);

/* Returns NULL when there is one of this name already. The texts of `name` must outlive the scope.
 */
struct name *scope_add(struct scope *scope, struct name name);
const struct name *scope_find(const struct scope *scope, struct text text);
/* The same, to be changed while declarations are read; it must be there. */
struct name *scope_change(struct scope *scope, struct text text);
bool scope_has_entity(const struct scope *scope, struct text entity);
