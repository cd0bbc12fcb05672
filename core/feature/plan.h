/* What a policy's features compile to: per entity, which values of a transaction its state keeps and
 * which windows are answered from them. Made by policy/, read by everything that touches a state.
 *
 * A plan is plain immutable data; whoever made it owns the memory (a snapshot). */
#pragma once

#include "../base/error.h"
#include "../base/text.h"
#include "../base/value.h"

#include <stdbool.h>
#include <stdint.h>

enum aggregate {
    AGGREGATE_COUNT,               /* transactions */
    AGGREGATE_SUM,                 /* of a column */
    AGGREGATE_MEAN,                /* sum / count; absent when empty */
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_STDDEV,              /* of the sample (n − 1); absent below two */
    AGGREGATE_DISTINCT,            /* different values of a column */
    AGGREGATE_FIRST,               /* oldest value */
    AGGREGATE_LAST,                /* newest value, the current transaction never included */
    AGGREGATE_SECONDS_SINCE_FIRST, /* double */
    AGGREGATE_SECONDS_SINCE_LAST,  /* double, the current transaction never included */
    AGGREGATE_SHARE,               /* of those that also pass `part`; absent when empty */
    AGGREGATE_IS_NEW,              /* bool: the current value is not among those before it */
    AGGREGATE_TYPE_COUNT
};

const char *aggregate_name(enum aggregate aggregate);          /* "count", "seconds_since_last" */
enum aggregate aggregate_parse(struct text name);              /* AGGREGATE_TYPE_COUNT if none */
bool aggregate_needs_column(enum aggregate aggregate);
/* Only these stay computable when an outcome arrives late: count, sum, mean, stddev, share. */
bool aggregate_takes_outcomes(enum aggregate aggregate);

enum column_type {
    COLUMN_INTEGER, /* int64: int, bool, timestamp, and fixed point with `digits` decimals */
    COLUMN_HASH,    /* 64-bit hash of a text: enough for distinct and is_new */
    COLUMN_TEXT,    /* the text itself, at most COLUMN_TEXT_MAX bytes: for first and last */
};

#define PLAN_ENTITIES_MAX 64
#define PLAN_COLUMNS_MAX 32  /* per entity */
#define PLAN_FILTERS_MAX 32  /* per entity */
#define PLAN_FEATURES_MAX 256 /* per entity */
#define PLAN_KEY_PARTS_MAX 3
#define PLAN_WINDOW_US_MAX (INT64_C(3660) * 86400 * 1000000) /* window + delay: ten years */
#define COLUMN_TEXT_MAX 128

struct column {
    struct text source; /* canonical name of what it holds: "amount", "attributes.items" */
    enum column_type type;
    enum value_type value_type; /* what its values are to an expression */
    uint8_t digits;             /* COLUMN_INTEGER as fixed point: value = integer / 10^digits */
};

struct filter {
    struct text source; /* canonical text of the condition */
    bool outcome;       /* reads the outcome: its weight changes when one arrives */
};

struct feature {
    struct text name; /* without the entity: "count_10m" */
    enum aggregate aggregate;
    int column; /* -1: none */
    int filter; /* -1: every transaction */
    int part;   /* AGGREGATE_SHARE: the filter of the numerator (already && filter); else -1 */
    int64_t window_us, delay_us;
    bool exclude_current;
    struct value default_value; /* instead of absent; VALUE_ABSENT: none */
    uint64_t definition;        /* equal definitions have equal values; name and default left out */
};

struct entity_plan {
    struct text name;
    struct text key; /* canonical: "card", "card+merchant" */
    struct column *columns;
    size_t column_count;
    struct filter *filters;
    size_t filter_count;
    struct feature *features;
    size_t feature_count;
    /* Filled by plan_finish(): */
    int64_t reach_us; /* longest window + delay */
    uint64_t layout;  /* hash over all that decides the bytes of a state */
};

struct plan {
    struct entity_plan *entities;
    size_t entity_count;
    int64_t lateness_us; /* a read this far behind an entity's newest time is still exact */
    /* Filled by plan_finish(): */
    uint64_t id; /* hash over all layouts and features */
};

/* Checks limits and combinations (ERROR_INVALID names entity and feature) and fills what is derived,
 * definition hashes included. */
int plan_finish(struct plan *plan, struct error *ret_error);

/* What a value of the feature is when it is there. */
enum value_type feature_value_type(const struct entity_plan *entity, const struct feature *feature);
