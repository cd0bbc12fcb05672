#include "sample_compute.h"

#include "found_groups.h"
#include "sample_merge.h"
#include "sample_select.h"

#include "core/base/check.h"
#include "core/wire/bytes/threshold_set.h"

#include <math.h>
#include <stdlib.h>

#define GROUP_VALUES_MIN 4096u

/* ---- one group ---- */

struct group_reader {
    const struct sample_values *sample;
    double *values; /* of the group at hand, ascending */
    size_t count, capacity;
    size_t limit; /* a group with more of them is selected in passes */
    uint64_t total;
};

static void reader_init(struct group_reader *reader, const struct sample_values *sample) {
    size_t limit = sample->memory_bytes / 8 / sizeof *reader->values;
    *reader = (struct group_reader){.sample = sample,
                                    .limit = limit > GROUP_VALUES_MIN ? limit : GROUP_VALUES_MIN};
}

static void reader_add(struct group_reader *reader, const double *values, const int64_t *times_us,
                       size_t count, int64_t after_us) {
    double filtered[SAMPLE_BLOCK_VALUES];
    if (reader->total + count > reader->limit) { /* only their number is of interest */
        reader->total += sample_filter(values, times_us, count, after_us, filtered);
        return;
    }
    if (reader->count + count > reader->capacity) {
        reader->capacity = 2 * (reader->count + count);
        reader->values =
            check_reallocarray(reader->values, reader->capacity, sizeof *reader->values);
    }
    size_t kept = sample_filter(values, times_us, count, after_us, reader->values + reader->count);
    reader->count += kept;
    reader->total += kept;
}

static int select_group(const struct group_reader *reader, const struct threshold *threshold,
                        struct sample_merge *merge, uint64_t hash, int64_t after_us,
                        double *ret_value, struct error *ret_error) {
    struct sample_selection selection = {.threshold = threshold,
                                         .is_group = true,
                                         .hash = hash,
                                         .key = sample_merge_key(merge),
                                         .after_us = after_us,
                                         .kept_max = reader->limit};
    uint64_t count;
    selection.starts = sample_merge_starts(merge, &selection.start_count);
    return sample_select(&selection, &count, ret_value, ret_error);
}

/* Reads the group that the merge is at. 1: it has a value; 0: too few, or it is infinite. */
static int read_group(struct group_reader *reader, const struct threshold *threshold,
                      struct sample_merge *merge, uint64_t hash, double *ret_value,
                      struct error *ret_error) {
    int64_t after_us = reader->sample->newest_us - threshold->over_us;
    const double *values;
    const int64_t *times_us;
    size_t count;
    double value = 0;
    int r;
    if (sample_merge_most(merge) < threshold->minimum)
        return 0;
    reader->count = 0;
    reader->total = 0;
    while ((r = sample_merge_values(merge, &values, &times_us, &count, ret_error)) > 0)
        reader_add(reader, values, times_us, count, after_us);
    if (r < 0 || reader->total == 0 || reader->total < threshold->minimum)
        return r;
    if (reader->total > reader->count)
        r = select_group(reader, threshold, merge, hash, after_us, &value, ret_error);
    else
        value = sample_statistic(threshold, reader->values, reader->count);
    if (r < 0 || !isfinite(value))
        return r;
    *ret_value = value;
    return 1;
}

/* ---- groups in the record ---- */

struct finding {
    const struct sample_values *sample;
    struct found_groups found;
    size_t *bytes; /* of the groups of all thresholds so far */
    struct arena *arena;
};

static int take_found(void *user, size_t index, struct text key, double value,
                      struct error *ret_error) {
    struct finding *finding = user;
    const struct found_group group = {.key = key, .value = value};
    return found_groups_add(&finding->found, &finding->sample->snapshot->thresholds[index], group,
                            finding->sample->memory_bytes, finding->bytes, finding->arena,
                            ret_error);
}

int sample_compute_groups(const struct sample_values *sample, size_t index,
                          int (*take)(void *user, size_t threshold, struct text key, double value,
                                      struct error *ret_error),
                          void *user, struct error *ret_error) {
    const struct threshold *threshold = &sample->snapshot->thresholds[index];
    struct sample_merge *merge = sample_merge_new(sample->files, sample->file_count,
                                                  sample->snapshot, index, sample->newest_us);
    struct group_reader reader;
    struct text key;
    uint64_t hash;
    double value = 0;
    int r;
    reader_init(&reader, sample);
    while ((r = sample_merge_group(merge, &hash, &key, ret_error)) > 0) {
        r = read_group(&reader, threshold, merge, hash, &value, ret_error);
        if (r > 0)
            r = take(user, index, sample_merge_key(merge), value, ret_error);
        if (r < 0)
            break;
    }
    free(reader.values);
    sample_merge_free(merge);
    return r;
}

static int find_groups(const struct sample_values *sample, size_t index, struct arena *arena,
                       size_t *bytes, struct threshold_values *values, struct error *ret_error) {
    struct finding finding = {.sample = sample, .bytes = bytes, .arena = arena};
    int r = sample_compute_groups(sample, index, take_found, &finding, ret_error);
    if (r == 0)
        found_groups_use(&finding.found, arena, values);
    free(finding.found.groups);
    return r;
}

/* ---- over all groups ---- */

static int find_overall(const struct sample_values *sample, size_t index,
                        struct threshold_values *values, struct error *ret_error) {
    const struct threshold *threshold = &sample->snapshot->thresholds[index];
    struct sample_start *starts = check_calloc(sample->file_count, sizeof *starts);
    struct sample_selection selection = {
        .starts = starts,
        .threshold = threshold,
        .after_us = sample->newest_us - threshold->over_us,
        .kept_max = sample->memory_bytes / 8 / sizeof(uint64_t),
    };
    for (size_t i = 0; i < sample->file_count; i++) {
        const struct sample_section *section = sample_file_section(sample->files[i], index);
        if (section)
            starts[selection.start_count++] = (struct sample_start){
                .file = sample->files[i], .section = section, .block_at = section->at};
    }
    double value = 0;
    int r = sample_select(&selection, &values->samples, &value, ret_error);
    values->has_overall =
        values->samples > 0 && values->samples >= threshold->minimum && isfinite(value);
    values->overall = values->has_overall ? value : 0;
    free(starts);
    return r;
}

int sample_compute(const struct sample_values *sample, struct arena *arena,
                   struct threshold_values **ret_values, struct error *ret_error) {
    const struct snapshot *snapshot = sample->snapshot;
    struct threshold_values *values =
        arena_calloc(arena, snapshot->threshold_count, sizeof *values);
    size_t bytes = 0;
    int r = 0;
    check(values);
    for (size_t i = 0; i < snapshot->threshold_count && r == 0; i++) {
        const struct threshold *threshold = &snapshot->thresholds[i];
        values[i] = threshold_values_of(threshold);
        r = find_overall(sample, i, &values[i], ret_error);
        if (r == 0 && threshold->key_count > 0 && !threshold->groups_in_tables)
            r = find_groups(sample, i, arena, &bytes, &values[i], ret_error);
    }
    if (r == 0)
        *ret_values = values;
    return r;
}

/* ---- groups in the tables ---- */

/* The groups of one threshold; stands at one that has a value. */
struct stream {
    const struct threshold *threshold;
    struct sample_merge *merge;
    uint64_t hash;
    struct text key; /* the merge's */
    double value;
};

struct streams {
    struct group_reader reader;
    struct stream *all;
    struct stream **heap; /* the one with the least group first */
    size_t count, heap_count;
};

/* 1: it stands at the next group; 0: the end. */
static int next_group(struct streams *streams, struct stream *stream, struct error *ret_error) {
    int r;
    while ((r = sample_merge_group(stream->merge, &stream->hash, &stream->key, ret_error)) > 0) {
        r = read_group(&streams->reader, stream->threshold, stream->merge, stream->hash,
                       &stream->value, ret_error);
        stream->key = sample_merge_key(stream->merge);
        if (r != 0)
            break;
    }
    return r;
}

/* Of groups with the same hash and key, those of the first threshold come first. */
static bool is_before(const struct stream *a, const struct stream *b) {
    if (a->hash != b->hash)
        return a->hash < b->hash;
    int order = text_compare(a->key, b->key);
    return order < 0 || (order == 0 && a < b);
}

static void settle_first(struct streams *streams, size_t at) {
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < streams->heap_count; child++)
            if (is_before(streams->heap[child], streams->heap[least]))
                least = child;
        if (least == at)
            return;
        struct stream *swap = streams->heap[at];
        streams->heap[at] = streams->heap[least];
        streams->heap[least] = swap;
        at = least;
    }
}

static int open_streams(struct streams *streams, const struct sample_values *sample,
                        struct error *ret_error) {
    const struct snapshot *snapshot = sample->snapshot;
    int r = 0;
    reader_init(&streams->reader, sample);
    streams->all = check_calloc(snapshot->threshold_count, sizeof *streams->all);
    streams->heap = check_calloc(snapshot->threshold_count, sizeof(struct stream *));
    for (size_t i = 0; i < snapshot->threshold_count && r >= 0; i++) {
        const struct threshold *threshold = &snapshot->thresholds[i];
        if (!threshold->groups_in_tables)
            continue;
        struct stream *stream = &streams->all[streams->count++];
        *stream = (struct stream){.threshold = threshold,
                                  .merge = sample_merge_new(sample->files, sample->file_count,
                                                            snapshot, i, sample->newest_us)};
        r = next_group(streams, stream, ret_error);
        if (r > 0)
            streams->heap[streams->heap_count++] = stream;
    }
    for (size_t i = streams->heap_count; i-- > 0;)
        settle_first(streams, i);
    return r < 0 ? r : 0;
}

static void close_streams(struct streams *streams) {
    for (size_t i = 0; i < streams->count; i++)
        sample_merge_free(streams->all[i].merge);
    free(streams->all);
    free(streams->heap);
    free(streams->reader.values);
}

int sample_compute_baselines(const struct sample_values *sample,
                             int (*take)(void *user, uint64_t hash, struct text key, double value,
                                         struct error *ret_error),
                             void *user, struct error *ret_error) {
    struct streams streams = {0};
    int r = open_streams(&streams, sample, ret_error);
    while (r >= 0 && streams.heap_count > 0) {
        struct stream *stream = streams.heap[0];
        r = take(user, stream->hash, stream->key, stream->value, ret_error);
        if (r == 0)
            r = next_group(&streams, stream, ret_error);
        if (r == 0)
            streams.heap[0] = streams.heap[--streams.heap_count];
        settle_first(&streams, 0);
    }
    close_streams(&streams);
    return r < 0 ? r : 0;
}
