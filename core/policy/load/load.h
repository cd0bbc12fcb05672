/* A load: the parts of a snapshot that is being made, and what the loaders of the single files
 * share. Each loader reports all errors that it finds and continues; what it could not read is
 * declared as broken, so that its uses are not reported as well.
 *
 * Each loader has a header of its own and includes those that it calls; snapshot_load.c runs them
 * in order. Private to policy/. */
#pragma once

#include "core/policy/check/checker.h"
#include "core/policy/lang/read.h"
#include "core/policy/lang/scope.h"
#include "core/policy/source/diagnostic.h"
#include "core/policy/source/tree.h"
#include "policy_limits.h"
#include "snapshot.h"

enum policy_file_kind {
    FILE_POLICY,     /* policy.yaml */
    FILE_SCHEMA,     /* schema.yaml */
    FILE_FEATURES,   /* features.yaml */
    FILE_LISTS,      /* lists.yaml */
    FILE_MODELS,     /* models.yaml */
    FILE_THRESHOLDS, /* thresholds.yaml */
    FILE_RULES,      /* rules/…/NAME.yaml */
    FILE_CASES,      /* cases/…/NAME.yaml */
    FILE_ZONE,       /* zones/…/NAME.tzif */
    FILE_OTHER_YAML,
    FILE_OTHER, /* lists/NAME.txt, models/NAME.json and such: whatever lists.yaml and models.yaml
                    name */
};

enum policy_file_kind policy_file_kind(struct text path);

struct rule_header; /* load_rule_headers.h */

/* An expression of the policy, kept for the analysis and for explanations. */
struct noted_expression {
    const struct source *source;
    const struct tree_node *node; /* the text that holds it */
    size_t offset;                /* where it begins there */
    enum scope_reader reader;
    const struct syntax *syntax;
};

struct load;

/* Is shown a load that succeeded, while its syntax trees are still there. */
struct load_visitor {
    void (*visit)(struct load_visitor *self, struct load *load);
};

struct load {
    struct snapshot *snapshot;
    struct arena *arena;  /* the snapshot's: for what stays */
    struct arena scratch; /* trees and syntax; gone after the load */
    struct diagnostics diagnostics;
    struct source *sources;   /* of all files, by path */
    struct tree_node **roots; /* parallel; NULL: not YAML, or not readable */
    size_t file_count;
    struct scope scope;
    bool rates_incomplete;  /* currency_rates had errors: a currency without a rate may have one */
    bool groups_incomplete; /* likewise of the groups */
    bool is_schema_sound;   /* no errors up to the schema: it decides which transactions fit */
    /* From a folder, so it must keep to its latency budget. What an archive holds was in force. */
    bool is_new;
    bool is_checked;                    /* by harrier check: expressions are noted */
    void (*analyse)(struct load *load); /* at the end of a load without errors; NULL: nothing */
    struct load_visitor *visitor;       /* NULL: none. Expressions are noted for it, too. */
    struct text untrained; /* the model whose file is not read: it is still to be trained */
    int64_t now_us;        /* rules whose `until` is before it are reported; INT64_MIN: none are */
    struct noted_expression *noted; /* on the heap */
    size_t noted_count, noted_capacity;
    struct rule_header *rule_headers; /* of all rules, in the order of files and lines */
    size_t rule_header_count;
    struct rule_names rule_names; /* scope.rules points here */
};

/* A known field that came later than others: an attribute, a derived field or a value of this name,
 * which older policies may have, hides it. */
bool load_field_yields(const struct field *field);

struct reader load_reader(struct load *load, const struct source *source);
/* The file of this kind and its tree; NULL when the policy has none that is readable. */
const struct source *load_find(struct load *load, enum policy_file_kind kind,
                               struct tree_node **ret_root);
/* The file with this path; NULL: the policy has none. */
const struct source *load_source(const struct load *load, struct text path);

/* Adds a name that expressions can use from here on. Reports and returns NULL when it is taken. */
struct name *load_declare(struct load *load, const struct reader *reader,
                          const struct tree_node *node, struct name name);
/* For a node that could not be read and may have been meant to declare fields: every key in it, and
 * every text of a list, becomes a name whose uses are not reported. */
void load_declare_broken(struct load *load, const struct tree_node *node);
/* Words that mean something to expressions, or will: not for attributes, values and entities. */
bool load_is_taken(struct text name);

/* Checks the expression of `length` bytes that begins at byte `offset` of a text node. wanted: as
 * of expression_check(). The tree lives in load->scratch. NULL when something was reported, or when
 * the expression uses a broken name. */
struct syntax *load_expression(struct load *load, const struct source *source,
                               const struct tree_node *node, size_t offset, size_t length,
                               enum scope_reader reader, enum value_type wanted);
/* The same for a node that is nothing but an expression. `what`, for messages: "when", "where". */
struct syntax *load_expression_node(struct load *load, const struct source *source,
                                    const struct tree_node *node, const char *what,
                                    enum scope_reader reader, enum value_type wanted);
/* The place in the file of `length` bytes from byte `offset` of a text node. */
struct position load_locate(const struct source *source, const struct tree_node *node,
                            size_t offset, size_t length);
