/* Property: a state whose texts are replaced is the state of the same records with the other text,
 * byte by byte, in rows and in collapsed tiles. HARRIER_SEED, HARRIER_STEPS. */
#include "core/feature/state/state_texts.h"

#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define ENTRIES_MAX 300
#define LONG_TEXT                                                                                  \
    "a text that is longer than any of the others, so that rows and tiles have to become wider"

static const char *removed;

static bool is_removed(struct state_texts *self, size_t column, struct text text) {
    (void)self;
    assert_int_equal(column, SCENE_MERCHANT_TEXT);
    return text_is(text, removed);
}

/* Payments and what becomes known of them. Different ones have different ids, unless they are
 * twins: few enough then that nothing collapses, and told apart by their text alone. */
static size_t make_entries(struct chance *chance, bool has_twins, struct entry *entries) {
    size_t wanted = 1 + (size_t)chance_below(chance, has_twins ? 8 : ENTRIES_MAX), count = 0;
    int64_t unit_us = chance_below(chance, 2) ? SECOND : 1000;
    for (uint64_t id = 1; count < wanted; id++) {
        int64_t time_us = chance_below(chance, has_twins ? 3 : 200) * unit_us;
        struct payment payment = scene_random_payment(chance, time_us);
        payment.id_hash = has_twins ? 7 : id * UINT64_C(0x9e3779b97f4a7c15);
        if (has_twins)
            payment.present = 1 << SCENE_MERCHANT_TEXT;
        entries[count++] = scene_transaction(&payment);
        if (count < wanted && chance_below(chance, 4) == 0)
            entries[count++] = scene_outcome(&payment, SCENE_UNKNOWN, SCENE_FRAUD);
        if (count < wanted && chance_below(chance, 8) == 0)
            entries[count++] = scene_taken_out(&payment, SCENE_UNKNOWN);
    }
    return count;
}

static struct text fold(const struct scene *scene, const struct entry *entries, size_t count,
                        struct buffer *bytes) {
    struct state state;
    state_init(&state);
    for (size_t i = 0; i < count; i++)
        scene_apply(scene, &state, &entries[i]);
    state_encode(&state, &scene->entity, bytes);
    state_deinit(&state);
    return buffer_text(bytes);
}

/* Does the state show the text, as its bytes say? */
static bool has_bytes(struct text bytes, const char *text) {
    return memmem(bytes.data, bytes.length, text, strlen(text)) != NULL;
}

static bool check_one(struct chance *chance, bool has_twins) {
    static struct entry entries[ENTRIES_MAX + 1];
    static const char *const by[] = {"(erased)", "", "b", LONG_TEXT};
    struct scene scene;
    struct buffer before, after, expected;
    struct error error = {0};
    buffer_init(&before);
    buffer_init(&after);
    buffer_init(&expected);
    scene_init(&scene, chance_below(chance, 2) * SECOND);
    scene_add_random_features(&scene, chance, 6);
    scene_add(&scene, AGGREGATE_LAST, SCENE_MERCHANT_TEXT, -1, -1, 60 * SECOND, 0);
    scene_add(&scene, AGGREGATE_FIRST, SCENE_MERCHANT_TEXT, SCENE_IS_ONLINE, -1, 200 * SECOND, 0);
    scene_finish(&scene);
    size_t count = make_entries(chance, has_twins, entries);
    struct text bytes = fold(&scene, entries, count, &before);
    removed = chance_below(chance, 2) ? "baker" : "supermarket no. 17";
    struct state_texts texts = {.is_replaced = is_removed,
                                .by = text_of(by[chance_below(chance, 4)])};
    bool is_there = has_bytes(bytes, removed);
    assert_int_equal(state_replace_texts(bytes.data, bytes.length, &scene.entity, &texts, &after),
                     is_there);
    assert_int_equal(texts.replaced > 0, is_there);
    for (size_t i = 0; i < count; i++)
        if (entries[i].present >> SCENE_MERCHANT_TEXT & 1 &&
            text_is(entries[i].texts[SCENE_MERCHANT_TEXT], removed))
            entries[i].texts[SCENE_MERCHANT_TEXT] = texts.by;
    if (is_there) {
        assert_return_code(state_check(after.bytes, after.length, &scene.entity, &error), 0);
        assert_false(has_bytes(buffer_text(&after), removed));
        assert_true(text_equal(buffer_text(&after), fold(&scene, entries, count, &expected)));
    }
    buffer_deinit(&before);
    buffer_deinit(&after);
    buffer_deinit(&expected);
    return is_there;
}

static void test_as_folded_with_the_other_text(void **fixture) {
    (void)fixture;
    struct chance chance = {.state = chance_seed()};
    int64_t steps = chance_steps(400), found = 0;
    for (int64_t i = 0; i < steps; i++)
        found += check_one(&chance, i % 4 == 3);
    assert_true(found > steps / 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_folded_with_the_other_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
