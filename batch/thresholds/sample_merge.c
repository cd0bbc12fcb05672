/* Each file's cursor stands at a group. The least one is next; the cursors that stand at it are its
 * members, whose values are merged one by one. Most groups have one member: its values are handed
 * out as they are in the block. */
#include "sample_merge.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 1024u

struct sample_merge {
    struct sample_cursor *cursors;
    size_t count;
    uint64_t *hashes; /* of the groups where the cursors stand */
    bool *are_done;
    size_t *members; /* of the group at hand */
    size_t member_count;
    size_t *started; /* the group's members when it began */
    size_t started_count;
    uint64_t *started_at; /* by cursor: the block where it began */
    struct sample_start *starts;
    bool has_begun;
    uint64_t hash;
    struct text key; /* of the member that was advanced last, or of the one that has just left */
    struct sample_cursor *handed; /* whose values the caller has: to be advanced */
    double *values;               /* [CHUNK], merged */
    int64_t *times_us;
};

struct sample_merge *sample_merge_new(struct sample_file *const *files, size_t count,
                                      const struct snapshot *snapshot, size_t threshold,
                                      int64_t newest_us) {
    const struct threshold *of = &snapshot->thresholds[threshold];
    struct sample_merge *merge = check_calloc(1, sizeof *merge);
    merge->cursors = check_calloc(count, sizeof *merge->cursors);
    merge->hashes = check_calloc(count, sizeof *merge->hashes);
    merge->are_done = check_calloc(count, sizeof *merge->are_done);
    merge->members = check_calloc(count, sizeof *merge->members);
    merge->started = check_calloc(count, sizeof *merge->started);
    merge->started_at = check_calloc(count, sizeof *merge->started_at);
    merge->starts = check_calloc(count, sizeof *merge->starts);
    merge->values = check_calloc(CHUNK, sizeof *merge->values);
    merge->times_us = check_calloc(CHUNK, sizeof *merge->times_us);
    for (size_t i = 0; i < count; i++) {
        const struct sample_section *section = sample_file_section(files[i], threshold);
        if (section && section->latest_us > newest_us - of->over_us)
            sample_cursor_init(&merge->cursors[merge->count++], files[i], section, of->definition);
    }
    return merge;
}

void sample_merge_free(struct sample_merge *merge) {
    if (!merge)
        return;
    for (size_t i = 0; i < merge->count; i++)
        sample_cursor_deinit(&merge->cursors[i]);
    free(merge->cursors);
    free(merge->hashes);
    free(merge->are_done);
    free(merge->members);
    free(merge->started);
    free(merge->started_at);
    free(merge->starts);
    free(merge->values);
    free(merge->times_us);
    free(merge);
}

/* Moves a cursor to its next group, or to the next piece of the same one. */
static int advance(struct sample_merge *merge, size_t index, struct error *ret_error) {
    struct sample_cursor *cursor = &merge->cursors[index];
    int r = sample_cursor_group(cursor, ret_error);
    merge->are_done[index] = r == 0;
    merge->hashes[index] = r > 0 ? cursor->hash : UINT64_MAX;
    return r < 0 ? r : 0;
}

static bool is_at_group(const struct sample_merge *merge, size_t index) {
    return merge->hashes[index] == merge->hash && !merge->are_done[index] &&
           text_equal(merge->cursors[index].key, merge->key);
}

/* Removes the member if it has no more of the group. */
static int advance_member(struct sample_merge *merge, size_t member, struct error *ret_error) {
    size_t index = merge->members[member];
    int r = advance(merge, index, ret_error);
    if (r < 0)
        return r;
    if (is_at_group(merge, index))
        merge->key = merge->cursors[index].key;
    else
        merge->members[member] = merge->members[--merge->member_count];
    return 0;
}

/* The cursor with the least group; `count`: all are at their ends. */
static size_t find_least(const struct sample_merge *merge) {
    size_t least = merge->count;
    for (size_t i = 0; i < merge->count; i++) {
        if (merge->are_done[i])
            continue;
        if (least == merge->count || merge->hashes[i] < merge->hashes[least] ||
            (merge->hashes[i] == merge->hashes[least] &&
             text_compare(merge->cursors[i].key, merge->cursors[least].key) < 0))
            least = i;
    }
    return least;
}

static int leave_group(struct sample_merge *merge, struct error *ret_error) {
    int r = 0;
    if (!merge->has_begun) {
        merge->has_begun = true;
        for (size_t i = 0; i < merge->count && r == 0; i++)
            r = advance(merge, i, ret_error);
        return r;
    }
    while (merge->member_count > 0 && r == 0)
        r = advance_member(merge, 0, ret_error);
    merge->handed = NULL;
    return r;
}

int sample_merge_group(struct sample_merge *merge, uint64_t *ret_hash, struct text *ret_key,
                       struct error *ret_error) {
    int r = leave_group(merge, ret_error);
    size_t least = r < 0 ? merge->count : find_least(merge);
    if (least == merge->count)
        return r;
    merge->hash = merge->hashes[least];
    merge->key = merge->cursors[least].key;
    for (size_t i = least; i < merge->count; i++)
        if (i == least || is_at_group(merge, i)) {
            merge->started[merge->member_count] = i;
            merge->started_at[i] = merge->cursors[i].block_at;
            merge->members[merge->member_count++] = i;
        }
    merge->started_count = merge->member_count;
    *ret_hash = merge->hash;
    *ret_key = merge->key;
    return 1;
}

struct text sample_merge_key(const struct sample_merge *merge) {
    return merge->key;
}

uint64_t sample_merge_most(const struct sample_merge *merge) {
    uint64_t most = 0;
    for (size_t i = 0; i < merge->member_count; i++) {
        const struct sample_cursor *cursor = &merge->cursors[merge->members[i]];
        if (cursor->groups_left == 0) /* it may go on in the next block */
            return UINT64_MAX;
        most += cursor->count;
    }
    return most;
}

const struct sample_start *sample_merge_starts(struct sample_merge *merge, size_t *ret_count) {
    for (size_t i = 0; i < merge->started_count; i++) {
        size_t index = merge->started[i];
        merge->starts[i] = (struct sample_start){.file = merge->cursors[index].file,
                                                 .section = merge->cursors[index].section,
                                                 .block_at = merge->started_at[index]};
    }
    *ret_count = merge->started_count;
    return merge->starts;
}

/* The member whose next value is the least. */
static size_t least_member(const struct sample_merge *merge) {
    size_t least = 0;
    double value = 0;
    for (size_t i = 0; i < merge->member_count; i++) {
        const struct sample_cursor *cursor = &merge->cursors[merge->members[i]];
        if (i == 0 || cursor->values[cursor->first] < value) {
            least = i;
            value = cursor->values[cursor->first];
        }
    }
    return least;
}

static int merge_chunk(struct sample_merge *merge, size_t *ret_count, struct error *ret_error) {
    size_t count = 0;
    int r = 0;
    while (count < CHUNK && merge->member_count > 0 && r == 0) {
        size_t member = least_member(merge);
        struct sample_cursor *cursor = &merge->cursors[merge->members[member]];
        merge->values[count] = cursor->values[cursor->first];
        merge->times_us[count++] = cursor->times_us[cursor->first];
        cursor->first++;
        if (--cursor->count == 0)
            r = advance_member(merge, member, ret_error);
    }
    *ret_count = count;
    return r;
}

int sample_merge_values(struct sample_merge *merge, const double **ret_values,
                        const int64_t **ret_times_us, size_t *ret_count, struct error *ret_error) {
    int r = 0;
    if (merge->handed) {
        merge->handed = NULL;
        r = advance_member(merge, 0, ret_error);
    }
    if (r < 0 || merge->member_count == 0)
        return r;
    if (merge->member_count == 1) {
        merge->handed = &merge->cursors[merge->members[0]];
        *ret_values = merge->handed->values + merge->handed->first;
        *ret_times_us = merge->handed->times_us + merge->handed->first;
        *ret_count = merge->handed->count;
        return 1;
    }
    r = merge_chunk(merge, ret_count, ret_error);
    *ret_values = merge->values;
    *ret_times_us = merge->times_us;
    return r < 0 ? r : 1;
}

/* ---- writing ---- */

/* Writes those behind after_us, as many at a time as follow one another. */
static int write_values(struct sample_writer *writer, const double *values, const int64_t *times_us,
                        size_t count, int64_t after_us, struct error *ret_error) {
    int r = 0;
    for (size_t at = 0, end; at < count && r == 0; at = end) {
        while (at < count && times_us[at] <= after_us)
            at++;
        for (end = at; end < count && times_us[end] > after_us;)
            end++;
        r = sample_writer_values(writer, values + at, times_us + at, end - at, ret_error);
    }
    return r;
}

static int copy_threshold(struct sample_merge *merge, size_t threshold, int64_t after_us,
                          struct sample_writer *writer, struct error *ret_error) {
    uint64_t hash;
    struct text key;
    int r;
    while ((r = sample_merge_group(merge, &hash, &key, ret_error)) > 0) {
        const double *values;
        const int64_t *times_us;
        size_t count;
        r = sample_writer_group(writer, threshold, key, ret_error);
        while (r >= 0 &&
               (r = sample_merge_values(merge, &values, &times_us, &count, ret_error)) > 0)
            r = write_values(writer, values, times_us, count, after_us, ret_error);
        if (r < 0)
            break;
    }
    return r;
}

int sample_merge_into(struct sample_file *const *files, size_t count,
                      const struct snapshot *snapshot, int64_t newest_us,
                      struct sample_writer *writer, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < snapshot->threshold_count && r == 0; i++) {
        struct sample_merge *merge = sample_merge_new(files, count, snapshot, i, newest_us);
        r = copy_threshold(merge, i, newest_us - snapshot->thresholds[i].over_us, writer,
                           ret_error);
        sample_merge_free(merge);
    }
    return r;
}
