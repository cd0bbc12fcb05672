/* Property: a state is a function of the set of entries. The same records applied in any order, or
 * folded in parts that are merged in any order, give the same bytes: late ones, outcomes before
 * their transactions, entries that expire, bursts that collapse tiles, transactions that share time
 * and id included.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. A failure prints the seed, and the
 * fewest records and features found that still fail. */
#include "tests/unit/feature/naive_model.h"
#include "tests/unit/feature/scene.h"
#include "tests/unit/feature/shrink.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define ENTRIES_MAX 200
#define PARTS_MAX   5

static void shuffle(struct chance *chance, struct entry *entries, size_t count) {
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)chance_below(chance, (int64_t)i);
        struct entry kept = entries[i - 1];
        entries[i - 1] = entries[j];
        entries[j] = kept;
    }
}

static int by_time(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    return (x->time_us > y->time_us) - (x->time_us < y->time_us);
}

/* As they come where no clock is wrong: what is quick then must be right as well. */
static void sort(struct entry *entries, size_t count) {
    qsort(entries, count, sizeof *entries, by_time);
}

/* Sometimes the payment is taken out, and mostly put in again with another amount, as it may be
 * several times. */
static size_t amend(struct chance *chance, struct payment *payment, enum scene_label label,
                    struct entry *entries, size_t room) {
    size_t count = 0;
    while (count + 2 <= room && chance_below(chance, 3) == 0) {
        entries[count++] = scene_taken_out(payment, label);
        if (chance_below(chance, 3) == 0)
            break; /* voided: whatever becomes known of it changes nothing but weights */
        payment->integers[SCENE_AMOUNT] = chance_below(chance, 4) * 300;
        entries[count++] = scene_put_in(payment, label);
    }
    return count;
}

/* Payments with the outcomes that come of them, among them twins of time and id. */
static size_t make_entries(struct chance *chance, struct entry *entries) {
    size_t count = 0, wanted = 1 + (size_t)chance_below(chance, ENTRIES_MAX);
    int64_t start_us = chance_below(chance, 2) ? 0 : INT64_C(1700000000) * SECOND;
    static const int64_t units_us[] = {SECOND, SECOND / 50, 1000, 7};
    int64_t spread = 1 + chance_below(chance, 90);
    int64_t unit_us = units_us[chance_below(chance, 4)];
    struct payment payment = {0};
    while (count < wanted) {
        int64_t time_us = start_us + chance_below(chance, spread) * unit_us;
        if (chance_below(chance, 40) == 0) /* another burst */
            start_us += chance_below(chance, 100) * SECOND;
        struct payment next = scene_random_payment(chance, time_us);
        if (count > 0 && chance_below(chance, 10) == 0) {
            next.time_us = payment.time_us;
            next.id_hash = payment.id_hash;
        }
        if (chance_below(chance, 12) != 0) /* else the same payment once more */
            payment = next;
        entries[count++] = scene_transaction(&payment);
        enum scene_label label = SCENE_UNKNOWN;
        while (count < wanted && chance_below(chance, 3) == 0) {
            enum scene_label previous = label;
            label = (enum scene_label)chance_below(chance, SCENE_LABELS);
            entries[count++] = scene_outcome(&payment, previous, label);
            count += amend(chance, &payment, label, entries + count, wanted - count);
        }
    }
    if (chance_below(chance, 4) == 0) /* a clock that leaps, and what it makes obsolete */
        entries[0].time_us += INT64_C(1) << chance_below(chance, 50);
    return count;
}

static void fold(const struct scene *scene, const struct entry *entries, size_t count,
                 struct state *ret_state) {
    state_init(ret_state);
    for (size_t i = 0; i < count; i++)
        scene_apply(scene, ret_state, &entries[i]);
}

static void fold_parts(const struct scene *scene, struct chance *chance,
                       const struct entry *entries, size_t count, struct state *ret_state) {
    struct state parts[PARTS_MAX] = {0};
    size_t part_count = 1 + (size_t)chance_below(chance, PARTS_MAX);
    for (size_t i = 0; i < count; i++)
        scene_apply(scene, &parts[chance_below(chance, (int64_t)part_count)], &entries[i]);
    /* As a tree of random shape. */
    while (part_count > 1) {
        size_t into = (size_t)chance_below(chance, (int64_t)part_count - 1);
        struct state *last = &parts[--part_count];
        state_merge(&parts[into], &scene->entity, scene->plan.lateness_us,
                    ENCODED(&scene->entity, last));
        state_deinit(last);
    }
    *ret_state = parts[0];
}

/* One set of entries in several orders, which follow from the seed. */
struct trial {
    struct scene *scene;
    uint64_t seed;
    char complaint[sizeof((struct error *)NULL)->text + 64];
};

static bool is_same(struct trial *trial, const struct state *expected, const struct state *got,
                    const char *how) {
    struct error error = {0};
    struct text are = scene_encode(&trial->scene->entity, got);
    struct text wanted = scene_encode(&trial->scene->entity, expected);
    if (state_check(are.data, are.length, &trial->scene->entity, &error) < 0)
        snprintf(trial->complaint, sizeof trial->complaint, "%s: %s", how, error.text);
    else if (!text_equal(are, wanted))
        snprintf(trial->complaint, sizeof trial->complaint,
                 "%s: %zu bytes that differ from the %zu expected", how, are.length, wanted.length);
    else if (!scene_is_canonical(trial->scene, are.data, are.length))
        snprintf(trial->complaint, sizeof trial->complaint, "%s: other bytes once rebuilt", how);
    else
        return true;
    return false;
}

static bool orders_agree(struct trial *trial, struct entry *entries, size_t count) {
    struct chance chance = {.state = trial->seed};
    struct state expected, got;
    bool agree = true;
    fold(trial->scene, entries, count, &expected);
    for (int i = 0; i < 4 && agree; i++) {
        shuffle(&chance, entries, count);
        if (i == 0)
            sort(entries, count);
        fold(trial->scene, entries, count, &got);
        agree = is_same(trial, &expected, &got, i == 0 ? "in order of time" : "another order");
        state_deinit(&got);
        fold_parts(trial->scene, &chance, entries, count, &got);
        agree = agree && is_same(trial, &expected, &got, "parts merged");
        state_deinit(&got);
    }
    state_deinit(&expected);
    return agree;
}

/* Shrinking. With fewer entries the orders that a seed gives are others, so some are tried. */

static bool entries_fail(const void *items, size_t count, void *subject) {
    struct trial *trial = subject;
    static struct entry entries[ENTRIES_MAX + 1];
    uint64_t seed = trial->seed;
    for (uint64_t more = 0; more < 8; more++) {
        trial->seed = seed + more;
        memcpy(entries, items, count * sizeof *entries);
        if (!orders_agree(trial, entries, count))
            return true;
    }
    trial->seed = seed;
    return false;
}

struct features_trial {
    struct trial *trial;
    const struct entry *entries;
    size_t count;
};

static void set_features(struct scene *scene, const struct feature *features, size_t count) {
    memcpy(scene->features, features, count * sizeof *features);
    scene->entity.feature_count = count;
    scene_finish(scene);
}

static bool features_fail(const void *items, size_t count, void *subject) {
    struct features_trial *with = subject;
    set_features(with->trial->scene, items, count);
    return entries_fail(with->entries, with->count, with->trial);
}

static void print_case(const struct trial *trial, const struct entry *entries, size_t count) {
    const struct scene *scene = trial->scene;
    print_message("lateness %" PRId64 " us, orders of seed %" PRIu64 "\n", scene->plan.lateness_us,
                  trial->seed);
    for (size_t i = 0; i < scene->entity.feature_count; i++) {
        const struct feature *f = &scene->features[i];
        print_message("  %s column %d filter %d part %d window %" PRId64 " us delay %" PRId64
                      " us q %u tick %" PRId64 " us\n",
                      aggregate_name(f->aggregate), f->column, f->filter, f->part, f->window_us,
                      f->delay_us, f->q_parts, f->tick_us);
    }
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &entries[i];
        print_message("  %s %016" PRIx64 " at %" PRId64 " present %02x, columns",
                      e->transaction    ? "transaction"
                      : e->is_taken_out ? "taken out  "
                                        : "outcome of ",
                      e->id_hash, e->time_us, e->present);
        for (int j = 0; j < SCENE_COLUMNS; j++)
            if (j == SCENE_MERCHANT_TEXT)
                print_message(" \"%" TEXT_FORMAT "\"", TEXT_ARGS(e->texts[j]));
            else
                print_message(" %" PRId64, e->integers[j]);
        print_message(", weights");
        for (int j = 0; j < SCENE_FILTERS; j++)
            print_message(" %d", e->weights[j]);
        print_message("\n");
    }
}

static void shrink_and_print(struct trial *trial, struct entry *entries, size_t count) {
    static struct feature features[PLAN_FEATURES_MAX];
    size_t feature_count = trial->scene->entity.feature_count;
    count = shrink_list(entries, count, sizeof *entries, entries_fail, trial);
    memcpy(features, trial->scene->features, feature_count * sizeof *features);
    struct features_trial with = {.trial = trial, .entries = entries, .count = count};
    feature_count = shrink_list(features, feature_count, sizeof *features, features_fail, &with);
    set_features(trial->scene, features, feature_count);
    entries_fail(entries, count, trial); /* for its complaint */
    print_case(trial, entries, count);
}

/* The same to a state: what is absent does not matter. */
static bool is_same_entry(const struct entry *a, const struct entry *b) {
    bool same = a->time_us == b->time_us && a->id_hash == b->id_hash && a->present == b->present;
    for (int i = 0; i < SCENE_COLUMNS && same; i++)
        if (i == SCENE_MERCHANT_TEXT)
            same = !(a->present >> i & 1) || text_equal(a->texts[i], b->texts[i]);
        else
            same = !(a->present >> i & 1) || a->integers[i] == b->integers[i];
    return same;
}

static int64_t newest_of(const struct entry *entries, size_t count) {
    int64_t newest_us = INT64_MIN;
    for (size_t i = 0; i < count; i++)
        newest_us = entries[i].time_us > newest_us ? entries[i].time_us : newest_us;
    return newest_us;
}

/* What the state must say that it holds: each different entry of raw tiles, and each transaction of
 * collapsed ones, unless it is dropped. */
static uint64_t expected_entries(const struct scene *scene, const struct entry *entries,
                                 size_t count, size_t *ret_collapsed) {
    struct naive_tiles tiles = naive_tiles_of(scene, false);
    int64_t newest_us = newest_of(entries, count);
    uint64_t expected = 0;
    for (size_t i = 0; i < count; i++) {
        struct naive_extent tile = naive_tile(&tiles, entries[i].time_us, newest_us);
        size_t transactions = 0;
        bool repeated = false;
        if (naive_is_dropped(scene, entries[i].time_us, newest_us))
            continue;
        for (size_t j = 0; j < count; j++)
            transactions += entries[j].transaction && entries[j].time_us >= tile.first_us &&
                            entries[j].time_us <= tile.last_us;
        for (size_t j = 0; j < i && !repeated; j++)
            repeated = is_same_entry(&entries[i], &entries[j]);
        expected += transactions > NAIVE_RAW_MAX ? entries[i].transaction : !repeated;
        *ret_collapsed += transactions > NAIVE_RAW_MAX;
    }
    return expected;
}

static void assert_extent(const struct scene *scene, const struct state *state,
                          const struct entry *entries, size_t count, size_t *ret_collapsed) {
    int64_t newest_us, encoded_newest_us;
    uint64_t held, encoded_held;
    assert_true(state_extent(state, &scene->entity, &newest_us, &held));
    assert_int_equal(newest_us, newest_of(entries, count));
    assert_int_equal(held, expected_entries(scene, entries, count, ret_collapsed));
    assert_true(encoded_extent(ENCODED(&scene->entity, state), &encoded_newest_us, &encoded_held));
    assert_true(encoded_newest_us == newest_us && encoded_held == held);
}

static void any_order_and_any_split_give_the_same_bytes(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    static struct entry entries[ENTRIES_MAX + 1], tried[ENTRIES_MAX + 1];
    static struct scene scene;
    size_t collapsed = 0;
    for (int64_t left = chance_steps(60000); left > 0; left -= ENTRIES_MAX) {
        scene_init(&scene, chance_below(&chance, 20) * SECOND);
        scene_add_random_features(&scene, &chance, 1 + (size_t)chance_below(&chance, 6));
        scene_finish(&scene);
        size_t count = make_entries(&chance, entries);
        struct state state;
        fold(&scene, entries, count, &state);
        assert_extent(&scene, &state, entries, count, &collapsed);
        state_deinit(&state);
        struct trial trial = {.scene = &scene, .seed = chance_next(&chance)};
        memcpy(tried, entries, count * sizeof *entries);
        if (orders_agree(&trial, tried, count))
            continue;
        shrink_and_print(&trial, entries, count);
        fail_msg("%s", trial.complaint);
    }
    print_message("%zu entries in collapsed tiles\n", collapsed);
    assert_true(collapsed > 0);
}

/* Gaps of all sizes between a microsecond and the longest windows: what comes in order takes the
 * short cuts, and no tile may miss the time when it collapses, is united or dropped. */
static void every_step_in_order_is_canonical(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    static struct scene scene;
    struct error error;
    int64_t time_us = 0, scale = 1;
    struct state state;
    state_init(&state);
    for (int64_t left = chance_steps(40000); left > 0; left--) {
        if (left % 50 == 0 || scene.entity.feature_count == 0) {
            state_deinit(&state);
            scene_init(&scene, chance_below(&chance, 3) * SECOND);
            scene_add_random_features(&scene, &chance, 1 + (size_t)chance_below(&chance, 4));
            scene_finish(&scene);
        }
        int64_t longest_us =
            chance_below(&chance, 10) ? scene.entity.reach_us / 60 : 2 * scene.entity.reach_us;
        if (chance_below(&chance, 12) == 0) /* another pace */
            scale = 1 + chance_below(&chance, 62);
        int64_t gap_us = (int64_t)(chance_next(&chance) >> scale);
        time_us += longest_us > 0 ? gap_us % longest_us : gap_us % 2;
        struct payment payment = scene_random_payment(&chance, time_us);
        struct entry entry = scene_transaction(&payment);
        scene_apply(&scene, &state, &entry);
        if (scene_check(&scene.entity, &state, &error) < 0)
            fail_msg("with %lld steps left: %s", (long long)left, error.text);
    }
    state_deinit(&state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_in_order_is_canonical),
        cmocka_unit_test(any_order_and_any_split_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
