/* What plan_finish() refuses and in which words, and what its hashes depend on. */
#include "core/feature/plan/plan.h"

#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

static void aggregate_names_read_back(void **unused) {
    (void)unused;
    for (int i = 0; i < AGGREGATE_TYPE_COUNT; i++)
        assert_int_equal(aggregate_parse(text_of(aggregate_name((enum aggregate)i))), i);
    assert_int_equal(aggregate_parse(TEXT_LITERAL("counts")), AGGREGATE_TYPE_COUNT);
    assert_int_equal(aggregate_parse(TEXT_LITERAL("")), AGGREGATE_TYPE_COUNT);
    assert_string_equal(aggregate_name(AGGREGATE_SECONDS_SINCE_LAST), "seconds_since_last");
}

static void only_sums_take_outcomes(void **unused) {
    (void)unused;
    for (int i = 0; i < AGGREGATE_TYPE_COUNT; i++) {
        bool sums = i == AGGREGATE_COUNT || i == AGGREGATE_SUM || i == AGGREGATE_MEAN ||
                    i == AGGREGATE_STDDEV || i == AGGREGATE_SHARE || i == AGGREGATE_QUANTILE;
        assert_int_equal(aggregate_takes_outcomes((enum aggregate)i), sums);
    }
}

/* A plan with one good feature; each fault below spoils something. */
static void init_good(struct scene *scene) {
    scene_init(scene, 3600 * SECOND);
    scene_add(scene, AGGREGATE_SUM, SCENE_AMOUNT, SCENE_IS_ONLINE, -1, 60 * SECOND, 0);
}

static void no_name(struct scene *s) {
    s->features[0].name = (struct text){0};
}
static void no_aggregate(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_TYPE_COUNT;
}
static void no_column(struct scene *s) {
    s->features[0].column = -1;
}
static void column_too_high(struct scene *s) {
    s->features[0].column = SCENE_COLUMNS;
}
static void column_for_count(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_COUNT;
}
static void sum_of_text(struct scene *s) {
    s->features[0].column = SCENE_MERCHANT;
}
static void sum_of_time(struct scene *s) {
    s->features[0].column = SCENE_OPENED;
}
static void max_of_text(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_MAX;
    s->features[0].column = SCENE_MERCHANT_TEXT;
}
static void first_of_hash(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_FIRST;
    s->features[0].column = SCENE_MERCHANT;
}
static void distinct_of_text(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_DISTINCT;
    s->features[0].column = SCENE_MERCHANT_TEXT;
}
static void filter_too_high(struct scene *s) {
    s->features[0].filter = SCENE_FILTERS;
}
static void max_of_frauds(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_MAX;
    s->features[0].filter = SCENE_IS_FRAUD;
}
static void no_window(struct scene *s) {
    s->features[0].window_us = 0;
}
static void negative_delay(struct scene *s) {
    s->features[0].delay_us = -1;
}
static void window_too_long(struct scene *s) {
    s->features[0].window_us = PLAN_WINDOW_US_MAX + 1;
}
static void delay_too_long(struct scene *s) {
    s->features[0].window_us = 1;
    s->features[0].delay_us = PLAN_WINDOW_US_MAX;
}
static void share_without_part(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_SHARE;
    s->features[0].column = -1;
}
static void sum_with_part(struct scene *s) {
    s->features[0].part = SCENE_IS_FRAUD;
}
static void distance_of_an_amount(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_DISTANCE;
}
static void sum_of_places(struct scene *s) {
    s->features[0].column = SCENE_PLACE;
}
static void quantile_of_time(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_QUANTILE;
    s->features[0].q_parts = 5000;
    s->features[0].column = SCENE_OPENED;
}
static void quantile_without_q(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_QUANTILE;
}
static void quantile_of_all(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_QUANTILE;
    s->features[0].q_parts = PLAN_Q_PARTS;
}
static void sum_with_q(struct scene *s) {
    s->features[0].q_parts = 1;
}
static void burst_without_tick(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_BURST;
    s->features[0].column = -1;
}
static void burst_of_one_tick(struct scene *s) {
    burst_without_tick(s);
    s->features[0].tick_us = s->features[0].window_us;
}
static void burst_of_frauds(struct scene *s) {
    burst_without_tick(s);
    s->features[0].tick_us = 1;
    s->features[0].filter = SCENE_IS_FRAUD;
}
static void sum_with_tick(struct scene *s) {
    s->features[0].tick_us = 1;
}
static void place_of_a_type(struct scene *s) {
    s->columns[SCENE_PLACE].value_type = VALUE_DOUBLE;
}
static void default_of_other_type(struct scene *s) {
    s->features[0].default_value = value_int(0);
}
static void same_name_twice(struct scene *s) {
    scene_add(s, AGGREGATE_COUNT, -1, -1, -1, 1, 0)->name = s->features[0].name;
}
static void too_many_digits(struct scene *s) {
    s->columns[SCENE_AMOUNT].digits = 19;
}
static void digits_of_an_int(struct scene *s) {
    s->columns[SCENE_ITEMS].digits = 1;
}
static void text_as_integer(struct scene *s) {
    s->columns[SCENE_ITEMS].value_type = VALUE_TEXT;
}
static void int_as_text(struct scene *s) {
    s->columns[SCENE_MERCHANT_TEXT].value_type = VALUE_INT;
}
static void too_many_columns(struct scene *s) {
    s->entity.column_count = PLAN_COLUMNS_MAX + 1;
}
static void too_many_filters(struct scene *s) {
    s->entity.filter_count = PLAN_FILTERS_MAX + 1;
}
static void too_many_features(struct scene *s) {
    s->entity.feature_count = PLAN_FEATURES_MAX + 1;
}
static void too_many_entities(struct scene *s) {
    s->plan.entity_count = PLAN_ENTITIES_MAX + 1;
}
static void nameless_entity(struct scene *s) {
    s->entity.name = (struct text){0};
}
static void entity_without_key(struct scene *s) {
    s->entity.key = (struct text){0};
}
static void negative_lateness(struct scene *s) {
    s->plan.lateness_us = -1;
}
static void too_much_lateness(struct scene *s) {
    s->plan.lateness_us = PLAN_LATENESS_US_MAX + 1;
}

static const struct {
    void (*spoil)(struct scene *scene);
    const char *text;
} faults[] = {
    {no_name, "entity card: feature : number 0 has no name"},
    {no_aggregate, "entity card: feature f0: no such aggregate: number 17"},
    {no_column, "entity card: feature f0: sum needs a field"},
    {column_too_high, "entity card: feature f0: field number 7, the entity has 7"},
    {column_for_count, "entity card: feature f0: count takes no field"},
    {sum_of_text,
     "entity card: feature f0: sum cannot be taken of merchant (string, kept as hash)"},
    {sum_of_time, "entity card: feature f0: sum cannot be taken of attributes.opened (timestamp, "
                  "kept as number)"},
    {max_of_text,
     "entity card: feature f0: max cannot be taken of merchant (string, kept as text)"},
    {first_of_hash,
     "entity card: feature f0: first cannot be taken of merchant (string, kept as hash)"},
    {distinct_of_text,
     "entity card: feature f0: distinct cannot be taken of merchant (string, kept as text)"},
    {filter_too_high, "entity card: feature f0: filter number 5, the entity has 5"},
    {max_of_frauds, "entity card: feature f0: max cannot filter on the outcome, which comes late"},
    {no_window, "entity card: feature f0: the window must be longer than 0"},
    {negative_delay, "entity card: feature f0: the delay must not be negative"},
    {window_too_long, "entity card: feature f0: window and delay together exceed 3660 days"},
    {delay_too_long, "entity card: feature f0: window and delay together exceed 3660 days"},
    {share_without_part, "entity card: feature f0: share needs a condition to take the share of"},
    {sum_with_part, "entity card: feature f0: only share has a part, this is sum"},
    {distance_of_an_amount,
     "entity card: feature f0: distance cannot be taken of amount (double, kept as number)"},
    {sum_of_places,
     "entity card: feature f0: sum cannot be taken of location (absent, kept as place)"},
    {quantile_of_time, "entity card: feature f0: quantile cannot be taken of attributes.opened "
                       "(timestamp, kept as number)"},
    {quantile_without_q,
     "entity card: feature f0: q is 0/10000; expected a number between 0 and 1"},
    {quantile_of_all,
     "entity card: feature f0: q is 10000/10000; expected a number between 0 and 1"},
    {sum_with_q, "entity card: feature f0: only quantile has a q, this is sum"},
    {burst_without_tick,
     "entity card: feature f0: the tick must be longer than 0 and shorter than the window"},
    {burst_of_one_tick,
     "entity card: feature f0: the tick must be longer than 0 and shorter than the window"},
    {burst_of_frauds,
     "entity card: feature f0: burst cannot filter on the outcome, which comes late"},
    {sum_with_tick, "entity card: feature f0: only burst has a tick, this is sum"},
    {place_of_a_type,
     "entity card: field location: a value of type double cannot be kept this way"},
    {default_of_other_type,
     "entity card: feature f0: the default is of type int, the feature double"},
    {same_name_twice, "entity card: feature f0: the name is used twice"},
    {too_many_digits, "entity card: field amount: 19 decimal digits, at most 18 are possible"},
    {digits_of_an_int,
     "entity card: field attributes.items: 1 decimal digits, at most 0 are possible"},
    {text_as_integer, "entity card: field attributes.items: a value of type string cannot be kept "
                      "this way"},
    {int_as_text, "entity card: field merchant: a value of type int cannot be kept this way"},
    {too_many_columns, "entity card: 33 fields to keep, at most 32 are possible"},
    {too_many_filters, "entity card: 33 filters, at most 32 are possible"},
    {too_many_features, "entity card: 257 features, at most 256 are possible"},
    {too_many_entities, "65 entities, at most 64 are possible"},
    {nameless_entity, "entity : it has no name"},
    {entity_without_key, "entity card: it has no key"},
    {negative_lateness, "the lateness must be between 0 and 3660 days"},
    {too_much_lateness, "the lateness must be between 0 and 3660 days"},
};

static void faults_are_named_with_entity_and_feature(void **unused) {
    (void)unused;
    static struct scene scene;
    struct error error;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        init_good(&scene);
        assert_int_equal(plan_finish(&scene.plan, &error), 0);
        faults[i].spoil(&scene);
        assert_int_equal(plan_finish(&scene.plan, &error), -ERROR_INVALID);
        assert_string_equal(error.text, faults[i].text);
    }
}

static void two_entities_need_two_names(void **unused) {
    (void)unused;
    static struct scene scene;
    init_good(&scene);
    struct entity_plan *entities = test_calloc(2, sizeof *entities);
    entities[0] = entities[1] = scene.entity;
    scene.plan.entities = entities;
    scene.plan.entity_count = 2;
    struct error error;
    assert_int_equal(plan_finish(&scene.plan, &error), -ERROR_INVALID);
    assert_string_equal(error.text, "entity card: the name is used twice");
    entities[1].name = TEXT_LITERAL("customer");
    assert_int_equal(plan_finish(&scene.plan, &error), 0);
    test_free(entities);
}

/* What a change does to the three hashes. */
enum { DEFINITION = 1, LAYOUT = 2, PLAN = 4 };

static void rename_feature(struct scene *s) {
    s->features[0].name = TEXT_LITERAL("other");
}
static void give_default(struct scene *s) {
    s->features[0].default_value = value_double(0);
}
static void rename_entity(struct scene *s) {
    s->entity.name = TEXT_LITERAL("other");
}
static void other_key(struct scene *s) {
    s->entity.key = TEXT_LITERAL("card+merchant");
}
static void other_aggregate(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_MEAN;
}
static void other_column(struct scene *s) {
    s->features[0].column = SCENE_ITEMS;
}
static void other_source(struct scene *s) {
    s->columns[SCENE_AMOUNT].source = TEXT_LITERAL("tip");
}
static void other_digits(struct scene *s) {
    s->columns[SCENE_AMOUNT].digits = 3;
}
static void other_type(struct scene *s) {
    s->columns[SCENE_AMOUNT].value_type = VALUE_INT;
    s->columns[SCENE_AMOUNT].digits = 0;
}
static void other_filter(struct scene *s) {
    s->features[0].filter = SCENE_IS_DEAR;
}
static void no_filter(struct scene *s) {
    s->features[0].filter = -1;
}
static void other_filter_text(struct scene *s) {
    s->filters[SCENE_IS_ONLINE].source = TEXT_LITERAL("!online");
}
static void shorter_window(struct scene *s) {
    s->features[0].window_us--;
}
static void same_reach_other_window(struct scene *s) {
    s->features[0].window_us--;
    s->features[0].delay_us++;
}
static void exclude_current(struct scene *s) {
    s->features[0].exclude_current = true;
}
static void other_lateness(struct scene *s) {
    s->plan.lateness_us++;
}
static void unused_column(struct scene *s) {
    s->columns[SCENE_OPENED].source = TEXT_LITERAL("x");
}
static void one_more_feature(struct scene *s) {
    scene_add(s, AGGREGATE_COUNT, -1, -1, -1, 1, 0);
}

static void a_quantile(struct scene *s) {
    s->features[0].aggregate = AGGREGATE_QUANTILE;
    s->features[0].q_parts = 5000;
}
static void one_more_quantile(struct scene *s) {
    scene_add(s, AGGREGATE_QUANTILE, SCENE_AMOUNT, SCENE_IS_ONLINE, -1, 60 * SECOND, 0)->q_parts =
        1;
}
static void one_more_distinct(struct scene *s) {
    scene_add(s, AGGREGATE_DISTINCT, SCENE_AMOUNT, SCENE_IS_ONLINE, -1, 60 * SECOND, 0);
}

/* What is kept for the first one answers this one too. */
static void same_feature_again(struct scene *s) {
    const struct feature *f = &s->features[0];
    scene_add(s, f->aggregate, f->column, f->filter, -1, f->window_us, f->delay_us)
        ->exclude_current = true;
}

static const struct {
    void (*change)(struct scene *scene);
    int changes;
} changes[] = {
    {rename_feature, 0},
    {give_default, 0},
    {rename_entity, PLAN},
    {other_key, DEFINITION | LAYOUT | PLAN},
    {other_aggregate, DEFINITION | PLAN},
    {other_column, DEFINITION | LAYOUT | PLAN},
    {other_source, DEFINITION | LAYOUT | PLAN},
    {other_digits, DEFINITION | LAYOUT | PLAN},
    {other_type, DEFINITION | LAYOUT | PLAN},
    {other_filter, DEFINITION | LAYOUT | PLAN},
    {no_filter, DEFINITION | LAYOUT | PLAN},
    {other_filter_text, DEFINITION | LAYOUT | PLAN},
    {shorter_window, DEFINITION | LAYOUT | PLAN},
    {same_reach_other_window, DEFINITION | LAYOUT | PLAN},
    {exclude_current, DEFINITION | PLAN},
    {other_lateness, LAYOUT | PLAN},
    {unused_column, LAYOUT | PLAN},
    {one_more_feature, LAYOUT | PLAN},
    {a_quantile, DEFINITION | LAYOUT | PLAN},
    {one_more_quantile, LAYOUT | PLAN},
    {one_more_distinct, LAYOUT | PLAN},
    {same_feature_again, PLAN},
};

static void hashes_change_with_what_they_stand_for(void **unused) {
    (void)unused;
    static struct scene scene;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        init_good(&scene);
        scene_finish(&scene);
        uint64_t definition = scene.features[0].definition, layout = scene.entity.layout;
        uint64_t id = scene.plan.id;
        changes[i].change(&scene);
        scene_finish(&scene);
        int changed = (scene.features[0].definition != definition ? DEFINITION : 0) |
                      (scene.entity.layout != layout ? LAYOUT : 0) |
                      (scene.plan.id != id ? PLAN : 0);
        if (changed != changes[i].changes)
            fail_msg("change %zu: %d changed, expected %d", i, changed, changes[i].changes);
    }
}

/* Generations store these: they must not change by accident. */
static void hashes_are_the_same_everywhere(void **unused) {
    (void)unused;
    static struct scene scene;
    init_good(&scene);
    scene_finish(&scene);
    assert_int_equal(scene.features[0].definition, UINT64_C(0x14848609b9c9acfe));
    assert_int_equal(scene.entity.layout, UINT64_C(0x01c959943fced0d3));
    assert_int_equal(scene.plan.id, UINT64_C(0xb231ed65527a7966));
    scene_add(&scene, AGGREGATE_QUANTILE, SCENE_AMOUNT, SCENE_IS_FRAUD, -1, 60 * SECOND, 0)
        ->q_parts = 9500;
    scene_add(&scene, AGGREGATE_SPEED, SCENE_PLACE, -1, -1, 60 * SECOND, 0);
    scene_add(&scene, AGGREGATE_BURST, -1, -1, -1, 60 * SECOND, 0)->tick_us = SECOND;
    scene_finish(&scene);
    assert_int_equal(scene.features[1].definition, UINT64_C(0x1fc79bb558161491));
    assert_int_equal(scene.features[2].definition, UINT64_C(0xb165a492f3206a89));
    assert_int_equal(scene.features[3].definition, UINT64_C(0x649956455a2a8f04));
    assert_int_equal(scene.entity.layout, UINT64_C(0x8c6955e8a8ec7a7b));
}

/* Two features that differ in what only they have are two features, of one layout. */
static void a_q_and_a_tick_are_part_of_the_definition(void **unused) {
    (void)unused;
    static struct scene scene;
    uint64_t quantile[3], burst[3], layout[3];
    for (int i = 0; i < 3; i++) {
        scene_init(&scene, 3600 * SECOND);
        scene_add(&scene, AGGREGATE_QUANTILE, SCENE_AMOUNT, -1, -1, 60 * SECOND, 0)->q_parts =
            i == 2 ? 9501 : 9500;
        scene_add(&scene, AGGREGATE_BURST, -1, -1, -1, 60 * SECOND, 0)->tick_us =
            i == 2 ? SECOND + 1 : SECOND;
        scene_finish(&scene);
        quantile[i] = scene.features[0].definition;
        burst[i] = scene.features[1].definition;
        layout[i] = scene.entity.layout;
    }
    assert_true(quantile[0] == quantile[1] && burst[0] == burst[1] && layout[0] == layout[1]);
    assert_true(quantile[0] != quantile[2] && burst[0] != burst[2]);
    assert_true(layout[0] != layout[2]); /* the tick is a window */
}

static void new_aggregates_have_their_types(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, 0);
    const struct feature *feature =
        scene_add(&scene, AGGREGATE_QUANTILE, SCENE_ITEMS, -1, -1, 9, 0);
    assert_int_equal(feature_value_type(&scene.entity, feature), VALUE_INT);
    feature = scene_add(&scene, AGGREGATE_QUANTILE, SCENE_AMOUNT, -1, -1, 9, 0);
    assert_int_equal(feature_value_type(&scene.entity, feature), VALUE_DOUBLE);
    feature = scene_add(&scene, AGGREGATE_DISTANCE, SCENE_PLACE, -1, -1, 9, 0);
    assert_int_equal(feature_value_type(&scene.entity, feature), VALUE_INT);
    feature = scene_add(&scene, AGGREGATE_SPEED, SCENE_PLACE, -1, -1, 9, 0);
    assert_int_equal(feature_value_type(&scene.entity, feature), VALUE_DOUBLE);
    feature = scene_add(&scene, AGGREGATE_BURST, -1, -1, -1, 9, 0);
    assert_int_equal(feature_value_type(&scene.entity, feature), VALUE_DOUBLE);
}

/* A burst needs two windows, which other features may have as well. */
static void a_burst_shares_its_windows(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, 0);
    scene_add(&scene, AGGREGATE_BURST, -1, -1, -1, 60, 5)->tick_us = 10;
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 60, 5);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 10, 5);
    scene_add(&scene, AGGREGATE_BURST, -1, -1, -1, 60, 0)->tick_us = 10;
    scene_finish(&scene);
    assert_int_equal(scene.entity.span_count, 4);
    assert_int_equal(scene.entity.aggregation_count, 4);
    assert_int_equal(scene.features[0].aggregation, scene.features[1].aggregation);
    assert_int_equal(scene.features[0].tick_aggregation, scene.features[2].aggregation);
    assert_true(scene.features[3].tick_aggregation != scene.features[3].aggregation);
}

static void the_reach_is_the_longest_window_and_delay(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, 0);
    scene_finish(&scene);
    assert_int_equal(scene.entity.reach_us, 0);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 50, 20);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 60, 0);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, 1, 68);
    scene_finish(&scene);
    assert_int_equal(scene.entity.reach_us, 70);
}

static void features_over_the_same_entries_share_a_gathering(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, 0);
    scene_add(&scene, AGGREGATE_SUM, SCENE_AMOUNT, -1, -1, 60, 0);
    scene_add(&scene, AGGREGATE_STDDEV, SCENE_AMOUNT, -1, -1, 60, 0);
    scene_add(&scene, AGGREGATE_SUM, SCENE_AMOUNT, -1, -1, 60, 1);
    scene_add(&scene, AGGREGATE_SUM, SCENE_AMOUNT, -1, -1, 61, 0);
    scene_add(&scene, AGGREGATE_SUM, SCENE_AMOUNT, SCENE_IS_DEAR, -1, 60, 0);
    scene_add(&scene, AGGREGATE_SUM, SCENE_ITEMS, -1, -1, 60, 0);
    scene_finish(&scene);
    assert_int_equal(scene.entity.aggregation_count, 5);
    assert_int_equal(scene.entity.span_count, 3);
    assert_int_equal(scene.features[0].aggregation, scene.features[1].aggregation);
    size_t counted = 0;
    for (size_t i = 0; i < scene.entity.span_count; i++) {
        assert_int_equal(scene.entity.spans[i].first, counted);
        counted += scene.entity.spans[i].count;
        assert_true(i == 0 || scene.entity.spans[i - 1].end_us >= scene.entity.spans[i].end_us);
    }
    assert_int_equal(counted, 5);
}

static void the_most_features_fit(void **unused) {
    (void)unused;
    static struct scene scene;
    scene_init(&scene, 0);
    for (int i = 0; i < PLAN_FEATURES_MAX; i++)
        scene_add(&scene, AGGREGATE_SHARE, -1, -1, SCENE_IS_FRAUD, 1 + i * SECOND, i % 3);
    scene_finish(&scene);
    assert_int_equal(scene.entity.aggregation_count, 2 * PLAN_FEATURES_MAX);
    assert_int_equal(scene.entity.span_count, PLAN_FEATURES_MAX);
    scene_init(&scene, 0);
    for (int i = 0; i < PLAN_FEATURES_MAX; i++)
        scene_add(&scene, AGGREGATE_BURST, -1, -1, -1, (1000 + i) * SECOND, 0)->tick_us = 1 + i;
    scene_finish(&scene);
    assert_int_equal(scene.entity.aggregation_count, PLAN_AGGREGATIONS_MAX);
    assert_int_equal(scene.entity.span_count, PLAN_SPANS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aggregate_names_read_back),
        cmocka_unit_test(only_sums_take_outcomes),
        cmocka_unit_test(faults_are_named_with_entity_and_feature),
        cmocka_unit_test(two_entities_need_two_names),
        cmocka_unit_test(hashes_change_with_what_they_stand_for),
        cmocka_unit_test(hashes_are_the_same_everywhere),
        cmocka_unit_test(a_q_and_a_tick_are_part_of_the_definition),
        cmocka_unit_test(new_aggregates_have_their_types),
        cmocka_unit_test(a_burst_shares_its_windows),
        cmocka_unit_test(the_reach_is_the_longest_window_and_delay),
        cmocka_unit_test(features_over_the_same_entries_share_a_gathering),
        cmocka_unit_test(the_most_features_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
