/* Thresholds from many sorted files, beside a computation that sorts: groups in one file and in
 * many, groups with more values than memory, values at the edges of their periods, in scratch files
 * and merged, and files that are not what was written. */
#include "batch/thresholds/sample_compute.h"
#include "batch/thresholds/sample_merge.h"
#include "batch/thresholds/sample_sort.h"
#include "core/base/check.h"
#include "core/store/archive/file.h"
#include "core/store/generation/generation.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <sys/mman.h>

#define HOUR_US INT64_C(3600000000)
#define DAY_US  (24 * HOUR_US)
#define NEWEST  (1000 * DAY_US)
#define CARDS   60u
#define MCCS    7u

static const char thresholds_yaml[] =
    "thresholds:\n"
    "  - {name: usual, quantile: 0.3, of: amount, by: card, groups: many, over: 2d, minimum: 4,\n"
    "     fallback: 1}\n"
    "  - {name: spread, statistic: mad, of: amount, by: card, groups: many, over: 1d, minimum: 1,\n"
    "     fallback: 1}\n"
    "  - {name: kinds, quantile: 0.9, of: amount, by: mcc, over: 3d, minimum: 20, fallback: 1}\n"
    "  - {name: all, statistic: mad, of: amount, over: 5h, minimum: 10, fallback: 1}\n";

struct row {
    unsigned threshold, group;
    int64_t time_us;
    double value;
};

struct world {
    struct snapshot *snapshot;
    struct row *rows;
    size_t count;
    uint64_t random;
    struct sample_sort *sorts[8];
    size_t sort_count;
    struct sample_file *files[400];
    size_t file_count;
    struct sample_file *merged;
};

static unsigned next(struct world *world, unsigned below) {
    return (unsigned)(split_mix(&world->random) % below);
}

static int make_file(void *user, struct error *ret_error) {
    (void)user, (void)ret_error;
    int file = memfd_create("sample", MFD_CLOEXEC);
    assert_true(file >= 0);
    return file;
}

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

/* ---- values ---- */

static size_t key_of(const struct row *row, const struct snapshot *snapshot, char *ret_key) {
    if (snapshot->thresholds[row->threshold].key_count == 0)
        return 0;
    return (size_t)sprintf(ret_key, row->threshold == 2 ? "%04u" : "card-number-%u", row->group);
}

/* One card has half of the values; a few values are extreme, many are equal. */
static struct row random_row(struct world *world) {
    static const double odd[] = {0.0, -0.0, 1e308, -1e308, 5e-324, -5e-324, 0.1, 7.0, 7.0};
    struct row row = {.threshold = next(world, 4), .time_us = NEWEST};
    unsigned hot = next(world, 2);
    row.group = row.threshold == 2 ? next(world, MCCS) : hot ? 0 : 1 + next(world, CARDS - 1);
    unsigned odds = next(world, 24);
    row.value = odds < 9 ? odd[odds] : ((double)next(world, 4000) - 900) / 8.0;
    int64_t over_us = world->snapshot->thresholds[row.threshold].over_us;
    switch (next(world, 10)) {
    case 0: /* the edges */
        row.time_us -= over_us - 1 + next(world, 3);
        break;
    case 1:
        break;
    default:
        row.time_us -= (int64_t)(split_mix(&world->random) % (uint64_t)(2 * over_us));
    }
    return row;
}

static void put(struct world *world, struct sample_sort *sort, const struct row *row) {
    struct threshold_value value = {
        .threshold = row->threshold, .event_time_us = row->time_us, .value = row->value};
    struct error error;
    value.key_length = key_of(row, world->snapshot, value.key);
    assert_int_equal(sample_sort_put(sort, &value, 1, &error), 0);
}

/* A night's values, in scratch files. */
static void add_night(struct world *world, size_t count, size_t memory_bytes) {
    const struct sample_sort_options options = {.snapshot = world->snapshot,
                                                .memory_bytes = memory_bytes,
                                                .newest_us = NEWEST,
                                                .make_file = make_file};
    struct sample_sort *sort = sample_sort_new(&options);
    struct sample_file *const *files;
    struct error error;
    size_t file_count;
    world->rows = check_reallocarray(world->rows, world->count + count, sizeof *world->rows);
    for (size_t i = 0; i < count; i++) {
        world->rows[world->count] = random_row(world);
        put(world, sort, &world->rows[world->count++]);
    }
    assert_int_equal(sample_sort_end(sort, &files, &file_count, &error), 0);
    for (size_t i = 0; i < file_count; i++)
        world->files[world->file_count++] = files[i];
    world->sorts[world->sort_count++] = sort;
}

static void world_init(struct world *world, uint64_t seed) {
    *world = (struct world){.snapshot = load(), .random = seed};
}

static void world_deinit(struct world *world) {
    for (size_t i = 0; i < world->sort_count; i++)
        sample_sort_free(world->sorts[i]);
    sample_file_close(world->merged);
    snapshot_unref(world->snapshot);
    free(world->rows);
}

/* ---- the independent computation ---- */

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double naive_quantile(double *values, size_t count, uint64_t q_e6) {
    qsort(values, count, sizeof *values, compare_doubles);
    size_t k = (size_t)((q_e6 * count) / 1000000 + ((q_e6 * count) % 1000000 > 0));
    return values[k - 1];
}

/* group: UINT32_MAX: of all. false: none is expected. */
static bool naive(const struct world *world, unsigned threshold, unsigned group, size_t *ret_count,
                  double *ret_value) {
    const struct threshold *of = &world->snapshot->thresholds[threshold];
    double *values = check_calloc(world->count + 1, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < world->count; i++) {
        const struct row *row = &world->rows[i];
        if (row->threshold == threshold && (group == UINT32_MAX || row->group == group) &&
            row->time_us > NEWEST - of->over_us)
            values[count++] = row->value;
    }
    *ret_count = count;
    bool is_expected = count > 0 && count >= of->minimum;
    double found = is_expected ? naive_quantile(values, count, of->quantile_e6) : 0;
    if (is_expected && of->statistic == THRESHOLD_MAD) {
        for (size_t i = 0; i < count; i++)
            values[i] = fabs(values[i] - found);
        found = naive_quantile(values, count, 500000);
    }
    free(values);
    *ret_value = found;
    return is_expected && isfinite(found);
}

/* ---- comparing ---- */

struct seen {
    const struct world *world;
    uint64_t hash;
    char key[64];
    size_t key_length, count;
};

/* In the order of the table, each group once, with the value that the naive one has. */
static int take(void *user, uint64_t hash, struct text key, double value, struct error *ret_error) {
    struct seen *seen = user;
    const struct snapshot *snapshot = seen->world->snapshot;
    (void)ret_error;
    if (seen->count++ > 0)
        assert_true(
            seen->hash < hash ||
            (seen->hash == hash &&
             text_compare((struct text){.data = seen->key, .length = seen->key_length}, key) < 0));
    seen->hash = hash;
    seen->key_length = key.length;
    memcpy(seen->key, key.data, key.length);
    char number[16];
    snprintf(number, sizeof number, "%.*s", (int)key.length - 12, key.data + 12);
    unsigned group = (unsigned)strtoul(number, NULL, 10), threshold = 0;
    while (generation_baseline_hash(snapshot->thresholds[threshold].definition, key) != hash)
        assert_true(++threshold < 2);
    size_t count;
    double expected;
    assert_true(naive(seen->world, threshold, group, &count, &expected));
    assert_true(value == expected);
    assert_false(value == 0 && signbit(value));
    return 0;
}

static void compare_baselines(const struct world *world, const struct sample_values *sample) {
    struct seen seen = {.world = world};
    struct error error;
    size_t expected = 0, count;
    double value;
    for (unsigned threshold = 0; threshold < 2; threshold++)
        for (unsigned group = 0; group < CARDS; group++)
            expected += naive(world, threshold, group, &count, &value);
    assert_int_equal(sample_compute_baselines(sample, take, &seen, &error), 0);
    assert_int_equal(seen.count, expected);
}

static void compare_record(const struct world *world, const struct sample_values *sample) {
    struct threshold_values *values;
    struct arena arena;
    struct error error;
    arena_init(&arena, SIZE_MAX / 4);
    assert_int_equal(sample_compute(sample, &arena, &values, &error), 0);
    for (unsigned threshold = 0; threshold < 4; threshold++) {
        size_t count;
        double expected;
        bool has = naive(world, threshold, UINT32_MAX, &count, &expected);
        assert_int_equal(values[threshold].samples, count);
        assert_int_equal(values[threshold].has_overall, has);
        assert_true(values[threshold].overall == (has ? expected : 0));
        assert_true(threshold == 2 || values[threshold].group_count == 0);
    }
    size_t at = 0, count;
    for (unsigned mcc = 0; mcc < MCCS; mcc++) {
        char key[16];
        double expected;
        if (!naive(world, 2, mcc, &count, &expected))
            continue;
        sprintf(key, "%04u", mcc);
        assert_true(at < values[2].group_count && text_equal(values[2].keys[at], text_of(key)));
        assert_true(values[2].values[at++] == expected);
    }
    assert_int_equal(at, values[2].group_count);
    arena_deinit(&arena);
}

static void compare(const struct world *world, struct sample_file *const *files, size_t count,
                    size_t memory_bytes) {
    const struct sample_values sample = {.snapshot = world->snapshot,
                                         .newest_us = NEWEST,
                                         .files = files,
                                         .file_count = count,
                                         .memory_bytes = memory_bytes};
    compare_record(world, &sample);
    compare_baselines(world, &sample);
}

static struct sample_file *merge(const struct world *world) {
    struct error error;
    struct sample_file *merged;
    int file = make_file(NULL, &error);
    struct sample_writer *writer = sample_writer_new(file);
    assert_int_equal(
        sample_merge_into(world->files, world->file_count, world->snapshot, NEWEST, writer, &error),
        0);
    assert_int_equal(sample_writer_end(writer, (struct sample_origin){.inputs = 5}, &error), 0);
    sample_writer_free(writer);
    assert_int_equal(sample_file_open(file, &merged, &error), 0);
    assert_int_equal(merged->origin.inputs, 5);
    return merged;
}

/* ---- tests ---- */

static size_t in_periods(const struct world *world) {
    size_t count = 0;
    for (size_t i = 0; i < world->count; i++)
        count += world->rows[i].time_us >
                 NEWEST - world->snapshot->thresholds[world->rows[i].threshold].over_us;
    return count;
}

static void values_as_a_sort_has_them(void **state) {
    (void)state;
    /* One night, several; with room for all, and with so little that a run has 4,096 values and a
     * group of more is selected in passes. */
    static const struct {
        size_t nights, count, sort_bytes, memory_bytes;
    } cases[] = {{1, 300, 1 << 20, 1 << 20},
                 {5, 3000, 1 << 20, 1 << 24},
                 {3, 30000, 1, 1 << 18},
                 {2, 60000, 1 << 20, 1 << 24}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world world;
        world_init(&world, asked_seed(1) + i);
        for (size_t night = 0; night < cases[i].nights; night++)
            add_night(&world, cases[i].count / (1 + night * night), cases[i].sort_bytes);
        compare(&world, world.files, world.file_count, cases[i].memory_bytes);
        world.merged = merge(&world);
        assert_int_equal(sample_file_values(world.merged), in_periods(&world));
        compare(&world, &world.merged, 1, cases[i].memory_bytes);
        world_deinit(&world);
    }
}

/* More runs than may be open at once: they are merged on the way. Not under sanitizers, where that
 * takes long: the other tests merge with the same code. */
static void many_runs(void **state) {
    (void)state;
    struct world world;
    if (asked_number("HARRIER_STEPS_PART", 1) > 2)
        skip();
    world_init(&world, 77);
    add_night(&world, 4096 * 52, 1);
    assert_true(world.file_count < 48);
    compare(&world, world.files, world.file_count, 1 << 20);
    world_deinit(&world);
}

static void nothing_at_all(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 3);
    add_night(&world, 0, 1 << 20);
    assert_int_equal(world.file_count, 0);
    compare(&world, world.files, 0, 1 << 20);
    world.merged = merge(&world);
    compare(&world, &world.merged, 1, 1 << 20);
    world_deinit(&world);
}

/* A file with one byte changed, or cut, is not opened, or not read to its end. */
static void damage_is_noticed(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 9);
    add_night(&world, 40, 1 << 20);
    world.merged = merge(&world);
    size_t size = (size_t)world.merged->bytes;
    uint8_t *bytes = check_malloc(size);
    assert_int_equal(file_read_at(world.merged->file, bytes, size, 0), size);
    for (size_t i = 0; i < size; i += i + 200 < size ? 7 : 1) {
        struct sample_file *file;
        struct error error;
        int descriptor = make_file(NULL, &error);
        bytes[i] ^= 0x10;
        assert_int_equal(file_write_at(descriptor, bytes, size, 0), 0);
        bytes[i] ^= 0x10;
        int r = sample_file_open(descriptor, &file, &error);
        if (r == 0) {
            struct threshold_values *values;
            struct arena arena;
            const struct sample_values sample = {.snapshot = world.snapshot,
                                                 .newest_us = NEWEST,
                                                 .files = &file,
                                                 .file_count = 1,
                                                 .memory_bytes = 1 << 20};
            arena_init(&arena, SIZE_MAX / 4);
            r = sample_compute(&sample, &arena, &values, &error);
            arena_deinit(&arena);
            sample_file_close(file);
        }
        assert_true(r == -ERROR_DAMAGED || r == -ERROR_UNSUPPORTED);
    }
    for (size_t length = 0; length < size; length += length + 100 < size ? 50 : 1) {
        struct sample_file *file;
        struct error error;
        int descriptor = make_file(NULL, &error);
        assert_int_equal(file_write_at(descriptor, bytes, length, 0), 0);
        assert_true(sample_file_open(descriptor, &file, &error) < 0);
    }
    free(bytes);
    world_deinit(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_as_a_sort_has_them),
        cmocka_unit_test(many_runs),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
