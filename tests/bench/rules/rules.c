/* Fifty rules over forty precomputed features: the time for one transaction in one thread.
 *
 * usage: rules POLICY ROWS [FILE]
 *
 * The rows are generated, the same ones in every run. The values of a row are put into the frame as
 * the feature engine would do; only judge_rules() is timed, including reading the clock (some 25
 * ns). FILE gets all rows with the rules that fired, as JSON lines, for comparison with other
 * engines. */
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/engine/scratch.h"
#include "tests/split_mix.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t chance_state = 1;
static uint64_t chance(uint64_t below) {
    return split_mix(&chance_state) % below;
}
static double chance_unit(void) {
    return ((double)chance(UINT64_C(1) << 53) + 0.5) * 0x1p-53;
}

/* The distribution of numbers with this name: around `usual`, rarely many times as large. */
struct spread {
    const char *part; /* of the name */
    double usual;
};

static const struct spread spreads[] = {
    {"share", 0.005},  {"frauds", 0.02},       {"declines", 0.1}, {"count_10m", 0.5},
    {"count_1h", 1.0}, {"count_1d", 3.0},      {"count_30d", 12}, {"cards_1h", 0.7},
    {"cards", 1.2},    {"devices", 1.2},       {"customers", 1},  {"countries", 1.0},
    {"small", 1.0},    {"burst", 4.0},         {"age_s", 8e6},    {"stddev", 40},
    {"sum_1h", 60},    {"sum_1d", 150},        {"sum_7d", 600},   {"max", 250},
    {"mean", 60},      {"merchant.sum", 5000},
};

/* Exponential around the usual value; every fiftieth is multiplied by 8, so that rules fire. */
static struct value make_number(struct text name, enum value_type type) {
    double usual = 60; /* amount */
    char string[128];
    snprintf(string, sizeof string, "%.*s", TEXT_ARGS(name));
    for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++)
        if (strstr(string, spreads[i].part)) {
            usual = spreads[i].usual;
            break;
        }
    double drawn = -log(chance_unit()) * usual;
    drawn = chance(50) ? drawn : drawn * 8;
    return type == VALUE_INT ? value_int((int64_t)drawn) : value_double(round(drawn * 100) / 100);
}

static struct value make_text(struct text name) {
    static const char *const countries[] = {"DE", "DE", "DE", "DE", "FR", "NL", "GB", "NG", "RO"};
    static const char *const channels[] = {"ecom", "pos", "pos", "app", "moto"};
    static const char *const mccs[] = {"5411", "5411", "5812", "5732", "5947", "7995", "5541"};
    if (text_is(name, "channel"))
        return value_text(text_of(channels[chance(5)]));
    if (text_is(name, "mcc"))
        return value_text(text_of(mccs[chance(7)]));
    return value_text(text_of(countries[chance(9)]));
}

/* Features, and the fields that the rules read; other slots stay absent. */
static bool is_used(const struct snapshot *snapshot, size_t slot) {
    struct text name = snapshot->slot_names[slot];
    return (slot >= snapshot->first_feature &&
            slot < snapshot->first_feature + snapshot->feature_count) ||
           text_is(name, "amount") || text_is(name, "country") || text_is(name, "mcc") ||
           text_is(name, "channel");
}

/* The type of a slot. It is derived from the name, which suffices for this policy. */
static enum value_type type_of(const struct snapshot *snapshot, size_t slot) {
    struct text name = snapshot->slot_names[slot];
    char string[128];
    snprintf(string, sizeof string, "%.*s", TEXT_ARGS(name));
    if (strstr(string, ".new_"))
        return VALUE_BOOL;
    if (strstr(string, "country") || strstr(string, "mcc") || strstr(string, "channel"))
        return VALUE_TEXT;
    static const char *const doubles[] = {"amount", "sum",   "mean",  "max",
                                          "stddev", "share", "age_s", "burst"};
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
        if (strstr(string, doubles[i]))
            return VALUE_DOUBLE;
    return VALUE_INT;
}

static void make_row(const struct snapshot *snapshot, struct value *row) {
    for (size_t slot = 0; slot < snapshot->slot_count; slot++) {
        struct text name = snapshot->slot_names[slot];
        row[slot] = value_absent();
        if (!is_used(snapshot, slot))
            continue;
        enum value_type type = type_of(snapshot, slot);
        row[slot] = type == VALUE_TEXT   ? make_text(name)
                    : type == VALUE_BOOL ? value_bool(chance(12) == 0)
                                         : make_number(name, type);
    }
}

/* One JSON line: the facts, and the names of the rules that fired. */
static void write_row(FILE *file, const struct judge *judge, const struct value *row) {
    const struct snapshot *snapshot = judge->snapshot;
    const char *comma = "";
    fprintf(file, "{\"facts\":{");
    for (size_t slot = 0; slot < snapshot->slot_count; slot++) {
        char printed[64];
        if (row[slot].type == VALUE_ABSENT)
            continue;
        value_format(row[slot], printed, sizeof printed);
        const char *quote = row[slot].type == VALUE_TEXT ? "\"" : "";
        fprintf(file, "%s\"%" TEXT_FORMAT "\":%s%s%s", comma, TEXT_ARGS(snapshot->slot_names[slot]),
                quote, printed, quote);
        comma = ",";
    }
    fprintf(file, "},\"fired\":[");
    for (size_t i = 0; i < judge->fired_count; i++)
        fprintf(file, "%s\"%" TEXT_FORMAT "\"", i ? "," : "",
                TEXT_ARGS(snapshot->rules[judge->fired[i].rule].name));
    fprintf(file, "]}\n");
}

static struct snapshot *load(const char *folder) {
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load_folder(folder, &snapshot, &messages, &error) < 0) {
        fprintf(stderr, "%.*s%s\n", (int)messages.length, (const char *)messages.bytes, error.text);
        exit(1);
    }
    buffer_deinit(&messages);
    return snapshot;
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Returns how many rules fired. */
static uint64_t judge_all(struct judge *judge, const struct value *rows, size_t count,
                          int64_t *times, FILE *file) {
    size_t size = judge->snapshot->slot_count;
    uint64_t fired = 0;
    struct arena arena;
    arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < count; i++) {
        memcpy(judge->layout.bound.frame, rows + i * size, size * sizeof *rows);
        int64_t begun = now_ns();
        judge_rules(judge, 0, &arena);
        times[i] = now_ns() - begun;
        fired += judge->fired_count;
        if (file)
            write_row(file, judge, rows + i * size);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    return fired;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: rules POLICY ROWS [FILE]\n");
        return 2;
    }
    struct snapshot *snapshot = load(argv[1]);
    size_t count = strtoull(argv[2], NULL, 10);
    struct judge judge = {0};
    judge_init(&judge, snapshot, snapshot);
    struct value *rows = check_calloc(count * snapshot->slot_count, sizeof *rows);
    int64_t *times = check_calloc(count, sizeof *times);
    for (size_t i = 0; i < count; i++)
        make_row(snapshot, rows + i * snapshot->slot_count);
    judge_all(&judge, rows, count, times, NULL); /* warm-up */
    uint64_t fired = judge_all(&judge, rows, count, times, NULL);
    qsort(times, count, sizeof *times, by_size);
    printf("harrier %" PRId64 " %" PRId64 " %.3f\n", times[count / 2], times[count * 99 / 100],
           (double)fired / (double)count);
    FILE *file = argc > 3 ? fopen(argv[3], "w") : NULL;
    if (file) {
        judge_all(&judge, rows, count, times, file);
        check(fclose(file) == 0);
    }
    judge_deinit(&judge, snapshot);
    snapshot_unref(snapshot);
    free(rows);
    free(times);
    return 0;
}
