/* Time zones: rules against the C library's reading of the same TZ strings, tables against a naive
 * search, and files that are none. tests/unit/cli/test_zones.py compares all of tzdata with Python.
 */
#include "core/policy/lang/calendar.h"
#include "core/policy/lang/zone.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/policy/tzif.h"
#include "tests/unit/unit.h"

#include <time.h>

#define NAME TEXT_LITERAL("Some/Where")

static struct arena arena;

static int arena_setup(void **state) {
    (void)state;
    arena_init(&arena, (size_t)64 << 20);
    return 0;
}

static int arena_teardown(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct text text_of_file(const struct buffer *file) {
    return (struct text){.data = (const char *)file->bytes, .length = file->length};
}

static struct zone zone_of(int32_t first_s, const struct tzif_change *changes, size_t count,
                           const char *rule) {
    struct buffer file;
    struct zone zone;
    buffer_init(&file);
    tzif_write(&file, first_s, changes, count, rule);
    const char *diagnostic = zone_read(text_of_file(&file), NAME, &arena, &zone);
    if (diagnostic)
        fail_msg("%s: %s", rule, diagnostic);
    buffer_deinit(&file);
    return zone;
}

static int64_t seconds(const char *timestamp) {
    int64_t us;
    assert_int_equal(calendar_parse_timestamp(text_of(timestamp), &us), 0);
    return us / CALENDAR_SECOND_US;
}

/* ------------------------------------------------------------------------------------------------
 * Rules */

static int32_t offset_of_libc(int64_t time_s) {
    time_t time = (time_t)time_s;
    struct tm tm;
    assert_non_null(localtime_r(&time, &tm));
    return (int32_t)tm.tm_gmtoff;
}

static void compare_with_libc(const struct zone *zone, const char *rule, int64_t time_s) {
    int32_t expected = offset_of_libc(time_s), found = zone_offset_s(zone, time_s);
    if (expected != found)
        fail_msg("%s at %lld: %d, the C library has %d", rule, (long long)time_s, found, expected);
}

static void test_rules_against_libc(void **state) {
    (void)state;
    static const char *const rules[] = {
        "UTC0",
        "<+0545>-5:45",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "AEST-10AEDT,M10.1.0,M4.1.0/3",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "IST-2IDT,M3.4.4/26,M10.5.0",
        "EET-2EEST,M3.4.4/50,M10.4.4/50",
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "AAA3:30:15BBB2,J59/1,J300/23:59:59",
        "AAA-3BBB,59/0,364/0",
        "AAA-3BBB,J60/2,J365/2",
        "AAA11BBB,M2.5.1,M9.2.6",
    };
    uint64_t chance = asked_seed(1);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct zone zone = zone_of(0, NULL, 0, rules[i]);
        assert_int_equal(setenv("TZ", rules[i], 1), 0);
        tzset();
        int64_t first_s = seconds("1971-01-01T00:00:00Z"), last_s = seconds("2999-01-01T00:00:00Z");
        for (uint64_t step = 0; step < asked_steps(3000); step++)
            compare_with_libc(&zone, rules[i],
                              first_s +
                                  (int64_t)(split_mix(&chance) % (uint64_t)(last_s - first_s)));
        for (int64_t at_s = first_s; zone_next_change(&zone, at_s, &at_s) && at_s < last_s;)
            for (int64_t beside = -1; beside <= 1; beside++)
                compare_with_libc(&zone, rules[i], at_s + beside);
    }
}

/* RFC 9636 §3.3.1: how daylight saving time all year is written. */
static void test_daylight_all_year(void **state) {
    (void)state;
    struct zone zone = zone_of(0, NULL, 0, "XXX3EDT4,0/0,J365/23");
    int64_t time_s;
    assert_false(zone_next_change(&zone, seconds("0001-01-01T00:00:00Z"), &time_s));
    assert_int_equal(zone_offset_s(&zone, seconds("2026-01-01T02:59:59Z")), -4 * 3600);
}

static void test_what_is_no_rule(void **state) {
    (void)state;
    static const char *const rules[] = {
        "C-1",
        "CET",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3 ",
        "CET-1CEST,M3.5.0,M10.5.0/168",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.0.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J300",
        "CET-1CEST,J1,J366",
        "CET-1CEST,0,366",
        "CET-25",
        "CET-1:60",
        "CET-1:",
        "<CET-1",
        "<C/T>-1",
        "CET-1CEST,M3.5.0/2:,M10.5.0",
        "Europe/Berlin",
        "1",
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct buffer file;
        struct zone zone;
        buffer_init(&file);
        tzif_write(&file, 3600, NULL, 0, rules[i]);
        const char *diagnostic = zone_read(text_of_file(&file), NAME, &arena, &zone);
        if (!diagnostic || !strstr(diagnostic, "TZ string"))
            fail_msg("%s: %s", rules[i], diagnostic ? diagnostic : "is read");
        buffer_deinit(&file);
    }
}

/* ------------------------------------------------------------------------------------------------
 * Tables */

static void test_history(void **state) {
    (void)state;
    static const struct tzif_change changes[] = {
        {INT64_C(-576460752303423488), 600}, /* as zic writes for times before all others */
        {-1000, 600},                        /* changes nothing */
        {0, 3600},
        {1000, 7200},
        {2000, 3600},
    };
    struct zone zone = zone_of(600, changes, 5, "<+01>-1");
    assert_int_equal(zone.count, 3);
    assert_int_equal(zone_offset_s(&zone, seconds("0001-01-01T00:00:00Z")), 600);
    assert_int_equal(zone_offset_s(&zone, -1), 600);
    assert_int_equal(zone_offset_s(&zone, 0), 3600);
    assert_int_equal(zone_offset_s(&zone, 999), 3600);
    assert_int_equal(zone_offset_s(&zone, 1000), 7200);
    assert_int_equal(zone_offset_s(&zone, 2000), 3600);
    assert_int_equal(zone_offset_s(&zone, seconds("9999-12-31T23:59:59Z")), 3600);
    int64_t time_s;
    assert_true(zone_next_change(&zone, -1, &time_s) && time_s == 0);
    assert_true(zone_next_change(&zone, 0, &time_s) && time_s == 1000);
    assert_false(zone_next_change(&zone, 2000, &time_s));
}

/* The changes that follow from the rule may be in the table or not. */
static void test_both_ways_of_writing(void **state) {
    (void)state;
    static const char rule[] = "CET-1CEST,M3.5.0,M10.5.0/3";
    struct zone rules = zone_of(3600, (struct tzif_change[]){{846378000, 3600}}, 1, rule);
    struct tzif_change changes[200] = {{846378000, 3600}};
    size_t count = 1;
    for (; count < 200; count++) {
        assert_true(zone_next_change(&rules, changes[count - 1].time_s, &changes[count].time_s));
        changes[count].offset_s = zone_offset_s(&rules, changes[count].time_s);
    }
    struct zone table = zone_of(3600, changes, count, rule);
    int64_t time_s;
    assert_false(zone_first_difference(&rules, &table, &time_s));
    assert_true(rules.hash == table.hash);
    /* One change more than the rule has, or another one, is another zone. */
    struct zone other = zone_of(3600, changes, count - 1, rule);
    assert_true(other.hash == table.hash);
    changes[100].time_s += 60;
    other = zone_of(3600, changes, count, rule);
    assert_true(other.hash != table.hash);
    assert_true(zone_first_difference(&other, &table, &time_s));
    assert_true(time_s == changes[100].time_s - 60);
    assert_true(zone_first_difference(&table, &other, &time_s));
    assert_true(time_s == changes[100].time_s - 60);
}

/* The last change at or before a time, by looking at all of them. */
static int32_t naive_offset(int32_t first_s, const struct tzif_change *changes, size_t count,
                            int64_t time_s) {
    for (size_t i = 0; i < count && changes[i].time_s <= time_s; i++)
        first_s = changes[i].offset_s;
    return first_s;
}

static void test_random_tables(void **state) {
    (void)state;
    uint64_t chance = asked_seed(1);
    for (uint64_t step = 0; step < asked_steps(200); step++) {
        struct tzif_change changes[200];
        size_t count = split_mix(&chance) % 200;
        int64_t time_s = -3000000000;
        for (size_t i = 0; i < count; i++) {
            time_s += 1 + (int64_t)(split_mix(&chance) % 40000000);
            changes[i] = (struct tzif_change){.time_s = time_s,
                                              .offset_s = (int32_t)(split_mix(&chance) % 4) * 1800};
        }
        if (count > 0)
            changes[count - 1].offset_s = 3600;
        int32_t first_s = count > 0 ? 1800 : 3600;
        struct zone zone = zone_of(first_s, changes, count, "<+01>-1");
        for (int i = 0; i < 200; i++) {
            int64_t at_s = -4000000000 + (int64_t)(split_mix(&chance) % 10000000000);
            if (count > 0 && i % 2)
                at_s = changes[split_mix(&chance) % count].time_s - (i & 2);
            assert_int_equal(zone_offset_s(&zone, at_s),
                             naive_offset(first_s, changes, count, at_s));
        }
    }
}

/* 400 years have as many days as weeks: everything is as it was. */
static void test_repeats(void **state) {
    (void)state;
    const struct zone_table *table = tzif_zone_table();
    uint64_t chance = asked_seed(1);
    for (size_t i = 0; i < table->count; i++) {
        const struct zone *zone = &table->zones[i];
        for (uint64_t step = 0; step < asked_steps(2000); step++) {
            int64_t at_s = seconds("2000-01-01T00:00:00Z") +
                           (int64_t)(split_mix(&chance) % (uint64_t)ZONE_REPEAT_S);
            for (int64_t later = 1; later < 19; later++)
                assert_int_equal(zone_offset_s(zone, at_s),
                                 zone_offset_s(zone, at_s + later * ZONE_REPEAT_S));
        }
    }
}

/* ------------------------------------------------------------------------------------------------
 * Files */

static void expect_refused(struct text file, const char *expected) {
    struct zone zone;
    const char *diagnostic = zone_read(file, NAME, &arena, &zone);
    if (!diagnostic || !strstr(diagnostic, expected))
        fail_msg("%s, expected %s", diagnostic ? diagnostic : "is read", expected);
}

static void test_truncated(void **state) {
    (void)state;
    struct buffer file;
    buffer_init(&file);
    tzif_zone(0, &file);
    struct text whole = text_of_file(&file);
    for (size_t length = 0; length < whole.length; length++) {
        /* A copy, so that a sanitizer notices a byte that is read behind it. */
        char *copy = malloc(length + 1);
        memcpy(copy, whole.data, length);
        copy = realloc(copy, length ? length : 1);
        expect_refused((struct text){.data = copy, .length = length}, "");
        free(copy);
    }
    buffer_deinit(&file);
}

/* Any other byte gives a zone or a message. */
static void test_damaged(void **state) {
    (void)state;
    struct buffer file;
    buffer_init(&file);
    tzif_zone(0, &file);
    uint64_t chance = asked_seed(1);
    for (uint64_t step = 0; step < asked_steps(4000); step++) {
        uint8_t *byte = &file.bytes[split_mix(&chance) % file.length], before = *byte;
        struct zone zone;
        *byte = (uint8_t)split_mix(&chance);
        const char *diagnostic = zone_read(text_of_file(&file), NAME, &arena, &zone);
        if (!diagnostic)
            zone_offset_s(&zone, INT64_C(4000000000));
        else
            assert_true(*diagnostic);
        *byte = before;
        arena_reset(&arena);
    }
    buffer_deinit(&file);
}

static void set_number(struct buffer *file, size_t at, uint32_t number) {
    for (size_t i = 0; i < 4; i++)
        file->bytes[at + i] = (uint8_t)(number >> (24 - 8 * i));
}

/* Where the second header of tzif_write()'s files is. */
#define SECOND (44u + 5 + 12 + 4)

static void test_messages(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint32_t number;
        const char *expected;
    } numbers[] = {
        {0, 0x54537966, "not a TZif file"},
        {4, 0x00000000, "version 1"},
        {32, 0xffffffff, "truncated"},
        {SECOND, 0, "damaged"},
        {SECOND + 20, 1, "damaged"},
        {SECOND + 24, 7, "damaged"},
        {SECOND + 28, 27, "leap seconds"},
        {SECOND + 32, 2001, "damaged"},
        {SECOND + 32, 2000, "truncated"},
        {SECOND + 36, 0, "damaged"},
        {SECOND + 36, 257, "damaged"},
        {SECOND + 40, 0, "damaged"},
        {SECOND + 40, 513, "damaged"},
        {SECOND + 44, 0x7fffffff, "damaged"},          /* times do not ascend */
        {SECOND + 44 + 32, 0x01020309, "damaged"},     /* there is no type 9 */
        {SECOND + 44 + 36, 0x00100000, "damaged"},     /* an offset of days */
        {SECOND + 44 + 36 + 4, 0x02000000, "damaged"}, /* neither standard nor daylight time */
        {SECOND + 44 + 36 + 4, 0x00090000, "damaged"}, /* no name begins there */
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct buffer file;
        buffer_init(&file);
        tzif_zone(0, &file);
        set_number(&file, numbers[i].at, numbers[i].number);
        expect_refused(text_of_file(&file), numbers[i].expected);
        buffer_deinit(&file);
    }
}

static void expect_rule_refused(const struct tzif_change *changes, size_t count, const char *rule,
                                const char *expected) {
    struct buffer file;
    buffer_init(&file);
    tzif_write(&file, 0, changes, count, rule);
    expect_refused(text_of_file(&file), expected);
    buffer_deinit(&file);
}

static void test_rules_that_do_not_fit(void **state) {
    (void)state;
    static const struct tzif_change summer[] = {{1000000000, 7200}},
                                    late[] = {{INT64_C(253402300800), 3600}};
    expect_rule_refused(summer, 1, "", "it has no TZ string");
    expect_rule_refused(summer, 1, "CET-1", "contradicts");
    expect_rule_refused(late, 1, "CET-1CEST,M3.5.0,M10.5.0/3", "outside of the years");
    expect_rule_refused((struct tzif_change[]){{1000000000, 3600}}, 1, "CET-1CEST,M3.5.0,M10.5.0/3",
                        "contradicts"); /* in September */
    expect_rule_refused(NULL, 0, "AAA-1BBB,365/167,J1/-167", "overlap");
    struct buffer file;
    buffer_init(&file);
    tzif_zone(0, &file);
    buffer_append_u8(&file, '\n');
    expect_refused(text_of_file(&file), "TZ string");
    while (file.length <= ZONE_FILE_MAX)
        buffer_append_u8(&file, ' ');
    expect_refused(text_of_file(&file), "too large");
    buffer_deinit(&file);
}

/* ------------------------------------------------------------------------------------------------
 * Names */

static void test_names(void **state) {
    (void)state;
    static const char *const good[] = {
        "UTC",       "Europe/Berlin",          "America/Argentina/Buenos_Aires",
        "Etc/GMT+1", "America/Port-au-Prince", "EST5EDT"};
    static const char *const bad[] = {"",          "/UTC",   "Europe/", "Europe//Berlin",
                                      "../passwd", "a/..",   "a b",     "+01:00",
                                      "-1",        "Zürich", "a\\b",    "a/-rf"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(zone_name_is_valid(text_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(zone_name_is_valid(text_of(bad[i])));
    char name[ZONE_NAME_MAX + 2];
    memset(name, 'a', sizeof name);
    assert_true(zone_name_is_valid((struct text){.data = name, .length = ZONE_NAME_MAX}));
    assert_false(zone_name_is_valid((struct text){.data = name, .length = ZONE_NAME_MAX + 1}));
    assert_true(text_is(zone_path_name(TEXT_LITERAL("zones/Europe/Berlin.tzif")), "Europe/Berlin"));
    assert_null(zone_path_name(TEXT_LITERAL("zones/.tzif")).data);
    assert_null(zone_path_name(TEXT_LITERAL("zone/Europe/Berlin.tzif")).data);
    assert_null(zone_path_name(TEXT_LITERAL("zones/Europe/Berlin")).data);
}

static void test_table(void **state) {
    (void)state;
    const struct zone_table *table = tzif_zone_table();
    for (size_t i = 0; i < table->count; i++)
        assert_ptr_equal(zone_find(table, table->zones[i].name), &table->zones[i]);
    assert_null(zone_find(table, TEXT_LITERAL("Europe/Berli")));
    assert_null(zone_find(table, TEXT_LITERAL("")));
    /* Its hash depends on names and rules. */
    struct zone two[2] = {table->zones[0], table->zones[1]}, one[2] = {two[1], two[0]};
    struct zone_table a, b;
    zone_table_init(&a, two, 2);
    zone_table_init(&b, one, 2);
    assert_true(a.hash == b.hash);
    one[0].hash ^= 1;
    zone_table_init(&b, one, 2);
    assert_true(a.hash != b.hash);
    zone_table_init(&b, two, 1);
    assert_true(a.hash != b.hash);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_against_libc),
        cmocka_unit_test(test_daylight_all_year),
        cmocka_unit_test(test_what_is_no_rule),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_both_ways_of_writing),
        cmocka_unit_test(test_random_tables),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_rules_that_do_not_fit),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
