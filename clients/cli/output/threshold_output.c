/* Thresholds and cut-offs in four places: the report of a rebuild as text and as JSON, its
 * warnings, and the archive's record of an adopted generation. "Held" is a value that changed by
 * more than its guard allows: the old one stays in force until an operator accepts the new one. */
#include "threshold_output.h"

#include "clients/cli/terminal/quantity.h"
#include "core/base/json_writer.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_SIZE 64

/* The fewest digits that read back as the same double. */
static const char *format_number(double number, char ret_string[NUMBER_SIZE]) {
    value_format(value_double(number), ret_string, NUMBER_SIZE);
    return ret_string;
}

/* 0 stands for a cut-off that no score reaches. */
static const char *format_cutoff(uint32_t score, char ret_string[NUMBER_SIZE]) {
    snprintf(ret_string, NUMBER_SIZE, score ? "%" PRIu32 : "never", score);
    return ret_string;
}

/* In the order of enum cutoff_state. */
static const char *state_name(enum cutoff_state state) {
    static const char *const names[] = {"computed", "held", "small sample", "unreachable"};
    return names[state];
}

/* ---- a rebuild's report: text ---- */

/* Before and after, if there was a value before. */
static void print_threshold(const struct threshold_line *line, struct buffer *buffer) {
    char before[NUMBER_SIZE], after[NUMBER_SIZE], count[QUANTITY_COUNT_SIZE];
    buffer_printf(buffer, "threshold     %" TEXT_FORMAT ": ", TEXT_ARGS(line->name));
    if (line->had_overall)
        buffer_printf(buffer, "%s → ", format_number(line->overall_before, before));
    buffer_printf(buffer, "%s",
                  line->has_overall ? format_number(line->overall, after) : "the fallback");
    buffer_printf(buffer, " over all groups, from %s samples",
                  quantity_format_count(line->samples, count));
    if (line->groups > 0 || line->groups_before > 0) {
        if (line->has_before)
            buffer_printf(buffer, "; groups %s →",
                          quantity_format_count(line->groups_before, count));
        else
            buffer_printf(buffer, "; groups");
        buffer_printf(buffer, " %s", quantity_format_count(line->groups, count));
    }
    if (line->has_before)
        buffer_printf(buffer, "; %zu values changed, %zu held back", line->changed, line->held);
    buffer_printf(buffer, "\n");
}

/* The state is named only if it is not the normal one. */
static void print_cutoff(const struct cutoff_line *line, struct buffer *buffer) {
    char before[NUMBER_SIZE], after[NUMBER_SIZE], count[QUANTITY_COUNT_SIZE];
    buffer_printf(buffer, "cut-off       %s: %s → %s, of %s", verdict_name(line->verdict),
                  format_cutoff(line->before, before), format_cutoff(line->after, after),
                  quantity_format_count(line->sample, count));
    if (line->state != CUTOFF_COMPUTED)
        buffer_printf(buffer, "; %s", state_name(line->state));
    buffer_printf(buffer, "\n");
}

/* Decisions of the last day that the new values would change, by verdict, with the ids of some. */
static void print_flip(const struct verdict_flip *flip, struct buffer *buffer) {
    char count[QUANTITY_COUNT_SIZE];
    buffer_printf(buffer, "  %s → %s  %s:", verdict_name(flip->from), verdict_name(flip->to),
                  quantity_format_count(flip->count, count));
    for (size_t i = 0; i < flip->id_count; i++)
        buffer_printf(buffer, " %" TEXT_FORMAT, TEXT_ARGS(flip->ids[i]));
    buffer_printf(buffer, "%s\n", flip->count > flip->id_count ? " …" : "");
}

/* Over all pairs of verdicts. */
static uint64_t count_flips(const struct threshold_report *report) {
    uint64_t count = 0;
    for (size_t i = 0; i < report->flip_count; i++)
        count += report->flips[i].count;
    return count;
}

void threshold_output_print(const struct threshold_report *report, struct buffer *buffer) {
    char flips[QUANTITY_COUNT_SIZE], compared[QUANTITY_COUNT_SIZE];
    for (size_t i = 0; i < report->threshold_count; i++)
        print_threshold(&report->thresholds[i], buffer);
    for (size_t i = 0; i < report->cutoff_count; i++)
        print_cutoff(&report->cutoffs[i], buffer);
    if (report->compared > 0) {
        buffer_printf(buffer, "last day      %s of %s%s decisions would have been different\n",
                      quantity_format_count(count_flips(report), flips),
                      report->is_preview_cut ? "the first " : "",
                      quantity_format_count(report->compared, compared));
        for (size_t i = 0; i < report->flip_count; i++)
            print_flip(&report->flips[i], buffer);
    }
    if (report->is_unexamined)
        buffer_printf(buffer, "last day      not decided again: the states take more memory than "
                              "--memory allows\n");
    if (report->reread_because[0])
        buffer_printf(buffer, "read again    all records for thresholds: %s\n",
                      report->reread_because);
    if (report->replay_seconds > 0)
        buffer_printf(buffer, "replayed      %.2f seconds (part of the time for thresholds)\n",
                      report->replay_seconds);
}

/* ---- warnings ---- */

/* One line at most for each threshold, with a few examples of groups. */
static void warn_threshold(const struct threshold_line *line, struct buffer *buffer) {
    char before[NUMBER_SIZE], computed[NUMBER_SIZE];
    if (line->is_too_large)
        buffer_printf(
            buffer,
            "threshold \"%" TEXT_FORMAT
            "\" has too many groups to keep: its value over all groups is used for each of them\n",
            TEXT_ARGS(line->name));
    if (line->held == 0)
        return;
    buffer_printf(buffer,
                  "threshold \"%" TEXT_FORMAT
                  "\": %zu values changed by more than the guard allows and keep their old values:",
                  TEXT_ARGS(line->name), line->held);
    for (size_t i = 0; i < line->example_count; i++) {
        const struct threshold_held *held = &line->examples[i];
        buffer_printf(buffer, "%s %" TEXT_FORMAT " %s (computed: %s)", i ? "," : "",
                      TEXT_ARGS(held->key.length ? held->key : TEXT_LITERAL("over all")),
                      format_number(held->before, before), format_number(held->computed, computed));
    }
    buffer_printf(buffer, "%s; --accept-changes accepts them\n",
                  line->held > line->example_count ? ", …" : "");
}

/* A verdict whose cut-off is not below the next severer one's can no longer be reached by score. */
static void warn_cutoff(const struct cutoff_line *line, struct buffer *buffer) {
    char after[NUMBER_SIZE], computed[NUMBER_SIZE];
    const char *name = verdict_name(line->verdict);
    format_cutoff(line->after, after);
    if (line->state == CUTOFF_HELD)
        buffer_printf(buffer,
                      "the cut-off for %s changed by more than the guard allows and stays %s "
                      "(computed: %s); --accept-changes accepts it\n",
                      name, after, format_cutoff(line->computed, computed));
    else if (line->state == CUTOFF_SMALL_SAMPLE)
        buffer_printf(buffer,
                      "the cut-off for %s stays %s: %" PRIu64
                      " decisions are too few to compute it\n",
                      name, after, line->sample);
    else if (line->state == CUTOFF_UNREACHABLE)
        buffer_printf(buffer, "the cut-off for %s stays %s: no score meets its budget\n", name,
                      after);
    if (line->hidden_by != VERDICT_NONE)
        buffer_printf(buffer, "no score gives %s now: its cut-off, %s, is not below that for %s\n",
                      name, after, verdict_name(line->hidden_by));
}

void threshold_output_warn(const struct threshold_report *report, struct buffer *buffer) {
    for (size_t i = 0; i < report->threshold_count; i++)
        warn_threshold(&report->thresholds[i], buffer);
    for (size_t i = 0; i < report->cutoff_count; i++)
        warn_cutoff(&report->cutoffs[i], buffer);
}

/* ---- a rebuild's report: JSON ---- */

/* null where there is no value: the policy's fallback holds then. */
static void add_overall(struct buffer *buffer, const char *key, bool has, double number) {
    json_add_value(buffer, text_of(key), has ? value_double(number) : value_absent());
}

/* Counts of groups and of values; the values themselves are in the archive's record. */
static void add_threshold(const struct threshold_line *line, struct buffer *buffer) {
    json_begin_object(buffer, NULL);
    json_add_text(buffer, "name", line->name);
    json_add_unsigned(buffer, "samples", line->samples);
    add_overall(buffer, "overall_before", line->had_overall, line->overall_before);
    add_overall(buffer, "overall", line->has_overall, line->overall);
    json_add_unsigned(buffer, "groups_before", line->groups_before);
    json_add_unsigned(buffer, "groups", line->groups);
    json_add_unsigned(buffer, "changed", line->changed);
    json_add_unsigned(buffer, "held", line->held);
    json_begin_array(buffer, "held_examples");
    for (size_t i = 0; i < line->example_count; i++) {
        json_begin_object(buffer, NULL);
        json_add_text(buffer, "group", line->examples[i].key);
        add_overall(buffer, "value", true, line->examples[i].before);
        add_overall(buffer, "computed", true, line->examples[i].computed);
        json_end_object(buffer);
    }
    json_end_array(buffer);
    json_end_object(buffer);
}

/* "computed" differs from "after" when the guard held it back. */
static void add_cutoff(const struct cutoff_line *line, struct buffer *buffer) {
    json_begin_object(buffer, NULL);
    json_add_text(buffer, "verdict", text_of(verdict_name(line->verdict)));
    json_add_unsigned(buffer, "before", line->before);
    json_add_unsigned(buffer, "after", line->after);
    json_add_unsigned(buffer, "computed", line->computed);
    json_add_unsigned(buffer, "sample", line->sample);
    json_add_text(buffer, "state", text_of(state_name(line->state)));
    json_end_object(buffer);
}

/* Ids of examples: `harrier explain` says more about each. */
static void add_flip(const struct verdict_flip *flip, struct buffer *buffer) {
    json_begin_object(buffer, NULL);
    json_add_text(buffer, "from", text_of(verdict_name(flip->from)));
    json_add_text(buffer, "to", text_of(verdict_name(flip->to)));
    json_add_unsigned(buffer, "count", flip->count);
    json_begin_array(buffer, "examples");
    for (size_t i = 0; i < flip->id_count; i++)
        json_add_text(buffer, NULL, flip->ids[i]);
    json_end_array(buffer);
    json_end_object(buffer);
}

void threshold_output_json(const struct threshold_report *report, struct buffer *buffer) {
    if (report->threshold_count == 0 && report->cutoff_count == 0)
        return;
    json_begin_array(buffer, "thresholds");
    for (size_t i = 0; i < report->threshold_count; i++)
        add_threshold(&report->thresholds[i], buffer);
    json_end_array(buffer);
    json_begin_array(buffer, "cutoffs");
    for (size_t i = 0; i < report->cutoff_count; i++)
        add_cutoff(&report->cutoffs[i], buffer);
    json_end_array(buffer);
    json_add_unsigned(buffer, "compared", report->compared);
    json_begin_array(buffer, "flips");
    for (size_t i = 0; i < report->flip_count; i++)
        add_flip(&report->flips[i], buffer);
    json_end_array(buffer);
    if (report->is_unexamined)
        json_add_bool(buffer, "unexamined", true);
    if (report->is_preview_cut)
        json_add_bool(buffer, "preview_cut", true);
    if (report->reread_because[0])
        json_add_text(buffer, "thresholds_reread_because", text_of(report->reread_because));
    json_add_unsigned(buffer, "thresholds_from_position", report->from_position);
    json_add_bool(buffer, "rescored", report->is_rescored);
    json_add_unsigned(buffer, "scores_from_position", report->scores_from_position);
    json_add_unsigned(buffer, "thresholds_ms", (uint64_t)(report->seconds * 1000));
    json_add_unsigned(buffer, "thresholds_replay_ms", (uint64_t)(report->replay_seconds * 1000));
    json_add_unsigned(buffer, "thresholds_spilled_bytes", report->spilled_bytes);
}

/* ---- what a record carries ---- */

void threshold_output_record(const struct threshold_set *set, struct buffer *buffer) {
    char overall[NUMBER_SIZE];
    for (size_t i = 0; i < set->threshold_count; i++) {
        const struct threshold_values *values = &set->thresholds[i];
        buffer_printf(buffer, ", %" TEXT_FORMAT " %s", TEXT_ARGS(values->name),
                      values->has_overall ? format_number(values->overall, overall) : "?");
        if (values->group_count > 0)
            buffer_printf(buffer, " (%zu groups)", values->group_count);
    }
    for (size_t i = 0; i < set->cutoff_count; i++)
        buffer_printf(buffer, ", %s from %" PRIu32, verdict_name(set->cutoffs[i].verdict),
                      set->cutoffs[i].score);
}

/* Its fields, as an array. */
static void add_key(const struct threshold_values *values, struct text key, struct buffer *buffer) {
    struct cursor cursor = cursor_of(key.data, key.length);
    json_begin_array(buffer, "key");
    if (values->key_count == 1)
        json_add_text(buffer, NULL, key);
    for (size_t i = 0; values->key_count > 1 && i < values->key_count; i++) {
        struct text part = cursor_text(&cursor, (size_t)cursor_varint(&cursor));
        if (part.data)
            json_add_text(buffer, NULL, part);
    }
    json_end_array(buffer);
}

/* All groups of one threshold, with their keys. */
static void add_values(const struct threshold_values *values, struct buffer *buffer) {
    json_begin_object(buffer, NULL);
    json_add_text(buffer, "name", values->name);
    json_add_hex(buffer, "definition", values->definition);
    json_add_unsigned(buffer, "samples", values->samples);
    add_overall(buffer, "overall", values->has_overall, values->overall);
    json_begin_array(buffer, "groups");
    for (size_t i = 0; i < values->group_count; i++) {
        json_begin_object(buffer, NULL);
        add_key(values, values->keys[i], buffer);
        add_overall(buffer, "value", true, values->values[i]);
        json_end_object(buffer);
    }
    json_end_array(buffer);
    json_end_object(buffer);
}

void threshold_output_record_json(const struct threshold_set *set, struct buffer *buffer) {
    if (threshold_set_is_empty(set))
        return;
    json_begin_array(buffer, "thresholds");
    for (size_t i = 0; i < set->threshold_count; i++)
        add_values(&set->thresholds[i], buffer);
    json_end_array(buffer);
    json_begin_array(buffer, "cutoffs");
    for (size_t i = 0; i < set->cutoff_count; i++) {
        json_begin_object(buffer, NULL);
        json_add_text(buffer, "verdict", text_of(verdict_name(set->cutoffs[i].verdict)));
        json_add_hex(buffer, "definition", set->cutoffs[i].definition);
        json_add_unsigned(buffer, "score", set->cutoffs[i].score);
        json_end_object(buffer);
    }
    json_end_array(buffer);
}
