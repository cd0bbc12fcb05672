/* Compares new values with those in force, group by group. A value that changed by more than the
 * threshold's guard, |new − old| > guard × |old|, keeps the old one. Groups that are new or gone
 * cannot be compared and pass. A threshold whose declaration changed is a different one, so nothing
 * of it is held. */
#include "threshold_guard.h"

#include "threshold_job.h"

#include "core/base/check.h"

#include <math.h>
#include <string.h>

void threshold_limit(struct threshold_values *values, bool *too_large, size_t count) {
    for (;;) {
        size_t total = 0, largest = 0, largest_bytes = 0;
        for (size_t i = 0; i < count; i++) {
            size_t bytes = 16 * values[i].group_count;
            for (size_t j = 0; j < values[i].group_count; j++)
                bytes += values[i].keys[j].length;
            total += bytes;
            if (bytes > largest_bytes) {
                largest = i;
                largest_bytes = bytes;
            }
        }
        if (total <= THRESHOLD_SET_BYTES_MAX)
            return;
        values[largest].group_count = 0;
        too_large[largest] = true;
    }
}

struct comparison {
    const struct threshold *threshold;
    struct threshold_line *line;
    struct threshold_held *examples;
    struct arena *arena; /* the report's */
    bool ignores_guard;
};

/* A group's key for people: "5411" or "DE / 5411". A key of several parts is encoded as lengths and
 * texts (threshold_key()). */
static struct text key_in_words(struct text key, size_t parts, struct arena *arena) {
    struct buffer buffer;
    struct cursor cursor = cursor_of(key.data, key.length);
    buffer_init(&buffer);
    for (size_t i = 0; i < parts; i++) {
        struct text part = parts == 1 ? key : (struct text){0};
        if (parts > 1)
            part = cursor_text(&cursor, (size_t)cursor_varint(&cursor));
        if (part.data)
            buffer_printf(&buffer, "%s%" TEXT_FORMAT, i ? " / " : "", TEXT_ARGS(part));
    }
    struct text words = arena_text(
        arena, (struct text){.data = (const char *)buffer.bytes, .length = buffer.length});
    buffer_deinit(&buffer);
    check(words.data);
    return words;
}

static void report_held(struct comparison *comparison, struct text key, double before,
                        double computed) {
    struct threshold_line *line = comparison->line;
    line->held++;
    if (line->example_count == THRESHOLD_EXAMPLES)
        return;
    size_t parts = key.length ? comparison->threshold->key_count : 0;
    comparison->examples[line->example_count++] = (struct threshold_held){
        .key = key_in_words(key, parts, comparison->arena), .before = before, .computed = computed};
}

/* The value to put in force. */
static double compare(struct comparison *comparison, struct text key, double before,
                      double computed) {
    if (before == computed)
        return computed;
    comparison->line->changed++;
    double guard = (double)comparison->threshold->guard_e6 / 1e6;
    /* Any change from 0 is infinite in relative terms: the guard cannot judge it. */
    if (before == 0 || comparison->ignores_guard || fabs(computed - before) <= guard * fabs(before))
        return computed;
    report_held(comparison, key, before, computed);
    return before;
}

/* Both sides have their groups sorted by key: one merge finds those in both. */
static void compare_groups(struct comparison *comparison, const struct threshold_values *before,
                           struct threshold_values *values) {
    double *numbers = (double *)(uintptr_t)values->values;
    for (size_t i = 0, j = 0; i < before->group_count && j < values->group_count;) {
        int order = text_compare(before->keys[i], values->keys[j]);
        if (order == 0)
            numbers[j] = compare(comparison, values->keys[j], before->values[i], numbers[j]);
        i += order <= 0;
        j += order >= 0;
    }
}

static bool is_accepted(const struct threshold_job *job, struct text name) {
    const struct threshold_accepted *accepted = job->accepted;
    for (size_t i = 0; accepted && i < accepted->threshold_count; i++)
        if (text_is(name, accepted->thresholds[i]))
            return true;
    return job->accepts_changes;
}

static void guard_one(struct threshold_job *job, size_t index, struct threshold_values *values,
                      struct threshold_line *line) {
    struct arena *arena = &job->report->arena;
    const struct threshold *threshold = &job->snapshot->thresholds[index];
    struct comparison comparison = {.threshold = threshold,
                                    .line = line,
                                    .arena = arena,
                                    .ignores_guard = is_accepted(job, threshold->name)};
    comparison.examples = arena_calloc(arena, THRESHOLD_EXAMPLES, sizeof *comparison.examples);
    *line = (struct threshold_line){.name = arena_text(arena, threshold->name),
                                    .samples = values->samples,
                                    .has_overall = values->has_overall,
                                    .groups = values->group_count,
                                    .examples = comparison.examples};
    check(line->name.data && comparison.examples);
    const struct threshold_values *before =
        job->in_force ? thresholds_find(job->in_force, threshold->name, threshold->definition)
                      : NULL;
    if (before) {
        line->has_before = true;
        line->had_overall = before->has_overall;
        line->overall_before = before->overall;
        line->groups_before = before->group_count;
        if (before->has_overall && values->has_overall)
            values->overall =
                compare(&comparison, (struct text){0}, before->overall, values->overall);
        /* Groups in tables are not here in a rebuild, so a replay does not guard them either. */
        if (!threshold->groups_in_tables)
            compare_groups(&comparison, before, values);
    }
    line->overall = values->overall;
}

void threshold_guard(struct threshold_job *job, struct threshold_values *values,
                     const bool *too_large) {
    size_t count = job->snapshot->threshold_count;
    struct threshold_line *lines = arena_calloc(&job->report->arena, count, sizeof *lines);
    check(lines);
    for (size_t i = 0; i < count; i++) {
        guard_one(job, i, &values[i], &lines[i]);
        lines[i].is_too_large = too_large[i];
    }
    job->report->thresholds = lines;
    job->report->threshold_count = count;
}
