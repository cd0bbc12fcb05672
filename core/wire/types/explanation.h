/* Why a transaction was decided as it was, as plain values: what `harrier explain` prints and the
 * answer to the Explain call carries.
 *
 * Everything in it lives in the arena that it was made in or decoded into. */
#pragma once

#include "amendment.h"
#include "core/base/value.h"
#include "decision.h"
#include "transaction.h"

/* What a part of an expression is. The numbers of the enums here are those of harrier.proto. */
enum explained_kind {
    EXPLAINED_OTHER, /* arithmetic, a function, an index */
    EXPLAINED_NAME,  /* a field, feature or computed value */
    EXPLAINED_HAS,
    EXPLAINED_LIST,      /* in lists.NAME */
    EXPLAINED_THRESHOLD, /* thresholds.NAME[…] */
    EXPLAINED_COMPARISON,
    EXPLAINED_AND,
    EXPLAINED_OR,
    EXPLAINED_NOT,
    EXPLAINED_CONDITIONAL,
    EXPLAINED_MACRO,
    EXPLAINED_EACH, /* what a macro evaluates, as a list of the values for its items */
    EXPLAINED_KIND_COUNT
};
const char *explained_kind_name(enum explained_kind kind); /* "comparison", … */

/* Where a threshold's value comes from. */
enum explained_origin {
    ORIGIN_NONE,     /* no threshold */
    ORIGIN_FALLBACK, /* the policy's own: nothing was computed, or from too few transactions */
    ORIGIN_OVERALL,  /* computed with the generation, over all groups */
    ORIGIN_GROUP,    /* computed with the generation, for this group */
    ORIGIN_COUNT
};
const char *explained_origin_name(enum explained_origin origin); /* "fallback", … */

/* A part of an expression. Parts are in the order in which they are written, each followed by its
 * own parts, which are one deeper; literals are left out. */
struct explained_part {
    struct text text; /* as the policy has it, on one line */
    uint32_t depth;   /* 0: the whole */
    enum explained_kind kind;
    struct text type;   /* of the value: "bool", "list", …; "absent", "error" */
    struct value value; /* never a list or map: those are printed, in a text; nor an error */
    struct text error;  /* why there is no value: "division by zero" */
    bool reached;       /* it was evaluated: nothing before it had settled the whole */
    bool decides;       /* the result of the whole follows from it */
    struct text list;   /* of EXPLAINED_LIST: its name */
    bool was_added;     /* the value is in the list only because it was added at run time */
    enum explained_origin origin;
};

enum explained_mode { MODE_LIVE, MODE_SHADOW, MODE_OFF, MODE_COUNT };
const char *explained_mode_name(enum explained_mode mode);

/* The result of a rule. */
enum explained_fate {
    FATE_FALSE,      /* its condition is false */
    FATE_ABSENT,     /* its condition depends on something that is absent */
    FATE_ERROR,      /* its condition could not be evaluated */
    FATE_FIRED,      /* it fired, with effect */
    FATE_SHADOW,     /* a shadow rule that fired: without effect */
    FATE_SUPPRESSED, /* it fired recently for this entity: without effect */
    FATE_OFF,        /* switched off, it or its group */
    FATE_EARLY,      /* the transaction is before the rule's time, or … */
    FATE_OVER,       /* … after it */
    FATE_LEFT_OUT,   /* its condition is true, but its rollout excludes this key */
    FATE_COUNT
};
const char *explained_fate_name(enum explained_fate fate); /* "false", "fired", … */

struct explained_rule {
    struct text name, about, file;
    uint32_t line;
    enum explained_mode mode;
    bool braked; /* in shadow, by a brake; live by the policy */
    enum explained_fate fate;
    enum verdict verdict; /* what it asks for; NONE: it only adds to the score */
    int32_t score;
    struct text group;
    int32_t capped; /* the part of score that the group's limit cut off */
    enum verdict verdict_if_live;
    enum verdict verdict_on_error; /* what it asks for when it cannot be evaluated; NONE: nothing */
    struct text reason;            /* when it fired */
    int64_t from_us, until_us;     /* 0: no bound */
    uint32_t rollout;              /* of 10,000 keys; 10,000: all */
    struct text rollout_key;       /* the field whose values are the keys */
    const struct explained_part *parts;
    size_t part_count;
};

struct explained_group {
    struct text name, about;
    bool takes_greatest; /* else the sum */
    bool is_limited;
    int32_t at_most;
    int64_t asked;   /* the greatest or the sum, of its rules that had their effect */
    int64_t counted; /* of that, within the limit */
};

struct explained_cutoff {
    enum verdict verdict;
    uint32_t score;   /* from which on */
    bool is_computed; /* with the generation, for the policy's budget */
};

/* A computed value. */
struct explained_computed {
    struct text name;
    const struct explained_part *parts;
    size_t part_count;
};

/* What a shadow policy would have decided, or the policy of the other arm. */
struct explained_shadow {
    enum arm arm; /* NONE: it is a shadow policy */
    struct text name;
    uint64_t snapshot_id;
    enum verdict verdict; /* NONE: it refuses the transaction */
    uint32_t score;
    const struct text *rules; /* that had their effect */
    size_t rule_count;
    uint32_t rule_errors;
    bool degraded;
};

/* What the inputs of a model contributed to one of its outputs. */
struct explained_model {
    struct text name;                 /* "models.fraud" */
    const struct named_value *inputs; /* greatest contribution first; absent: missing */
    const double *contributions;      /* parallel */
    size_t input_count;
    double bias, margin;
};

/* The decision of one policy about the transaction. */
struct explained_policy {
    struct text name;
    uint64_t snapshot_id;
    struct text refusal; /* why it refuses the transaction; then nothing below is set */
    struct text refused_field;
    struct decision decision; /* derived, with all features; shadows are below */
    const struct named_value
        *fields; /* the transaction's as the policy has them, derived ones too */
    size_t field_count;
    const struct explained_computed *computed;
    size_t computed_count;
    const struct explained_model *models; /* one for each output */
    size_t model_count;
    const struct explained_rule *rules; /* all, in the policy's order */
    size_t rule_count;
    const struct explained_group *groups;
    size_t group_count;
    const struct explained_cutoff *cutoffs; /* rising */
    size_t cutoff_count;
    const struct explained_shadow *shadows;
    size_t shadow_count;
    const struct text *warming; /* features that had no history in the tables */
    size_t warming_count;
};

/* An entity whose history was read. */
struct explained_entity {
    struct text name, key;
    uint64_t entries;       /* transactions that its state held, of which the newest was at: */
    int64_t newest_time_us; /* 0: none */
    uint64_t applied;       /* records that were applied to what the tables had */
    bool is_in_tables;
};

/* An outcome that was reported later. */
struct explained_outcome {
    uint64_t position;
    int64_t receive_time_us, known_time_us; /* known 0: not said */
    enum label previous, label;
    struct text source;
};

struct explained_amendment {
    uint64_t position;
    int64_t receive_time_us, known_time_us;
    struct amended previous, now;
    struct text source;
};

struct explanation {
    struct transaction transaction;
    uint64_t position;
    int64_t receive_time_us;
    struct decision archived; /* without features and shadows */
    bool is_equal;            /* what was derived is what is archived, to the bit */
    struct text difference;   /* else in words: archived → derived */
    struct text experiment;   /* whose arm the decision names; "": none */
    uint64_t policy_position; /* where the archive says that this policy decides */
    uint64_t generation_id, generation_position; /* the tables decided on; 0: none */
    uint64_t adopted_position;                   /* where the archive says so */
    uint64_t base_position; /* the history was folded from here on: the tables' position, or 0 */
    uint64_t records_read, records_applied;
    const struct explained_entity *entities;
    size_t entity_count;
    const struct explained_outcome *outcomes;
    size_t outcome_count;
    const struct explained_amendment *amendments; /* reported later, too */
    size_t amendment_count;
    const struct text *notes; /* sentences that the reader should know */
    size_t note_count;
    struct explained_policy then;
    bool has_now;
    struct explained_policy now; /* another policy, on the same history folded for it */
};
