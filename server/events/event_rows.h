/* The events of a server, each as a row of JSON: docs/operations/logs-and-events.md has their
 * members. Each function does nothing if events is NULL or its kind is not wanted. Any thread,
 * under any lock.
 *
 * Without event_fields, no row has anything of a transaction but its id and what was decided. */
#pragma once

#include "core/wire/record/record.h"
#include "core/wire/types/decision.h"
#include "events.h"

/* Would any verdict be sent? To save the work of looking. */
bool event_verdicts_wanted(const struct events *events);
void event_verdict(struct events *events, const struct transaction *transaction,
                   const struct decision *decision);
/* The record as archived. */
void event_brake(struct events *events, const struct record *record);
void event_policy_adopted(struct events *events, struct text name, uint64_t snapshot_id);
void event_policy_refused(struct events *events, const char *reason);
void event_generation_adopted(struct events *events, uint64_t generation_id, uint64_t position);
void event_generation_refused(struct events *events, const char *reason);
/* position: the last record that is written. */
void event_archive_failed(struct events *events, uint64_t position, const char *reason);
void event_archive_recovered(struct events *events, uint64_t position);
void event_state(struct events *events, const char *state, const char *was, const char *reason);
