/* Property: a first or last text is the one that was there, whatever tiles its transaction has gone
 * into and whatever longer texts have come since. Crowds that collapse, late ones and outcomes that
 * go into what has collapsed, merges of states whose texts are wider or narrower, states that are
 * read from their bytes; texts come in all lengths, the longer ones later.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "core/feature/live/tile.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define ROUND_STEPS 40
#define ENTRIES_MAX (ROUND_STEPS * 40)
#define WINDOW      (100000 * SECOND)

enum { FIRST, LAST, FIRST_ONLINE, LAST_ONLINE, LAST_ITEMS, FEATURES };

struct walk {
    struct chance chance;
    struct scene scene;
    struct state state;
    struct state_scratch *scratch, *other;
    struct payment payments[ENTRIES_MAX]; /* all of them */
    size_t count;
    int64_t now_us, size;
    uint64_t in_tiles, widths[ROW_WIDTHS], merged;
};

static void begin(struct walk *walk) {
    struct scene *scene = &walk->scene;
    state_deinit(&walk->state);
    scene_init(scene, chance_below(&walk->chance, 2) * 50 * SECOND);
    scene_add(scene, AGGREGATE_FIRST, SCENE_MERCHANT_TEXT, -1, -1, WINDOW, 0);
    scene_add(scene, AGGREGATE_LAST, SCENE_MERCHANT_TEXT, -1, -1, WINDOW, 0);
    scene_add(scene, AGGREGATE_FIRST, SCENE_MERCHANT_TEXT, SCENE_IS_ONLINE, -1, WINDOW, 0);
    scene_add(scene, AGGREGATE_LAST, SCENE_MERCHANT_TEXT, SCENE_IS_ONLINE, -1, WINDOW, 0);
    scene_add(scene, AGGREGATE_LAST, SCENE_ITEMS, -1, -1, WINDOW, 0);
    for (int i = 0; i < FEATURES; i++)
        scene->features[i].exclude_current = true;
    scene_add_random_features(scene, &walk->chance, (size_t)chance_below(&walk->chance, 3));
    scene_finish(scene);
    walk->count = 0;
    walk->now_us = 1000 * WINDOW;
    walk->size = 0;
}

/* Naive: of all that have been, whatever has become of them. */

static bool counts(const struct payment *payment, int feature) {
    int column = feature == LAST_ITEMS ? SCENE_ITEMS : SCENE_MERCHANT_TEXT;
    if (!(payment->present >> column & 1))
        return false;
    if (column == SCENE_MERCHANT_TEXT && strlen(payment->merchant) > COLUMN_TEXT_MAX)
        return false;
    return (feature != FIRST_ONLINE && feature != LAST_ONLINE) ||
           scene_passes(SCENE_IS_ONLINE, payment, SCENE_UNKNOWN);
}

static bool is_before(const struct payment *a, const struct payment *b) {
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->id_hash < b->id_hash;
}

static struct value naive_value(const struct walk *walk, int feature) {
    const struct payment *found = NULL;
    bool is_first = feature == FIRST || feature == FIRST_ONLINE;
    for (size_t i = 0; i < walk->count; i++) {
        const struct payment *payment = &walk->payments[i];
        if (counts(payment, feature) &&
            (!found || is_before(is_first ? payment : found, is_first ? found : payment)))
            found = payment;
    }
    if (!found)
        return value_absent();
    return feature == LAST_ITEMS ? value_int(found->integers[SCENE_ITEMS])
                                 : value_text(text_of(found->merchant));
}

static void assert_values(const struct walk *walk, const struct value *got, const char *how) {
    for (int i = 0; i < FEATURES; i++) {
        struct value expected = naive_value(walk, i);
        char is[COLUMN_TEXT_MAX + 2], wanted[COLUMN_TEXT_MAX + 2];
        if (value_equal(got[i], expected))
            continue;
        value_format(got[i], is, sizeof is);
        value_format(expected, wanted, sizeof wanted);
        fail_msg("feature %d of %s after %zu payments: '%s', expected '%s'", i, how, walk->count,
                 is, wanted);
    }
}

static void look(struct walk *walk) {
    static struct value values[PLAN_FEATURES_MAX];
    const struct entity_plan *entity = &walk->scene.entity;
    int64_t lateness_us = walk->scene.plan.lateness_us;
    struct text bytes = scene_encode(entity, &walk->state);
    struct error error;
    state_evaluate(&walk->state, entity, lateness_us, walk->now_us, NULL, walk->scratch, values);
    assert_values(walk, values, "the state");
    state_read(bytes.data, bytes.length, entity, lateness_us, walk->now_us, NULL, walk->other,
               values);
    assert_values(walk, values, "the bytes");
    if (state_check(bytes.data, bytes.length, entity, &error) < 0)
        fail_msg("after %zu payments: %s", walk->count, error.text);
    struct state again;
    state_init(&again);
    state_assign(&again, entity, bytes.data, bytes.length);
    assert_true(text_equal(bytes, scene_encode(entity, &again)));
    state_deinit(&again);
    walk->widths[row_width(&walk->state)] += tile_count(&walk->state) > 0;
    walk->in_tiles += tile_count(&walk->state);
}

/* Ids differ, so that there is one order. */
static void pay(struct walk *walk, struct state *state, int64_t time_us, bool is_applied) {
    struct payment payment = scene_wild_payment(&walk->chance, time_us, walk->size);
    payment.id_hash = walk->count * 7919 % 1024 << 32 | walk->count;
    struct entry entry = scene_transaction(&payment);
    assert_true(walk->count < ENTRIES_MAX);
    walk->payments[walk->count++] = payment;
    scene_apply(&walk->scene, state, &entry);
    if (is_applied && time_us > walk->now_us)
        walk->now_us = time_us;
}

/* More than stay raw. */
static void crowd(struct walk *walk, struct state *state, int64_t time_us) {
    for (int64_t left = 17 + chance_below(&walk->chance, 12); left > 0; left--)
        pay(walk, state, time_us + chance_below(&walk->chance, 3000), true);
}

static void know(struct walk *walk) {
    if (walk->count == 0)
        return;
    size_t i = (size_t)chance_below(&walk->chance, (int64_t)walk->count);
    struct entry entry = scene_outcome(&walk->payments[i], SCENE_UNKNOWN, SCENE_FRAUD);
    scene_apply(&walk->scene, &walk->state, &entry);
}

/* Another state, whose texts are longer or shorter, with tiles where there are some already. */
static void merge(struct walk *walk) {
    const struct entity_plan *entity = &walk->scene.entity;
    struct state other;
    int64_t size = walk->size;
    state_init(&other);
    walk->size = chance_below(&walk->chance, size + 1);
    int64_t back_us = chance_below(&walk->chance, 400 * SECOND);
    crowd(walk, &other, walk->now_us - back_us);
    pay(walk, &other, walk->now_us, true);
    if (chance_below(&walk->chance, 2)) {
        state_merge(&walk->state, entity, walk->scene.plan.lateness_us, ENCODED(entity, &other));
    } else {
        state_merge(&other, entity, walk->scene.plan.lateness_us, ENCODED(entity, &walk->state));
        state_assign(&walk->state, entity, ENCODED(entity, &other));
    }
    state_deinit(&other);
    walk->size = size;
    walk->merged++;
}

static void step(struct walk *walk) {
    struct chance *chance = &walk->chance;
    int64_t kind = chance_below(chance, 20);
    if (chance_below(chance, 6) == 0 && walk->size < SCENE_SIZES - 1)
        walk->size++;
    if (kind < 5) {
        walk->now_us += chance_below(chance, 300 * SECOND);
        crowd(walk, &walk->state, walk->now_us);
    } else if (kind < 10) {
        pay(walk, &walk->state, walk->now_us + chance_below(chance, 100 * SECOND), true);
    } else if (kind < 14 && walk->count > 0) { /* late, by a little from what there is */
        size_t i = (size_t)chance_below(chance, (int64_t)walk->count);
        pay(walk, &walk->state, walk->payments[i].time_us + chance_below(chance, 2000) - 1000,
            true);
    } else if (kind < 17) {
        know(walk);
    } else if (kind < 18) {
        merge(walk);
    } else if (kind < 19) {
        state_assign(&walk->state, &walk->scene.entity, ENCODED(&walk->scene.entity, &walk->state));
    }
}

static void texts_are_those_that_were_there(void **unused) {
    (void)unused;
    struct walk *walk = test_calloc(1, sizeof *walk);
    walk->chance.state = chance_seed();
    walk->scratch = state_scratch_new();
    walk->other = state_scratch_new();
    for (int64_t left = chance_steps(16000); left > 0; left--) {
        if (left % ROUND_STEPS == 0 || walk->scene.entity.feature_count == 0)
            begin(walk);
        step(walk);
        look(walk);
    }
    print_message("%" PRIu64 " merges, %" PRIu64 " looks at tiles\n", walk->merged, walk->in_tiles);
    for (int i = 0; i < ROW_WIDTHS; i++)
        assert_true(walk->widths[i] > 0);
    assert_true(walk->merged > 0);
    state_scratch_free(walk->scratch);
    state_scratch_free(walk->other);
    state_deinit(&walk->state);
    test_free(walk);
}

/* Each length in a tile, then each longer one behind it: the words of a tile and what they say. */
static void a_cell_has_room_for_its_text(void **unused) {
    (void)unused;
    static const size_t lengths[] = {0, 3, 4, 7, 8, 31, 32, COLUMN_TEXT_MAX};
    enum { LENGTHS = sizeof lengths / sizeof *lengths };
    static char letters[COLUMN_TEXT_MAX];
    static struct scene scene;
    memset(letters, 'l', sizeof letters);
    scene_init(&scene, 0);
    scene_add(&scene, AGGREGATE_FIRST, SCENE_MERCHANT_TEXT, -1, -1, WINDOW, 0);
    scene_add(&scene, AGGREGATE_LAST, SCENE_MERCHANT_TEXT, -1, -1, WINDOW, 0);
    scene_add(&scene, AGGREGATE_MAX, SCENE_ITEMS, -1, -1, WINDOW, 0);
    scene_finish(&scene);
    struct state_scratch *scratch = state_scratch_new();
    for (size_t i = 0; i < LENGTHS; i++)
        for (size_t j = 0; j < LENGTHS; j++) {
            struct state state;
            struct value values[3];
            struct entry entry = {.time_us = WINDOW,
                                  .transaction = true,
                                  .present = 1u << SCENE_MERCHANT_TEXT | 1u << SCENE_ITEMS};
            entry.integers[SCENE_ITEMS] = -5;
            state_init(&state);
            entry.texts[SCENE_MERCHANT_TEXT] = (struct text){.data = letters, .length = lengths[i]};
            for (int k = 0; k < 17; k++, entry.id_hash++, entry.time_us++)
                scene_apply(&scene, &state, &entry);
            assert_int_equal(tile_count(&state), 1);
            entry.texts[SCENE_MERCHANT_TEXT].length = lengths[j];
            if (j % 2) /* into the tile, or a row behind it */
                entry.time_us += WINDOW / 2;
            scene_apply(&scene, &state, &entry);
            assert_int_equal(state.end - state.begin, j % 2);
            for (int way = 0; way < 2; way++) {
                state_evaluate(&state, &scene.entity, 0, entry.time_us, NULL, scratch, values);
                assert_int_equal(values[0].text.length, lengths[i]);
                assert_int_equal(values[1].text.length, lengths[j]);
                assert_true(lengths[j] == 0 ||
                            memcmp(values[1].text.data, letters, lengths[j]) == 0);
                assert_true(value_equal(values[2], value_int(-5)));
                state_assign(&state, &scene.entity, ENCODED(&scene.entity, &state));
            }
            state_deinit(&state);
        }
    state_scratch_free(scratch);
}

/* Two of the same time and id, in either order: the shorter text is first, then the lesser one. */
static void of_equal_times_and_ids_the_cell_decides(void **unused) {
    (void)unused;
    static const char *const pairs[][2] = {
        {"zz", "aaa"}, {"ab", "ba"}, {"", "a"}, {"zzzzzzz", "aaaaaaaa"}};
    static struct scene scene;
    scene_init(&scene, 0);
    scene_add(&scene, AGGREGATE_FIRST, SCENE_MERCHANT_TEXT, -1, -1, WINDOW, 0);
    scene_add(&scene, AGGREGATE_LAST, SCENE_MERCHANT_TEXT, -1, -1, WINDOW, 0);
    scene_add(&scene, AGGREGATE_FIRST, SCENE_ITEMS, -1, -1, WINDOW, 0);
    scene_add(&scene, AGGREGATE_LAST, SCENE_ITEMS, -1, -1, WINDOW, 0);
    scene_finish(&scene);
    struct state_scratch *scratch = state_scratch_new();
    for (size_t i = 0; i < 2 * (sizeof pairs / sizeof *pairs); i++) {
        struct state state;
        struct value values[4];
        state_init(&state);
        for (size_t j = 0; j < 40; j++) { /* the one, then the other, into the same tile */
            struct payment payment = {.time_us = WINDOW,
                                      .id_hash = 7,
                                      .present = 1u << SCENE_MERCHANT_TEXT | 1u << SCENE_ITEMS,
                                      .merchant = pairs[i / 2][(i + j / 20) % 2]};
            payment.integers[SCENE_ITEMS] = (i + j / 20) % 2 == 0 ? -5 : 3;
            struct entry entry = scene_transaction(&payment);
            scene_apply(&scene, &state, &entry);
        }
        assert_int_equal(tile_count(&state), 1);
        state_evaluate(&state, &scene.entity, 0, WINDOW, NULL, scratch, values);
        assert_true(value_equal(values[0], value_text(text_of(pairs[i / 2][0]))));
        assert_true(value_equal(values[1], value_text(text_of(pairs[i / 2][1]))));
        assert_true(value_equal(values[2], value_int(-5)));
        assert_true(value_equal(values[3], value_int(3)));
        state_deinit(&state);
    }
    state_scratch_free(scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_has_room_for_its_text),
        cmocka_unit_test(of_equal_times_and_ids_the_cell_decides),
        cmocka_unit_test(texts_are_those_that_were_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
