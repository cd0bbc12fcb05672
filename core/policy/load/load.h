/* Loading a policy: the parts of a snapshot that is being made, and one function per file. Each
 * reports all it finds and goes on; what it could not make sense of is declared as broken, so that
 * its uses do not complain again. Private to policy/. */
#pragma once

#include "core/policy/check/checker.h"
#include "core/policy/lang/read.h"
#include "core/policy/lang/scope.h"
#include "core/policy/source/diagnostic.h"
#include "core/policy/source/tree.h"
#include "snapshot.h"

enum policy_file_kind {
    FILE_POLICY,     /* policy.yaml */
    FILE_SCHEMA,     /* schema.yaml */
    FILE_FEATURES,   /* features.yaml */
    FILE_LISTS,      /* lists.yaml */
    FILE_THRESHOLDS, /* thresholds.yaml */
    FILE_RULES,      /* rules/…/NAME.yaml */
    FILE_CASES,      /* cases/…/NAME.yaml */
    FILE_OTHER_YAML,
    FILE_OTHER, /* lists/NAME.txt and such: whatever lists.yaml names */
};

enum policy_file_kind policy_file_kind(struct text path);

#define POLICY_FILES_MAX      1000u
#define POLICY_FILE_SIZE_MAX  (16u << 20)
#define POLICY_SIZE_MAX       (64u << 20)
#define POLICY_RULES_MAX      1000u
#define POLICY_GROUPS_MAX     64u
#define POLICY_TAGS_MAX       16u /* of a rule */
#define POLICY_VALUES_MAX     1000u
#define POLICY_LISTS_MAX      256u
#define POLICY_ATTRIBUTES_MAX 256u
#define POLICY_DERIVED_MAX    64u
#define POLICY_RATES_MAX      100000u
#define POLICY_THRESHOLDS_MAX 256u
#define POLICY_ABOUT_MAX      1000u /* bytes of a sentence */

/* A rule before it is read: what others must know of it. */
struct rule_header {
    const struct source *source;
    const struct tree_node *node; /* the rule */
    struct text name;
    const struct tree_node *suppress; /* NULL: none */
    size_t suppress_slot;             /* of the hidden feature; SIZE_MAX: none */
    size_t entity;                    /* that it is a feature of, among the drafts */
};

/* An expression of the policy, for what is said about all of them together. */
struct noted_expression {
    const struct source *source;
    const struct tree_node *node; /* the text it stands in */
    size_t offset;                /* where it begins there */
    enum scope_reader reader;
    const struct syntax *syntax;
};

struct load;

/* Is shown a load that went well, while the trees of its expressions are there. */
struct load_visitor {
    void (*visit)(struct load_visitor *self, struct load *load);
};

struct load {
    struct snapshot *snapshot;
    struct arena *arena;  /* the snapshot's: for what stays */
    struct arena scratch; /* trees and syntax */
    struct diagnostics diagnostics;
    struct source *sources;   /* of all files, by path */
    struct tree_node **roots; /* parallel; NULL: no YAML, or not readable */
    size_t file_count;
    struct scope scope;
    /* currency_rates could not be read: a currency without a rate may have one */
    bool rates_incomplete;
    bool is_schema_sound; /* nothing was wrong up to the schema: it says which transactions fit */
    bool is_new; /* from a folder: must keep to its budget. What the archive has was in force. */
    bool is_checked; /* harrier check's: expressions are noted */
    void (*analyse)(
        struct load *load);       /* at the end of a load that goes well; NULL: nothing does */
    struct load_visitor *visitor; /* NULL: none. Expressions are noted for it, too. */
    int64_t now_us;               /* rules that end before are over; INT64_MIN: none are */
    struct noted_expression *noted;
    size_t noted_count, noted_capacity;
    bool groups_incomplete;           /* likewise of the groups */
    struct rule_header *rule_headers; /* of all rules, in the order of files and lines */
    size_t rule_header_count;
    struct rule_names rule_names; /* the scope's */
};

/* Loads and checks everything. Of options: is_new, is_checked, analyse, visitor and now_us. sink:
 * is handed each diagnostic; NULL: nobody is. */
int load_files(const struct policy_file *files, size_t file_count, const struct load *options,
               struct diagnostic_sink *sink, struct snapshot **ret_snapshot,
               struct buffer *ret_messages, struct error *ret_error);

/* As snapshot_load(), of what was in force once; the visitor sees how it is made. */
int load_visit(const struct policy_file *files, size_t file_count, struct load_visitor *visitor,
               struct snapshot **ret_snapshot, struct error *ret_error);

struct reader load_reader(struct load *load, const struct source *source);
/* The file of this kind and its tree; NULL when the policy has none that is readable. */
const struct source *load_find(struct load *load, enum policy_file_kind kind,
                               struct tree_node **ret_root);

/* In this order. */
void load_policy(struct load *load);
void load_schema(struct load *load);
void load_lists(struct load *load);
void load_rule_headers(struct load *load); /* of the rules */
void load_features(struct load *load);
void load_thresholds(struct load *load);
void load_rules(struct load *load);
void load_cases(struct load *load);

/* "latency_budget" of policy.yaml, and whether the policy keeps to it. */
#define LATENCY_BUDGET_US_MAX INT64_C(10000000)
void load_latency_budget(struct load *load, const struct reader *reader,
                         const struct tree_node *node);
void load_check_latency(struct load *load);

/* An ISO 4217 code and the digits of its minor unit. Of near names the policy's own currencies are
 * suggested first. */
bool load_currency(const struct reader *reader, const struct tree_node *node, const char *what,
                   const struct schema *schema, char ret_code[4], uint8_t *ret_digits);
/* Can transactions be in this currency: is there a rate to the base currency? Reports when not. */
bool load_currency_has_rate(const struct load *load, const struct reader *reader,
                            const struct tree_node *node, const char currency[4]);

/* Where in the frame lists find what was added to them, and the time; first_list is known. */
void load_place_lists(struct load *load);

/* The "derived" of schema.yaml, once its other fields are in the scope. */
void load_derived(struct load *load, const struct source *source, const struct tree_node *node);
/* The type of an attribute or a derived field. */
bool load_field_type(const struct reader *reader, const struct tree_node *node,
                     struct field *field);

/* "groups" of policy.yaml. */
void load_groups(struct load *load, const struct reader *reader, const struct tree_node *node);
void load_on_error(const struct reader *reader, const struct tree_node *node,
                   enum on_error *ret_on_error);
bool load_rule_mode(const struct reader *reader, const struct tree_node *node,
                    enum rule_mode *ret_mode);

/* The "values" of features.yaml, once its features are known. */
void load_values(struct load *load, const struct source *source, const struct tree_node *node);

/* The score depends on the thresholds that this condition reads. */
void load_note_scored(struct load *load, const struct syntax *condition);

/* A name that expressions can use, from here on. Reports and returns
 * NULL when there is one. */
struct name *load_declare(struct load *load, const struct reader *reader,
                          const struct tree_node *node, struct name name);
/* What was not understood may have been meant to declare fields: every key in it, and every text of
 * a list, becomes a name of which nothing more is said. */
void load_declare_broken(struct load *load, const struct tree_node *node);
/* Words that mean something to expressions or will: not for attributes, values and entities. */
bool load_is_taken(struct text name);

/* The expression that stands in a node from byte `offset` on, `length` bytes long. */
struct syntax *load_expression(struct load *load, const struct source *source,
                               const struct tree_node *node, size_t offset, size_t length,
                               enum scope_reader reader, enum value_type wanted);
/* Where `length` bytes from byte `offset` of a text node stand. */
struct position load_place(const struct source *source, const struct tree_node *node, size_t offset,
                           size_t length);
/* The same for a node that is nothing but an expression. `what`: "when", "where". */
struct syntax *load_expression_node(struct load *load, const struct source *source,
                                    const struct tree_node *node, const char *what,
                                    enum scope_reader reader, enum value_type wanted);
