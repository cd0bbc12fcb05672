/* Numbers of sources: against a model that remembers every number, over orders, losses, repeats and
 * restarts at random; in one go, from stored tables, and from tapes. */
#include "core/store/sources/source_table.h"
#include "core/store/sources/source_tape.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS ((uint64_t)1 << 16) /* the model's are smaller */
#define SOURCES 3

static uint64_t random_state;

static uint64_t random_below(uint64_t limit) {
    return split_mix(&random_state) % limit;
}

static struct transaction transaction(const char *source, uint64_t sequence) {
    return (struct transaction){.source = text_of(source), .sequence = sequence};
}

static void add(struct source_table *table, const char *source, uint64_t sequence) {
    const struct transaction one = transaction(source, sequence);
    source_table_add(table, &one, (int64_t)sequence);
}

/* ---- the model ---- */

struct run {
    uint64_t first, highest, settled; /* highest 0: there is none */
    bool came[NUMBERS], lost[NUMBERS];
};

struct model {
    struct run current, previous;
    struct source_counts counts;
};

static void settle(struct model *model, struct run *run, uint64_t last) {
    for (uint64_t x = run->settled + 1; x <= last; x++) {
        if (!run->came[x] && !run->lost[x]) {
            bool goes_on = run->lost[x - 1] && !run->came[x - 1];
            model->counts.gaps += !goes_on;
            model->counts.missed++;
            run->lost[x] = true;
        }
        run->settled = x;
    }
}

static bool is_near(const struct run *run, uint64_t number) {
    int64_t distance = (int64_t)number - (int64_t)run->highest;
    return run->highest > 0 && distance <= SOURCE_WINDOW && distance > -(int64_t)SOURCE_WINDOW;
}

static void begin(struct run *run, uint64_t number) {
    memset(run, 0, sizeof *run);
    run->first = run->highest = number;
    run->settled = number - 1;
    run->came[number] = true;
}

static void take(struct model *model, struct run *run, uint64_t number) {
    model->counts.repeats += run->came[number];
    run->came[number] = true;
    if (number > run->highest)
        run->highest = number;
    if (number < run->first)
        run->first = number;
    if (run->settled > run->first - 1)
        run->settled = run->first - 1;
    if (run->highest > SOURCE_WINDOW)
        settle(model, run, run->highest - SOURCE_WINDOW);
}

static void end_previous(struct model *model) {
    settle(model, &model->previous, model->previous.highest);
    model->previous.highest = 0;
}

static void model_add(struct model *model, uint64_t number) {
    struct run *current = &model->current, *previous = &model->previous;
    bool restarts = number + 2 * SOURCE_WINDOW <= current->highest &&
                    (number < SOURCE_WINDOW || number < current->first);
    if (current->highest == 0) {
        begin(current, number);
    } else if (is_near(current, number)) {
        take(model, current, number);
    } else if (is_near(previous, number)) {
        take(model, previous, number);
    } else if (number > current->highest) {
        take(model, current, number);
    } else if (current->lost[number] && !current->came[number]) {
        current->came[number] = true;
        model->counts.late++;
    } else if (restarts) {
        if (previous->highest > 0)
            end_previous(model);
        *previous = *current;
        begin(current, number);
        model->counts.restarts++;
    } else if (number < current->first) {
        model->counts.late++;
    } else {
        model->counts.repeats++;
    }
    if (previous->highest > 0 && current->highest - current->first >= SOURCE_WINDOW)
        end_previous(model);
}

/* Ranges that are missing; *ret_last is the last of them. */
static size_t model_ranges(const struct run *run, struct source_range *ret_last) {
    size_t count = 0;
    for (uint64_t x = run->first; x < run->highest; x++) {
        if (!run->lost[x] || run->came[x])
            continue;
        bool goes_on = count > 0 && ret_last->last + 1 == x;
        if (!goes_on) {
            ret_last->first = x;
            count++;
        }
        ret_last->last = x;
    }
    return count;
}

static void assert_same(const struct source_state *state, const struct model *model) {
    assert_memory_equal(&state->counts, &model->counts, sizeof model->counts);
    assert_int_equal(state->current.first, model->current.first);
    assert_int_equal(state->current.highest, model->current.highest);
    assert_int_equal(state->previous.highest, model->previous.highest);
    struct source_range last = {0};
    size_t ranges = model_ranges(&model->current, &last);
    assert_in_range(ranges, 0, SOURCE_RANGES_MAX); /* else the model knows more */
    assert_int_equal(state->current.missing_count, ranges);
    if (ranges > 0)
        assert_memory_equal(&state->current.missing[ranges - 1], &last, sizeof last);
}

/* ---- what producers send ---- */

struct producer {
    uint64_t next;
    uint64_t held[32]; /* sent, but not arrived yet */
    size_t held_count;
};

static uint64_t next_number(struct producer *producer) {
    size_t which = random_below(32);
    switch (random_below(400)) {
    case 0: /* it starts anew; what is held may come after */
        producer->next = 1;
        break;
    case 1: /* something is lost */
        producer->next += 1 + random_below(random_below(4) == 0 ? 3000 : 5);
        break;
    case 2: /* sent again under another id */
        return producer->next > 2 ? 1 + random_below(producer->next - 1) : 1;
    default:
        break;
    }
    if (random_below(8) == 0 && producer->held_count > 0) {
        which %= producer->held_count;
        uint64_t number = producer->held[which];
        producer->held[which] = producer->held[--producer->held_count];
        return number;
    }
    if (producer->next + 3010 >= NUMBERS)
        producer->next = 1;
    if (random_below(12) == 0 && producer->held_count < 32)
        producer->held[producer->held_count++] = producer->next++;
    return producer->next++;
}

/* ---- stored and taken up again ---- */

static int keep(void *user, const struct source_state *state) {
    struct source_table *copy = user;
    struct buffer bytes;
    struct arena arena;
    struct source_state decoded;
    struct error error;
    buffer_init(&bytes);
    arena_init(&arena, 1 << 20);
    source_state_encode(state, &bytes);
    assert_int_equal(source_state_decode(bytes.bytes, bytes.length, &arena, &decoded, &error), 0);
    assert_int_equal(source_table_restore(copy, &decoded, &error), 0);
    arena_deinit(&arena);
    buffer_deinit(&bytes);
    return 0;
}

static void store(struct source_table **table) {
    struct source_table *copy = source_table_new();
    assert_int_equal(source_table_visit(*table, keep, copy), 0);
    assert_int_equal(source_table_hash(copy), source_table_hash(*table));
    source_table_free(*table);
    *table = copy;
}

static void apply_tape(struct source_tape *tape, struct source_table *table) {
    struct error error;
    source_tape_end(tape);
    assert_int_equal(source_tape_apply(buffer_text(&tape->bytes), table, &error), 0);
    source_tape_deinit(tape);
    source_tape_init(tape);
}

static void equals_the_model(void **state) {
    (void)state;
    static const char *const names[SOURCES] = {"checkout", "terminal-4711", "importer \"x\""};
    uint64_t seed = asked_seed(1), steps = asked_steps(60000);
    struct model *models = calloc(SOURCES, sizeof *models);
    struct producer producers[SOURCES];
    struct source_table *single = source_table_new(), *stored = source_table_new(),
                        *taped = source_table_new();
    struct source_tape tape;
    random_state = seed;
    source_tape_init(&tape);
    assert_non_null(models);
    for (size_t i = 0; i < SOURCES; i++)
        producers[i] = (struct producer){.next = 1 + random_below(2) * random_below(4000)};
    for (uint64_t step = 0; step < steps; step++) {
        size_t i = random_below(SOURCES);
        uint64_t number = next_number(&producers[i]);
        const struct transaction one = transaction(names[i], number);
        model_add(&models[i], number);
        const struct source_state *got = source_table_add(single, &one, (int64_t)step);
        source_table_add(stored, &one, (int64_t)step);
        source_tape_put(&tape, &one, (int64_t)step);
        if (step % 97 == 0 || step + 1 == steps)
            assert_same(got, &models[i]);
        if (random_below(500) == 0)
            store(&stored);
        if (random_below(700) == 0)
            apply_tape(&tape, taped);
    }
    apply_tape(&tape, taped);
    source_tape_deinit(&tape);
    assert_int_equal(source_table_hash(stored), source_table_hash(single));
    assert_int_equal(source_table_hash(taped), source_table_hash(single));
    struct source_counts sum = {0};
    for (size_t i = 0; i < SOURCES; i++) {
        sum.gaps += models[i].counts.gaps;
        sum.late += models[i].counts.late;
        sum.repeats += models[i].counts.repeats;
        sum.restarts += models[i].counts.restarts;
    }
    if (steps >= 30000) /* it did all of this */
        assert_true(sum.gaps > 20 && sum.late > 0 && sum.repeats > 20 && sum.restarts > 5);
    source_table_free(single);
    source_table_free(stored);
    source_table_free(taped);
    free(models);
}

/* ---- what the words mean ---- */

static const struct source_state *only(const struct source_table *table) {
    assert_int_equal(source_table_count(table), 1);
    return source_table_at(table, 0);
}

static void order_within_the_window_is_no_gap(void **state) {
    (void)state;
    struct source_table *table = source_table_new();
    add(table, "a", 1);
    for (uint64_t i = SOURCE_WINDOW + 1; i >= 2; i--) /* the highest first */
        add(table, "a", i);
    assert_memory_equal(&only(table)->counts, &(struct source_counts){0},
                        sizeof(struct source_counts));
    add(table, "a", SOURCE_WINDOW + 3); /* without the one before it */
    add(table, "a", 2 * SOURCE_WINDOW + 1);
    assert_int_equal(only(table)->counts.gaps, 0);
    add(table, "a", 2 * SOURCE_WINDOW + 2); /* now it is a window behind */
    assert_int_equal(only(table)->counts.gaps, 1);
    assert_int_equal(only(table)->current.missing[0].first, SOURCE_WINDOW + 2);
    assert_int_equal(only(table)->current.missing[0].last, SOURCE_WINDOW + 2);
    add(table, "a", SOURCE_WINDOW + 2);
    assert_int_equal(only(table)->counts.late, 1);
    assert_int_equal(only(table)->counts.repeats, 0);
    assert_int_equal(only(table)->current.missing_count, 0);
    add(table, "a", SOURCE_WINDOW + 2);
    assert_int_equal(only(table)->counts.repeats, 1);
    source_table_free(table);
}

static void a_restart_is_one_restart(void **state) {
    (void)state;
    struct source_table *table = source_table_new();
    const uint64_t last = 1000000;
    for (uint64_t i = 1; i <= last; i++)
        if (i != last - 1)
            add(table, "a", i);
    for (uint64_t i = 3; i <= 5000; i++) {
        add(table, "a", i);
        if (i == 4) { /* what was under way */
            add(table, "a", 1);
            add(table, "a", 2);
            add(table, "a", last - 1);
            add(table, "a", last + 1);
        }
    }
    assert_memory_equal(&only(table)->counts, &(struct source_counts){.restarts = 1},
                        sizeof(struct source_counts));
    assert_int_equal(only(table)->current.first, 1);
    assert_int_equal(only(table)->current.highest, 5000);
    source_table_free(table);
}

/* More than are kept: counted all the same, and the newest stay. */
static void ranges_are_bounded(void **state) {
    (void)state;
    struct source_table *table = source_table_new();
    const uint64_t gaps = 5 * SOURCE_RANGES_MAX;
    for (uint64_t i = 1; i <= 2 * gaps; i += 2)
        add(table, "a", i);
    for (uint64_t i = 0; i < SOURCE_WINDOW; i++)
        add(table, "a", 2 * gaps + 1 + i);
    const struct source_numbering *current = &only(table)->current;
    assert_int_equal(only(table)->counts.gaps, gaps);
    assert_int_equal(current->missing_count, SOURCE_RANGES_MAX);
    assert_int_equal(current->missing[SOURCE_RANGES_MAX - 1].first, 2 * gaps);
    add(table, "a", 2 * gaps);
    add(table, "a", 2); /* forgotten, but not much lower than the highest: no restart */
    assert_int_equal(only(table)->counts.late, 1);
    assert_int_equal(only(table)->counts.repeats, 1);
    source_table_free(table);
}

/* The whole range of numbers, and leaps in it. */
static void leaps(void **state) {
    (void)state;
    struct source_table *table = source_table_new();
    add(table, "a", 1);
    add(table, "a", INT64_MAX);
    assert_int_equal(only(table)->counts.gaps, 1);
    assert_int_equal(only(table)->counts.missed, INT64_MAX - SOURCE_WINDOW - 1);
    add(table, "a", UINT64_MAX);
    add(table, "a", UINT64_MAX);
    assert_int_equal(only(table)->counts.repeats, 1);
    add(table, "a", 0); /* no number */
    assert_int_equal(only(table)->transactions, 5);
    assert_int_equal(only(table)->current.highest, UINT64_MAX);
    /* A range is divided when one of its numbers comes. */
    add(table, "a", 5000);
    assert_int_equal(only(table)->current.missing_count, 3);
    assert_int_equal(only(table)->current.missing[0].last, 4999);
    assert_int_equal(only(table)->current.missing[1].first, 5001);
    source_table_free(table);
}

static void sources_are_bounded(void **state) {
    (void)state;
    struct source_table *table = source_table_new(), *taped = source_table_new();
    struct source_tape tape;
    source_tape_init(&tape);
    for (uint64_t i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "source-%" PRIu64, i * 7 % 500);
        const struct transaction one = transaction(name, i / 500 + 1);
        source_table_add(table, &one, (int64_t)i);
        source_tape_put(&tape, &one, (int64_t)i);
        if (i == 100) /* names of later tapes are others, and come in another order */
            apply_tape(&tape, taped);
    }
    apply_tape(&tape, taped);
    source_tape_deinit(&tape);
    assert_int_equal(source_table_count(table), SOURCES_MAX);
    assert_int_equal(source_table_others(table), 2 * (500 - SOURCES_MAX));
    assert_null(source_table_find(table, TEXT_LITERAL("unknown")));
    assert_int_equal(source_table_hash(taped), source_table_hash(table));
    store(&table);
    assert_int_equal(source_table_others(table), 2 * (500 - SOURCES_MAX));
    source_table_free(table);
    source_table_free(taped);
}

static void damaged_bytes_are_refused(void **state) {
    (void)state;
    struct source_table *table = source_table_new();
    struct source_tape tape;
    struct error error;
    source_tape_init(&tape);
    for (uint64_t i = 0; i < 50; i++) {
        const struct transaction one = transaction(i % 2 ? "left" : "right", i);
        source_tape_put(&tape, &one, 1);
    }
    struct text whole = buffer_text(&tape.bytes);
    struct text cut = {.data = whole.data, .length = whole.length - 1};
    assert_int_equal(source_tape_apply(cut, table, &error), -ERROR_DAMAGED);
    struct text unknown = TEXT_LITERAL("\x05\x02\x02"); /* the fifth name, and there is none */
    assert_int_equal(source_tape_apply(unknown, table, &error), -ERROR_DAMAGED);
    source_tape_deinit(&tape);

    struct source_state decoded,
        state_of = {.name = TEXT_LITERAL("a"), .current = {.first = 9, .highest = 7}};
    struct buffer bytes;
    struct arena arena;
    buffer_init(&bytes);
    arena_init(&arena, 1 << 20);
    source_state_encode(&state_of, &bytes);
    assert_int_equal(source_state_decode(bytes.bytes, bytes.length, &arena, &decoded, &error),
                     -ERROR_DAMAGED);
    arena_deinit(&arena);
    buffer_deinit(&bytes);
    source_table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_model),
        cmocka_unit_test(order_within_the_window_is_no_gap),
        cmocka_unit_test(a_restart_is_one_restart),
        cmocka_unit_test(ranges_are_bounded),
        cmocka_unit_test(leaps),
        cmocka_unit_test(sources_are_bounded),
        cmocka_unit_test(damaged_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
