/* A brake is a record like any other: it is appended between two decisions and applied with the
 * same function as everywhere. Only what pulls it, the counting, is the server's alone. */
#include "brake.h"

#include "core/base/check.h"
#include "core/policy/lists/list_table.h"
#include "server/base/brake_counts.h"
#include "server/events/event_rows.h"

#include <inttypes.h>
#include <stdlib.h>

/* "rule NAME" or "the policy". */
static struct text name_of(struct arena *arena, const struct brake_record *brake) {
    return brake->rule.length > 0
               ? arena_printf(arena, "rule %" TEXT_FORMAT, TEXT_ARGS(brake->rule))
               : TEXT_LITERAL("the policy");
}

/* "brake pulled on rule NAME at position 17: why", with the person who did it. */
static void log_brake(struct run *run, const struct record *record) {
    const struct brake_record *brake = &record->brake;
    struct text name = name_of(&run->arena, brake);
    struct buffer reason;
    buffer_init(&reason);
    brake_put_reason(&reason, brake);
    const struct log_fields fields = LOG_FIELDS(
        log_field_text("rule", brake->rule),
        log_field_string("brake", brake->lifted ? "lifted" : "pulled"),
        log_field_unsigned("position", record->position), log_field_text("source", brake->source));
    log_line_with(run->service->settings.log, LOG_WARNING, fields,
                  "brake %s %" TEXT_FORMAT " at position %" PRIu64 "%s%" TEXT_FORMAT
                  "%s%" TEXT_FORMAT,
                  brake->lifted ? "lifted from" : "pulled on", TEXT_ARGS(name), record->position,
                  brake->source.length ? ", by " : "", TEXT_ARGS(brake->source),
                  reason.length ? ": " : "", TEXT_ARGS(buffer_text(&reason)));
    buffer_deinit(&reason);
    event_brake(run->service->settings.events, record);
}

/* ---- counting ---- */

void brake_count(struct run *run, const struct decision *decision) {
    struct service *service = run->service;
    bool is_challenger = decision->arm == ARM_CHALLENGER;
    struct brake_counts *counts =
        is_challenger ? service->challenge.brake_counts : service->brake_counts;
    enum arm arm = is_challenger                 ? ARM_CHALLENGER
                   : service->challenge.snapshot ? ARM_CHAMPION
                                                 : ARM_NONE;
    struct record record = {.type = RECORD_BRAKE};
    if (!counts || !brake_counts_add(counts, decision, run->receive_time_us))
        return;
    while (brake_counts_take(counts, arm, &record.brake)) {
        run_append(run, &record);
        log_brake(run, &record);
    }
}

/* ---- ChangeBrake ---- */

enum next perform_brake_change(struct run *run) {
    const struct brake_change *change = &run->message.brake_change;
    struct service *service = run->service;
    struct record record;
    struct text field = {0};
    struct error error;
    int r = brake_change_check(change, &field, &error);
    if (r == 0)
        r = run_check_deadline(run, &error);
    if (r == 0)
        r = ingest_change_brake(&service->states, change, run->receive_time_us, &record, &field,
                                &error);
    if (r < 0)
        return run_refuse(run, &error, field);
    run->response.brake_change.changed = r > 0;
    run->response.brake_change.position = run_append_change(run, &record, r > 0);
    run->response.brake_change.definition = record.brake.definition;
    if (r > 0)
        log_brake(run, &record);
    if (r > 0 && record.brake.lifted) { /* what pulled it must not pull it again at once */
        brake_counts_clear(service->brake_counts);
        brake_counts_clear(service->challenge.brake_counts);
    }
    return NEXT;
}

void withdraw_brake_change(struct run *run, const struct error *error) {
    run_refuse(run, error, (struct text){0});
}

/* ---- Status ---- */

static bool applies_to(const struct snapshot *rules, bool is_challenger,
                       const struct brake *brake) {
    struct brake_target target = snapshot_brake_target(rules);
    if (brake->rule.length == 0)
        return brake_applies(&target, is_challenger, brake->definition);
    for (size_t i = 0; i < rules->rule_count; i++) {
        target = rule_brake_target(&rules->rules[i]);
        if (text_equal(target.rule, brake->rule))
            return brake_applies(&target, is_challenger, brake->definition);
    }
    return false;
}

/* To the policy in force or to the challenger. */
static bool applies(const struct service *service, const struct brake *brake) {
    const struct snapshot *challenger = service->challenge.snapshot;
    return applies_to(service->rules, false, brake) ||
           (challenger && applies_to(challenger, true, brake));
}

/* false: the arena is full, or it is no brake. */
static bool describe(const struct service *service, const struct list_addition *addition,
                     struct arena *arena, struct status_brake *ret_brake) {
    struct brake brake;
    if (!brake_read(addition, &brake))
        return false;
    *ret_brake = (struct status_brake){.rule = arena_text(arena, brake.rule),
                                       .definition = brake.definition,
                                       .position = brake.position,
                                       .applies = applies(service, &brake),
                                       .pulled_time_us = brake.pulled_us,
                                       .source = arena_text(arena, brake.source),
                                       .reason = arena_text(arena, brake.reason)};
    return ret_brake->rule.data && ret_brake->source.data && ret_brake->reason.data;
}

void brake_describe(const struct service *service, struct arena *arena,
                    struct status_response *response) {
    const struct list_additions *brakes = list_table_brakes(overlay_lists(service->states.overlay));
    const struct list_addition *next;
    response->brake_count = brakes ? list_additions_count(brakes) : 0;
    if (response->brake_count == 0)
        return;
    struct status_brake *out = arena_calloc(arena, STATUS_BRAKES_MAX, sizeof *out);
    uint64_t position = 0;
    response->brakes = out;
    while (out && response->described_brakes < STATUS_BRAKES_MAX &&
           (next = list_additions_next(brakes, position))) {
        position = next->position;
        response->described_brakes +=
            describe(service, next, arena, &out[response->described_brakes]);
    }
}

/* ---- metrics ---- */

/* The next one that applies, after a position. false: there is none. */
static bool next_in_force(const struct service *service, uint64_t *position,
                          struct brake *ret_brake) {
    const struct list_additions *brakes =
        service->states.overlay ? list_table_brakes(overlay_lists(service->states.overlay)) : NULL;
    const struct list_addition *next;
    while (brakes && (next = list_additions_next(brakes, *position))) {
        *position = next->position;
        if (brake_read(next, ret_brake) && applies(service, ret_brake))
            return true;
    }
    return false;
}

size_t brake_in_force(const struct service *service) {
    struct brake brake;
    uint64_t position = 0;
    size_t count = 0;
    while (next_in_force(service, &position, &brake))
        count++;
    return count;
}

static int compare_names(const void *left, const void *right) {
    return text_compare(*(const struct text *)left, *(const struct text *)right);
}

/* Names of rules need no escaping, and _policy is none: they begin with a letter. A rule may have
 * several brakes, one for each arm, and is written once. */
void brake_write(const struct service *service, struct buffer *out) {
    static const char name[] = "harrierd_rule_braked";
    size_t count = 0, capacity = brake_in_force(service);
    struct text *names = check_calloc(capacity + 1, sizeof *names);
    struct brake brake;
    uint64_t position = 0;
    buffer_printf(out,
                  "# HELP %s Rules that a brake has put in shadow, by rule; _policy: all of them.\n"
                  "# TYPE %s gauge\n",
                  name, name);
    while (count < capacity && next_in_force(service, &position, &brake))
        names[count++] = brake.rule.length ? brake.rule : TEXT_LITERAL("_policy");
    if (count > 0)
        qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !text_equal(names[i - 1], names[i]))
            buffer_printf(out, "%s{rule=\"%" TEXT_FORMAT "\"} 1\n", name, TEXT_ARGS(names[i]));
    free(names);
}
