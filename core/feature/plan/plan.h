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
/* Only these stay computable when an outcome arrives late: count, sum, mean, stddev, share,
 * quantile. */
bool aggregate_takes_outcomes(enum aggregate aggregate);

enum column_type {
    COLUMN_INTEGER, /* int64: int, bool, timestamp, and fixed point with `digits` decimals */
    COLUMN_HASH,    /* 64-bit hash of a text: enough for distinct and is_new */
    COLUMN_TEXT,    /* the text itself, at most COLUMN_TEXT_MAX bytes: for first and last */
    COLUMN_PLACE,   /* place_pack() of where the transaction was: for distance and speed */
};

#define PLAN_ENTITIES_MAX    64
#define PLAN_COLUMNS_MAX     32                      /* per entity */
#define PLAN_FILTERS_MAX     32                      /* per entity */
#define PLAN_FEATURES_MAX    256                     /* per entity */
#define PLAN_GATHERINGS_MAX  (2 * PLAN_FEATURES_MAX) /* a feature needs at most two, */
#define PLAN_SPANS_MAX       (2 * PLAN_FEATURES_MAX) /* and burst two windows */
#define PLAN_KEY_PARTS_MAX   3
#define PLAN_WINDOW_US_MAX   (INT64_C(3660) * 86400 * 1000000) /* window + delay: ten years */
#define PLAN_LATENESS_US_MAX PLAN_WINDOW_US_MAX
#define PLAN_Q_PARTS         10000 /* a quantile's q is a whole number of these parts */
#define PLAN_DIGITS_MAX      18    /* 10^18 is the last power that an int64 holds */
#define COLUMN_TEXT_MAX      128

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
    uint64_t definition;     /* equal definitions have equal values; name and default left out */
    uint16_t gathering;      /* index into the entity's gatherings: what its value is made from */
    uint16_t part_gathering; /* AGGREGATE_SHARE: the numerator */
    uint16_t tick_gathering; /* AGGREGATE_BURST: the last tick */
};

/* How values are made of what has been gathered: giving.c. */
enum giving_kind {
    GIVING_COUNT,
    GIVING_SUM,
    GIVING_MEAN,
    GIVING_STDDEV,
    GIVING_SHARE,
    GIVING_EXTREME,
    GIVING_DISTINCT,
    GIVING_LAST_AGE,
    GIVING_OTHER, /* every other aggregate */
    GIVING_KIND_COUNT
};

struct giving {
    uint16_t feature; /* whose value it is */
    /* Where that value lies among the features' values, and what it is made of among all that is
     * gathered: in bytes. */
    uint16_t value_at;
    uint32_t gathered_at, part_gathered_at;
    /* Where the gather keeps the current transaction's weight for the filter and for the part, and
     * the bit of the column (0: none) that it must have to count. */
    uint8_t weight_at, part_at;
    uint32_t column_bit;
    bool is_min;   /* GIVING_EXTREME: else the greatest */
    int8_t column; /* -1: none, and nothing from here on means anything */
    uint8_t type;  /* the column's, of enum value_type */
    /* What a double of it is divided by, in both ways: 10^digits. */
    int64_t scale;
    double divisor;
};

/* How a state is read: in one pass that gathers, for all features at once, what their values are
 * made from. Features that agree in window, delay, filter and column share one gathering. */
enum gathering_need {
    GATHERING_SUM = 1,         /* the sum; the count of entries is always gathered */
    GATHERING_SQUARES = 2,     /* the sum of squares */
    GATHERING_EXTREMES = 4,    /* smallest and greatest value */
    GATHERING_EDGES = 8,       /* oldest and newest entry */
    GATHERING_MATCH = 16,      /* is the current transaction's value there? */
    GATHERING_DISTINCT = 32,   /* how many different values */
    GATHERING_SIGHTINGS = 64,  /* collects the values for itself and all it leads to by `next` */
    GATHERING_COUNT = 128,     /* nothing but the count of entries */
    GATHERING_QUANTILES = 256, /* each value with its weight */
    GATHERING_VALUES = GATHERING_MATCH | GATHERING_DISTINCT | GATHERING_SIGHTINGS,
    GATHERING_SKETCHED = GATHERING_VALUES | GATHERING_QUANTILES, /* reads sketch tiles */
};

struct gathering {
    uint16_t needs; /* of enum gathering_need */
    int8_t column;  /* -1: none */
    int8_t filter;  /* -1: none */
    uint16_t span;  /* index into the entity's spans */
    uint16_t next;  /* same delay, filter and column in a shorter window, distinct too; 0: none */
    int16_t total;  /* index into the entity's totals; -1: only values are gathered */
    int16_t pool;   /* index into the entity's pools; -1: no different values are gathered */
    int16_t distribution; /* index into the entity's distributions; -1: no quantiles */
    int16_t quantile;     /* which of the gatherings for quantiles it is; -1: none */
};

/* What a collapsed tile keeps of its entries: totals of those that pass a filter and have a column,
 * for the gatherings that need them; the different values of that column, in a pool; and how often
 * which values occur, in a distribution. Pools and distributions are kept in sketch tiles. */
struct total {
    uint8_t needs; /* SUM, SQUARES, EXTREMES and EDGES of enum gathering_need; always the count */
    int8_t column; /* -1: none */
    int8_t filter; /* -1: none */
    uint16_t first_use, use_count; /* of the entity's uses */
    uint32_t column_bit;           /* 0: none */
};

struct pool {
    int8_t column, filter;
};

/* A window and the gatherings over it: [first, first + count). Ages count back from the time of the
 * read; the window holds delay_us <= age < end_us. */
struct span {
    uint64_t delay_us, end_us;
    uint16_t first, count;
};

/* Where windows begin or end, as a distance behind the time of a read, and what a standing keeps of
 * each gathering: course.c. */
struct border {
    uint64_t distance_us;
    uint16_t first, opens,
        closes; /* of the course's spans: those that begin here, those that end */
    uint16_t first_change, comes, leaves; /* of its changes: what is kept over those spans */
    bool passes_values; /* in or out of windows whose different values are asked for */
};

/* What a standing keeps of one gathering, with all that an entry that comes or leaves wants to
 * know. */
struct keeping {
    uint32_t column_bit; /* of the entry's columns; 0: none is needed */
    uint16_t gathering;
    int8_t column, filter; /* the gathering's */
    uint8_t weight_at;     /* which bit of run_weights() says whether the entry counts */
    uint16_t kept;         /* of enum course_kept */
    uint16_t word;         /* where that lies in a standing */
    uint16_t pool, member; /* its pool, and which of the pool's gatherings it is */
    uint16_t crowd;        /* which of those with a pool it is */
};

struct course {
    struct border borders[2 * PLAN_SPANS_MAX]; /* nearest first */
    size_t border_count;
    uint16_t spans[2 * PLAN_SPANS_MAX];
    uint16_t opens[PLAN_SPANS_MAX]; /* [span]: the border where it begins */
    uint16_t closes[PLAN_SPANS_MAX];
    struct keeping keepings[PLAN_GATHERINGS_MAX];    /* [gathering] */
    struct keeping changes[2 * PLAN_GATHERINGS_MAX]; /* the same, border by border */
    uint16_t word_count, crowd_count;
    uint16_t member_count; /* of the pool that has most */
    /* The nearest border where an entry leaves a window whose different values are asked for, and
     * the pool of those; COURSE_NO_BORDER: there is none. */
    uint16_t leaving_border, leaving_pool;
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
    struct giving givings[PLAN_FEATURES_MAX];      /* one for each feature, kind by kind */
    uint16_t giving_starts[GIVING_KIND_COUNT + 1]; /* [kind]: its first; then behind the last */
    struct span spans[PLAN_SPANS_MAX];             /* the furthest-reaching first */
    size_t span_count;
    struct gathering gatherings[PLAN_GATHERINGS_MAX]; /* span by span */
    size_t gathering_count;
    struct total totals[PLAN_GATHERINGS_MAX];
    size_t total_count;
    uint16_t uses[PLAN_GATHERINGS_MAX]; /* gatherings, those of one total side by side */
    size_t use_count;
    struct pool pools[PLAN_FEATURES_MAX];
    size_t pool_count;
    struct pool distributions[PLAN_FEATURES_MAX];
    size_t distribution_count;
    size_t quantile_count;         /* gatherings for quantiles */
    bool has_sketches;             /* pools or distributions */
    int64_t lateness_us;           /* of the plan */
    struct partition tiles;        /* none wider than 1/64 of a window that reads it */
    struct partition sketch_tiles; /* 1/8; where there are sketches */
    /* Entries are dropped by blocks, the widest tiles there can be, once the block's last instant
     * is so old; sketches earlier, once no window that asks for them reads them. */
    unsigned block_level;
    uint64_t kept_us, pools_kept_us;
    struct course course;
    uint32_t all_columns;  /* bit i: there is a column i */
    uint32_t text_columns; /* bit i: column i is a text */
    bool is_plain;         /* nothing but counts and sums of all entries: gather_plain.c */
};

struct plan {
    struct entity_plan *entities;
    size_t entity_count;
    int64_t lateness_us; /* a read this far behind an entity's newest time is still exact */
    /* Filled by plan_finish(): */
    uint64_t id; /* hash over entity names, layouts and definitions */
};

/* Checks limits and combinations (ERROR_INVALID names entity and feature) and fills what is
 * derived, definition hashes included. What goes together:
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
int plan_finish(struct plan *plan, struct error *ret_error);

/* For states that are nobody else's, which are half as large then: no entry keeps the hash of its
 * transaction's id. Only what is first or last of entries that have the same time goes by it, so an
 * entity with a feature of such a column keeps it all the same. Of other entities, entries of equal
 * time and columns are one entry, whose tally is the sum of theirs: every value is what it was.
 * Their bytes are other ones: not for tables, nor for comparing. Returns whether no entry of the
 * entity keeps it now. */
bool plan_omit_ids(struct entity_plan *entity);

/* What a value of the feature is when it is there: int for count, distinct and the sum of ints or
 * bools; the column's own type for min, max, first, last and quantile; int for distance; bool for
 * is_new; else double. */
enum value_type feature_value_type(const struct entity_plan *entity, const struct feature *feature);
