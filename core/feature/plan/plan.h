/* What a policy's features compile to: per entity, which values of a transaction its state keeps
 * and which windows are answered from them. Made by policy/, read by everything that touches a
 * state.
 *
 * A plan is plain immutable data; whoever made it owns the memory (a snapshot). */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/base/value.h"
#include "partition.h"

#include <stdbool.h>
#include <stdint.h>

/* The version in every encoded state's first byte, and part of every layout hash. */
#define STATE_ENCODING_VERSION 3

enum aggregate {
    AGGREGATE_COUNT, /* transactions */
    AGGREGATE_SUM,   /* of a column */
    AGGREGATE_MEAN,  /* sum / count; absent when empty */
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
    AGGREGATE_QUANTILE,            /* of rank ⌈q · n⌉; absent when empty */
    AGGREGATE_DISTANCE,            /* int, metres from the last place to the current one; place.h */
    AGGREGATE_SPEED,               /* double, km/h that it takes, in steps of 0.1 */
    AGGREGATE_BURST,               /* double: how surprising the last tick's count is; burst.h */
    AGGREGATE_TYPE_COUNT
};

const char *aggregate_name(enum aggregate aggregate); /* "count", "seconds_since_last" */
enum aggregate aggregate_parse(struct text name);     /* AGGREGATE_TYPE_COUNT if none */

/* What an aggregate needs of its column. Which fields a policy may give it follows from this. */
enum column_use {
    COLUMN_NONE,
    COLUMN_NUMBER,   /* it adds them up or ranks them */
    COLUMN_ORDERED,  /* numbers, or times */
    COLUMN_COMPARED, /* for equality */
    COLUMN_SHOWN,    /* its value is one of them */
    COLUMN_PLACED,
};

enum column_use aggregate_column_use(enum aggregate aggregate);
bool aggregate_needs_column(enum aggregate aggregate);
/* Bits of enum need. */
uint16_t aggregate_needs(enum aggregate aggregate);
/* Only these stay computable when an outcome arrives late: count, sum, mean, stddev, share,
 * quantile. */
bool aggregate_takes_outcomes(enum aggregate aggregate);

enum column_type {
    COLUMN_INTEGER, /* int64: int, bool, timestamp, and fixed point with `digits` decimals */
    COLUMN_HASH,    /* 64-bit hash of a text: enough for distinct and is_new */
    COLUMN_TEXT,    /* the text itself, at most COLUMN_TEXT_MAX bytes: for first and last */
    COLUMN_PLACE,   /* place_pack() of where the transaction was: for distance and speed */
};

#define PLAN_ENTITIES_MAX     64
#define PLAN_COLUMNS_MAX      32                      /* per entity */
#define PLAN_FILTERS_MAX      32                      /* per entity */
#define PLAN_FEATURES_MAX     256                     /* per entity */
#define PLAN_AGGREGATIONS_MAX (2 * PLAN_FEATURES_MAX) /* a feature needs at most two, */
#define PLAN_SPANS_MAX        (2 * PLAN_FEATURES_MAX) /* and burst two windows */
#define PLAN_KEY_PARTS_MAX    3
#define PLAN_WINDOW_US_MAX    (INT64_C(3660) * 86400 * 1000000) /* window + delay: ten years */
#define PLAN_LATENESS_US_MAX  PLAN_WINDOW_US_MAX
#define PLAN_Q_PARTS          10000 /* a quantile's q is a whole number of these parts */
#define PLAN_DIGITS_MAX       18    /* 10^18 is the last power that an int64 holds */
#define COLUMN_TEXT_MAX       128

struct column {
    struct text source; /* canonical name of what it holds: "amount", "attributes.items" */
    enum column_type type;
    enum value_type value_type; /* what its values are to an expression; COLUMN_PLACE: absent */
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
    uint16_t q_parts;           /* AGGREGATE_QUANTILE: above 0 and below PLAN_Q_PARTS; else 0 */
    int64_t tick_us;            /* AGGREGATE_BURST: shorter than the window; else 0 */
    struct value default_value; /* instead of absent; VALUE_ABSENT: none */
    /* Filled by plan_finish(): */
    uint64_t definition;  /* equal definitions have equal values; name and default left out */
    uint16_t aggregation; /* index into the entity's aggregations: what its value is made from */
    uint16_t part_aggregation; /* AGGREGATE_SHARE: the numerator */
    uint16_t tick_aggregation; /* AGGREGATE_BURST: the last tick */
};

/* How the values of features are computed from what their windows hold: read/values.c. */
enum output_kind {
    OUTPUT_COUNT,
    OUTPUT_SUM,
    OUTPUT_MEAN,
    OUTPUT_STDDEV,
    OUTPUT_SHARE,
    OUTPUT_EXTREME,
    OUTPUT_DISTINCT,
    OUTPUT_LAST_AGE,
    OUTPUT_OTHER, /* every other aggregate */
    OUTPUT_KIND_COUNT
};

/* The value of one feature, with all that computing it needs to know. */
struct output {
    uint16_t feature; /* whose value it is */
    uint16_t aggregation, part_aggregation;
    /* Where the reader keeps the current transaction's weight for the filter and for the part, and
     * the bit of the column (0: none) that it must have to count. */
    uint8_t weight_at, part_at;
    uint32_t column_bit;
    bool is_min;   /* OUTPUT_EXTREME: else the greatest */
    int8_t column; /* -1: none, and nothing from here on means anything */
    uint8_t type;  /* the column's, of enum value_type */
    /* What a double of it is divided by, in both ways: 10^digits. */
    int64_t scale;
    double divisor;
};

/* What is aggregated over one window: features that agree in window, delay, filter and column share
 * one aggregation. */
enum need {
    NEED_SUM = 1,         /* the sum; the count of entries is always aggregated */
    NEED_SQUARES = 2,     /* the sum of squares */
    NEED_EXTREMES = 4,    /* smallest and greatest value */
    NEED_EDGES = 8,       /* oldest and newest entry */
    NEED_MATCH = 16,      /* is the current transaction's value there? */
    NEED_DISTINCT = 32,   /* how many different values */
    NEED_COUNT = 128,     /* nothing but the count of entries */
    NEED_QUANTILES = 256, /* each value with its weight */
    NEED_VALUES = NEED_MATCH | NEED_DISTINCT,
    NEED_SKETCHED = NEED_VALUES | NEED_QUANTILES, /* reads sketch tiles */
};

struct aggregation {
    uint16_t needs; /* of enum need */
    int8_t column;  /* -1: none */
    int8_t filter;  /* -1: none */
    uint16_t span;  /* index into the entity's spans */
    int16_t total;  /* index into the entity's totals; -1: only values are aggregated */
    int16_t pool;   /* index into the entity's pools; -1: no different values are aggregated */
    int16_t distribution; /* index into the entity's distributions; -1: no quantiles */
    int16_t quantile;     /* which of the aggregations for quantiles it is; -1: none */
};

/* What a collapsed tile keeps of its entries: totals of those that pass a filter and have a column,
 * for the aggregations that need them; the different values of that column, in a pool; and how
 * often which values occur, in a distribution. Pools and distributions are kept in sketch tiles. */
struct total {
    uint8_t needs; /* SUM, SQUARES, EXTREMES and EDGES of enum need; always the count */
    int8_t column; /* -1: none */
    int8_t filter; /* -1: none */
};

struct pool {
    int8_t column, filter;
};

/* Is what is of this time in the window of a read at at_us? */
static inline bool span_holds(const struct span *span, int64_t time_us, int64_t at_us) {
    return is_behind(time_us, at_us, span->delay_us) && !is_behind(time_us, at_us, span->end_us);
}

/* What an accumulator keeps of its aggregation beside the count, in words of 8 bytes, in this
 * order.
 */
enum kept {
    KEPT_SUM = 1,       /* 2 words */
    KEPT_SQUARES = 2,   /* 3 */
    KEPT_EXTREMES = 4,  /* 2 */
    KEPT_FIRST = 8,     /* 1, together with KEPT_LAST */
    KEPT_LAST = 16,     /* of KEPT_FIRST's word */
    KEPT_DISTINCT = 32, /* none: live/distinct.h */
    /* Of KEPT_EXTREMES: which of the two is asked for. The other may be further out than any
     * entry that is there. */
    KEPT_MIN = 64,
    KEPT_MAX = 128,
};

/* What an entry or a tile does to one aggregation when it comes into its window or leaves it. */
struct change {
    uint32_t column_bit; /* of the entry's columns; 0: none is needed */
    uint16_t aggregation;
    uint16_t word; /* of the accumulators: where the aggregation's begins */
    uint16_t kept; /* of enum kept */
    int16_t total; /* the aggregation's; -1: none */
    int8_t column, filter;
    uint8_t weight_bit;    /* which bit of row_weights() says whether the entry counts */
    int8_t sign;           /* 1: it comes, -1: it leaves */
    uint16_t pool, member; /* KEPT_DISTINCT: the pool, and which of its aggregations it is */
    uint16_t counter;      /* which of all aggregations with a pool it is */
};

/* A border: a distance behind the time of a read where windows begin or end. An entry passes one
 * border after the other as it ages; between two of them it is in the same windows. */
struct border {
    uint64_t distance_us;
    uint16_t first_change, change_count; /* of the entity's changes */
};

/* Where a reader keeps the weights of the current transaction: that of one that does not count, of
 * one without a filter (-1), of one with. */
#define WEIGHT_NONE 0
#define WEIGHTS     (PLAN_FILTERS_MAX + 2)
static inline uint8_t weight_at(int filter) {
    return (uint8_t)(filter + 2);
}

/* How an entry lies in memory, as a row of fixed width: live/row.h. */
#define ROW_WIDTHS  4 /* of numbers and texts */
#define ROW_LAYOUTS (3 * ROW_WIDTHS)
#define ROW_TALLY   ROW_WIDTHS       /* added to the width: with a tally */
#define ROW_TAKEN   (2 * ROW_WIDTHS) /* and with what was taken out */
struct row_layout {
    uint64_t flags_mask, time_mask;
    uint16_t size;
    uint8_t id_at, flags_at;
    uint16_t tally_at;                    /* 0: none */
    uint16_t taken_at;                    /* 0: none */
    uint8_t text_size;                    /* bytes of a text's cell: the text, zeros, its length */
    uint8_t cell_shift[PLAN_COLUMNS_MAX]; /* 64 − the bits of a number's cell */
    uint16_t cell_at[PLAN_COLUMNS_MAX];
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
    int64_t reach_us; /* longest window + delay; 0 without features: nothing is kept */
    uint64_t layout;  /* hash over all that decides the bytes of a state, lateness included */
    size_t id_size;   /* bytes of the id's hash in a stored entry: 8, or plan_omit_ids() */
    struct output outputs[PLAN_FEATURES_MAX];      /* one for each feature, kind by kind */
    uint16_t output_starts[OUTPUT_KIND_COUNT + 1]; /* [kind]: its first; then behind the last */
    struct span spans[PLAN_SPANS_MAX];             /* the furthest-reaching first */
    size_t span_count;
    struct aggregation aggregations[PLAN_AGGREGATIONS_MAX]; /* span by span */
    size_t aggregation_count;
    struct total totals[PLAN_AGGREGATIONS_MAX];
    size_t total_count;
    struct pool pools[PLAN_FEATURES_MAX];
    size_t pool_count;
    struct pool distributions[PLAN_FEATURES_MAX];
    size_t distribution_count;
    size_t quantile_count;         /* aggregations for quantiles */
    bool has_sketches;             /* pools or distributions */
    int64_t lateness_us;           /* of the plan */
    struct partition tiles;        /* none wider than 1/64 of a window that reads it */
    struct partition sketch_tiles; /* 1/8; where there are sketches */
    /* Entries are dropped by blocks, the widest tiles there can be, once the block's last instant
     * is so old; sketches earlier, once no window that asks for them reads them. */
    unsigned block_level;
    uint64_t kept_us, pools_kept_us;
    uint32_t all_columns;  /* bit i: there is a column i */
    uint32_t text_columns; /* bit i: column i is a text */
    struct row_layout rows[ROW_LAYOUTS];
    /* A tile in memory, by the width of the state's rows: words of 8 bytes, and where each total
     * begins among them. */
    uint16_t tile_words[ROW_WIDTHS], total_at[ROW_WIDTHS][PLAN_AGGREGATIONS_MAX];
    struct border borders[2 * PLAN_SPANS_MAX]; /* nearest first */
    size_t border_count;
    struct change changes[2 * PLAN_AGGREGATIONS_MAX]; /* border by border */
    struct change comings[PLAN_AGGREGATIONS_MAX]; /* [aggregation]: what comes into its window */
    uint16_t word_count;                          /* of the accumulators */
    uint16_t counter_count;                       /* aggregations with a pool */
    uint16_t member_count;                        /* of the pool that has most */
    uint64_t
        pools_reach_us; /* where the longest window ends whose different values are asked for */
};

struct plan {
    struct entity_plan *entities;
    size_t entity_count;
    int64_t lateness_us; /* a read this far behind an entity's newest time is still exact */
    /* Filled by plan_finish(): */
    uint64_t id; /* hash over entity names, layouts and definitions */
};

/* Checks limits and combinations (ERROR_INVALID names entity and feature). What goes
 * together:
 *
 *   columns    integer: int, bool, timestamp (digits 0) or double (fixed point, digits 0…18)
 *              hash: any type; text: string; place: absent
 *   sum, mean, stddev, quantile    integer columns, but not timestamps
 *   min, max               integer columns
 *   distinct, is_new       integer and hash columns
 *   first, last            integer and text columns
 *   distance, speed        place columns
 *   count, share, seconds_since_first, seconds_since_last, burst take no column
 *   share, and only share, has a part; so with quantile and q_parts, burst and tick_us
 *   a default has the type that feature_value_type() says */
int plan_check(const struct plan *plan, struct error *ret_error);

/* What a value of the feature is when it is there: int for count, distinct and the sum of ints or
 * bools; the column's own type for min, max, first, last and quantile; int for distance; bool for
 * is_new; else double. */
enum value_type feature_value_type(const struct entity_plan *entity, const struct feature *feature);
