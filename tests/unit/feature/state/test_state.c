/* Each aggregate on one small history, and the edges of states: windows, memory, extreme numbers.
 */
#include "core/feature/read/place.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <math.h>

#define LATENESS (10 * SECOND)

/* The history that the cases below read. Times in seconds. */
static const struct past {
    int64_t at;
    uint64_t id;
    int64_t amount, items; /* items −1: none */
    const char *merchant;
    bool online;
    enum scene_label label;
} history[] = {
    {100, 1, 1000, 2, "baker", false, SCENE_UNKNOWN},
    {110, 3, -250, 4, "airline", true, SCENE_FRAUD},
    {110, 2, 700, -1, "baker", true, SCENE_UNKNOWN}, /* the same time, the smaller id */
    {120, 4, 500, 9, "cinema", false, SCENE_LEGIT},
    {130, 5, 499, 2, "airline", true, SCENE_FRAUD},
};
#define HISTORY_ROWS (sizeof history / sizeof *history)

static struct payment payment_of(const struct past *row) {
    struct payment payment = {.time_us = row->at * SECOND,
                              .id_hash = row->id,
                              .present = (1 << SCENE_COLUMNS) - 1,
                              .merchant = row->merchant};
    payment.integers[SCENE_AMOUNT] = row->amount;
    payment.integers[SCENE_ITEMS] = row->items;
    payment.integers[SCENE_ONLINE] = row->online;
    payment.integers[SCENE_OPENED] = row->at * 1000;
    /* A hundredth of a degree along the equator, 1112 m, for each second; nobody knows where the
     * cinema is. */
    payment.integers[SCENE_PLACE] = place_pack(0, (int32_t)row->at * 100000);
    if (strcmp(row->merchant, "cinema") == 0)
        payment.present &= ~(1u << SCENE_PLACE);
    if (row->items < 0)
        payment.present &= ~(1u << SCENE_ITEMS);
    return payment;
}

/* The transaction that asks: 2.50 online at a new merchant. */
static const struct past asking = {0, 9, 250, 2, "florist", true, SCENE_UNKNOWN};

static void apply_row(const struct scene *scene, struct state *state, const struct past *row) {
    struct payment payment = payment_of(row);
    struct entry entry = scene_transaction(&payment);
    scene_apply(scene, state, &entry);
    if (row->label != SCENE_UNKNOWN) {
        entry = scene_outcome(&payment, SCENE_UNKNOWN, row->label);
        scene_apply(scene, state, &entry);
    }
}

/* Of the bytes, and of the state in memory, which must agree. A text is valid until the next call.
 */
static struct value read_one(const struct scene *scene, struct state *state, int64_t at_us,
                             const struct entry *current) {
    static struct value values[PLAN_FEATURES_MAX], evaluated[PLAN_FEATURES_MAX];
    static char text[COLUMN_TEXT_MAX];
    struct state_scratch *scratch = state_scratch_new(), *other = state_scratch_new();
    state_read(ENCODED(&scene->entity, state), &scene->entity, scene->plan.lateness_us, at_us,
               current, scratch, values);
    state_evaluate(state, &scene->entity, scene->plan.lateness_us, at_us, current, other,
                   evaluated);
    assert_true(value_equal(values[0], evaluated[0]));
    if (values[0].type == VALUE_TEXT && values[0].text.length > 0) {
        memcpy(text, values[0].text.data, values[0].text.length);
        values[0].text.data = text;
    }
    state_scratch_free(scratch);
    state_scratch_free(other);
    return values[0];
}

enum who { ALONE, ASKED, EXCLUDED }; /* no current transaction; one; one with exclude_current */

static const struct value_case {
    const char *name;
    enum aggregate aggregate;
    int column, filter, part;
    int64_t window, delay; /* seconds */
    enum who who;
    int64_t at;           /* seconds */
    const char *expected; /* as value_format() prints it, behind the type */
    uint16_t q_parts;
    int64_t tick; /* seconds */
} cases[] = {
#define ALL    -1, -1
#define AMOUNT SCENE_AMOUNT, -1, -1
#define ITEMS  SCENE_ITEMS, -1, -1
#define PLACE  SCENE_PLACE, -1, -1
    {"count of all", AGGREGATE_COUNT, -1, ALL, 100, 0, ALONE, 130, "int 5"},
    {"count with current", AGGREGATE_COUNT, -1, ALL, 100, 0, ASKED, 130, "int 6"},
    {"count without current", AGGREGATE_COUNT, -1, ALL, 100, 0, EXCLUDED, 130, "int 5"},
    {"count of none", AGGREGATE_COUNT, -1, ALL, 100, 0, ALONE, 99, "int 0"},
    {"the newest edge is in", AGGREGATE_COUNT, -1, ALL, 5, 0, ALONE, 130, "int 1"},
    {"the oldest edge is out", AGGREGATE_COUNT, -1, ALL, 30, 0, ALONE, 130, "int 4"},
    {"just inside the oldest edge", AGGREGATE_COUNT, -1, ALL, 31, 0, ALONE, 130, "int 5"},
    {"what is newer than T is not seen", AGGREGATE_COUNT, -1, ALL, 100, 0, ALONE, 129, "int 4"},
    {"equal times are in", AGGREGATE_COUNT, -1, ALL, 1, 0, ALONE, 110, "int 2"},
    {"delay: newest edge in", AGGREGATE_COUNT, -1, ALL, 11, 10, ALONE, 130, "int 3"},
    {"delay: just before", AGGREGATE_COUNT, -1, ALL, 11, 11, ALONE, 130, "int 2"},
    {"delay: oldest edge out", AGGREGATE_COUNT, -1, ALL, 10, 10, ALONE, 130, "int 1"},
    {"delay leaves current out", AGGREGATE_COUNT, -1, ALL, 100, 10, ASKED, 130, "int 4"},
    {"filter", AGGREGATE_COUNT, -1, SCENE_IS_DEAR, -1, 100, 0, ALONE, 130, "int 3"},
    {"filter refuses current", AGGREGATE_COUNT, -1, SCENE_IS_DEAR, -1, 100, 0, ASKED, 130, "int 3"},
    {"filter takes current", AGGREGATE_COUNT, -1, SCENE_IS_ONLINE, -1, 100, 0, ASKED, 130, "int 4"},
    {"outcome filter", AGGREGATE_COUNT, -1, SCENE_IS_FRAUD, -1, 100, 0, ASKED, 130, "int 2"},
    {"outcome filter, unknown passes", AGGREGATE_COUNT, -1, SCENE_NOT_LEGIT, -1, 100, 0, ASKED, 130,
     "int 5"},

    {"sum", AGGREGATE_SUM, AMOUNT, 100, 0, ALONE, 130, "double 24.49"},
    {"sum with current", AGGREGATE_SUM, AMOUNT, 100, 0, ASKED, 130, "double 26.99"},
    {"sum of none", AGGREGATE_SUM, AMOUNT, 100, 0, ALONE, 90, "double 0"},
    {"sum below zero", AGGREGATE_SUM, SCENE_AMOUNT, SCENE_IS_FRAUD, -1, 15, 5, ALONE, 120,
     "double -2.5"},
    {"sum of ints", AGGREGATE_SUM, ITEMS, 100, 0, ALONE, 130, "int 17"},
    {"sum of bools", AGGREGATE_SUM, SCENE_ONLINE, -1, -1, 100, 0, ASKED, 130, "int 4"},
    {"sum over outcomes", AGGREGATE_SUM, SCENE_AMOUNT, SCENE_IS_FRAUD, -1, 100, 0, ALONE, 130,
     "double 2.49"},

    {"mean", AGGREGATE_MEAN, AMOUNT, 100, 0, ALONE, 130, "double 4.898"},
    {"mean with current", AGGREGATE_MEAN, AMOUNT, 100, 0, EXCLUDED, 130, "double 4.898"},
    {"mean skips what has no value", AGGREGATE_MEAN, ITEMS, 100, 0, ALONE, 130, "double 4.25"},
    {"mean of none", AGGREGATE_MEAN, AMOUNT, 5, 0, ALONE, 145, "absent "},
    {"mean of current alone", AGGREGATE_MEAN, AMOUNT, 5, 0, ASKED, 145, "double 2.5"},

    {"min", AGGREGATE_MIN, AMOUNT, 100, 0, ASKED, 130, "double -2.5"},
    {"min in a window", AGGREGATE_MIN, AMOUNT, 15, 0, ALONE, 130, "double 4.99"},
    {"min is current", AGGREGATE_MIN, AMOUNT, 15, 0, ASKED, 130, "double 2.5"},
    {"min of none", AGGREGATE_MIN, AMOUNT, 5, 0, EXCLUDED, 145, "absent "},
    {"max", AGGREGATE_MAX, AMOUNT, 100, 0, ASKED, 130, "double 10"},
    {"max of ints", AGGREGATE_MAX, ITEMS, 100, 0, ASKED, 130, "int 9"},
    {"max of current", AGGREGATE_MAX, AMOUNT, 5, 0, ASKED, 145, "double 2.5"},
    {"max of bools", AGGREGATE_MAX, SCENE_ONLINE, -1, -1, 1, 0, ALONE, 120, "bool false"},
    {"max of timestamps", AGGREGATE_MAX, SCENE_OPENED, -1, -1, 100, 0, ALONE, 125,
     "timestamp 1970-01-01T00:00:00.120000Z"},

    /* 2, 4, 9, 2: mean 4.25, squares of differences 32.75 */
    {"stddev", AGGREGATE_STDDEV, ITEMS, 100, 0, ALONE, 130, "double 3.304037933599835"},
    {"stddev of one", AGGREGATE_STDDEV, ITEMS, 1, 0, ALONE, 130, "absent "},
    {"stddev of one and current", AGGREGATE_STDDEV, ITEMS, 1, 0, ASKED, 130, "double 0"},
    {"stddev of fixed point", AGGREGATE_STDDEV, AMOUNT, 11, 0, ALONE, 130,
     "double 0.007071067811865475"},

    {"distinct", AGGREGATE_DISTINCT, SCENE_MERCHANT, -1, -1, 100, 0, ALONE, 130, "int 3"},
    {"distinct with a new one", AGGREGATE_DISTINCT, SCENE_MERCHANT, -1, -1, 100, 0, ASKED, 130,
     "int 4"},
    {"distinct with a known one", AGGREGATE_DISTINCT, ITEMS, 100, 0, ASKED, 130, "int 3"},
    {"distinct in a window", AGGREGATE_DISTINCT, SCENE_MERCHANT, -1, -1, 11, 0, ALONE, 130,
     "int 2"},
    {"distinct filtered", AGGREGATE_DISTINCT, SCENE_MERCHANT, SCENE_IS_DEAR, -1, 100, 0, ASKED, 130,
     "int 2"},

    {"first", AGGREGATE_FIRST, AMOUNT, 100, 0, ASKED, 130, "double 10"},
    {"first of equal times: by id", AGGREGATE_FIRST, AMOUNT, 21, 0, ASKED, 130, "double 7"},
    {"first is current", AGGREGATE_FIRST, AMOUNT, 5, 0, ASKED, 145, "double 2.5"},
    {"first of none", AGGREGATE_FIRST, AMOUNT, 5, 0, EXCLUDED, 145, "absent "},
    {"first text", AGGREGATE_FIRST, SCENE_MERCHANT_TEXT, -1, -1, 100, 0, ALONE, 130,
     "string baker"},
    {"first text is current", AGGREGATE_FIRST, SCENE_MERCHANT_TEXT, -1, -1, 5, 0, ASKED, 145,
     "string florist"},
    {"first with a value", AGGREGATE_FIRST, ITEMS, 21, 0, ALONE, 130, "int 4"},
    {"last is never current", AGGREGATE_LAST, AMOUNT, 100, 0, ASKED, 130, "double 4.99"},
    {"last of equal times: by id", AGGREGATE_LAST, AMOUNT, 100, 0, ASKED, 119, "double -2.5"},
    {"last under delay", AGGREGATE_LAST, SCENE_MERCHANT_TEXT, -1, -1, 100, 5, ASKED, 130,
     "string cinema"},
    {"last of none", AGGREGATE_LAST, AMOUNT, 5, 0, ASKED, 145, "absent "},

    {"seconds since first", AGGREGATE_SECONDS_SINCE_FIRST, -1, ALL, 100, 0, ASKED, 131,
     "double 31"},
    {"seconds since first, current alone", AGGREGATE_SECONDS_SINCE_FIRST, -1, ALL, 5, 0, ASKED, 145,
     "double 0"},
    {"seconds since first, none", AGGREGATE_SECONDS_SINCE_FIRST, -1, ALL, 5, 0, ALONE, 145,
     "absent "},
    {"seconds since last", AGGREGATE_SECONDS_SINCE_LAST, -1, ALL, 100, 0, ASKED, 131, "double 1"},
    {"seconds since last, filtered", AGGREGATE_SECONDS_SINCE_LAST, -1, SCENE_IS_DEAR, -1, 100, 0,
     ASKED, 131, "double 11"},
    {"seconds since last, none", AGGREGATE_SECONDS_SINCE_LAST, -1, ALL, 5, 0, ASKED, 145,
     "absent "},

    {"share", AGGREGATE_SHARE, -1, -1, SCENE_IS_FRAUD, 100, 0, ALONE, 130, "double 0.4"},
    {"share with current", AGGREGATE_SHARE, -1, -1, SCENE_IS_ONLINE, 100, 0, EXCLUDED, 130,
     "double 0.6"},
    {"share of a part", AGGREGATE_SHARE, -1, SCENE_IS_ONLINE, SCENE_IS_ONLINE_FRAUD, 100, 0, ASKED,
     130, "double 0.5"},
    {"share of none", AGGREGATE_SHARE, -1, -1, SCENE_IS_FRAUD, 100, 40, ASKED, 130, "absent "},

    {"is new", AGGREGATE_IS_NEW, SCENE_MERCHANT, -1, -1, 100, 0, ASKED, 130, "bool true"},
    {"is not new", AGGREGATE_IS_NEW, ITEMS, 100, 0, ASKED, 130, "bool false"},
    {"is new in the window", AGGREGATE_IS_NEW, ITEMS, 5, 0, ASKED, 129, "bool true"},
    {"is new among those that pass", AGGREGATE_IS_NEW, SCENE_ITEMS, SCENE_IS_DEAR, -1, 25, 0, ASKED,
     130, "bool true"},
    {"is new under delay", AGGREGATE_IS_NEW, ITEMS, 20, 5, ASKED, 130, "bool true"},
    {"is new to nobody", AGGREGATE_IS_NEW, ITEMS, 100, 0, ALONE, 130, "absent "},

    /* -2.50, 4.99, 5, 7, 10 */
    {"median", AGGREGATE_QUANTILE, AMOUNT, 100, 0, ALONE, 130, "double 5", 5000, 0},
    {"median with current", AGGREGATE_QUANTILE, AMOUNT, 100, 0, ASKED, 130, "double 4.99", 5000, 0},
    {"median without current", AGGREGATE_QUANTILE, AMOUNT, 100, 0, EXCLUDED, 130, "double 5", 5000,
     0},
    {"quantile at a rank", AGGREGATE_QUANTILE, AMOUNT, 100, 0, ALONE, 130, "double 7", 8000, 0},
    {"quantile just above a rank", AGGREGATE_QUANTILE, AMOUNT, 100, 0, ALONE, 130, "double 10",
     8001, 0},
    {"least quantile", AGGREGATE_QUANTILE, AMOUNT, 100, 0, ALONE, 130, "double -2.5", 1, 0},
    {"greatest quantile", AGGREGATE_QUANTILE, AMOUNT, 100, 0, ALONE, 130, "double 10", 9999, 0},
    {"quantile of ints", AGGREGATE_QUANTILE, ITEMS, 100, 0, ALONE, 130, "int 4", 7500, 0},
    {"quantile of bools", AGGREGATE_QUANTILE, SCENE_ONLINE, -1, -1, 100, 0, ALONE, 130, "bool true",
     5000, 0},
    {"quantile of frauds", AGGREGATE_QUANTILE, SCENE_AMOUNT, SCENE_IS_FRAUD, -1, 100, 0, ASKED, 130,
     "double 4.99", 5001, 0},
    {"quantile of current alone", AGGREGATE_QUANTILE, AMOUNT, 5, 0, ASKED, 145, "double 2.5", 1, 0},
    {"quantile of none", AGGREGATE_QUANTILE, AMOUNT, 5, 0, EXCLUDED, 145, "absent ", 5000, 0},

    {"distance", AGGREGATE_DISTANCE, PLACE, 100, 0, ASKED, 130, "int 144554"},
    {"distance from the last that passes and has a place", AGGREGATE_DISTANCE, SCENE_PLACE,
     SCENE_IS_DEAR, -1, 100, 0, ASKED, 130, "int 122315"},
    {"distance of nobody", AGGREGATE_DISTANCE, PLACE, 100, 0, ALONE, 130, "absent "},
    {"distance from nowhere", AGGREGATE_DISTANCE, PLACE, 5, 0, ASKED, 145, "absent "},
    {"distance without current is the same", AGGREGATE_DISTANCE, PLACE, 100, 0, EXCLUDED, 130,
     "int 144554"},
    {"speed", AGGREGATE_SPEED, PLACE, 100, 0, ASKED, 140, "double 52039.4"},
    {"speed of the same moment", AGGREGATE_SPEED, PLACE, 100, 0, ASKED, 130, "double 520394.4"},
    {"speed under delay", AGGREGATE_SPEED, PLACE, 100, 5, ASKED, 130, "double 22016.7"},

    /* 30, 20, 20, 10 and 0 seconds before */
    {"burst", AGGREGATE_BURST, -1, ALL, 100, 0, ALONE, 130, "double 0.13333333333333333", 0, 5},
    {"burst with current", AGGREGATE_BURST, -1, ALL, 100, 0, ASKED, 130,
     "double 1.7777777777777777", 0, 5},
    {"burst without current", AGGREGATE_BURST, -1, ALL, 100, 0, EXCLUDED, 130,
     "double 0.13333333333333333", 0, 5},
    {"burst of more in a tick", AGGREGATE_BURST, -1, ALL, 100, 0, ALONE, 130, "double 0.1", 0, 15},
    {"burst as always", AGGREGATE_BURST, -1, SCENE_IS_DEAR, -1, 100, 0, ALONE, 130, "double 0", 0,
     15},
    {"burst under delay", AGGREGATE_BURST, -1, ALL, 100, 10, ASKED, 130, "double 0.0625", 0, 5},
    {"burst of none", AGGREGATE_BURST, -1, ALL, 100, 0, ALONE, 95, "double 0", 0, 5},
    {"burst of current alone", AGGREGATE_BURST, -1, ALL, 100, 0, ASKED, 95, "double 0", 0, 5},
};

static void aggregates_have_the_values_of_their_definitions(void **unused) {
    (void)unused;
    static struct scene scene;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct value_case *c = &cases[i];
        scene_init(&scene, 100 * SECOND);
        struct feature *feature = scene_add(&scene, c->aggregate, c->column, c->filter, c->part,
                                            c->window * SECOND, c->delay * SECOND);
        feature->exclude_current = c->who == EXCLUDED;
        feature->q_parts = c->q_parts;
        feature->tick_us = c->tick * SECOND;
        scene_finish(&scene);
        struct state state;
        state_init(&state);
        for (size_t j = 0; j < HISTORY_ROWS; j++)
            apply_row(&scene, &state, &history[j]);
        struct payment payment = payment_of(&asking);
        payment.time_us = c->at * SECOND;
        struct entry current = scene_transaction(&payment);
        struct value value =
            read_one(&scene, &state, c->at * SECOND, c->who == ALONE ? NULL : &current);
        char printed[100], digits[64];
        value_format(value, digits, sizeof digits);
        snprintf(printed, sizeof printed, "%s %s", value_type_name(value.type), digits);
        if (strcmp(printed, c->expected) != 0)
            fail_msg("%s: %s, expected %s", c->name, printed, c->expected);
        if (value.type != VALUE_ABSENT)
            assert_int_equal(value.type, feature_value_type(&scene.entity, &scene.features[0]));
        state_deinit(&state);
    }
}

/* From a place to nowhere there is no distance. */
static void without_a_place_there_is_no_distance(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_DISTANCE, SCENE_PLACE, -1, -1, 100 * SECOND, 0)->default_value =
        value_int(-1);
    scene_finish(&scene);
    struct state state;
    state_init(&state);
    apply_row(&scene, &state, &history[0]);
    struct payment payment = payment_of(&asking);
    payment.time_us = 100 * SECOND;
    struct entry current = scene_transaction(&payment);
    assert_true(value_equal(read_one(&scene, &state, 100 * SECOND, &current), value_int(111195)));
    current.present &= ~(1u << SCENE_PLACE);
    assert_true(value_equal(read_one(&scene, &state, 100 * SECOND, &current), value_int(-1)));
    state_deinit(&state);
}

/* A burst of a merchant's: what has collapsed answers within the bounds, and expires. */
static void a_busy_entity_answers_within_the_bounds(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_QUANTILE, SCENE_AMOUNT, -1, -1, 6400 * SECOND, 0)->q_parts = 9500;
    scene_add(&scene, AGGREGATE_SPEED, SCENE_PLACE, -1, -1, 6400 * SECOND, 0);
    scene_add(&scene, AGGREGATE_BURST, -1, -1, -1, 6400 * SECOND, 0)->tick_us = 100 * SECOND;
    scene_finish(&scene);
    struct state state;
    state_init(&state);
    struct payment payment = payment_of(&asking);
    for (int i = 0; i < 20000; i++) { /* 1.00 to 200.99, half a second apart */
        payment.time_us = i * SECOND / 2;
        payment.id_hash = (uint64_t)i;
        payment.integers[SCENE_AMOUNT] = 100 + i * 7919 % 20000;
        payment.integers[SCENE_PLACE] = place_pack(0, i);
        struct entry entry = scene_transaction(&payment);
        scene_apply(&scene, &state, &entry);
    }
    payment.integers[SCENE_PLACE] = place_pack(0, 19999 + 9000);
    payment.time_us = 10000 * SECOND;
    struct entry current = scene_transaction(&payment);
    struct value values[3];
    struct state_scratch *scratch = state_scratch_new();
    assert_int_equal(state_read(ENCODED(&scene.entity, &state), &scene.entity, LATENESS,
                                payment.time_us, &current, scratch, values),
                     0);
    assert_true(fabs(values[0].number - 191) < 191 / 128.0 + 1);
    /* 100.08 m within a half second, which counts as one: 100 m. */
    assert_true(value_equal(values[1], value_double(360)));
    assert_true(values[2].number >= 0 && values[2].number < 3);
    assert_true(scene_encode(&scene.entity, &state).length < 32768);
    state_scratch_free(scratch);
    state_deinit(&state);
}

static void a_default_takes_the_place_of_absent_only(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_MEAN, SCENE_AMOUNT, -1, -1, 10 * SECOND, 0)->default_value =
        value_double(-1);
    scene_finish(&scene);
    struct state state;
    state_init(&state);
    assert_true(value_equal(read_one(&scene, &state, 0, NULL), value_double(-1)));
    apply_row(&scene, &state, &history[0]);
    assert_true(value_equal(read_one(&scene, &state, 100 * SECOND, NULL), value_double(10)));
    assert_true(value_equal(read_one(&scene, &state, 110 * SECOND, NULL), value_double(-1)));
    state_deinit(&state);
}

/* One feature over the int column, the given ints a second apart from time 1 on, read at the last.
 */
static struct value of_ints(enum aggregate aggregate, const int64_t *ints, size_t count) {
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, aggregate, SCENE_ITEMS, -1, -1, 1000 * SECOND, 0);
    scene_finish(&scene);
    struct state state;
    state_init(&state);
    for (size_t i = 0; i < count; i++) {
        struct entry entry = {.time_us = (int64_t)(i + 1) * SECOND,
                              .id_hash = i,
                              .transaction = true,
                              .present = 1 << SCENE_ITEMS};
        entry.integers[SCENE_ITEMS] = ints[i];
        scene_apply(&scene, &state, &entry);
    }
    struct value value = read_one(&scene, &state, (int64_t)count * SECOND, NULL);
    state_deinit(&state);
    return value;
}

static void extreme_ints_neither_overflow_nor_lose_digits(void **unused) {
    (void)unused;
    const int64_t both[] = {INT64_MIN, INT64_MAX}, high[] = {INT64_MAX, INT64_MAX, -5};
    const int64_t low[] = {INT64_MIN, INT64_MIN};
    assert_true(value_equal(of_ints(AGGREGATE_SUM, both, 2), value_int(-1)));
    assert_true(value_equal(of_ints(AGGREGATE_SUM, high, 1), value_int(INT64_MAX)));
    assert_int_equal(of_ints(AGGREGATE_SUM, high, 3).type, VALUE_ABSENT);
    assert_true(value_equal(of_ints(AGGREGATE_SUM, low, 1), value_int(INT64_MIN)));
    assert_int_equal(of_ints(AGGREGATE_SUM, low, 2).type, VALUE_ABSENT);
    assert_true(value_equal(of_ints(AGGREGATE_MEAN, both, 2), value_double(-0.5)));
    assert_true(value_equal(of_ints(AGGREGATE_MEAN, low, 2), value_double(-0x1p63)));
    assert_true(value_equal(of_ints(AGGREGATE_MIN, both, 2), value_int(INT64_MIN)));
    assert_true(value_equal(of_ints(AGGREGATE_MAX, both, 2), value_int(INT64_MAX)));
    /* |a − b| / √2 for two values */
    assert_true(value_equal(of_ints(AGGREGATE_STDDEV, both, 2), value_double(sqrt(0x1p127))));
    assert_true(value_equal(of_ints(AGGREGATE_STDDEV, low, 2), value_double(0)));
    /* Far from zero, close together: in doubles the squares would swallow the difference. */
    const int64_t close[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX - 2};
    assert_true(value_equal(of_ints(AGGREGATE_STDDEV, close, 3), value_double(1)));
}

static void times_at_the_ends_of_int64_are_only_far_apart(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, PLAN_WINDOW_US_MAX - 1, 1);
    scene_finish(&scene);
    const int64_t times_us[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
    struct state state;
    state_init(&state);
    for (size_t i = 0; i < sizeof times_us / sizeof *times_us; i++) {
        struct entry entry = {.time_us = times_us[i], .id_hash = 1, .transaction = true};
        struct value before = read_one(&scene, &state, times_us[i], &entry);
        assert_true(value_equal(before, value_int(i % 2))); /* the one a microsecond before */
        scene_apply(&scene, &state, &entry);
    }
    int64_t newest_us;
    uint64_t entries;
    struct error error;
    assert_true(state_extent(&state, &scene.entity, &newest_us, &entries));
    assert_int_equal(newest_us, INT64_MAX);
    assert_int_equal(entries, 2);
    assert_int_equal(scene_check(&scene.entity, &state, &error), 0);
    struct value values[1];
    struct state_scratch *scratch = state_scratch_new();
    assert_int_equal(state_read(ENCODED(&scene.entity, &state), &scene.entity, LATENESS, INT64_MIN,
                                NULL, scratch, values),
                     1);
    state_scratch_free(scratch);
    state_deinit(&state);
}

static void an_outcome_waits_for_its_transaction(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_COUNT, -1, SCENE_IS_FRAUD, -1, 100 * SECOND, 0);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 100 * SECOND, 0);
    scene_add(&scene, AGGREGATE_LAST, SCENE_AMOUNT, -1, -1, 100 * SECOND, 0);
    scene_finish(&scene);
    struct payment payment = payment_of(&history[0]);
    struct entry transaction = scene_transaction(&payment);
    struct entry outcome = scene_outcome(&payment, SCENE_UNKNOWN, SCENE_FRAUD);
    struct state early, usual;
    state_init(&early);
    state_init(&usual);
    scene_apply(&scene, &early, &outcome);
    struct value values[3];
    struct state_scratch *scratch = state_scratch_new();
    state_read(ENCODED(&scene.entity, &early), &scene.entity, LATENESS, 100 * SECOND, NULL, scratch,
               values);
    assert_true(value_equal(values[0], value_int(1)));
    assert_true(value_equal(values[1], value_int(0)));
    assert_int_equal(values[2].type, VALUE_ABSENT);
    scene_apply(&scene, &early, &transaction);
    scene_apply(&scene, &usual, &transaction);
    scene_apply(&scene, &usual, &outcome);
    assert_true(scene_equal(&scene.entity, &early, &usual));
    state_read(ENCODED(&scene.entity, &early), &scene.entity, LATENESS, 100 * SECOND, NULL, scratch,
               values);
    assert_true(value_equal(values[1], value_int(1)));
    assert_true(value_equal(values[2], value_double(10)));
    /* A reversal leaves nothing behind. */
    struct entry reversal = scene_outcome(&payment, SCENE_FRAUD, SCENE_UNKNOWN);
    scene_apply(&scene, &usual, &reversal);
    state_deinit(&early);
    scene_apply(&scene, &early, &transaction);
    assert_true(scene_equal(&scene.entity, &early, &usual));
    state_scratch_free(scratch);
    state_deinit(&early);
    state_deinit(&usual);
}

static void blocks_expire_beyond_reach_and_lateness(void **unused) {
    (void)unused;
    const int64_t block_us = 1 << 18; /* the power of two below 30 s / 64 */
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 30 * SECOND, 5 * SECOND);
    scene_finish(&scene);
    struct state state;
    state_init(&state);
    int64_t newest_us;
    uint64_t entries;
    assert_false(state_extent(&state, &scene.entity, &newest_us, &entries));
    struct entry entry = {.time_us = 0, .id_hash = 1, .transaction = true};
    scene_apply(&scene, &state, &entry);
    entry.time_us = block_us - 1 + 45 * SECOND - 1;
    scene_apply(&scene, &state, &entry);
    assert_true(state_extent(&state, &scene.entity, &newest_us, &entries));
    assert_int_equal(entries, 2);
    entry.time_us++;
    scene_apply(&scene, &state, &entry);
    state_extent(&state, &scene.entity, &newest_us, &entries);
    assert_int_equal(entries, 2); /* the one at 0 is gone */
    entry.time_us = 0;
    scene_apply(&scene, &state, &entry); /* and does not come back */
    state_extent(&state, &scene.entity, &newest_us, &entries);
    assert_int_equal(entries, 2);
    assert_int_equal(newest_us, block_us - 1 + 45 * SECOND);
    const struct entity_plan *entity = &scene.entity;
    int64_t block_last_us = (newest_us / block_us + 1) * block_us - 1;
    int64_t idle_us = block_last_us + 45 * SECOND + LATENESS;
    assert_false(state_is_idle(&state, entity, LATENESS, idle_us - 1));
    assert_true(state_is_idle(&state, entity, LATENESS, idle_us));
    /* What arrives within the lateness of the archive's newest leaves the same bytes, whether a
     * rebuild has left the state out or not. */
    struct state left_out;
    state_init(&left_out);
    entry.time_us = idle_us - LATENESS;
    scene_apply(&scene, &left_out, &entry);
    scene_apply(&scene, &state, &entry);
    assert_true(scene_equal(entity, &state, &left_out));
    state_deinit(&left_out);
    assert_false(state_is_idle(&state, entity, LATENESS, 0));
    assert_false(encoded_is_idle(ENCODED(entity, &state), entity, LATENESS, 0));
    assert_true(encoded_is_idle(ENCODED(entity, &state), entity, LATENESS, INT64_MAX));
    assert_true(encoded_is_idle(NULL, 0, entity, LATENESS, 0));
    state_deinit(&state);
    assert_true(state_is_idle(&state, entity, LATENESS, 0));
}

static void a_read_is_exact_down_to_the_lateness(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 30 * SECOND, 0);
    scene_finish(&scene);
    struct state state;
    state_init(&state);
    apply_row(&scene, &state, &history[0]);
    struct state_scratch *scratch = state_scratch_new();
    struct value value;
    const struct entity_plan *entity = &scene.entity;
    assert_int_equal(
        state_read(ENCODED(entity, &state), entity, LATENESS, 90 * SECOND, NULL, scratch, &value),
        0);
    assert_int_equal(state_read(ENCODED(entity, &state), entity, LATENESS, 90 * SECOND - 1, NULL,
                                scratch, &value),
                     1);
    assert_int_equal(state_read(NULL, 0, entity, LATENESS, INT64_MIN, NULL, scratch, &value), 0);
    assert_true(value_equal(value, value_int(0)));
    state_scratch_free(scratch);
    state_deinit(&state);
}

static void a_text_over_the_limit_counts_as_absent(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_LAST, SCENE_MERCHANT_TEXT, -1, -1, 30 * SECOND, 0);
    scene_finish(&scene);
    static char letters[COLUMN_TEXT_MAX + 2];
    memset(letters, 'x', sizeof letters - 1);
    struct payment payment = payment_of(&history[0]);
    struct state state;
    state_init(&state);
    payment.merchant = letters + 1;
    struct entry entry = scene_transaction(&payment);
    scene_apply(&scene, &state, &entry);
    payment.merchant = letters;
    payment.time_us++;
    entry = scene_transaction(&payment);
    scene_apply(&scene, &state, &entry);
    struct value value = read_one(&scene, &state, payment.time_us, NULL);
    assert_int_equal(value.type, VALUE_TEXT);
    assert_int_equal(value.text.length, COLUMN_TEXT_MAX);
    state_deinit(&state);

    /* The current transaction's too. */
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_FIRST, SCENE_MERCHANT_TEXT, -1, -1, 30 * SECOND, 0);
    scene_finish(&scene);
    assert_int_equal(read_one(&scene, &state, payment.time_us, &entry).type, VALUE_ABSENT);
    payment.merchant = letters + 1;
    entry = scene_transaction(&payment);
    value = read_one(&scene, &state, payment.time_us, &entry);
    assert_int_equal(value.text.length, COLUMN_TEXT_MAX);
}

static void distinct_values_of_several_delays_do_not_mix(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_add(&scene, AGGREGATE_DISTINCT, SCENE_ITEMS, -1, -1, 100 * SECOND, 0);
    scene_add(&scene, AGGREGATE_DISTINCT, SCENE_ITEMS, -1, -1, 50 * SECOND, 20 * SECOND);
    scene_add(&scene, AGGREGATE_DISTINCT, SCENE_ITEMS, -1, -1, 10 * SECOND, 0);
    scene_add(&scene, AGGREGATE_DISTINCT, SCENE_ITEMS, -1, -1, 9 * SECOND, 20 * SECOND);
    scene_finish(&scene);
    struct state state;
    state_init(&state);
    for (size_t i = 0; i < HISTORY_ROWS; i++) /* 2, 4 | none | 9 | 2 again */
        apply_row(&scene, &state, &history[i]);
    struct value values[4];
    struct state_scratch *scratch = state_scratch_new();
    state_read(ENCODED(&scene.entity, &state), &scene.entity, LATENESS, 130 * SECOND, NULL, scratch,
               values);
    const int64_t expected[] = {3, 2, 1, 1};
    for (int i = 0; i < 4; i++)
        assert_true(value_equal(values[i], value_int(expected[i])));
    state_scratch_free(scratch);
    state_deinit(&state);
}

static void many_different_values_are_counted_exactly(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    for (int i = 0; i < 12; i++)
        scene_add(&scene, AGGREGATE_DISTINCT, SCENE_ITEMS, -1, -1, (SECOND / 100) << i, 0);
    scene_finish(&scene);
    struct state state;
    state_init(&state);
    /* Each value twice in a row, 10 ms apart. */
    const int64_t count = 1000;
    for (int64_t i = 0; i < 2 * count; i++) {
        struct entry entry = {.time_us = i * SECOND / 100,
                              .id_hash = (uint64_t)i,
                              .transaction = true,
                              .present = 1 << SCENE_ITEMS};
        entry.integers[SCENE_ITEMS] = i / 2;
        scene_apply(&scene, &state, &entry);
    }
    struct value values[12];
    struct state_scratch *scratch = state_scratch_new();
    for (int again = 0; again < 2; again++) { /* the scratch keeps nothing but memory */
        state_read(ENCODED(&scene.entity, &state), &scene.entity, LATENESS,
                   (2 * count - 1) * SECOND / 100, NULL, scratch, values);
        for (int i = 0; i < 12; i++) {
            int64_t window = INT64_C(1) << i, expected = (window + 1) / 2;
            assert_true(value_equal(values[i], value_int(expected < count ? expected : count)));
        }
    }
    state_scratch_free(scratch);
    state_deinit(&state);
}

static void an_entity_without_features_keeps_nothing(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, LATENESS);
    scene_finish(&scene);
    struct state state;
    state_init(&state);
    apply_row(&scene, &state, &history[0]);
    assert_true(state_is_empty(&state));
    assert_int_equal(scene_encode(&scene.entity, &state).length, 0);
    state_deinit(&state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aggregates_have_the_values_of_their_definitions),
        cmocka_unit_test(without_a_place_there_is_no_distance),
        cmocka_unit_test(a_busy_entity_answers_within_the_bounds),
        cmocka_unit_test(a_default_takes_the_place_of_absent_only),
        cmocka_unit_test(extreme_ints_neither_overflow_nor_lose_digits),
        cmocka_unit_test(times_at_the_ends_of_int64_are_only_far_apart),
        cmocka_unit_test(an_outcome_waits_for_its_transaction),
        cmocka_unit_test(blocks_expire_beyond_reach_and_lateness),
        cmocka_unit_test(a_read_is_exact_down_to_the_lateness),
        cmocka_unit_test(a_text_over_the_limit_counts_as_absent),
        cmocka_unit_test(many_different_values_are_counted_exactly),
        cmocka_unit_test(distinct_values_of_several_delays_do_not_mix),
        cmocka_unit_test(an_entity_without_features_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
