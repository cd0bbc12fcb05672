/* A view gives the states of the moment it was opened, whatever is applied while it is read, and
 * comparisons of two see every difference. */
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/generation/generation_publish.h"
#include "core/store/overlay/comparison.h"
#include "core/store/overlay/overlay.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/traffic.h"

#include <stdlib.h>

/* ---- what an overlay holds, kept ---- */

struct row {
    size_t entity;
    char key[64];
    size_t key_length;
    uint64_t state_hash;
};

struct rows {
    struct row *items;
    size_t count;
};

static int keep_row(void *user, size_t entity, struct text key, struct text state) {
    struct rows *rows = user;
    rows->items = check_reallocarray(rows->items, rows->count + 1, sizeof *rows->items);
    struct row *row = &rows->items[rows->count++];
    *row = (struct row){.entity = entity, .key_length = key.length, .state_hash = hash_text(state)};
    assert_in_range(key.length, 1, sizeof row->key);
    memcpy(row->key, key.data, key.length);
    return 0;
}

struct guard {
    struct overlay_guard guard; /* first */
    bool is_inside;
    unsigned entered;
};

static void enter(struct overlay_guard *self) {
    struct guard *guard = (struct guard *)self;
    assert_false(guard->is_inside);
    guard->is_inside = true;
    guard->entered++;
}

static void leave(struct overlay_guard *self) {
    struct guard *guard = (struct guard *)self;
    assert_true(guard->is_inside);
    guard->is_inside = false;
}

struct bench {
    struct snapshot *snapshot;
    struct engine *engine;
    struct traffic traffic;
    struct overlay *overlay;
    char *root;
    struct guard guard;
};

static void bench_init(struct bench *bench, uint64_t seed) {
    *bench = (struct bench){.snapshot = traffic_policy(""), .guard = {{enter, leave}, false, 0}};
    bench->engine = engine_new(bench->snapshot, bench->snapshot);
    bench->overlay = overlay_new(&bench->snapshot->plan, NULL);
    bench->root = scratch_make();
    traffic_init(&bench->traffic, seed);
}

static void bench_deinit(struct bench *bench) {
    overlay_free(bench->overlay);
    engine_free(bench->engine);
    snapshot_unref(bench->snapshot);
    traffic_deinit(&bench->traffic);
    scratch_remove(bench->root);
}

static void apply(struct bench *bench, unsigned records) {
    for (unsigned i = 0; i < records; i++) {
        struct record record = traffic_next(&bench->traffic);
        overlay_apply(bench->overlay, bench->engine, &record);
    }
}

struct writing {
    struct generation_writer *writer;
    struct error error;
};

static int write_state(void *user, size_t entity, struct text key, struct text state) {
    struct writing *writing = user;
    return generation_writer_state(writing->writer, entity, key, state, &writing->error);
}

static int write_id(void *user, uint64_t id_hash, struct known_id known) {
    struct writing *writing = user;
    return generation_writer_id(writing->writer, id_hash, known, &writing->error);
}

/* Puts everything into tables; the memory in front of them is empty. */
static void rebuild(struct bench *bench) {
    struct writing writing;
    const struct snapshot *snapshot = bench->snapshot;
    const struct snapshot_record record = {.snapshot_id = snapshot->id,
                                           .name = snapshot->name,
                                           .files = snapshot->files,
                                           .file_count = snapshot->file_count};
    struct tally tally = overlay_tally(bench->overlay);
    const struct generation_description description = {
        .place = {.position = bench->traffic.position, .chain = 77},
        .snapshot = &record,
        .tally = &tally,
        .now_us = TRAFFIC_START_US,
        .version = "test",
    };
    struct generation_manifest manifest;
    struct generation *generation;
    if (generation_writer_open(bench->root, &snapshot->plan, &writing.writer, &writing.error) < 0 ||
        overlay_visit(bench->overlay, write_state, &writing) < 0 ||
        overlay_visit_ids(bench->overlay, write_id, &writing) < 0 ||
        generation_writer_finish(writing.writer, &description, &writing.error) < 0)
        fail_msg("%s", writing.error.text);
    for (size_t i = 0; i < generation_writer_checks(writing.writer); i++)
        if (generation_writer_check(writing.writer, i, &writing.error) < 0)
            fail_msg("%s", writing.error.text);
    if (generation_writer_publish(writing.writer, &manifest, &writing.error) < 0 ||
        generation_open_current(bench->root, true, &generation, &writing.error) < 0 ||
        generation_bind(generation, &snapshot->plan, &writing.error) < 0)
        fail_msg("%s", writing.error.text);
    generation_writer_close(writing.writer);
    overlay_free(bench->overlay);
    bench->overlay = overlay_new(&snapshot->plan, generation);
}

/* ---- views ---- */

struct reading {
    struct overlay_view *view;
    struct rows then;
    uint64_t hash;
    size_t at;
};

static struct reading begin(struct bench *bench) {
    struct reading reading = {0};
    assert_int_equal(overlay_visit(bench->overlay, keep_row, &reading.then), 0);
    reading.hash = overlay_hash(bench->overlay);
    reading.view = overlay_view_open(bench->overlay, &bench->guard.guard);
    return reading;
}

/* The next state; false at the end. */
static bool read_one(struct reading *reading) {
    size_t entity;
    struct text key, state;
    if (!overlay_view_next(reading->view, &entity, &key, &state)) {
        assert_int_equal(reading->at, reading->then.count);
        return false;
    }
    assert_true(reading->at < reading->then.count);
    const struct row *row = &reading->then.items[reading->at++];
    assert_int_equal(entity, row->entity);
    assert_true(text_equal(key, (struct text){row->key, row->key_length}));
    assert_int_equal(hash_text(state), row->state_hash);
    return true;
}

static void end(struct reading *reading) {
    while (read_one(reading))
        continue;
    overlay_view_close(reading->view);
    free(reading->then.items);
}

static void a_view_is_of_its_moment(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, 11);
    unsigned rounds = (unsigned)asked_steps(40);
    for (unsigned round = 0; round < rounds; round++) {
        apply(&bench, 30);
        if (round % 10 == 5)
            rebuild(&bench);
        struct reading first = begin(&bench);
        apply(&bench, (unsigned)traffic_random(&bench.traffic, 40));
        struct reading second = begin(&bench);
        struct tally tally = overlay_view_tally(first.view);
        assert_true(tally.transactions <= overlay_tally(bench.overlay).transactions);
        assert_true(overlay_is_viewed(bench.overlay));
        while (read_one(traffic_random(&bench.traffic, 2) ? &first : &second))
            if (traffic_random(&bench.traffic, 4) == 0)
                apply(&bench, 3);
        end(&first);
        apply(&bench, 5);
        end(&second);
        assert_false(overlay_is_viewed(bench.overlay));
    }
    assert_true(bench.guard.entered > rounds);
    bench_deinit(&bench);
}

/* A transaction that touches one entity, and always the same one. */
static void apply_of_one_card(struct bench *bench) {
    struct record record;
    do
        record = traffic_next(&bench->traffic);
    while (record.type != RECORD_TRANSACTION);
    memset(record.transaction.transaction.fields, 0, sizeof record.transaction.transaction.fields);
    record.transaction.transaction.fields[FIELD_CARD] = TEXT_LITERAL("c");
    overlay_apply(bench->overlay, bench->engine, &record);
}

/* The one that was being changed until the view was opened is also the first that changes again. */
static void it_keeps_what_was_changed_last(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, 13);
    for (unsigned round = 0; round < 4; round++) {
        apply_of_one_card(&bench);
        if (round == 2)
            rebuild(&bench);
        struct reading reading = begin(&bench);
        assert_int_equal(reading.then.count, 1);
        apply_of_one_card(&bench);
        assert_int_not_equal(overlay_hash(bench.overlay), reading.hash);
        end(&reading);
    }
    bench_deinit(&bench);
}

static void a_views_hash_is_the_overlays_of_then(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, 12);
    for (unsigned round = 0; round < 10; round++) {
        apply(&bench, 60);
        if (round % 4 == 2)
            rebuild(&bench);
        struct reading reading = begin(&bench);
        apply(&bench, 60); /* the hash table grows in between, too */
        assert_int_not_equal(overlay_hash(bench.overlay), reading.hash);
        assert_int_equal(overlay_view_hash(reading.view), reading.hash);
        overlay_view_close(reading.view);
        free(reading.then.items);
    }
    bench_deinit(&bench);
}

/* ---- comparisons ---- */

struct found {
    struct comparison_listener listener; /* first */
    size_t count, left_missing, right_missing;
    bool stops;
    const struct plan *plan;
    char words[256];
};

static void differs(struct comparison_listener *self, const struct state_difference *difference) {
    struct found *found = (struct found *)self;
    struct buffer words;
    buffer_init(&words);
    state_difference_describe(difference, found->plan, true, &words);
    snprintf(found->words, sizeof found->words, "%.*s", (int)words.length,
             (const char *)words.bytes);
    buffer_deinit(&words);
    assert_true(words.length == 0 && strlen(found->words) > 0);
    found->count++;
    found->left_missing += difference->left.length == 0;
    found->right_missing += difference->right.length == 0;
}

static bool goes_on(struct comparison_listener *self, uint64_t entities) {
    (void)entities;
    return !((struct found *)self)->stops;
}

static int compare(struct overlay *left, struct overlay *right, struct found *found,
                   struct comparison *ret_comparison) {
    struct overlay_view *views[] = {overlay_view_open(left, NULL), overlay_view_open(right, NULL)};
    struct error error;
    int r = comparison_run(views[0], views[1], &found->listener, ret_comparison, &error);
    overlay_view_close(views[0]);
    overlay_view_close(views[1]);
    return r;
}

static void a_comparison_sees_every_difference(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, 13);
    struct overlay *memory = overlay_new(&bench.snapshot->plan, NULL);
    struct found found = {.listener = {differs, goes_on}, .plan = &bench.snapshot->plan};
    struct comparison comparison;
    struct record record;
    for (unsigned i = 0; i < 400; i++) {
        record = traffic_next(&bench.traffic);
        overlay_apply(bench.overlay, bench.engine, &record);
        overlay_apply(memory, bench.engine, &record);
        if (i == 300)
            rebuild(&bench);
    }
    assert_int_equal(compare(bench.overlay, memory, &found, &comparison), 0);
    assert_true(comparison.entities > 20);
    assert_int_equal(comparison.differences + found.count, 0);
    assert_false(comparison.is_tally_different);
    do /* one more on one side: each of its entities differs, and the counts */
        record = traffic_next(&bench.traffic);
    while (record.type != RECORD_TRANSACTION);
    overlay_apply(memory, bench.engine, &record);
    assert_int_equal(compare(bench.overlay, memory, &found, &comparison), 0);
    assert_int_equal(comparison.differences, 3);
    assert_int_equal(found.count, 3);
    assert_true(comparison.is_tally_different);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(comparison.of[i].differences, 1);
    assert_non_null(strstr(found.words, " against "));
    found.stops = true;
    assert_int_equal(compare(bench.overlay, memory, &found, &comparison), -ERROR_INTERRUPTED);
    overlay_free(memory);
    bench_deinit(&bench);
}

static void one_side_may_be_empty(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, 14);
    struct overlay *empty = overlay_new(&bench.snapshot->plan, NULL);
    struct found found = {.listener = {differs, goes_on}, .plan = &bench.snapshot->plan};
    struct comparison comparison;
    apply(&bench, 100);
    assert_int_equal(compare(bench.overlay, empty, &found, &comparison), 0);
    assert_int_equal(comparison.differences, comparison.entities);
    assert_int_equal(found.right_missing, comparison.entities);
    assert_int_equal(compare(empty, bench.overlay, &found, &comparison), 0);
    assert_int_equal(found.left_missing, comparison.entities);
    overlay_free(empty);
    bench_deinit(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_is_of_its_moment),
        cmocka_unit_test(it_keeps_what_was_changed_last),
        cmocka_unit_test(a_views_hash_is_the_overlays_of_then),
        cmocka_unit_test(a_comparison_sees_every_difference),
        cmocka_unit_test(one_side_may_be_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
