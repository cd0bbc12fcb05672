/* The overlay against the plainest model of it, and with its states held in every way: all in
 * memory, or partly in generations. */
#include "core/base/hash.h"
#include "core/store/generation/generation_publish.h"
#include "core/store/overlay/bulk_apply.h"
#include "core/store/overlay/overlay.h"
#include "tests/unit/asked.h"
#include "tests/unit/engine/state_map.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/traffic.h"

struct model {
    struct state_map states;
    struct tally tally;
};

struct bench {
    struct snapshot *snapshot;
    struct engine *engine;
    struct traffic traffic;
};

static void bench_init(struct bench *bench, uint64_t seed) {
    bench->snapshot = traffic_policy("");
    bench->engine = engine_new(bench->snapshot, bench->snapshot);
    traffic_init(&bench->traffic, seed);
}

static void bench_deinit(struct bench *bench) {
    engine_free(bench->engine);
    snapshot_unref(bench->snapshot);
    traffic_deinit(&bench->traffic);
}

static void model_apply(struct model *model, struct bench *bench, const struct record *record) {
    engine_apply(bench->engine, record, &model->states.source);
    if (record->type == RECORD_TRANSACTION) {
        model->tally.transactions++;
        int64_t time_us = record->transaction.transaction.event_time_us;
        if (time_us > model->tally.newest_event_time_us)
            model->tally.newest_event_time_us = time_us;
    } else {
        model->tally.outcomes += record->type == RECORD_OUTCOME;
    }
}

struct seen {
    const struct bench *bench;
    const struct model *model;
    size_t count;
    size_t entity;
    char key[256];
    size_t key_length;
};

static int see_state(void *user, size_t entity, struct text key, struct text state) {
    struct seen *seen = user;
    struct text last = {.data = seen->key, .length = seen->key_length};
    if (seen->count > 0)
        assert_true(entity > seen->entity ||
                    (entity == seen->entity && text_compare(last, key) < 0));
    struct state_source *source = (struct state_source *)(uintptr_t)&seen->model->states.source;
    struct text expected = source->read(source, entity, key, 0);
    assert_true(text_equal(expected, state));
    assert_in_range(key.length, 1, sizeof seen->key);
    memcpy(seen->key, key.data, key.length);
    seen->key_length = key.length;
    seen->entity = entity;
    seen->count++;
    return 0;
}

static bool is_idle(const struct bench *bench, const struct model *model,
                    const struct state_map_slot *slot) {
    const struct plan *plan = &bench->snapshot->plan;
    return state_is_idle(&slot->state, &plan->entities[slot->entity], plan->lateness_us,
                         model->tally.newest_event_time_us);
}

static uint64_t memory_of(const struct overlay *overlay) {
    uint64_t bytes = 0;
    struct state_table_cursor cursor = {0};
    for (const struct held_state *held_state;
         (held_state = state_table_next(&overlay->state_table, &cursor));)
        bytes += state_memory(&held_state->state);
    return bytes;
}

/* Everything that the overlay says, the model says too. Returns how many states were idle. */
static size_t assert_like(const struct bench *bench, struct overlay *overlay, struct model *model) {
    struct state_source *source = overlay_states(overlay), *plain = &model->states.source;
    size_t busy = 0;
    for (size_t i = 0; i < model->states.count; i++) {
        const struct state_map_slot *slot = &model->states.slots[i];
        struct text key = {.data = slot->key, .length = slot->key_length};
        struct text expected = plain->read(plain, slot->entity, key, 0);
        bool idle = is_idle(bench, model, slot);
        struct text state = source->read(source, slot->entity, key, hash_text(key));
        /* A generation leaves out what is idle; a late outcome may then stand there alone. */
        if (!idle || !overlay_generation(overlay))
            assert_true(text_equal(state, expected));
        busy += !idle;
    }
    struct seen seen = {.bench = bench, .model = model};
    assert_int_equal(overlay_visit(overlay, see_state, &seen), 0);
    assert_int_equal(seen.count, busy);
    if (!overlay_generation(overlay)) {
        assert_int_equal(overlay_entities(overlay), model->states.count);
    }
    assert_int_equal(overlay_bytes(overlay), memory_of(overlay));
    struct tally tally = overlay_tally(overlay);
    uint64_t labels[LABEL_COUNT] = {0};
    for (size_t i = 0; i < bench->traffic.past_count; i++) {
        const struct traffic_past *past = &bench->traffic.past[i];
        struct known_id known;
        assert_true(overlay_find_id(overlay, hash_text(past->id), &known));
        assert_int_equal(known.position, past->position);
        assert_int_equal(known.label, past->label);
        assert_int_equal(overlay_find_id(overlay, amendment_hash(past->id), &known),
                         past->is_amended);
        assert_true(!past->is_amended || known.position == past->amended_at);
        labels[past->label]++;
    }
    assert_int_equal(tally.transactions, model->tally.transactions);
    assert_int_equal(tally.outcomes, model->tally.outcomes);
    assert_int_equal(tally.newest_event_time_us, model->tally.newest_event_time_us);
    assert_int_equal(tally.labels[LABEL_NONE], 0);
    for (int label = LABEL_NONE + 1; label < LABEL_COUNT; label++)
        assert_int_equal(tally.labels[label], labels[label]);
    return model->states.count - busy;
}

static void it_is_what_the_model_is(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, 1);
    struct model model = {.tally = {.newest_event_time_us = INT64_MIN}};
    state_map_init(&model.states, &bench.snapshot->plan);
    struct overlay *overlay = overlay_new(&bench.snapshot->plan, NULL);
    assert_like(&bench, overlay, &model);
    size_t idle = 0;
    unsigned steps = (unsigned)asked_steps(1500);
    for (unsigned i = 1; i <= steps; i++) {
        struct record record = traffic_next(&bench.traffic);
        overlay_apply(overlay, bench.engine, &record);
        model_apply(&model, &bench, &record);
        if (i % 250 == 0)
            idle = assert_like(&bench, overlay, &model);
    }
    assert_true(steps < 1000 || idle > 10); /* else the test has not seen what it is for */
    struct known_id known = {.position = 7};
    assert_false(overlay_find_id(overlay, hash_text(TEXT_LITERAL("no such")), &known));
    assert_int_equal(known.position, 7);
    overlay_free(overlay);
    state_map_deinit(&model.states);
    bench_deinit(&bench);
}

/* ---------------------------------------------------------------------------------------------
 * With generations */

struct writing {
    struct generation_writer *writer;
    struct error error;
};

static int write_one_state(void *user, size_t entity, struct text key, struct text state) {
    struct writing *writing = user;
    return generation_writer_state(writing->writer, entity, key, state, &writing->error);
}

static int write_one_id(void *user, uint64_t id_hash, struct known_id known) {
    struct writing *writing = user;
    return generation_writer_id(writing->writer, id_hash, known, &writing->error);
}

static struct generation_manifest publish(const struct bench *bench, const char *root,
                                          const struct overlay *overlay) {
    struct writing writing;
    const struct snapshot *snapshot = bench->snapshot;
    const struct snapshot_record record = {.snapshot_id = snapshot->id,
                                           .name = snapshot->name,
                                           .files = snapshot->files,
                                           .file_count = snapshot->file_count};
    struct tally tally = overlay_tally(overlay);
    const struct generation_description description = {
        .place = {.position = bench->traffic.position, .chain = 77},
        .snapshot = &record,
        .tally = &tally,
        .now_us = TRAFFIC_START_US,
        .version = "test",
    };
    struct generation_manifest manifest;
    if (generation_writer_open(root, &snapshot->plan, &writing.writer, &writing.error) < 0 ||
        overlay_visit(overlay, write_one_state, &writing) < 0 ||
        overlay_visit_ids(overlay, write_one_id, &writing) < 0 ||
        generation_writer_finish(writing.writer, &description, &writing.error) < 0)
        fail_msg("%s", writing.error.text);
    for (size_t i = 0; i < generation_writer_checks(writing.writer); i++)
        if (generation_writer_check(writing.writer, i, &writing.error) < 0)
            fail_msg("%s", writing.error.text);
    if (generation_writer_publish(writing.writer, &manifest, &writing.error) < 0)
        fail_msg("%s", writing.error.text);
    generation_writer_close(writing.writer);
    return manifest;
}

static struct overlay *reopen(const struct bench *bench, const char *root) {
    struct generation *generation;
    struct error error;
    if (generation_open_current(root, true, &generation, &error) < 0 ||
        generation_bind(generation, &bench->snapshot->plan, &error) < 0)
        fail_msg("%s", error.text);
    return overlay_new(&bench->snapshot->plan, generation);
}

static int add_id(void *user, uint64_t id_hash, struct known_id known) {
    uint64_t bytes[] = {id_hash, known.position, known.label};
    hash_stream_add(user, bytes, sizeof bytes);
    return 0;
}

static uint64_t hash_ids(const struct overlay *overlay) {
    struct hash_stream *stream = hash_stream_new();
    assert_int_equal(overlay_visit_ids(overlay, add_id, stream), 0);
    uint64_t hash = hash_stream_value(stream);
    hash_stream_free(stream);
    return hash;
}

/* One overlay folds everything in memory. The other is rebuilt into a generation again and again
 * and continues on top of it. They must be indistinguishable. */
static void it_does_not_matter_where_states_are(void **state) {
    (void)state;
    char *root = scratch_make();
    struct bench bench;
    bench_init(&bench, 2);
    struct model model = {.tally = {.newest_event_time_us = INT64_MIN}};
    state_map_init(&model.states, &bench.snapshot->plan);
    struct overlay *memory = overlay_new(&bench.snapshot->plan, NULL);
    struct overlay *layered = overlay_new(&bench.snapshot->plan, NULL);
    unsigned steps = (unsigned)asked_steps(1200);
    for (unsigned i = 1; i <= steps; i++) {
        struct record record = traffic_next(&bench.traffic);
        overlay_apply(memory, bench.engine, &record);
        overlay_apply(layered, bench.engine, &record);
        model_apply(&model, &bench, &record);
        if (i % 60 == 0) {
            assert_int_equal(overlay_hash(layered), overlay_hash(memory));
            assert_int_equal(hash_ids(layered), hash_ids(memory));
        }
        if (i % 200 == 100) {
            assert_like(&bench, layered, &model);
            struct generation_manifest manifest = publish(&bench, root, layered);
            assert_int_equal(manifest.state_hash, overlay_hash(memory));
            overlay_free(layered);
            layered = reopen(&bench, root);
            assert_int_equal(overlay_entities(layered), 0);
            assert_int_equal(overlay_bytes(layered), 0);
            assert_int_equal(overlay_hash(layered), overlay_hash(memory));
            assert_int_equal(hash_ids(layered), hash_ids(memory));
            assert_like(&bench, layered, &model);
        }
    }
    overlay_free(memory);
    overlay_free(layered);
    state_map_deinit(&model.states);
    bench_deinit(&bench);
    scratch_remove(root);
}

static void assert_same(const struct overlay *a, const struct overlay *b) {
    assert_int_equal(overlay_hash(a), overlay_hash(b));
    assert_int_equal(hash_ids(a), hash_ids(b));
    assert_int_equal(overlay_entities(a), overlay_entities(b));
    assert_int_equal(overlay_bytes(a), memory_of(a));
    assert_int_equal(overlay_bytes(b), memory_of(b));
    struct tally x = overlay_tally(a), y = overlay_tally(b);
    assert_memory_equal(&x, &y, sizeof x);
}

/* In ranges of many records or of one, and sometimes one by one in between; first without tables,
 * then with them. An id may become known in the same range as its outcome, in an earlier one, or in
 * the tables. */
static void records_may_be_applied_many_at_once(void **state) {
    (void)state;
    char *root = scratch_make();
    struct bench bench;
    bench_init(&bench, 9);
    struct overlay *single = overlay_new(&bench.snapshot->plan, NULL);
    struct overlay *many = overlay_new(&bench.snapshot->plan, NULL);
    unsigned steps = (unsigned)asked_steps(3000);
    for (unsigned i = 1; i <= steps;) {
        struct bulk_apply *bulk_apply = bulk_apply_new(many, bench.engine);
        uint64_t ranges = traffic_random(&bench.traffic, 3);
        for (uint64_t s = 0; s < ranges; s++) {
            uint64_t left =
                traffic_random(&bench.traffic, 100) < 10 ? 1 : traffic_random(&bench.traffic, 300);
            for (; left > 0; left--, i++) {
                struct record record = traffic_next(&bench.traffic);
                overlay_apply(single, bench.engine, &record);
                bulk_apply_add(bulk_apply, &record);
                assert_false(bulk_apply_is_full(bulk_apply));
            }
            bulk_apply_apply(bulk_apply);
            assert_same(single, many);
        }
        bulk_apply_free(bulk_apply);
        for (uint64_t left = traffic_random(&bench.traffic, 20); left > 0; left--, i++) {
            struct record record = traffic_next(&bench.traffic);
            overlay_apply(single, bench.engine, &record);
            overlay_apply(many, bench.engine, &record);
        }
        assert_same(single, many);
        if (traffic_random(&bench.traffic, 4) == 0) {
            publish(&bench, root, single);
            overlay_free(single);
            overlay_free(many);
            single = reopen(&bench, root);
            many = reopen(&bench, root);
        }
    }
    overlay_free(single);
    overlay_free(many);
    bench_deinit(&bench);
    scratch_remove(root);
}

static void a_bulk_apply_may_be_dropped(void **state) {
    (void)state;
    char *root = scratch_make();
    struct bench bench;
    bench_init(&bench, 12);
    struct overlay *overlay = overlay_new(&bench.snapshot->plan, NULL);
    for (int round = 0; round < 2; round++) {
        struct bulk_apply *bulk_apply = bulk_apply_new(overlay, bench.engine);
        for (int i = 0; i < 2000; i++) {
            struct record record = traffic_next(&bench.traffic);
            bulk_apply_add(bulk_apply, &record);
            if (round == 0 && i == 1000)
                bulk_apply_apply(bulk_apply);
        }
        if (round == 0) {
            bulk_apply_apply(bulk_apply);
            publish(&bench, root, overlay);
        }
        bulk_apply_free(bulk_apply);
        overlay_free(overlay);
        overlay = reopen(&bench, root);
    }
    overlay_free(overlay);
    bench_deinit(&bench);
    scratch_remove(root);
}

static void decide(const struct bench *bench, struct overlay *overlay, struct arena *arena,
                   const struct transaction *transaction) {
    struct decision decision;
    struct text field;
    struct error error;
    engine_decide(bench->engine, transaction, overlay_states(overlay), false, arena, &decision,
                  &field, &error);
    arena_reset(arena);
}

/* Entities that were busy yesterday and come a few times today. What reading adds to a state is
 * counted once the state changes. */
static void what_states_keep_is_counted(void **state) {
    (void)state;
    char *root = scratch_make();
    struct bench bench;
    bench_init(&bench, 11);
    struct overlay *overlay = overlay_new(&bench.snapshot->plan, NULL);
    for (int i = 0; i < 4000; i++) {
        struct record record = traffic_next(&bench.traffic);
        overlay_apply(overlay, bench.engine, &record);
    }
    publish(&bench, root, overlay);
    overlay_free(overlay);
    overlay = reopen(&bench, root);
    struct arena arena;
    arena_init(&arena, 4u << 20);
    for (int i = 0; i < 1500; i++) {
        struct record record = traffic_next(&bench.traffic);
        if (record.type == RECORD_TRANSACTION)
            decide(&bench, overlay, &arena, &record.transaction.transaction);
        overlay_apply(overlay, bench.engine, &record);
        assert_int_equal(overlay_bytes(overlay), memory_of(overlay));
    }
    assert_true(overlay_bytes(overlay) > 0);
    arena_deinit(&arena);
    overlay_free(overlay);
    bench_deinit(&bench);
    scratch_remove(root);
}

static void its_hash_sees_every_state(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, 3);
    struct overlay *overlay = overlay_new(&bench.snapshot->plan, NULL);
    uint64_t last = overlay_hash(overlay);
    for (int i = 0; i < 100; i++) {
        struct record record = traffic_next(&bench.traffic);
        overlay_apply(overlay, bench.engine, &record);
        uint64_t hash = overlay_hash(overlay);
        if (record.type == RECORD_TRANSACTION)
            assert_int_not_equal(hash, last);
        last = hash;
    }
    overlay_free(overlay);
    bench_deinit(&bench);
}

static struct state *write_state(struct overlay *overlay, size_t entity, struct text key) {
    struct state_source *source = overlay_states(overlay);
    return source->write(source, entity, key, hash_text(key));
}

/* Enough of them that many meet in the hash table. */
static void equal_keys_of_two_entities_are_two(void **state) {
    (void)state;
    enum { KEYS = 3000 };
    char *root = scratch_make();
    struct bench bench;
    bench_init(&bench, 6);
    const struct plan *plan = &bench.snapshot->plan;
    struct overlay *overlay = overlay_new(plan, NULL);
    for (int round = 0; round < 2; round++) {
        uint64_t bytes = 0;
        for (size_t i = 0; i < KEYS * 3; i++) {
            char name[32];
            snprintf(name, sizeof name, "key-%zu", i / 3);
            struct entry entry = {.time_us = (int64_t)i, .transaction = true};
            struct state *held = write_state(overlay, i % 3, text_of(name));
            if (round == 0)
                state_apply(held, &plan->entities[i % 3], plan->lateness_us, &entry);
            int64_t newest_us;
            uint64_t entries;
            assert_true(state_extent(held, &plan->entities[i % 3], &newest_us, &entries));
            assert_int_equal(newest_us, i);
            assert_int_equal(entries, 1);
            bytes += state_memory(held);
        }
        assert_int_equal(overlay_entities(overlay), KEYS * 3);
        assert_int_equal(overlay_bytes(overlay), bytes);
        publish(&bench, root, overlay);
        overlay_free(overlay);
        overlay = reopen(&bench, root); /* the second round copies from the tables */
    }
    overlay_free(overlay);
    bench_deinit(&bench);
    scratch_remove(root);
}

static void the_first_of_two_equal_ids_stays(void **state) {
    (void)state;
    char *root = scratch_make();
    struct bench bench;
    bench_init(&bench, 4);
    struct overlay *overlay = overlay_new(&bench.snapshot->plan, NULL);
    struct record first = traffic_next(&bench.traffic);
    overlay_apply(overlay, bench.engine, &first);
    for (int round = 0; round < 2; round++) {
        struct record second = first;
        second.position = 50 + (uint64_t)round;
        overlay_apply(overlay, bench.engine, &second);
        struct record outcome = {.type = RECORD_OUTCOME, .position = 60 + (uint64_t)round};
        outcome.outcome = (struct outcome_record){.label = LABEL_FRAUD,
                                                  .transaction_position = second.position,
                                                  .transaction = second.transaction.transaction};
        overlay_apply(overlay, bench.engine, &outcome);
        struct known_id known;
        uint64_t id_hash = hash_text(first.transaction.transaction.id);
        assert_true(overlay_find_id(overlay, id_hash, &known));
        assert_int_equal(known.position, first.position);
        assert_int_equal(known.label, LABEL_NONE);
        assert_int_equal(overlay_tally(overlay).transactions, 2 + round);
        assert_int_equal(overlay_tally(overlay).labels[LABEL_FRAUD], 1 + round);
        publish(&bench, root, overlay); /* the second round has the id in a generation */
        overlay_free(overlay);
        overlay = reopen(&bench, root);
    }
    overlay_free(overlay);
    bench_deinit(&bench);
    scratch_remove(root);
}

static int count_down(void *user, size_t entity, struct text key, struct text state) {
    (void)entity, (void)key, (void)state;
    return --*(int *)user == 0 ? 42 : 0;
}

static int count_ids_down(void *user, uint64_t id_hash, struct known_id known) {
    (void)id_hash, (void)known;
    return --*(int *)user == 0 ? 43 : 0;
}

static void a_visit_can_be_stopped(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, 5);
    struct overlay *overlay = overlay_new(&bench.snapshot->plan, NULL);
    for (int i = 0; i < 50; i++) {
        struct record record = traffic_next(&bench.traffic);
        overlay_apply(overlay, bench.engine, &record);
    }
    int left = 5;
    assert_int_equal(overlay_visit(overlay, count_down, &left), 42);
    assert_int_equal(left, 0);
    left = 5;
    assert_int_equal(overlay_visit_ids(overlay, count_ids_down, &left), 43);
    assert_int_equal(left, 0);
    overlay_free(overlay);
    bench_deinit(&bench);
}

/* ---- what deciding has found ---- */

static void pass(struct overlay_guard *self) {
    (void)self;
}

struct found {
    struct bench bench;
    struct engine *other;
    struct overlay *overlay, *plain; /* plain: never told of a decision */
    struct record *next;
    struct arena arena;
};

static void apply_to_both(struct found *found, struct engine *engine, struct record record) {
    overlay_apply(found->overlay, engine, &record);
    if (record.type == RECORD_TRANSACTION)
        record.transaction.decision.laid_out = 0;
    overlay_apply(found->plain, found->other, &record);
}

static int decide_in(struct found *found, struct engine *engine, struct overlay *overlay,
                     const struct transaction *transaction, struct decision *ret_decision) {
    struct text field;
    struct error error;
    return engine_decide(engine, transaction, overlay_states(overlay), false, &found->arena,
                         ret_decision, &field, &error);
}

static struct record *make_next(struct found *found) {
    struct traffic *traffic = &found->bench.traffic;
    struct record *record = arena_alloc(&traffic->arena, sizeof *record);
    *record = traffic_next(traffic);
    return record;
}

/* Decides a transaction, lets others come in between, and then applies it. The one that comes next
 * is expected meanwhile: it is decided as by the other engine, which expects none. */
static void decide_and_apply(struct found *found, unsigned step) {
    const struct transaction *transaction = &found->next->transaction.transaction;
    struct record record = *found->next;
    struct decision decision, plain;
    found->next = make_next(found);
    if (record.type == RECORD_TRANSACTION) {
        engine_expect(found->bench.engine, found->next->type == RECORD_TRANSACTION
                                               ? &found->next->transaction.transaction
                                               : NULL);
        int r = decide_in(found, found->other, found->plain, transaction, &plain);
        assert_int_equal(
            decide_in(found, found->bench.engine, found->overlay, transaction, &decision), r);
        if (r == 0) {
            assert_true(decision.feature_hash == plain.feature_hash);
            record.transaction.decision.laid_out = decision.laid_out;
        }
    }
    if (step % 3 == 0) /* by another engine: the first still knows its decision */
        apply_to_both(found, found->other, traffic_next(&found->bench.traffic));
    apply_to_both(found, found->bench.engine, record);
}

static void states_that_deciding_found_are_the_same(void **state) {
    (void)state;
    struct overlay_guard guard = {.enter = pass, .leave = pass};
    struct found found;
    bench_init(&found.bench, 6);
    arena_init(&found.arena, 64u << 20);
    const struct plan *plan = &found.bench.snapshot->plan;
    found.other = engine_new(found.bench.snapshot, found.bench.snapshot);
    found.overlay = overlay_new(plan, NULL);
    found.plain = overlay_new(plan, NULL);
    found.next = make_next(&found);
    for (unsigned round = 0; round < (unsigned)asked_steps(1500) / 100 + 1; round++) {
        uint64_t before = overlay_hash(found.overlay);
        struct overlay_view *view = overlay_view_open(found.overlay, &guard);
        for (unsigned i = 0; i < 100; i++)
            decide_and_apply(&found, i);
        assert_true(overlay_view_hash(view) == before);
        overlay_view_close(view);
        assert_true(overlay_hash(found.overlay) == overlay_hash(found.plain));
        assert_int_equal(overlay_entities(found.overlay), overlay_entities(found.plain));
        arena_reset(&found.arena);
    }
    overlay_free(found.overlay);
    overlay_free(found.plain);
    engine_free(found.other);
    arena_deinit(&found.arena);
    bench_deinit(&found.bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_the_model_is),
        cmocka_unit_test(it_does_not_matter_where_states_are),
        cmocka_unit_test(records_may_be_applied_many_at_once),
        cmocka_unit_test(a_bulk_apply_may_be_dropped),
        cmocka_unit_test(what_states_keep_is_counted),
        cmocka_unit_test(its_hash_sees_every_state),
        cmocka_unit_test(equal_keys_of_two_entities_are_two),
        cmocka_unit_test(the_first_of_two_equal_ids_stays),
        cmocka_unit_test(a_visit_can_be_stopped),
        cmocka_unit_test(states_that_deciding_found_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
