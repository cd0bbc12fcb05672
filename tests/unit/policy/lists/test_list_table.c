/* What was added to lists, as a fold of list changes: against a model that keeps all changes, and
 * as parts that a generation stores. */
#include "core/policy/lists/list_table.h"
#include "tests/split_mix.h"
#include "tests/unit/unit.h"

#include <inttypes.h>

#define DAY_US (INT64_C(86400) * 1000000)

static uint64_t random_state = 7;

static uint64_t random_below(uint64_t limit) {
    return split_mix(&random_state) % limit;
}

static struct record change(uint64_t position, int64_t received_us, const char *list,
                            const char *entry, bool removed, int64_t expiry_us) {
    return (struct record){.type = RECORD_LIST_CHANGE,
                           .position = position,
                           .receive_time_us = received_us,
                           .list_change = {.list = text_of(list),
                                           .entry = text_of(entry),
                                           .removed = removed,
                                           .expiry_time_us = expiry_us,
                                           .source = TEXT_LITERAL("analyst:7"),
                                           .reason = TEXT_LITERAL("why not")}};
}

static void apply(struct list_table *table, struct record record) {
    list_table_apply(table, &record);
}

static const struct list_index *index_of(struct list_table *table, const char *name,
                                         enum list_kind kind) {
    struct value value = list_table_value(table, text_of(name), kind);
    assert_int_equal(value.type, VALUE_TEXT);
    return (const void *)value.text.data;
}

static void the_last_change_counts(void **state) {
    (void)state;
    struct list_table *table = list_table_new();
    const struct list_index *cards = index_of(table, "cards", LIST_TEXTS);
    assert_null(list_table_find(table, TEXT_LITERAL("cards"))); /* asked about, never changed */
    assert_null(list_table_at(table, 0));
    uint64_t empty = list_table_hash(table);
    apply(table, change(3, DAY_US, "cards", "a", false, 0));
    apply(table, change(4, DAY_US, "cards", "b", false, 5 * DAY_US));
    apply(table, change(5, DAY_US, "ips", "a", false, 0));
    assert_true(list_index_has_text(cards, TEXT_LITERAL("b"), 5 * DAY_US - 1));
    assert_false(list_index_has_text(cards, TEXT_LITERAL("b"), 5 * DAY_US));
    apply(table, change(6, DAY_US, "cards", "b", false, 0));
    apply(table, change(7, DAY_US, "cards", "a", true, 0));
    apply(table, change(8, DAY_US, "cards", "never", true, 0));
    assert_true(list_index_has_text(cards, TEXT_LITERAL("b"), INT64_MAX - 1));
    assert_false(list_index_has_text(cards, TEXT_LITERAL("a"), 0));
    const struct list_additions *additions = list_table_find(table, TEXT_LITERAL("cards"));
    assert_int_equal(list_additions_changes(additions), 5);
    assert_int_equal(list_additions_count(additions), 1);
    assert_int_equal(list_table_entries(table), 2);
    const struct list_addition *b = list_additions_get(additions, TEXT_LITERAL("b"));
    assert_int_equal(b->position, 6);
    assert_int_equal(b->receive_time_us, DAY_US);
    assert_true(text_is(b->source, "analyst:7") && text_is(b->reason, "why not"));
    assert_ptr_equal(list_additions_next(additions, 0), b);
    assert_ptr_equal(list_additions_next(additions, 5), b);
    assert_null(list_additions_next(additions, 6));
    assert_true(text_is(list_additions_name(list_table_at(table, 1)), "ips"));
    assert_true(list_table_hash(table) != empty);
    /* Whatever else is in the archive. */
    uint64_t hash = list_table_hash(table);
    apply(table, (struct record){.type = RECORD_ENGINE, .position = 9});
    assert_true(list_table_hash(table) == hash);
    size_t bytes = list_table_bytes(table);
    apply(table, change(10, DAY_US, "cards", "longer", false, 0));
    assert_true(list_table_bytes(table) >= bytes + 6);
    apply(table, change(11, DAY_US, "cards", "longer", true, 0));
    assert_int_equal(list_table_bytes(table), bytes);
    list_table_free(table);
}

/* The type is the policy's, and may change; the entries stay. */
static void types_are_looked_at_when_used(void **state) {
    (void)state;
    struct list_table *table = list_table_new();
    apply(table, change(1, DAY_US, "l", "192.0.2.0/24", false, 0));
    apply(table, change(2, DAY_US, "l", "1000-1999", false, 0));
    const struct list_index *networks = index_of(table, "l", LIST_NETWORKS);
    apply(table, change(3, DAY_US, "l", "10.0.0.1", false, 0));
    apply(table, change(4, DAY_US, "l", "10.0.0.1/32", false, 0)); /* no network list writes so */
    apply(table, change(5, DAY_US, "l", "77", false, 0));
    struct list_network address;
    assert_true(list_network_parse(TEXT_LITERAL("10.0.0.1"), &address));
    assert_true(list_index_has_network(networks, &address, 0));
    assert_int_equal(list_table_usable(table, TEXT_LITERAL("l"), LIST_TEXTS), 5);
    assert_int_equal(list_table_usable(table, TEXT_LITERAL("l"), LIST_NETWORKS), 2);
    assert_int_equal(list_table_usable(table, TEXT_LITERAL("l"), LIST_INTEGERS), 2);
    const struct list_index *numbers = index_of(table, "l", LIST_INTEGERS);
    assert_true(list_index_has_integer(numbers, 1500, 0));
    apply(table, change(6, DAY_US, "l", "10.0.0.1/32", true, 0));
    assert_true(list_index_has_network(networks, &address, 0));
    apply(table, change(7, DAY_US, "l", "10.0.0.1", true, 0));
    assert_false(list_index_has_network(networks, &address, 0));
    apply(table, change(8, DAY_US, "l", "1000-1999", true, 0));
    assert_false(list_index_has_integer(numbers, 1500, 0));
    assert_ptr_equal(networks, index_of(table, "l", LIST_NETWORKS)); /* a frame may hold it */
    list_table_free(table);
}

static void what_ended_long_ago_goes(void **state) {
    (void)state;
    struct list_table *table = list_table_new();
    apply(table, change(1, DAY_US, "a", "short", false, 2 * DAY_US));
    apply(table, change(2, DAY_US, "a", "long", false, 40 * DAY_US));
    apply(table, change(3, DAY_US, "a", "ever", false, 0));
    /* 31 days after its end it is still there; the first change of a later day, of any list, takes
     * it out. */
    apply(table, change(4, 33 * DAY_US + 5, "b", "x", false, 0));
    const struct list_additions *a = list_table_find(table, TEXT_LITERAL("a"));
    assert_non_null(list_additions_get(a, TEXT_LITERAL("short")));
    apply(table, change(5, 33 * DAY_US + 6, "b", "x", true, 0));
    assert_int_equal(list_additions_count(a), 3);
    apply(table, change(6, 34 * DAY_US, "b", "x", true, 0));
    assert_null(list_additions_get(a, TEXT_LITERAL("short")));
    assert_int_equal(list_additions_count(a), 2);
    assert_false(
        list_index_has_text(index_of(table, "a", LIST_TEXTS), TEXT_LITERAL("short"), DAY_US));
    assert_int_equal(list_additions_changes(a), 3);
    list_table_free(table);
}

/* ---- parts ---- */

struct parts {
    struct buffer bytes[64];
    size_t count;
};

static int keep_part(void *user, const struct list_part *part) {
    struct parts *parts = user;
    assert_true(part->count <= LIST_PART_ADDITIONS_MAX);
    buffer_init(&parts->bytes[parts->count]);
    list_part_encode(part, &parts->bytes[parts->count++]);
    return 0;
}

static void free_parts(struct parts *parts) {
    for (size_t i = 0; i < parts->count; i++)
        buffer_deinit(&parts->bytes[i]);
}

static struct list_table *restored(const struct parts *parts) {
    struct list_table *table = list_table_new();
    struct arena arena;
    struct list_part part;
    struct error error;
    arena_init(&arena, 64u << 20);
    for (size_t i = 0; i < parts->count; i++) {
        arena_reset(&arena);
        assert_int_equal(
            list_part_decode(parts->bytes[i].bytes, parts->bytes[i].length, &arena, &part, &error),
            0);
        assert_int_equal(list_table_restore(table, &part, &error), 0);
    }
    arena_deinit(&arena);
    return table;
}

static void assert_same(const struct list_table *a, const struct list_table *b) {
    struct parts x = {.count = 0}, y = {.count = 0};
    assert_true(list_table_hash(a) == list_table_hash(b));
    assert_int_equal(list_table_entries(a), list_table_entries(b));
    list_table_visit(a, keep_part, &x);
    list_table_visit(b, keep_part, &y);
    assert_int_equal(x.count, y.count);
    for (size_t i = 0; i < x.count; i++) {
        assert_int_equal(x.bytes[i].length, y.bytes[i].length);
        assert_memory_equal(x.bytes[i].bytes, y.bytes[i].bytes, x.bytes[i].length);
    }
    free_parts(&x);
    free_parts(&y);
    assert_int_equal(list_table_bytes(a), list_table_bytes(b));
}

/* All changes, and what they amount to by going through them from the newest back. */
enum { CHANGES = 24000, LISTS = 3, VALUES = 3000 };
static struct record changes[CHANGES];
static char names[LISTS][16], values[VALUES][16];

static int64_t day(int64_t us) {
    return us / DAY_US;
}

/* The newest change that was the first of its day: the last one that dropped anything. */
static size_t last_dropping(size_t until) {
    size_t i = until - 1;
    while (i > 0 && day(changes[i].receive_time_us) == day(changes[i - 1].receive_time_us))
        i--;
    return i;
}

static bool is_dropped(size_t index, size_t dropping) {
    int64_t expiry_us = changes[index].list_change.expiry_time_us;
    int64_t day_us = day(changes[dropping].receive_time_us) * DAY_US;
    return expiry_us && index < dropping && expiry_us < day_us - LIST_TABLE_KEPT_US;
}

static size_t check_against_changes(const struct list_table *table, size_t until) {
    static bool seen[LISTS][VALUES];
    size_t there = 0, dropping = last_dropping(until);
    memset(seen, 0, sizeof seen);
    for (size_t i = until; i-- > 0;) {
        const struct list_change_record *last = &changes[i].list_change;
        size_t list = (size_t)(last->list.data - names[0]) / sizeof names[0];
        size_t value = (size_t)(last->entry.data - values[0]) / sizeof values[0];
        if (seen[list][value])
            continue;
        seen[list][value] = true;
        bool expected = !last->removed && !is_dropped(i, dropping);
        const struct list_addition *found =
            list_additions_get(list_table_find(table, last->list), last->entry);
        assert_int_equal(found != NULL, expected);
        if (found)
            assert_int_equal(found->position, changes[i].position);
        there += expected;
    }
    assert_int_equal(list_table_entries(table), there);
    return there;
}

static void make_changes(void) {
    int64_t at_us = 100 * DAY_US;
    for (size_t i = 0; i < LISTS; i++)
        snprintf(names[i], sizeof names[i], "list_%zu", i);
    for (size_t i = 0; i < VALUES; i++)
        snprintf(values[i], sizeof values[i], "%zu", i);
    for (size_t i = 0; i < CHANGES; i++) {
        if (random_below(300) == 0)
            at_us += (int64_t)random_below(3 * DAY_US);
        changes[i] = change(2 * i + 1, at_us, names[random_below(LISTS)],
                            values[random_below(VALUES)], random_below(8) == 0, 0);
        if (random_below(2))
            changes[i].list_change.expiry_time_us = at_us + (int64_t)random_below(60) * DAY_US + 1;
    }
}

static void fold_against_a_model(void **state) {
    (void)state;
    struct list_table *table = list_table_new(), *from_parts = NULL;
    make_changes();
    size_t dropped = 0;
    for (size_t i = 0; i < CHANGES; i++) {
        size_t before = list_table_entries(table);
        list_table_apply(table, &changes[i]);
        dropped += before > list_table_entries(table) + 1;
        if (from_parts)
            list_table_apply(from_parts, &changes[i]);
        if (i % 8000 == 7999) { /* a generation is built and gone on from */
            struct parts parts = {.count = 0};
            check_against_changes(table, i + 1);
            list_table_free(from_parts);
            list_table_visit(table, keep_part, &parts);
            from_parts = restored(&parts);
            assert_same(table, from_parts);
            assert_true(parts.count > LISTS); /* some lists have several */
            free_parts(&parts);
        }
    }
    assert_true(dropped > 3);
    assert_true(check_against_changes(table, CHANGES) > 500);
    assert_same(table, from_parts);
    list_table_free(table);
    list_table_free(from_parts);
}

static void pages_go_by_position(void **state) {
    (void)state;
    struct list_table *table = list_table_new();
    for (size_t i = 0; i < CHANGES; i++)
        list_table_apply(table, &changes[i]);
    const struct list_additions *additions = list_table_at(table, 0);
    size_t count = 0;
    uint64_t position = 0;
    for (const struct list_addition *next; (next = list_additions_next(additions, position));
         count++) {
        assert_true(next->position > position);
        position = next->position;
        assert_ptr_equal(list_additions_get(additions, next->value), next);
    }
    assert_int_equal(count, list_additions_count(additions));
    list_table_free(table);
}

static void damaged_parts_are_refused(void **state) {
    (void)state;
    const struct list_addition two[] = {{.value = TEXT_LITERAL("a"), .position = 5},
                                        {.value = TEXT_LITERAL("b"), .position = 6}};
    const struct list_addition backwards[] = {two[1], two[0]};
    const struct list_addition twice[] = {two[0], {.value = TEXT_LITERAL("a"), .position = 9}};
    const struct list_part good = {
        .list = TEXT_LITERAL("l"), .changes = 2, .additions = two, .count = 2};
    struct list_part bad[] = {good, good, good, good, good};
    bad[0].additions = backwards;
    bad[1].additions = twice;
    bad[2].changes = 0;
    bad[3].changes = 3;              /* behind `good`: parts of two tables */
    for (size_t i = 0; i < 5; i++) { /* the last: `good` once more */
        struct list_table *table = list_table_new();
        struct error error;
        if (i >= 3)
            assert_int_equal(list_table_restore(table, &good, &error), 0);
        assert_int_equal(list_table_restore(table, &bad[i], &error), -ERROR_DAMAGED);
        assert_non_null(strstr(error.text, "list \"l\""));
        list_table_free(table);
    }
    struct arena arena;
    struct list_part part;
    struct error error;
    arena_init(&arena, 1u << 20);
    assert_int_equal(list_part_decode("\x0a\x05", 2, &arena, &part, &error), -ERROR_DAMAGED);
    arena_deinit(&arena);
}

/* ---- brakes ---- */

static void brake(struct list_table *table, uint64_t position, const char *rule,
                  uint64_t definition, bool lifted) {
    apply(table, (struct record){.type = RECORD_BRAKE,
                                 .position = position,
                                 .receive_time_us = DAY_US,
                                 .brake = {.rule = text_of(rule),
                                           .definition = definition,
                                           .lifted = lifted,
                                           .fires = 12,
                                           .decisions = 400,
                                           .share_e6 = 25000,
                                           .window_us = 90 * 60 * INT64_C(1000000)}});
}

static bool is_braked(const struct list_table *table, const char *rule, uint64_t definition) {
    return list_table_brake(table, text_of(rule), definition) != NULL;
}

static void brakes_are_kept_beside_the_lists(void **state) {
    (void)state;
    struct list_table *table = list_table_new();
    assert_null(list_table_brakes(table));
    assert_int_equal(list_table_brake_changes(table), 0);
    assert_false(is_braked(table, "spree", 7));
    apply(table, change(1, DAY_US, "cards", "a", false, 0));
    brake(table, 2, "spree", 7, false);
    brake(table, 3, "", 9, false);
    assert_true(is_braked(table, "spree", 7));
    assert_false(is_braked(table, "spree", 8)); /* declared otherwise */
    assert_false(is_braked(table, "spre", 7));
    assert_true(is_braked(table, "", 9));
    assert_int_equal(list_table_brake_changes(table), 2);
    /* No list that anybody can ask for. */
    assert_null(list_table_find(table, BRAKE_LIST));
    assert_true(text_is(list_additions_name(list_table_at(table, 0)), "cards"));
    assert_null(list_table_at(table, 1));

    struct brake found;
    assert_true(brake_read(list_table_brake(table, text_of("spree"), 7), &found));
    assert_true(text_is(found.rule, "spree"));
    assert_int_equal(found.definition, 7);
    assert_int_equal(found.position, 2);
    assert_int_equal(found.pulled_us, DAY_US);
    assert_true(text_is(found.reason, "12 of 400 decisions, at_most 2.5% per 90m"));
    const struct list_addition no_brake = {.value = TEXT_LITERAL("spree")};
    assert_false(brake_read(&no_brake, &found));

    uint64_t hash = list_table_hash(table);
    brake(table, 4, "spree", 7, true);
    assert_false(is_braked(table, "spree", 7));
    assert_true(is_braked(table, "", 9));
    assert_int_equal(list_table_brake_changes(table), 3);
    assert_true(list_table_hash(table) != hash);
    brake(table, 5, "spree", 7, false); /* no time ends it */
    apply(table, change(6, 400 * DAY_US, "cards", "b", false, 0));
    assert_true(is_braked(table, "spree", 7));

    struct parts parts = {.count = 0};
    list_table_visit(table, keep_part, &parts);
    struct list_table *again = restored(&parts);
    assert_same(again, table);
    assert_true(is_braked(again, "spree", 7));
    assert_int_equal(list_table_brake_changes(again), 4);
    list_table_free(again);
    free_parts(&parts);
    list_table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brakes_are_kept_beside_the_lists),
        cmocka_unit_test(the_last_change_counts),
        cmocka_unit_test(types_are_looked_at_when_used),
        cmocka_unit_test(what_ended_long_ago_goes),
        cmocka_unit_test(fold_against_a_model),
        cmocka_unit_test(pages_go_by_position),
        cmocka_unit_test(damaged_parts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
