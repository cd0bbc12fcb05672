/* A brake is a record like any other: it is appended between two decisions and applied with the
 * same function as everywhere. Only what pulls it, the counting, is the server's alone. */
#include "brake.h"

#include "core/policy/lists/list_table.h"
#include "server/base/brake_counts.h"

/* "rule NAME" or "the policy". */
static struct text name_of(struct arena *arena, const struct brake_record *brake) {
    return brake->rule.length > 0
               ? arena_printf(arena, "rule %" TEXT_FORMAT, TEXT_ARGS(brake->rule))
               : TEXT_LITERAL("the policy");
}

static void pull(struct run *run, const struct brake_record *brake) {
    struct service *service = run->service;
    struct record record = {.type = RECORD_BRAKE, .brake = *brake};
    struct buffer reason;
    run_append(run, &record);
    buffer_init(&reason);
    brake_put_reason(&reason, brake);
    log_line(service->settings.log, LOG_WARNING,
             "brake pulled on %" TEXT_FORMAT " at position %llu: %" TEXT_FORMAT
             "; it has no effect until `harrier brake lift`",
             TEXT_ARGS(name_of(&run->arena, brake)), (unsigned long long)record.position,
             TEXT_ARGS(buffer_text(&reason)));
    buffer_deinit(&reason);
}

void brake_count(struct run *run, const struct decision *decision) {
    struct brake_counts *counts = run->service->brake_counts;
    struct brake_record brake;
    if (!counts || !brake_counts_add(counts, decision, run->receive_time_us))
        return;
    while (brake_counts_take(counts, &brake))
        pull(run, &brake);
}
