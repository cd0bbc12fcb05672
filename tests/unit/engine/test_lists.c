/* Lists as decisions see them: the policy's own entries, what was added, and the ends of both in
 * event time; of the rules and of a shadow. */
#include "core/engine/engine.h"
#include "state_map.h"
#include "tests/unit/unit.h"

#define START_US INT64_C(1767225600000000) /* 2026-01-01 */

#define POLICY                                                                                     \
    {.path = TEXT_LITERAL("policy.yaml"),                                                          \
     .content = TEXT_LITERAL("policy:\n  name: bench\n  base_currency: EUR\n")},                   \
    {                                                                                              \
        .path = TEXT_LITERAL("rules/r.yaml"),                                                      \
        .content =                                                                                 \
            TEXT_LITERAL("rules:\n"                                                                \
                         "  - {name: card, when: card in lists.cards, then: {score: 1}}\n"         \
                         "  - {name: address, when: ip in lists.ips, then: {score: 10}}\n"         \
                         "  - {name: fixed, when: card in lists.fixed, then: {score: 100}}\n")     \
    }

static const struct policy_file files[] = {
    {.path = TEXT_LITERAL("lists.yaml"),
     .content = TEXT_LITERAL("lists:\n"
                             "  cards: {values: [{value: old, until: 2026-01-02}, own]}\n"
                             "  ips: {type: network}\n"
                             "  fixed: {values: [a], runtime: no}\n")},
    POLICY,
};

/* Another policy with lists of the same names and other types. */
static const struct policy_file other_files[] = {
    {.path = TEXT_LITERAL("lists.yaml"),
     .content = TEXT_LITERAL("lists:\n"
                             "  cards: {}\n"
                             "  ips: {}\n"
                             "  fixed: {}\n")},
    POLICY,
};

struct bench {
    struct snapshot *snapshot, *other;
    struct engine *engine;
    struct list_table *lists;
    struct state_map map;
    struct arena arena;
    uint64_t position;
};

static struct snapshot *load(const struct policy_file *from) {
    struct snapshot *snapshot = NULL;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load(from, 3, &snapshot, &messages, &error) < 0)
        fail_msg("%.*s", (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

static int open_bench(void **state) {
    static struct bench bench;
    bench = (struct bench){.snapshot = load(files), .other = load(other_files)};
    bench.engine = engine_new(bench.snapshot, bench.snapshot);
    bench.lists = list_table_new();
    state_map_init(&bench.map, &bench.snapshot->plan);
    arena_init(&bench.arena, 1 << 20);
    *state = &bench;
    return 0;
}

static int close_bench(void **state) {
    struct bench *bench = *state;
    engine_free(bench->engine);
    list_table_free(bench->lists);
    snapshot_unref(bench->snapshot);
    snapshot_unref(bench->other);
    state_map_deinit(&bench->map);
    arena_deinit(&bench->arena);
    return 0;
}

static void change(struct bench *bench, const char *list, const char *entry, bool removed,
                   int64_t expiry_us) {
    const struct record record = {.type = RECORD_LIST_CHANGE,
                                  .position = ++bench->position,
                                  .receive_time_us = START_US,
                                  .list_change = {.list = text_of(list),
                                                  .entry = text_of(entry),
                                                  .removed = removed,
                                                  .expiry_time_us = expiry_us}};
    list_table_apply(bench->lists, &record);
    engine_apply(bench->engine, &record, &bench->map.source); /* changes no entity */
}

static struct decision decide(struct bench *bench, const char *card, const char *ip,
                              int64_t at_us) {
    struct transaction transaction = {.id = TEXT_LITERAL("t"), .event_time_us = at_us};
    transaction.fields[FIELD_CARD] = text_of(card);
    transaction.fields[FIELD_IP] = text_of(ip);
    struct decision decision;
    struct error error;
    struct text field;
    if (engine_decide(bench->engine, &transaction, &bench->map.source, false, &bench->arena,
                      &decision, &field, &error) < 0)
        fail_msg("%s", error.text);
    return decision;
}

static uint32_t score(struct bench *bench, const char *card, const char *ip, int64_t at_us) {
    return decide(bench, card, ip, at_us).score;
}

static void own_entries_end_in_event_time(void **state) {
    struct bench *bench = *state;
    const int64_t end_us = START_US + INT64_C(86400000000);
    assert_int_equal(score(bench, "own", NULL, end_us), 1);
    assert_int_equal(score(bench, "old", NULL, end_us - 1), 1);
    assert_int_equal(score(bench, "old", NULL, end_us), 0);
    assert_int_equal(score(bench, "a", NULL, end_us), 100);
}

static void additions_count_from_the_next_decision_on(void **state) {
    struct bench *bench = *state;
    change(bench, "cards", "before", false, 0);
    engine_use_lists(bench->engine, bench->lists);
    assert_int_equal(score(bench, "before", NULL, START_US), 1);
    change(bench, "cards", "new", false, START_US + 5);
    change(bench, "ips", "192.0.2.0/24", false, 0);
    change(bench, "fixed", "b", false, 0); /* of a time when the list took some */
    assert_int_equal(score(bench, "new", "192.0.2.77", START_US + 4), 11);
    assert_int_equal(score(bench, "new", "192.0.2.77", START_US + 5), 10);
    assert_int_equal(score(bench, "b", "::ffff:192.0.2.77", START_US), 10);
    change(bench, "ips", "192.0.2.0/24", true, 0);
    change(bench, "cards", "before", true, 0);
    assert_int_equal(score(bench, "before", "192.0.2.77", START_US), 0);
    change(bench, "cards", "new", false, 0);
    assert_int_equal(score(bench, "new", NULL, START_US + 5), 1);
    engine_use_lists(bench->engine, NULL);
    assert_int_equal(score(bench, "new", NULL, START_US), 0);
    assert_int_equal(score(bench, "own", NULL, START_US), 1);
}

/* One table for all, whatever each of them takes its entries for. */
static void a_shadow_sees_them_its_own_way(void **state) {
    struct bench *bench = *state;
    change(bench, "ips", "192.0.2.0/24", false, 0);
    engine_use_lists(bench->engine, bench->lists);
    engine_use_shadows(bench->engine, &bench->other, 1);
    change(bench, "fixed", "b", false, 0);
    change(bench, "cards", "c", false, START_US + 1);
    struct decision decision = decide(bench, "b", "192.0.2.77", START_US);
    assert_int_equal(decision.score, 10);
    assert_int_equal(decision.shadow_count, 1);
    assert_int_equal(decision.shadows[0].score, 100); /* the network is a text to it */
    assert_int_equal(decide(bench, "c", NULL, START_US).shadows[0].score, 1);
    assert_int_equal(decide(bench, "c", NULL, START_US + 1).shadows[0].score, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_entries_end_in_event_time, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(additions_count_from_the_next_decision_on, open_bench,
                                        close_bench),
        cmocka_unit_test_setup_teardown(a_shadow_sees_them_its_own_way, open_bench, close_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
