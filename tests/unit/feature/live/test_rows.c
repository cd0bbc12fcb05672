/* Rows: what row_get() gives is what was put, whatever layout the others have made necessary; and
 * none of it shows in a state's bytes. Numbers of every width, texts of every length, times before
 * the first row and many years after it, weights of more than one transaction, all in one list that
 * grows and shrinks everywhere.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "core/feature/live/tile.h"
#include "core/feature/state/bulk.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define ROWS_MAX    40
#define ROUND_STEPS 60
#define YEAR        (INT64_C(366) * 86400 * SECOND)

/* A list of rows beside what is in them. */
struct list {
    struct column columns[PLAN_COLUMNS_MAX];
    struct filter filters[PLAN_FILTERS_MAX];
    struct feature features[2];
    char names[PLAN_COLUMNS_MAX + PLAN_FILTERS_MAX][32];
    struct entity_plan entity;
    struct state state;
    struct row rows[ROWS_MAX];
    size_t count;
    int64_t start_us;
    struct chance chance;
    uint64_t seen[ROW_LAYOUTS], changed;
};

/* Up to as many columns and filters as there can be, of all kinds. */
static void make_plan(struct list *list, bool has_ids) {
    static const struct column kinds[] = {
        {TEXT_LITERAL(""), COLUMN_INTEGER, VALUE_INT, 0},
        {TEXT_LITERAL(""), COLUMN_INTEGER, VALUE_BOOL, 0},
        {TEXT_LITERAL(""), COLUMN_INTEGER, VALUE_DOUBLE, 2},
        {TEXT_LITERAL(""), COLUMN_INTEGER, VALUE_TIMESTAMP, 0},
        {TEXT_LITERAL(""), COLUMN_TEXT, VALUE_TEXT, 0},
        {TEXT_LITERAL(""), COLUMN_HASH, VALUE_TEXT, 0},
        {TEXT_LITERAL(""), COLUMN_PLACE, VALUE_ABSENT, 0},
    };
    struct chance *chance = &list->chance;
    bool is_large = chance_below(chance, 4) == 0;
    size_t columns = (size_t)chance_below(chance, is_large ? PLAN_COLUMNS_MAX + 1 : 6);
    size_t filters = (size_t)chance_below(chance, is_large ? PLAN_FILTERS_MAX + 1 : 6);
    columns = is_large && chance_below(chance, 3) == 0 ? PLAN_COLUMNS_MAX : columns;
    filters = is_large && chance_below(chance, 3) == 0 ? PLAN_FILTERS_MAX : filters;
    for (size_t i = 0; i < columns; i++) {
        snprintf(list->names[i], sizeof *list->names, "column%zu", i);
        list->columns[i] = kinds[chance_below(chance, sizeof kinds / sizeof *kinds)];
        list->columns[i].source = text_of(list->names[i]);
    }
    for (size_t i = 0; i < filters; i++) {
        char *name = list->names[PLAN_COLUMNS_MAX + i];
        snprintf(name, sizeof *list->names, "filter%zu", i);
        list->filters[i] =
            (struct filter){.source = text_of(name), .outcome = chance_below(chance, 2)};
    }
    list->features[0] = (struct feature){.name = TEXT_LITERAL("count"),
                                         .aggregate = AGGREGATE_COUNT,
                                         .column = -1,
                                         .filter = -1,
                                         .part = -1,
                                         .window_us = SECOND};
    list->entity = (struct entity_plan){.name = TEXT_LITERAL("card"),
                                        .key = TEXT_LITERAL("card"),
                                        .columns = list->columns,
                                        .column_count = columns,
                                        .filters = list->filters,
                                        .filter_count = filters,
                                        .features = list->features,
                                        .feature_count = 1};
    struct plan plan = {.entities = &list->entity, .entity_count = 1};
    struct error error;
    if (plan_finish(&plan, &error) < 0)
        fail_msg("%s", error.text);
    if (!has_ids)
        assert_true(plan_omit_ids(&list->entity));
}

/* Values of a payment, each column another one. */
static void fill_columns(struct list *list, struct entry *entry, int64_t size) {
    for (size_t i = 0; i < list->entity.column_count; i++) {
        const struct column *column = &list->columns[i];
        struct payment payment = scene_wild_payment(&list->chance, 0, size);
        if (column->type == COLUMN_TEXT)
            entry->texts[i] = text_of(payment.merchant);
        else if (column->type != COLUMN_INTEGER)
            entry->integers[i] = (int64_t)chance_next(&list->chance);
        else if (column->value_type == VALUE_BOOL)
            entry->integers[i] = chance_below(&list->chance, 2);
        else
            entry->integers[i] = payment.integers[SCENE_ITEMS];
    }
}

static void set_weights(struct list *list, struct row *row) {
    struct chance *chance = &list->chance;
    bool is_single = chance_below(chance, 8) > 0;
    bool is_extreme = chance_below(chance, 4) == 0;
    row->tally.transactions = is_single ? 1 : (uint32_t)chance_below(chance, 4);
    if (!is_single && is_extreme)
        row->tally.transactions = UINT32_MAX;
    row->tally.taken = is_single ? 0 : (uint32_t)chance_below(chance, 3);
    for (size_t i = 0; i < list->entity.filter_count; i++)
        row->tally.taken_weights[i] =
            row->tally.taken > 0 ? (uint32_t)chance_below(chance, row->tally.taken + 1) : 0;
    for (size_t i = 0; i < list->entity.filter_count; i++) {
        row->entry.weights[i] = (int32_t)chance_below(chance, 2);
        if (!is_single && chance_below(chance, 2))
            row->entry.weights[i] = (int32_t)chance_below(chance, 7) - 3;
        if (!is_single && is_extreme && chance_below(chance, 4) == 0)
            row->entry.weights[i] = chance_below(chance, 2) ? INT32_MIN : INT32_MAX;
    }
}

/* Where time ends, it ends. */
static int64_t time_after(int64_t time_us, int64_t by_us) {
    int64_t sum;
    return !__builtin_add_overflow(time_us, by_us, &sum) ? sum : by_us > 0 ? INT64_MAX : INT64_MIN;
}

static int64_t random_time(struct list *list) {
    struct chance *chance = &list->chance;
    int64_t kind = chance_below(chance, 30);
    if (kind == 0) /* more than a narrow row has room for, whichever row is the first */
        return time_after(list->start_us, chance_below(chance, 30) * YEAR - 15 * YEAR);
    if (kind == 1 && chance_below(chance, 5) == 0)
        return (int64_t)chance_next(chance);
    if (kind < 6)
        return time_after(list->start_us, chance_below(chance, 8) * YEAR);
    return time_after(list->start_us, chance_below(chance, 40) * SECOND - 20 * SECOND);
}

/* The first that is not before this time. */
static size_t naive_find(const struct list *list, int64_t time_us) {
    size_t i = 0;
    while (i < list->count && list->rows[i].entry.time_us < time_us)
        i++;
    return i;
}

static void insert(struct list *list, int64_t size) {
    struct state *state = &list->state;
    int64_t time_us = random_time(list);
    size_t i = naive_find(list, time_us);
    assert_int_equal(rows_find(state, &list->entity, time_us) - state->begin, i);
    while (i < list->count && list->rows[i].entry.time_us == time_us &&
           chance_below(&list->chance, 2))
        i++;
    memmove(&list->rows[i + 1], &list->rows[i], (list->count - i) * sizeof *list->rows);
    struct row *row = &list->rows[i];
    *row = (struct row){.entry.time_us = time_us,
                        .entry.id_hash = chance_next(&list->chance),
                        .entry.present =
                            (uint32_t)(chance_next(&list->chance) | chance_next(&list->chance))};
    fill_columns(list, &row->entry, size);
    set_weights(list, row);
    list->count++;
    state_fit(state, &list->entity, row);
    uint32_t at = rows_insert(state, &list->entity, state->begin + (uint32_t)i);
    assert_int_equal(at - state->begin, i);
    row_fill(state, &list->entity, row, row_at(state, at));
}

static void weigh(struct list *list) {
    if (list->count == 0)
        return;
    size_t i = (size_t)chance_below(&list->chance, (int64_t)list->count);
    struct row *row = &list->rows[i];
    set_weights(list, row);
    state_fit(&list->state, &list->entity, row);
    row_set_weights(&list->state, &list->entity, row, row_at(&list->state, list->state.begin + i));
}

static void remove_some(struct list *list) {
    size_t from = (size_t)chance_below(&list->chance, (int64_t)list->count + 1);
    size_t most = list->count - from < 6 ? list->count - from : 6;
    size_t to = from + (size_t)chance_below(&list->chance, (int64_t)most + 1);
    rows_remove(&list->state, &list->entity, list->state.begin + (uint32_t)from,
                list->state.begin + (uint32_t)to);
    memmove(&list->rows[from], &list->rows[to], (list->count - to) * sizeof *list->rows);
    list->count -= to - from;
}

/* What is missing, or too long, is gone: the row has 0 and no text there. */
static void assert_same_row(const struct list *list, const struct row *got,
                            const struct row *expected, size_t i) {
    const struct entity_plan *entity = &list->entity;
    uint32_t present = entry_present(entity, &expected->entry);
    assert_int_equal(got->entry.time_us, expected->entry.time_us);
    assert_int_equal(got->entry.id_hash, entity->id_size > 0 ? expected->entry.id_hash : 0);
    assert_int_equal(got->entry.present, present);
    assert_int_equal(got->tally.transactions, expected->tally.transactions);
    assert_int_equal(got->tally.taken, expected->tally.taken);
    for (size_t j = 0; got->tally.taken > 0 && j < entity->filter_count; j++)
        assert_int_equal(got->tally.taken_weights[j], expected->tally.taken_weights[j]);
    for (size_t j = 0; j < entity->column_count; j++) {
        bool is_there = present >> j & 1;
        bool is_text = list->columns[j].type == COLUMN_TEXT;
        struct text text = is_there ? expected->entry.texts[j] : (struct text){0};
        int64_t integer = is_there ? expected->entry.integers[j] : 0;
        if (is_text ? !text_equal(got->entry.texts[j], text) : got->entry.integers[j] != integer)
            fail_msg("row %zu of %zu, column %zu of layout %d is not what was put", i, list->count,
                     j, list->state.layout);
    }
    for (size_t j = 0; j < entity->filter_count; j++)
        if (got->entry.weights[j] != expected->entry.weights[j])
            fail_msg("row %zu, weight %zu of layout %d: %" PRId32 ", not %" PRId32, i, j,
                     list->state.layout, got->entry.weights[j], expected->entry.weights[j]);
}

static void assert_rows(struct list *list) {
    const struct state *state = &list->state;
    const struct row_layout *layout = row_layout(state, &list->entity);
    assert_int_equal(state->end - state->begin, list->count);
    assert_true(state->end <= state->capacity || list->count == 0);
    for (size_t i = 0; i < list->count; i++) {
        const struct row *expected = &list->rows[i];
        const uint8_t *at = row_at(state, state->begin + i);
        struct row got;
        row_get(state, &list->entity, state->begin + i, &got);
        assert_same_row(list, &got, expected, i);
        assert_int_equal(row_time(state, layout, state->begin + i), expected->entry.time_us);
        for (int j = -1; j < (int)list->entity.filter_count; j++)
            assert_int_equal(row_weight(&list->entity, layout, at, j),
                             entry_weight(&expected->entry, &expected->tally, j));
    }
    list->seen[state->layout]++;
}

static void a_row_has_what_was_put(void **unused) {
    (void)unused;
    struct list *list = test_calloc(1, sizeof *list);
    list->chance.state = chance_seed();
    for (int64_t left = chance_steps(40000) / ROUND_STEPS; left > 0; left--) {
        static const int64_t starts_us[] = {0, INT64_C(1700000000) * SECOND, -50 * YEAR,
                                            INT64_MAX - SECOND, INT64_MIN + SECOND};
        make_plan(list, chance_below(&list->chance, 3) > 0);
        list->start_us = starts_us[chance_below(&list->chance, 5)];
        int64_t size = 0, calm = chance_below(&list->chance, 40);
        for (int step = 0; step < ROUND_STEPS; step++) {
            uint8_t before = list->state.layout;
            int64_t kind = chance_below(&list->chance, 12);
            if (step >= calm) /* wider ones come later in the round, in between narrow ones */
                size = chance_below(&list->chance, SCENE_SIZES);
            if ((kind < 8 || list->count == 0) && list->count < ROWS_MAX)
                insert(list, size);
            else if (kind < 10)
                weigh(list);
            else
                remove_some(list);
            list->changed += list->state.layout != before;
            assert_rows(list);
        }
        list->count = 0;
        state_deinit(&list->state);
    }
    for (int i = 0; i < ROW_LAYOUTS; i++)
        assert_true(list->seen[i] > 0);
    assert_true(list->changed > 0);
    test_free(list);
}

/* Rows that are alone in their layout, each beside narrow ones. */
static void every_edge_has_its_layout(void **unused) {
    (void)unused;
    static const struct {
        int64_t integer;
        size_t length;
        int64_t later_us;
        uint32_t transactions;
        uint8_t layout;
    } edges[] = {
        {INT32_MAX, 3, 0, 1, 0},
        {INT32_MIN, 0, 0, 1, 0},
        {INT32_MAX + INT64_C(1), 3, 0, 1, 1},
        {INT32_MIN - INT64_C(1), 3, 0, 1, 1},
        {INT64_MIN, 3, 0, 1, 1},
        {0, 4, 0, 1, 1},
        {0, 7, 0, 1, 1},
        {0, 8, 0, 1, 2},
        {0, 31, 0, 1, 2},
        {0, 32, 0, 1, 3},
        {0, COLUMN_TEXT_MAX, 0, 1, 3},
        {0, COLUMN_TEXT_MAX + 1, 0, 1, 0}, /* counts as absent */
        {0, 0, 6 * YEAR, 1, 0},
        {0, 0, -2 * YEAR, 1, 0},
        {0, 0, 10 * YEAR, 1, 1},
        {0, 0, -10 * YEAR, 1, 1},
        {0, 0, 0, 2, ROW_TALLY},
        {0, 0, 0, 0, ROW_TALLY},
        {INT64_MAX, COLUMN_TEXT_MAX, 10 * YEAR, 2, 3 + ROW_TALLY},
    };
    static const char letters[COLUMN_TEXT_MAX + 2] = "letters";
    static struct scene scene;
    scene_init(&scene, 0);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, SECOND, 0);
    scene_finish(&scene);
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        struct entry entries[3] = {0};
        struct state state;
        state_init(&state);
        for (int64_t j = 0; j < 3; j++)
            entries[j] = (struct entry){.time_us = (INT64_C(1600000000) + j) * SECOND,
                                        .present = (1u << SCENE_COLUMNS) - 1};
        entries[2].integers[SCENE_ITEMS] = edges[i].integer;
        entries[2].texts[SCENE_MERCHANT_TEXT] =
            (struct text){.data = letters, .length = edges[i].length};
        entries[2].time_us += edges[i].later_us;
        for (uint32_t j = 0; j < 3; j++) { /* the last one between, behind or in front of them */
            uint32_t transactions = j == 2 ? edges[i].transactions : 1;
            struct row row = {.entry = entries[j], .tally.transactions = transactions};
            state_fit(&state, &scene.entity, &row);
            uint32_t at = rows_insert(&state, &scene.entity,
                                      rows_find(&state, &scene.entity, entries[j].time_us));
            row_fill(&state, &scene.entity, &row, row_at(&state, at));
        }
        if (state.layout != edges[i].layout)
            fail_msg("edge %zu has layout %d", i, state.layout);
        for (uint32_t j = 0; j < 3; j++) {
            struct row row;
            row_get(&state, &scene.entity, rows_find(&state, &scene.entity, entries[j].time_us),
                    &row);
            assert_int_equal(row.entry.time_us, entries[j].time_us);
            assert_int_equal(row.entry.integers[SCENE_ITEMS], entries[j].integers[SCENE_ITEMS]);
            assert_int_equal(row.tally.transactions, j == 2 ? edges[i].transactions : 1);
        }
        state_deinit(&state);
    }
}

/* Whole states. */

#define ENTRIES_MAX 60

static size_t make_entries(struct chance *chance, struct entry *entries) {
    size_t count = 0, wanted = 1 + (size_t)chance_below(chance, ENTRIES_MAX - 1);
    size_t calm = (size_t)chance_below(chance, ENTRIES_MAX);
    bool with_taken = chance_below(chance, 3) == 0;
    int64_t time_us = INT64_C(1700000000) * SECOND;
    int64_t pace_us = chance_below(chance, 2) ? YEAR / 40 : 40 * SECOND;
    struct payment payment = {0};
    while (count < wanted) {
        int64_t size = count < calm ? 0 : chance_below(chance, SCENE_SIZES);
        time_us += chance_below(chance, pace_us);
        if (count == 0 || chance_below(chance, 12) > 0)
            payment = scene_wild_payment(chance, time_us, size);
        if (chance_below(chance, 10) == 0)
            payment.time_us -= chance_below(chance, 4 * pace_us);
        entries[count++] = scene_transaction(&payment);
        if (count < wanted && chance_below(chance, 4) == 0)
            entries[count++] = scene_outcome(&payment, SCENE_UNKNOWN,
                                             chance_below(chance, 2) ? SCENE_FRAUD : SCENE_LEGIT);
        if (count < wanted && with_taken && chance_below(chance, 8) == 0)
            entries[count++] = scene_taken_out(&payment, SCENE_UNKNOWN);
    }
    return count;
}

static void fold(const struct scene *scene, const struct entry *entries, size_t count,
                 bool backwards, struct state *ret_state) {
    state_init(ret_state);
    for (size_t i = 0; i < count; i++)
        scene_apply(scene, ret_state, &entries[backwards ? count - 1 - i : i]);
}

/* What a rebuild writes: entries as bytes from the start, that never were rows if they are few. */
static struct text fold_in_bulk(const struct scene *scene, struct bulk *bulk,
                                const struct entry *entries, size_t count) {
    static uint8_t bodies[ENTRIES_MAX][BULK_BODY_MAX];
    struct bulk_entry encoded[ENTRIES_MAX];
    for (size_t i = 0; i < count; i++)
        encoded[i] = (struct bulk_entry){
            .time_us = entries[i].time_us,
            .body = bodies[i],
            .size = (uint32_t)bulk_encode(&scene->entity, &entries[i], bodies[i])};
    return bulk_fold(bulk, &scene->entity, scene->plan.lateness_us, (struct text){0}, encoded,
                     count);
}

static void init_plan(struct scene *scene, struct chance *chance) {
    scene_init(scene, chance_below(chance, 3) * 200 * SECOND);
    scene_add_random_features(scene, chance, 1 + (size_t)chance_below(chance, 6));
    if (chance_below(chance, 3) > 0)
        scene_add(scene, AGGREGATE_COUNT, -1, -1, -1, PLAN_WINDOW_US_MAX, 0);
    scene_finish(scene);
    if (chance_below(chance, 3) == 0)
        plan_omit_ids(&scene->entity);
}

static void no_layout_shows_in_the_bytes(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    static struct scene scene;
    static struct entry entries[ENTRIES_MAX];
    struct bulk *bulk = bulk_new();
    uint64_t layouts = 0, widened = 0;
    for (int64_t left = chance_steps(60000); left > 0; left -= ENTRIES_MAX) {
        init_plan(&scene, &chance);
        size_t count = make_entries(&chance, entries);
        struct state forth, back, again;
        struct error error;
        fold(&scene, entries, count, false, &forth);
        fold(&scene, entries, count, true, &back);
        struct text bytes = scene_encode(&scene.entity, &forth);
        assert_true(text_equal(bytes, scene_encode(&scene.entity, &back)));
        if (scene.entity.id_size > 0) /* bulk.h is for tables, whose entries all have ids */
            assert_true(text_equal(bytes, fold_in_bulk(&scene, bulk, entries, count)));
        if (state_check(bytes.data, bytes.length, &scene.entity, &error) < 0)
            fail_msg("%s", error.text);
        state_init(&again);
        state_assign(&again, &scene.entity, bytes.data, bytes.length);
        assert_true(text_equal(bytes, scene_encode(&scene.entity, &again)));
        layouts |= UINT64_C(1) << again.layout;
        widened += again.layout != forth.layout; /* what was wide has gone */
        state_deinit(&forth);
        state_deinit(&back);
        state_deinit(&again);
    }
    assert_int_equal(layouts, (1u << ROW_LAYOUTS) - 1);
    assert_true(widened > 0);
    bulk_free(bulk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_what_was_put),
        cmocka_unit_test(every_edge_has_its_layout),
        cmocka_unit_test(no_layout_shows_in_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
