/* Quantiles and MAD by group, in memory and through files, beside a computation that sorts. */
#include "batch/thresholds/threshold_sample.h"
#include "core/base/check.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <unistd.h>

static uint64_t random_state = 88172645463325252u;

static unsigned next(unsigned below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % below;
}

static int make_file(void *user, struct error *ret_error) {
    (void)ret_error;
    size_t *files = user;
    FILE *file = tmpfile();
    assert_non_null(file);
    int descriptor = dup(fileno(file));
    fclose(file);
    ++*files;
    return descriptor;
}

/* ---- sorting ---- */

struct number {
    uint32_t group;
    double value;
};

static int compare_numbers(const void *left, const void *right) {
    const struct number *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return (a->value > b->value) - (a->value < b->value);
}

static double random_value(void) {
    static const double odd[] = {0.0,    -0.0,    1e308, -1e308,
                                 5e-324, -5e-324, 0.1,   0.30000000000000004};
    unsigned choice = next(20);
    if (choice < 8)
        return odd[choice];
    return ((double)next(2000) - 1000) / (double)(1 + next(7));
}

static void sort_as_qsort_does(size_t count, size_t limit_bytes, bool expects_file) {
    size_t files = 0;
    const struct number_sort_options options = {
        .limit_bytes = limit_bytes, .make_file = make_file, .user = &files};
    struct number_sort *sort = number_sort_new(&options);
    struct number *numbers = check_calloc(count, sizeof *numbers);
    struct error error;
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (struct number){.group = next(70000), .value = random_value()};
        assert_int_equal(number_sort_put(sort, numbers[i].group, numbers[i].value, &error), 0);
    }
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(number_sort_begin(sort, &error), 0);
        uint32_t group;
        double value;
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(number_sort_next(sort, &group, &value, &error), 1);
            assert_int_equal(group, numbers[i].group);
            assert_true(value == numbers[i].value);
            assert_false(value == 0 && signbit(value));
        }
        assert_int_equal(number_sort_next(sort, &group, &value, &error), 0);
    }
    assert_int_equal(files, expects_file);
    assert_int_equal(number_sort_file_bytes(sort) > 0, expects_file);
    free(numbers);
    number_sort_free(sort);
}

static void numbers_come_sorted(void **state) {
    (void)state;
    sort_as_qsort_does(0, 1 << 30, false);
    sort_as_qsort_does(1, 1 << 30, false);
    sort_as_qsort_does(100000, 1 << 30, false);
    sort_as_qsort_does(300000, 1, true); /* the least memory it works with */
}

/* ---- statistics ---- */

static const char thresholds_yaml[] =
    "thresholds:\n"
    "  - {name: q, quantile: 0.07, of: amount, by: mcc, over: 1d, minimum: 3, fallback: 1}\n"
    "  - {name: top, quantile: 0.999999, of: amount, over: 1d, minimum: 1, fallback: 1}\n"
    "  - {name: spread, statistic: mad, of: amount, by: [country, mcc], over: 1d, minimum: 2,\n"
    "     where: \"amount != 5.0\", fallback: 1}\n"
    "  - {name: ids, statistic: median, of: size(id), by: card, over: 1d, minimum: 1, "
    "fallback: 1}\n";

static struct snapshot *load(void) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("policy.yaml"),
         .content = TEXT_LITERAL("policy: {name: test, base_currency: EUR}\n")},
        {.path = TEXT_LITERAL("thresholds.yaml"), .content = TEXT_LITERAL(thresholds_yaml)},
    };
    struct buffer messages;
    struct error error;
    struct snapshot *snapshot = NULL;
    buffer_init(&messages);
    if (snapshot_load(files, 2, &snapshot, &messages, &error) < 0)
        fail_msg("%.*s", (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

static size_t slot(const struct snapshot *snapshot, const char *name) {
    for (size_t i = 0; i < snapshot->schema.field_count; i++)
        if (text_is(snapshot->slot_names[i], name))
            return i;
    fail_msg("no field %s", name);
    return 0;
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The k-th smallest, k = ceil(q·n); values are sorted in place. */
static double naive_quantile(double *values, size_t count, uint64_t q_e6) {
    qsort(values, count, sizeof *values, compare_doubles);
    size_t k = (size_t)((q_e6 * count) / 1000000 + ((q_e6 * count) % 1000000 > 0));
    return values[k - 1];
}

#define ROWS 4000

struct row {
    unsigned mcc, country; /* 0: absent */
    double amount;
};

static double naive(const struct row *rows, unsigned mcc, unsigned country, bool mad, uint64_t q_e6,
                    size_t *ret_count) {
    static double values[ROWS];
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        bool keyed = row->mcc > 0 && (!mad || row->country > 0);
        if (isfinite(row->amount) && keyed && (mcc == 0 || row->mcc == mcc) &&
            (country == 0 || row->country == country) && !(mad && row->amount == 5.0))
            values[count++] = row->amount;
    }
    *ret_count = count;
    double found = count > 0 ? naive_quantile(values, count, q_e6) : 0;
    for (size_t i = 0; i < count && mad; i++)
        values[i] = fabs(values[i] - found);
    return count > 0 && mad ? naive_quantile(values, count, 500000) : found;
}

static void assert_group(const struct threshold_values *values, struct text key, bool expected,
                         double value) {
    for (size_t i = 0; i < values->group_count; i++)
        if (text_equal(values->keys[i], key)) {
            assert_true(expected);
            assert_true(values->values[i] == value);
            return;
        }
    assert_false(expected);
}

static void fill(const struct snapshot *snapshot, struct threshold_sample *sample,
                 struct row *rows) {
    struct value *frame = check_calloc(snapshot->slot_count, sizeof *frame);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    frame[slot(snapshot, "id")] = value_text(TEXT_LITERAL("four"));
    for (size_t i = 0; i < ROWS; i++) {
        char mcc[8], country[8];
        struct row *row = &rows[i];
        *row = (struct row){.mcc = next(12), .country = next(4), .amount = next(40) / 4.0};
        if (next(50) == 0)
            row->amount = next(2) ? NAN : INFINITY;
        snprintf(mcc, sizeof mcc, "%04u", row->mcc);
        snprintf(country, sizeof country, "C%u", row->country);
        frame[slot(snapshot, "mcc")] = row->mcc ? value_text(text_of(mcc)) : value_absent();
        frame[slot(snapshot, "country")] =
            row->country ? value_text(text_of(country)) : value_absent();
        frame[slot(snapshot, "amount")] = value_double(row->amount);
        for (size_t t = 0; t < snapshot->threshold_count; t++) {
            struct threshold_value value;
            struct error error;
            if (threshold_value_read(snapshot, t, frame, &arena, &value))
                assert_int_equal(threshold_sample_put(sample, &value, 1, &error), 0);
        }
    }
    arena_deinit(&arena);
    free(frame);
}

static void groups_are_as_a_sort_has_them(void **state) {
    (void)state;
    struct snapshot *snapshot = load();
    size_t files = 0, count;
    struct threshold_sample *sample = threshold_sample_new(snapshot, 64u << 20, make_file, &files);
    static struct row rows[ROWS];
    fill(snapshot, sample, rows);
    struct threshold_values *values;
    struct arena arena;
    struct error error;
    arena_init(&arena, 1 << 24);
    assert_int_equal(threshold_sample_compute(sample, &arena, &values, &error), 0);
    double overall = naive(rows, 0, 0, false, 70000, &count);
    assert_true(values[0].has_overall && values[0].overall == overall);
    assert_int_equal(values[0].samples, count);
    double middle = naive(rows, 0, 0, true, 500000, &count);
    assert_true(values[2].has_overall && values[2].overall == middle);
    assert_int_equal(values[2].samples, count);
    for (unsigned mcc = 1; mcc < 13; mcc++) {
        char key[16];
        snprintf(key, sizeof key, "%04u", mcc);
        double expected = naive(rows, mcc, 0, false, 70000, &count);
        assert_group(&values[0], text_of(key), count >= 3, expected);
        for (unsigned country = 1; country < 5; country++) {
            snprintf(key, sizeof key, "\2C%u\4%04u", country, mcc);
            expected = naive(rows, mcc, country, true, 500000, &count);
            assert_group(&values[2], text_of(key), count >= 2, expected);
        }
    }
    assert_true(values[1].overall == 9.75); /* the greatest there is */
    assert_int_equal(values[1].group_count, 0);
    assert_int_equal(values[3].samples, 0); /* no row has a card */
    assert_false(values[3].has_overall);
    threshold_sample_free(sample);
    arena_deinit(&arena);
    snapshot_unref(snapshot);
}

static void put_group(struct threshold_sample *sample, size_t threshold, unsigned group,
                      double value) {
    struct threshold_value one = {.threshold = threshold, .value = value};
    struct error error;
    one.key_length = (size_t)snprintf(one.key, sizeof one.key, "group %08u", group);
    assert_int_equal(threshold_sample_put(sample, &one, 1, &error), 0);
}

/* Seven values of each group, in turn, so that every run in the file has all groups. */
static void many_groups_go_through_files(void **state) {
    (void)state;
    enum { GROUPS = 20000 };
    struct snapshot *snapshot = load();
    size_t files = 0;
    struct threshold_sample *sample = threshold_sample_new(snapshot, 16u << 20, make_file, &files);
    for (unsigned i = 0; i < 7; i++)
        for (unsigned group = 0; group < GROUPS; group++)
            put_group(sample, 3, group, (double)((i * 5) % 7) + group);
    struct threshold_values *values;
    struct arena arena;
    struct error error;
    arena_init(&arena, 1 << 24);
    assert_int_equal(threshold_sample_compute(sample, &arena, &values, &error), 0);
    assert_true(files > 0);
    assert_int_equal(values[3].group_count, GROUPS);
    for (unsigned group = 0; group < GROUPS; group++)
        assert_true(values[3].values[group] == 3.0 + group); /* the 4th of 0 … 6 */
    threshold_sample_free(sample);
    arena_deinit(&arena);
    snapshot_unref(snapshot);
}

static void a_group_needs_the_minimum(void **state) {
    (void)state;
    struct snapshot *snapshot = load();
    size_t files = 0;
    struct threshold_sample *sample = threshold_sample_new(snapshot, 16u << 20, make_file, &files);
    for (unsigned i = 0; i < 3; i++) {
        put_group(sample, 0, 1, i);
        if (i < 2)
            put_group(sample, 0, 2, i);
    }
    struct threshold_values *values;
    struct arena arena;
    struct error error;
    arena_init(&arena, 1 << 20);
    assert_int_equal(threshold_sample_compute(sample, &arena, &values, &error), 0);
    assert_int_equal(values[0].group_count, 1);
    assert_true(text_is(values[0].keys[0], "group 00000001"));
    assert_true(values[0].has_overall);
    assert_int_equal(values[0].samples, 5);
    threshold_sample_free(sample);
    arena_deinit(&arena);
    snapshot_unref(snapshot);
}

static void more_groups_than_memory_is_an_error(void **state) {
    (void)state;
    struct snapshot *snapshot = load();
    size_t files = 0;
    struct threshold_sample *sample = threshold_sample_new(snapshot, 1u << 20, make_file, &files);
    struct threshold_value one = {.threshold = 0, .value = 1};
    struct error error = {0};
    int r = 0;
    for (unsigned group = 0; group < 100000 && r == 0; group++) {
        one.key_length = (size_t)snprintf(one.key, sizeof one.key, "group %u", group);
        r = threshold_sample_put(sample, &one, 1, &error);
    }
    assert_int_equal(r, -ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "threshold \"q\""));
    threshold_sample_free(sample);
    snapshot_unref(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_sorted),
        cmocka_unit_test(groups_are_as_a_sort_has_them),
        cmocka_unit_test(many_groups_go_through_files),
        cmocka_unit_test(a_group_needs_the_minimum),
        cmocka_unit_test(more_groups_than_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
