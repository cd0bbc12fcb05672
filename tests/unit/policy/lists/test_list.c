/* Lists for looking up: entries as they are written, the index against a model that goes through
 * all entries, and ranges in every order. HARRIER_STEPS makes the random parts longer. */
#include "core/policy/eval/expression.h"
#include "core/policy/lists/list.h"
#include "core/policy/lists/list_fill.h"
#include "core/policy/lists/range_spans.h"
#include "core/policy/lists/range_tree.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <inttypes.h>

static uint64_t random_state = 1;

static uint64_t random_below(uint64_t limit) {
    return split_mix(&random_state) % limit;
}

/* ---- entries ---- */

/* written NULL: refused with these words. */
static const struct {
    enum list_kind kind;
    const char *value, *written, *says;
} entries[] = {
    {LIST_TEXTS, "tok_1", "tok_1", NULL},
    {LIST_TEXTS, "two words", "two words", NULL},
    {LIST_TEXTS, "größe", "größe", NULL},
    {LIST_TEXTS, "", NULL, "empty"},
    {LIST_TEXTS, "a\tb", NULL, "control character"},
    {LIST_TEXTS, "\xff", NULL, "UTF-8"},
    {LIST_TEXTS, "4242 4242 4242 4242", NULL, "card number"},
    {LIST_NETWORKS, "192.0.2.1", "192.0.2.1", NULL},
    {LIST_NETWORKS, "192.0.2.1/32", "192.0.2.1", NULL},
    {LIST_NETWORKS, "192.0.2.0/24", "192.0.2.0/24", NULL},
    {LIST_NETWORKS, "0.0.0.0/0", "0.0.0.0/0", NULL},
    {LIST_NETWORKS, "::ffff:192.0.2.1", "192.0.2.1", NULL},
    {LIST_NETWORKS, "::ffff:192.0.2.0/120", "192.0.2.0/24", NULL},
    {LIST_NETWORKS, "::ffff:0:0/96", "0.0.0.0/0", NULL},
    {LIST_NETWORKS, "2001:DB8:0:0::1", "2001:db8::1", NULL},
    {LIST_NETWORKS, "2001:db8::/32", "2001:db8::/32", NULL},
    {LIST_NETWORKS, "::/0", "::/0", NULL},
    {LIST_NETWORKS, "2001:db8::/128", "2001:db8::", NULL},
    {LIST_NETWORKS, "192.0.2.1/24", NULL, "expected the network 192.0.2.0/24"},
    {LIST_NETWORKS, "2001:db8::1/32", NULL, "expected the network 2001:db8::/32"},
    {LIST_NETWORKS, "::ffff:192.0.2.0/24", NULL,
     "nor a network"}, /* not the 24 bits that are meant */
    {LIST_NETWORKS, "192.0.2.0/33", NULL, "nor a network"},
    {LIST_NETWORKS, "192.0.2.0/024", NULL, "nor a network"},
    {LIST_NETWORKS, "192.0.2.0/", NULL, "nor a network"},
    {LIST_NETWORKS, "192.0.2.0/+8", NULL, "nor a network"},
    {LIST_NETWORKS, "2001:db8::/129", NULL, "nor a network"},
    {LIST_NETWORKS, "/8", NULL, "neither an address"},
    {LIST_NETWORKS, "example.com", NULL, "neither an address"},
    {LIST_INTEGERS, "0", "0", NULL},
    {LIST_INTEGERS, "-0", "0", NULL},
    {LIST_INTEGERS, "0042", "42", NULL},
    {LIST_INTEGERS, "-5", "-5", NULL},
    {LIST_INTEGERS, "1000-1999", "1000-1999", NULL},
    {LIST_INTEGERS, "-10--5", "-10--5", NULL},
    {LIST_INTEGERS, "-10-5", "-10-5", NULL},
    {LIST_INTEGERS, "7-7", "7", NULL},
    {LIST_INTEGERS, "-9223372036854775808-9223372036854775807",
     "-9223372036854775808-9223372036854775807", NULL},
    {LIST_INTEGERS, "9223372036854775808", NULL, "64-bit"},
    {LIST_INTEGERS, "-9223372036854775809", NULL, "64-bit"},
    {LIST_INTEGERS, "5-1", NULL, "before it begins"},
    {LIST_INTEGERS, "1000 - 1999", NULL, "1000-1999"},
    {LIST_INTEGERS, "-", NULL, "64-bit"},
    {LIST_INTEGERS, "1-", NULL, "64-bit"},
    {LIST_INTEGERS, "1-2-3", NULL, "64-bit"},
    {LIST_INTEGERS, "+1", NULL, "64-bit"},
    {LIST_INTEGERS, "4242424242424242", NULL, "card number"},
    {LIST_INTEGERS, "1-4242424242424242", NULL, "card number"},
};

static void entries_as_they_are_written(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        struct list_entry entry;
        struct list_diagnostic diagnostic = {{0}};
        char bytes[LIST_ENTRY_TEXT_SIZE];
        const char *value = entries[i].value;
        bool good = list_entry_parse(entries[i].kind, false, text_of(value), &entry, &diagnostic);
        if (good != (entries[i].written != NULL))
            fail_msg("\"%s\" is %s", value, good ? "taken" : diagnostic.text);
        if (!good) {
            if (!strstr(diagnostic.text, entries[i].says) || strstr(diagnostic.text, "4242"))
                fail_msg("\"%s\": %s", value, diagnostic.text);
            continue;
        }
        struct text written = list_entry_format(entries[i].kind, &entry, bytes);
        if (!text_is(written, entries[i].written))
            fail_msg("\"%s\" is written %.*s", value, (int)written.length, written.data);
        assert_true(entry.until_us == LIST_FOREVER);
        /* Written so, it is the same. */
        assert_true(list_entry_parse(entries[i].kind, false, written, &entry, &diagnostic));
        char again[LIST_ENTRY_TEXT_SIZE];
        assert_true(text_equal(list_entry_format(entries[i].kind, &entry, again), written));
    }
    struct list_entry entry;
    struct list_diagnostic diagnostic;
    assert_true(
        list_entry_parse(LIST_TEXTS, true, TEXT_LITERAL("4242424242424242"), &entry, &diagnostic));
}

static void ends(void **state) {
    (void)state;
    int64_t us;
    assert_true(list_until_parse(TEXT_LITERAL("2026-01-01"), &us));
    assert_int_equal(us, INT64_C(1767225600000000));
    assert_true(list_until_parse(TEXT_LITERAL("2026-01-01T01:00:00+01:00"), &us));
    assert_int_equal(us, INT64_C(1767225600000000));
    assert_false(list_until_parse(TEXT_LITERAL("1969-12-31"), &us));
    assert_false(list_until_parse(TEXT_LITERAL("2026-02-30"), &us));
    assert_false(list_until_parse(TEXT_LITERAL("tomorrow"), &us));
    assert_false(list_until_parse(TEXT_LITERAL(""), &us));
}

/* ---- the index against all entries ---- */

enum { MODEL_MAX = 400, TIMES = 20 };

struct model {
    enum list_kind kind;
    struct list_entry entries[MODEL_MAX];
    char texts[MODEL_MAX][64];
    size_t count;
};

static bool same_entry(enum list_kind kind, const struct list_entry *a,
                       const struct list_entry *b) {
    if (kind == LIST_TEXTS)
        return text_equal(a->text, b->text);
    if (kind == LIST_INTEGERS)
        return a->low == b->low && a->high == b->high;
    return a->network.bits == b->network.bits &&
           memcmp(a->network.address, b->network.address, IP_ADDRESS_BYTES) == 0;
}

/* Bit by bit. */
static bool covers(const struct list_network *network, const struct list_network *asked) {
    if (network->is_v4 != asked->is_v4 || network->bits > asked->bits)
        return false;
    for (unsigned bit = 0; bit < network->bits; bit++)
        if ((network->address[bit / 8] ^ asked->address[bit / 8]) >> (7 - bit % 8) & 1)
            return false;
    return true;
}

static bool model_has(const struct model *model, const struct list_entry *asked, int64_t at_us) {
    for (size_t i = 0; i < model->count; i++) {
        const struct list_entry *entry = &model->entries[i];
        bool holds = model->kind == LIST_TEXTS ? text_equal(entry->text, asked->text)
                     : model->kind == LIST_INTEGERS
                         ? entry->low <= asked->low && asked->low <= entry->high
                         : covers(&entry->network, &asked->network);
        if (holds && at_us < entry->until_us)
            return true;
    }
    return false;
}

static size_t model_find(const struct model *model, const struct list_entry *wanted) {
    size_t i = 0;
    while (i < model->count && !same_entry(model->kind, &model->entries[i], wanted))
        i++;
    return i;
}

/* Few enough different ones that they meet often, and some from the ends of what there is. */
static int64_t random_integer(void) {
    static const int64_t ends_of[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
    return random_below(10) ? (int64_t)random_below(300) - 150 : ends_of[random_below(6)];
}

static struct list_entry random_entry(enum list_kind kind, bool single, char text[64]) {
    struct list_entry entry = {.until_us = (int64_t)random_below(TIMES)};
    struct list_diagnostic diagnostic;
    if (random_below(3) == 0)
        entry.until_us = LIST_FOREVER;
    if (kind == LIST_TEXTS) {
        snprintf(text, 64, "text %" PRIu64, random_below(200));
        entry.text = text_of(text);
    } else if (kind == LIST_INTEGERS) {
        entry.low = entry.high = random_integer();
        int64_t other = random_integer();
        if (!single && random_below(3) == 0) {
            entry.high = other > entry.low ? other : entry.low;
            entry.low = other > entry.low ? entry.low : other;
        }
    } else {
        unsigned bits = (unsigned)random_below(33), v6_bits = (unsigned)random_below(129);
        unsigned part = (unsigned)random_below(4) * 85, other = (unsigned)random_below(4);
        char address[64], network[IP_NETWORK_SIZE];
        if (random_below(2))
            snprintf(address, sizeof address, "10.%u.%u.%u", part, other, other * 77);
        else
            snprintf(address, sizeof address, "2001:db8:%x:%x::%x", part, other, other);
        size_t length =
            ip_network(text_of(address), single ? 32 : bits, single ? 128 : v6_bits, network);
        struct list_entry parsed;
        assert_true(list_entry_parse(kind, false, (struct text){.data = network, .length = length},
                                     &parsed, &diagnostic));
        entry.network = parsed.network;
    }
    return entry;
}

static bool index_has(const struct list_index *index, const struct list_entry *asked,
                      int64_t at_us) {
    if (index->kind == LIST_TEXTS)
        return list_index_has_text(index, asked->text, at_us);
    if (index->kind == LIST_INTEGERS)
        return list_index_has_integer(index, asked->low, at_us);
    return list_index_has_network(index, &asked->network, at_us);
}

static void change_both(struct model *model, struct list_index *index) {
    char text[64];
    struct list_entry entry = random_entry(model->kind, false, text);
    size_t at = model_find(model, &entry);
    bool there = at < model->count;
    if (random_below(3) == 0 || (!there && model->count == MODEL_MAX)) {
        list_index_remove(index, &entry);
        if (!there)
            return;
        /* Texts stay where they were put: the last one moves with its memory. */
        size_t last = --model->count;
        if (at != last) {
            list_index_remove(index, &model->entries[last]);
            model->entries[at] = model->entries[last];
            memcpy(model->texts[at], model->texts[last], sizeof model->texts[at]);
            model->entries[at].text = text_of(model->texts[at]);
            list_index_put(index, &model->entries[at]);
        }
        return;
    }
    if (!there) {
        at = model->count++;
        model->entries[at] = entry;
        memcpy(model->texts[at], text, sizeof text);
        if (model->kind == LIST_TEXTS)
            model->entries[at].text = text_of(model->texts[at]);
    }
    model->entries[at].until_us = entry.until_us;
    model->entries[at].number = (uint32_t)random_below(1000);
    list_index_put(index, &model->entries[at]);
}

static void ask_both(const struct model *model, const struct list_index *index) {
    char text[64];
    struct list_entry asked = random_entry(model->kind, random_below(4) > 0, text);
    int64_t at_us = (int64_t)random_below(TIMES + 1), until_us = -1;
    if (index_has(index, &asked, at_us) != model_has(model, &asked, at_us))
        fail_msg("kind %d: the index says %d", (int)model->kind, index_has(index, &asked, at_us));
    size_t at = model_find(model, &asked);
    bool there = list_index_get(index, &asked, &until_us);
    assert_int_equal(there, at < model->count);
    if (there)
        assert_true(until_us == model->entries[at].until_us);
    assert_int_equal(list_index_count(index), model->count);
    uint32_t number;
    if (there && model->kind == LIST_TEXTS) {
        assert_true(list_index_number(index, asked.text, &number));
        assert_int_equal(number, model->entries[at].number);
    }
}

static void index_against_a_model(void **state) {
    (void)state;
    for (enum list_kind kind = LIST_TEXTS; kind < LIST_KIND_COUNT; kind++) {
        static struct model model;
        struct list_index index;
        memset(&model, 0, sizeof model);
        model.kind = kind;
        list_index_init(&index, kind, 0, NULL);
        for (unsigned long step = 0; step < asked_steps(30000); step++) {
            change_both(&model, &index);
            ask_both(&model, &index);
        }
        assert_true(model.count > 20);
        list_index_deinit(&index);
    }
}

/* As a policy has them: each twice, with two ends. */
static void many_entries(void **state) {
    (void)state;
    enum { MANY = 20000 };
    struct arena arena;
    struct list list = {.kind = LIST_INTEGERS};
    struct list_entry *all = calloc(2 * MANY, sizeof *all);
    arena_init(&arena, 64u << 20);
    for (int64_t i = 0; i < 2 * MANY; i++)
        all[i] = (struct list_entry){
            .low = i / 2 * 10, .high = i / 2 * 10 + i / 2 % 4, .until_us = i % 2 ? 5 : 3};
    list_fill(&list, all, 2 * MANY, &arena);
    free(all);
    assert_int_equal(list.count, MANY);
    for (int64_t i = 0; i < MANY; i++) {
        const struct value last = value_int(10 * i + i % 4), behind = value_int(10 * i + 4);
        struct list_entry whole = {.low = 10 * i, .high = 10 * i + i % 4};
        assert_true(list_contains(&list, &last, NULL).boolean);
        assert_false(list_contains(&list, &behind, NULL).boolean);
        assert_true(list_holds(&list, &whole, 4));
        assert_false(list_holds(&list, &whole, 5));
        whole.high += 4;
        assert_false(list_holds(&list, &whole, 4));
    }
    arena_deinit(&arena);
}

/* Overlapping ranges with ends of their own, number by number. */
static void spans_against_all_ranges(void **state) {
    (void)state;
    enum { RANGES = 40 };
    struct arena arena;
    arena_init(&arena, 1u << 20);
    for (unsigned long round = 0; round < asked_steps(3000) / 10; round++) {
        struct range_span ranges[RANGES];
        struct range_spans spans;
        size_t count = (size_t)random_below(RANGES + 1);
        for (size_t i = 0; i < count; i++) {
            int64_t a = random_integer(), b = random_integer();
            ranges[i] = (struct range_span){.low = a < b ? a : b,
                                            .high = a < b ? b : a,
                                            .until_us = (int64_t)random_below(TIMES)};
        }
        arena_reset(&arena);
        range_spans_make(&spans, ranges, count, &arena);
        for (size_t i = 1; i < spans.count; i++)
            assert_true(spans.spans[i - 1].high < spans.spans[i].low);
        for (int ask = 0; ask < 100; ask++) {
            int64_t number = random_integer(), at_us = (int64_t)random_below(TIMES);
            bool expected = false, all = true;
            for (size_t i = 0; i < count; i++)
                expected |= ranges[i].low <= number && number <= ranges[i].high &&
                            at_us < ranges[i].until_us;
            assert_int_equal(range_spans_has(&spans, number, at_us), expected);
            int64_t high =
                number < 200 && number > -200 ? number + (int64_t)random_below(9) : number;
            for (int64_t n = number; all && n <= high; n++) {
                all = range_spans_has(&spans, n, at_us);
                if (n == INT64_MAX)
                    break;
            }
            assert_int_equal(range_spans_cover(&spans, number, high, at_us), all);
        }
    }
    arena_deinit(&arena);
}

/* In order, which makes a plain tree a chain, and one inside the other. */
static void ranges_in_order_do_not_make_it_deep(void **state) {
    (void)state;
    enum { RANGES = 200000 };
    struct range_tree tree;
    range_tree_init(&tree, NULL);
    for (int64_t i = 0; i < RANGES; i++)
        range_tree_put(&tree, i, 2 * RANGES - i, i);
    assert_true(range_tree_has(&tree, RANGES, RANGES - 2));
    assert_false(range_tree_has(&tree, RANGES, RANGES - 1)); /* all have ended */
    assert_false(range_tree_has(&tree, 2 * RANGES + 1, 0));
    for (int64_t i = 0; i < RANGES; i++)
        range_tree_remove(&tree, i, 2 * RANGES - i);
    assert_int_equal(tree.count, 0);
    assert_false(range_tree_has(&tree, RANGES, 0));
    range_tree_deinit(&tree);
}

/* ---- in an expression's frame ---- */

static void own_and_added(void **state) {
    (void)state;
    enum { TIME, ADDED, SLOTS };
    static const struct text blocked[] = {TEXT_LITERAL("a")};
    struct list list = {.name = TEXT_LITERAL("cards")};
    struct value frame[SLOTS] = {[TIME] = value_timestamp(100), [ADDED] = value_absent()};
    struct list_index added;
    struct arena arena;
    arena_init(&arena, 1u << 20);
    list_fill_texts(&list, blocked, 1, &arena);
    struct value a = value_text(TEXT_LITERAL("a")), b = value_text(TEXT_LITERAL("b"));
    assert_true(list_contains(&list, &a, frame).boolean); /* it reads no frame yet */
    list.slot = ADDED;
    list.time_slot = TIME;
    assert_true(list_contains(&list, &a, frame).boolean);
    assert_false(list_contains(&list, &b, frame).boolean);
    list_index_init(&added, LIST_TEXTS, 0, NULL);
    frame[ADDED] = list_index_value(&added);
    list_index_put(&added, &(struct list_entry){.text = b.text, .until_us = 101});
    assert_true(list_contains(&list, &b, frame).boolean);
    assert_true(list_contains(&list, &a, frame).boolean);
    frame[TIME] = value_timestamp(101);
    assert_false(list_contains(&list, &b, frame).boolean);
    list_index_deinit(&added);

    struct list networks = {.kind = LIST_NETWORKS};
    struct list_entry entry;
    struct list_diagnostic diagnostic;
    assert_true(
        list_entry_parse(LIST_NETWORKS, false, TEXT_LITERAL("10.0.0.0/8"), &entry, &diagnostic));
    list_fill(&networks, &entry, 1, &arena);
    struct value inside = value_text(TEXT_LITERAL("10.1.0.0/16"));
    struct value around = value_text(TEXT_LITERAL("10.0.0.0/7"));
    assert_true(list_contains(&networks, &inside, frame).boolean);
    assert_false(list_contains(&networks, &around, frame).boolean);
    struct value none = list_contains(&networks, &a, frame);
    assert_int_equal(none.type, VALUE_ERROR);
    assert_int_equal(none.error_code, EXPRESSION_BAD_ARGUMENT);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_as_they_are_written),
        cmocka_unit_test(ends),
        cmocka_unit_test(index_against_a_model),
        cmocka_unit_test(many_entries),
        cmocka_unit_test(spans_against_all_ranges),
        cmocka_unit_test(ranges_in_order_do_not_make_it_deep),
        cmocka_unit_test(own_and_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
