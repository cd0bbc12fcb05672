/* Values go to an external sort by (group, value); a hash index numbers the groups. Because a
 * group's count is known before its sorted values are read, one pass selects the ranks of all
 * groups. A MAD takes three passes: the medians, the distances from them into a second sort, the
 * medians of those. */
#include "threshold_sample.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/lock_order.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

/* Estimated bytes per group in the list and the index. */
#define GROUP_OVERHEAD 96u

struct group {
    uint32_t threshold;
    bool is_overall; /* of a threshold that has keys: all of its groups together */
    struct text key;
    uint64_t count;
    double median; /* of a MAD: the result of the first pass */
    double result;
};

struct threshold_sample {
    const struct snapshot *snapshot;
    pthread_mutex_t lock;
    size_t memory_bytes;
    struct number_sort *values;
    struct number_sort *distances; /* from the medians; NULL: no MAD is wanted */
    struct arena keys;
    struct group *groups;
    size_t group_count, group_capacity;
    uint32_t *index; /* open addressing; 0 is empty, i + 1 is groups[i] */
    size_t index_size;
};

/* ---- groups ---- */

struct threshold_sample *threshold_sample_new(const struct snapshot *snapshot, size_t memory_bytes,
                                              int (*make_file)(void *user, struct error *ret_error),
                                              void *user) {
    struct threshold_sample *sample = check_calloc(1, sizeof *sample);
    const struct number_sort_options options = {
        .limit_bytes = memory_bytes / 4, .make_file = make_file, .user = user};
    sample->snapshot = snapshot;
    sample->memory_bytes = memory_bytes;
    sample->values = number_sort_new(&options);
    for (size_t i = 0; i < snapshot->threshold_count && !sample->distances; i++)
        if (snapshot->thresholds[i].statistic == THRESHOLD_MAD)
            sample->distances = number_sort_new(&options);
    arena_init(&sample->keys, memory_bytes / 4);
    lock_init(&sample->lock, LOCK_THRESHOLD_SAMPLE);
    return sample;
}

void threshold_sample_free(struct threshold_sample *sample) {
    if (!sample)
        return;
    number_sort_free(sample->values);
    number_sort_free(sample->distances);
    arena_deinit(&sample->keys);
    free(sample->groups);
    free(sample->index);
    pthread_mutex_destroy(&sample->lock);
    free(sample);
}

uint64_t threshold_sample_file_bytes(const struct threshold_sample *sample) {
    return number_sort_file_bytes(sample->values) +
           (sample->distances ? number_sort_file_bytes(sample->distances) : 0);
}

static bool is_group(const struct group *group, uint32_t threshold, bool is_overall,
                     struct text key) {
    return group->threshold == threshold && group->is_overall == is_overall &&
           text_equal(group->key, key);
}

/* Linear probing: the group's slot, or the free one where it belongs. */
static size_t index_place(const struct threshold_sample *sample, uint32_t threshold,
                          bool is_overall, struct text key) {
    size_t mask = sample->index_size - 1;
    size_t at = (size_t)hash64(key.data, key.length, 2 * (uint64_t)threshold + is_overall) & mask;
    while (sample->index[at] != 0 &&
           !is_group(&sample->groups[sample->index[at] - 1], threshold, is_overall, key))
        at = (at + 1) & mask;
    return at;
}

static void grow_groups(struct threshold_sample *sample) {
    sample->group_capacity = sample->group_capacity ? 2 * sample->group_capacity : 1024;
    sample->groups =
        check_reallocarray(sample->groups, sample->group_capacity, sizeof *sample->groups);
    free(sample->index);
    sample->index_size = 2 * sample->group_capacity;
    sample->index = check_calloc(sample->index_size, sizeof *sample->index);
    for (size_t i = 0; i < sample->group_count; i++) {
        const struct group *group = &sample->groups[i];
        sample->index[index_place(sample, group->threshold, group->is_overall, group->key)] =
            (uint32_t)(i + 1);
    }
}

static int find_group(struct threshold_sample *sample, uint32_t threshold, bool is_overall,
                      struct text key, uint32_t *ret_group, struct error *ret_error) {
    if (sample->group_count == sample->group_capacity)
        grow_groups(sample);
    size_t place = index_place(sample, threshold, is_overall, key);
    if (sample->index[place] == 0) {
        struct text kept = arena_text(&sample->keys, key);
        size_t bytes = sample->keys.used + sample->group_count * GROUP_OVERHEAD;
        if (!kept.data || bytes > sample->memory_bytes / 4 || sample->group_count == UINT32_MAX - 1)
            return threshold_too_many_groups(&sample->snapshot->thresholds[threshold],
                                             sample->memory_bytes, ret_error);
        sample->groups[sample->group_count++] =
            (struct group){.threshold = threshold, .is_overall = is_overall, .key = kept};
        sample->index[place] = (uint32_t)sample->group_count;
    }
    *ret_group = sample->index[place] - 1;
    return 0;
}

/* A value is stored once per group it belongs to: an overall group has an empty key. */
static int put_value(struct threshold_sample *sample, const struct threshold_value *value,
                     bool is_overall, struct error *ret_error) {
    struct text key = {.data = value->key, .length = is_overall ? 0 : value->key_length};
    uint32_t group = 0;
    int r = find_group(sample, (uint32_t)value->threshold, is_overall, key, &group, ret_error);
    if (r < 0)
        return r;
    sample->groups[group].count++;
    return number_sort_put(sample->values, group, value->value, ret_error);
}

/* Its group, if the threshold has groups. */
static int put_group(struct threshold_sample *sample, const struct threshold_value *value,
                     struct error *ret_error) {
    const struct threshold *threshold = &sample->snapshot->thresholds[value->threshold];
    if (threshold->key_count == 0)
        return 0;
    return put_value(sample, value, false, ret_error);
}

int threshold_sample_put(struct threshold_sample *sample, const struct threshold_value *values,
                         size_t count, struct error *ret_error) {
    pthread_mutex_lock(&sample->lock);
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        r = put_value(sample, &values[i], true, ret_error);
        if (r == 0)
            r = put_group(sample, &values[i], ret_error);
    }
    pthread_mutex_unlock(&sample->lock);
    return r;
}

/* ---- statistics ---- */

/* Calls `take` with the value at each group's rank, in the order of the groups. */
static int select_ranks(struct threshold_sample *sample, struct number_sort *sort,
                        void (*take)(struct group *group, double value), struct error *ret_error) {
    uint32_t group = 0, current = UINT32_MAX;
    uint64_t rank = 0, seen = 0;
    double value = 0;
    int r = number_sort_begin(sort, ret_error);
    while (r >= 0 && (r = number_sort_next(sort, &group, &value, ret_error)) > 0) {
        if (group != current) {
            const struct threshold *threshold =
                &sample->snapshot->thresholds[sample->groups[group].threshold];
            rank = threshold_rank(threshold->quantile_e6, sample->groups[group].count);
            current = group;
            seen = 0;
        }
        if (++seen == rank)
            take(&sample->groups[group], value);
    }
    return r;
}

static void take_quantile(struct group *group, double value) {
    group->median = group->result = value;
}

static void take_distance(struct group *group, double value) {
    group->result = value;
}

/* Second pass of a MAD: |x − median| of every value, by group. */
static int put_distances(struct threshold_sample *sample, struct error *ret_error) {
    uint32_t group = 0;
    double value = 0;
    int r = number_sort_begin(sample->values, ret_error);
    while (r >= 0 && (r = number_sort_next(sample->values, &group, &value, ret_error)) > 0) {
        const struct group *of = &sample->groups[group];
        if (sample->snapshot->thresholds[of->threshold].statistic == THRESHOLD_MAD)
            r = number_sort_put(sample->distances, group, fabs(value - of->median), ret_error);
    }
    return r;
}

/* Thresholds in their order, the overall group first, then groups by key: the order in which
 * collect() emits them. */
static int compare_groups(const void *left, const void *right) {
    const struct group *a = left, *b = right;
    if (a->threshold != b->threshold)
        return a->threshold < b->threshold ? -1 : 1;
    if (a->is_overall != b->is_overall)
        return a->is_overall ? -1 : 1;
    return text_compare(a->key, b->key);
}

/* Infinite results are possible: distances from a median may overflow. */
static void add_group(struct threshold_values *values, const struct threshold *threshold,
                      const struct group *group, struct arena *arena) {
    if (group->is_overall) {
        values->samples = group->count;
        values->has_overall = group->count >= threshold->minimum && isfinite(group->result);
        values->overall = values->has_overall ? group->result : 0;
    } else if (group->count >= threshold->minimum && isfinite(group->result)) {
        struct text *keys = (struct text *)(uintptr_t)values->keys;
        double *numbers = (double *)(uintptr_t)values->values;
        keys[values->group_count] = arena_text(arena, group->key);
        check(keys[values->group_count].data);
        numbers[values->group_count++] = group->result;
    }
}

static struct threshold_values *collect(struct threshold_sample *sample, struct arena *arena) {
    const struct snapshot *snapshot = sample->snapshot;
    struct threshold_values *values =
        arena_calloc(arena, snapshot->threshold_count, sizeof *values);
    check(values);
    if (sample->group_count > 0)
        qsort(sample->groups, sample->group_count, sizeof *sample->groups, compare_groups);
    size_t at = 0;
    for (size_t i = 0; i < snapshot->threshold_count; i++) {
        size_t end = at;
        while (end < sample->group_count && sample->groups[end].threshold == i)
            end++;
        values[i] = threshold_values_of(&snapshot->thresholds[i]);
        values[i].keys = arena_calloc(arena, end - at, sizeof *values[i].keys);
        values[i].values = arena_calloc(arena, end - at, sizeof *values[i].values);
        check(values[i].keys && values[i].values);
        for (; at < end; at++)
            add_group(&values[i], &snapshot->thresholds[i], &sample->groups[at], arena);
    }
    return values;
}

int threshold_sample_compute(struct threshold_sample *sample, struct arena *arena,
                             struct threshold_values **ret_values, struct error *ret_error) {
    int r = select_ranks(sample, sample->values, take_quantile, ret_error);
    if (r >= 0 && sample->distances) {
        r = put_distances(sample, ret_error);
        if (r >= 0)
            r = select_ranks(sample, sample->distances, take_distance, ret_error);
    }
    if (r >= 0)
        *ret_values = collect(sample, arena);
    return r < 0 ? r : 0;
}
