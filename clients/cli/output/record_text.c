/* Every type of record in both forms; a new type of record does not compile before it is in both
 * switches. The text is for reading and may change; the JSON's members are described in
 * docs/CLI.md. Nothing is looked up: what a record does not carry is not shown. */
#include "record_text.h"

#include "clients/cli/io/money.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/base/value.h"
#include "core/policy/lists/brake.h"
#include "core/policy/lists/experiment.h"
#include "core/wire/types/transaction_json.h"
#include "decision_output.h"
#include "threshold_output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- for people --------------------------------------------------------------------------------
 */

/* RFC 3339, UTC. */
static void add_time(struct buffer *buffer, int64_t us) {
    char time[64];
    value_format(value_timestamp(us), time, sizeof time);
    buffer_printf(buffer, "%s", time);
}

/* Only the fields that are there, as NAME=VALUE. */
static void add_transaction(struct buffer *buffer, const struct transaction *transaction) {
    char money[MONEY_SIZE];
    buffer_printf(buffer, "%" TEXT_FORMAT " at ", TEXT_ARGS(transaction->id));
    add_time(buffer, transaction->event_time_us);
    if (transaction->currency.length)
        buffer_printf(buffer, " %s %" TEXT_FORMAT,
                      money_format(transaction->amount_minor, transaction->currency, money),
                      TEXT_ARGS(transaction->currency));
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
        if (transaction->fields[field].length)
            buffer_printf(buffer, " %s=%" TEXT_FORMAT, transaction_field_name(field),
                          TEXT_ARGS(transaction->fields[field]));
    if (transaction->has_location)
        buffer_printf(buffer, " location=%.7f,%.7f", transaction->latitude_e7 / 1e7,
                      transaction->longitude_e7 / 1e7);
    for (size_t i = 0; i < transaction->attribute_count; i++) {
        const struct attribute *attribute = &transaction->attributes[i];
        buffer_printf(buffer, " %" TEXT_FORMAT "=", TEXT_ARGS(attribute->name));
        if (attribute->type == ATTRIBUTE_TEXT)
            buffer_printf(buffer, "%" TEXT_FORMAT, TEXT_ARGS(attribute->text));
        else if (attribute->type == ATTRIBUTE_INTEGER)
            buffer_printf(buffer, "%" PRId64, attribute->integer);
        else if (attribute->type == ATTRIBUTE_NUMBER)
            buffer_printf(buffer, "%.17g", attribute->number);
        else if (attribute->type == ATTRIBUTE_FLAG)
            buffer_printf(buffer, "%s", attribute->flag ? "true" : "false");
    }
}

/* A shadow policy that refused the transaction has no verdict. */
static void add_shadows(struct buffer *buffer, const struct decision *decision) {
    char id[HASH_HEX_SIZE];
    for (size_t i = 0; i < decision->shadow_count; i++) {
        const struct shadow_decision *shadow = &decision->shadows[i];
        hash_hex(shadow->snapshot_id, id);
        if (shadow->verdict == VERDICT_NONE)
            buffer_printf(buffer, "; shadow %s: refused", id);
        else
            buffer_printf(buffer, "; shadow %s: %s %" PRIu32, id, verdict_name(shadow->verdict),
                          shadow->score);
    }
}

/* Records of older versions have the number alone, and others name only the first ones. */
static void add_failures(struct buffer *buffer, const struct decision *decision) {
    size_t named = decision->failed_rule_count;
    if (decision->rule_errors == 0)
        return;
    buffer_printf(buffer, " rules failed: ");
    for (size_t i = 0; i < named; i++)
        buffer_printf(buffer, "%s%" TEXT_FORMAT, i ? ", " : "",
                      TEXT_ARGS(decision->failed_rules[i]));
    if (named == 0)
        buffer_printf(buffer, "%" PRIu32, decision->rule_errors);
    else if (decision->rule_errors > named)
        buffer_printf(buffer, " and %zu more", decision->rule_errors - named);
}

/* Verdict and score, then the rules that gave them. */
static void add_decision(struct buffer *buffer, const struct decision *decision) {
    buffer_printf(buffer, " → %s %" PRIu32, verdict_name(decision->verdict), decision->score);
    for (size_t i = 0; i < decision->reason_count; i++)
        buffer_printf(buffer, "%s%" TEXT_FORMAT "%s%s", i ? ", " : " (",
                      TEXT_ARGS(decision->reasons[i].rule),
                      decision->reasons[i].shadow ? " in shadow" : "",
                      decision->reasons[i].suppressed ? " suppressed" : "");
    if (decision->reason_count)
        buffer_printf(buffer, ")");
    add_failures(buffer, decision);
    if (decision->arm != ARM_NONE)
        buffer_printf(buffer, " by the %s", arm_name(decision->arm));
    if (decision->degraded)
        buffer_printf(buffer, " degraded: %" TEXT_FORMAT, TEXT_ARGS(decision->degraded_reason));
    add_shadows(buffer, decision);
}

/* Fields and numbers; there is no value to show. */
static void add_erasure(struct buffer *buffer, const struct erasure_record *erasure) {
    buffer_printf(buffer, "%" PRIu64 " ", erasure->number);
    if (erasure->done)
        buffer_printf(buffer, "done: %" PRIu64 " records in %zu segments%s", erasure->records,
                      erasure->segment_count,
                      erasure->base_count ? ", and the tables of the beginning" : "");
    else
        buffer_printf(buffer, "begins: %zu values", erasure->key_count);
    if (erasure->source.length)
        buffer_printf(buffer, ", source %" TEXT_FORMAT, TEXT_ARGS(erasure->source));
}

/* The previous label as well: the record says what changed. */
static void add_outcome(struct buffer *buffer, const struct outcome_record *outcome) {
    buffer_printf(buffer, "%" TEXT_FORMAT " (position %" PRIu64 "): %s → %s",
                  TEXT_ARGS(outcome->transaction.id), outcome->transaction_position,
                  label_name(outcome->previous), label_name(outcome->label));
    if (outcome->source.length)
        buffer_printf(buffer, ", source %" TEXT_FORMAT, TEXT_ARGS(outcome->source));
}

static void add_amended(struct buffer *buffer, const struct amended *amended) {
    buffer_printf(buffer, "%s%" PRId64, amended->is_voided ? "voided " : "", amended->amount_minor);
    if (amended->refunded_minor)
        buffer_printf(buffer, " refunded %" PRId64, amended->refunded_minor);
}

/* What it was and what it is, in minor units. */
static void add_amendment(struct buffer *buffer, const struct amendment_record *amendment) {
    buffer_printf(buffer,
                  "%" TEXT_FORMAT " (position %" PRIu64 "): ", TEXT_ARGS(amendment->transaction.id),
                  amendment->transaction_position);
    add_amended(buffer, &amendment->previous);
    buffer_printf(buffer, " → ");
    add_amended(buffer, &amendment->now);
    if (amendment->transaction.currency.length)
        buffer_printf(buffer, " %" TEXT_FORMAT, TEXT_ARGS(amendment->transaction.currency));
    if (amendment->source.length)
        buffer_printf(buffer, ", source %" TEXT_FORMAT, TEXT_ARGS(amendment->source));
}

/* Who made it is in the JSON only. */
static void add_list_change(struct buffer *buffer, const struct list_change_record *change) {
    buffer_printf(buffer, "%" TEXT_FORMAT ": %s %" TEXT_FORMAT, TEXT_ARGS(change->list),
                  change->removed ? "removed" : "added", TEXT_ARGS(change->entry));
    if (change->expiry_time_us) {
        buffer_printf(buffer, " until ");
        add_time(buffer, change->expiry_time_us);
    }
    if (change->reason.length)
        buffer_printf(buffer, " (%" TEXT_FORMAT ")", TEXT_ARGS(change->reason));
}

/* "pulled on RULE: why", by hand with who did it. */
/* "baseline: 10% of customer to 0123456789abcdef lab, 4 files", or "baseline ended". */
static void add_experiment(struct buffer *buffer, const struct experiment_record *experiment) {
    char id[HASH_HEX_SIZE];
    hash_hex(experiment->snapshot_id, id);
    buffer_printf(buffer, "%" TEXT_FORMAT "%s", TEXT_ARGS(experiment->name),
                  experiment->ended ? " ended" : ": ");
    if (experiment->ended)
        return;
    experiment_put_share(buffer, experiment->share);
    buffer_printf(buffer, " of %" TEXT_FORMAT " to %s %" TEXT_FORMAT ", %zu files",
                  TEXT_ARGS(experiment->key), id, TEXT_ARGS(experiment->policy),
                  experiment->file_count);
}

static void add_brake(struct buffer *buffer, const struct brake_record *brake) {
    if (brake->rule.length)
        buffer_printf(buffer, "%s rule %" TEXT_FORMAT, brake->lifted ? "lifted from" : "pulled on",
                      TEXT_ARGS(brake->rule));
    else
        buffer_printf(buffer, "%s the policy", brake->lifted ? "lifted from" : "pulled on");
    if (brake->decisions > 0 || brake->reason.length) {
        buffer_printf(buffer, ": ");
        brake_put_reason(buffer, brake);
    }
    if (brake->source.length)
        buffer_printf(buffer, ", source %" TEXT_FORMAT, TEXT_ARGS(brake->source));
}

/* Id 0 records that a server went on without tables. */
static void add_generation(struct buffer *buffer, const struct generation_record *generation) {
    char id[HASH_HEX_SIZE];
    if (generation->generation_id == 0) {
        buffer_printf(buffer, "none any more");
        return;
    }
    hash_hex(generation->generation_id, id);
    buffer_printf(buffer, "%s at position %" PRIu64, id, generation->position);
    if (generation->file_count == 0)
        return;
    hash_hex(generation->snapshot_id, id);
    buffer_printf(buffer, ", built with policy %s, %zu files", id, generation->file_count);
}

/* The part of the line that depends on the type. */
static void add_payload(struct buffer *buffer, const struct record *record) {
    char id[HASH_HEX_SIZE];
    switch (record->type) {
    case RECORD_TRANSACTION:
        add_transaction(buffer, &record->transaction.transaction);
        add_decision(buffer, &record->transaction.decision);
        if (record->transaction.is_backfilled)
            buffer_printf(buffer, " backfilled");
        break;
    case RECORD_OUTCOME:
        add_outcome(buffer, &record->outcome);
        break;
    case RECORD_AMENDMENT:
        add_amendment(buffer, &record->amendment);
        break;
    case RECORD_LIST_CHANGE:
        add_list_change(buffer, &record->list_change);
        break;
    case RECORD_BRAKE:
        add_brake(buffer, &record->brake);
        break;
    case RECORD_EXPERIMENT:
        add_experiment(buffer, &record->experiment);
        break;
    case RECORD_ERASURE:
        add_erasure(buffer, &record->erasure);
        break;
    case RECORD_LOST:
        buffer_printf(buffer, "with records %" PRIu64 " to %" PRIu64 ": %" TEXT_FORMAT,
                      record->lost.first, record->lost.last, TEXT_ARGS(record->lost.file));
        break;
    case RECORD_SNAPSHOT:
    case RECORD_SHADOW:
        hash_hex(record->snapshot.snapshot_id, id);
        buffer_printf(buffer, "%s %" TEXT_FORMAT ", %zu files", id,
                      TEXT_ARGS(record->snapshot.name), record->snapshot.file_count);
        break;
    case RECORD_GENERATION:
        add_generation(buffer, &record->generation);
        threshold_output_record(&record->generation.thresholds, buffer);
        break;
    case RECORD_ENGINE:
        buffer_printf(buffer, "version %" TEXT_FORMAT ", engine definition %" PRIu32,
                      TEXT_ARGS(record->engine.version), engine_record_definition(&record->engine));
        if (record->engine.node.length > 0)
            buffer_printf(buffer, " on node %" TEXT_FORMAT, TEXT_ARGS(record->engine.node));
        break;
    case RECORD_TYPE_COUNT:
        break;
    }
}

void record_text(const struct record *record, const struct archive_frame *frame,
                 struct buffer *buffer) {
    buffer_printf(buffer, "%" PRIu64 " ", record->position);
    add_time(buffer, record->receive_time_us);
    buffer_printf(buffer, " %s ", record_type_name(record->type));
    add_payload(buffer, record);
    if (frame)
        buffer_printf(buffer, " [%s offset %" PRIu64 " length %" PRIu64 " crc %08" PRIx32 "]",
                      frame->file, frame->offset, frame->length, frame->crc);
}

/* --- JSON --------------------------------------------------------------------------------------
 */

/* Rules are numbers: their names are in the shadow policy's files. */
static void json_shadows(struct buffer *buffer, const struct decision *decision) {
    json_begin_array(buffer, "shadows");
    for (size_t i = 0; i < decision->shadow_count; i++) {
        const struct shadow_decision *shadow = &decision->shadows[i];
        json_begin_object(buffer, NULL);
        json_add_hex(buffer, "snapshot_id", shadow->snapshot_id);
        if (shadow->verdict != VERDICT_NONE)
            json_add_text(buffer, "verdict", text_of(verdict_name(shadow->verdict)));
        json_add_unsigned(buffer, "score", shadow->score);
        json_begin_array(buffer, "rules"); /* their numbers in the policy, from 0 */
        for (size_t j = 0; j < shadow->rule_count; j++)
            json_add_unsigned(buffer, NULL, shadow->rules[j]);
        json_end_array(buffer);
        json_add_unsigned(buffer, "rule_errors", shadow->rule_errors);
        json_add_bool(buffer, "degraded", shadow->degraded);
        json_end_object(buffer);
    }
    json_end_array(buffer);
}

/* Left out where there are none. */
static void add_baselines_json(struct buffer *buffer, const struct decision *decision) {
    if (decision->baseline_count == 0)
        return;
    json_begin_array(buffer, "baselines");
    for (size_t i = 0; i < decision->baseline_count; i++) {
        char number[64];
        value_format(value_double(decision->baselines[i].value), number, sizeof number);
        json_begin_object(buffer, NULL);
        json_add_hex(buffer, "definition", decision->baselines[i].definition);
        json_add_number(buffer, "value", number);
        json_end_object(buffer);
    }
    json_end_array(buffer);
}

/* Hashes and ids are strings of 16 hex digits: JSON's numbers do not hold 64 bits everywhere. */
static void json_decision(struct buffer *buffer, const struct decision *decision) {
    json_begin_object(buffer, "decision");
    json_add_text(buffer, "verdict", text_of(verdict_name(decision->verdict)));
    json_add_unsigned(buffer, "score", decision->score);
    json_begin_array(buffer, "reasons");
    for (size_t i = 0; i < decision->reason_count; i++)
        decision_json_reason(buffer, &decision->reasons[i]);
    json_end_array(buffer);
    json_add_hex(buffer, "snapshot_id", decision->snapshot_id);
    json_add_hex(buffer, "generation_id", decision->generation_id);
    json_add_hex(buffer, "feature_hash", decision->feature_hash);
    if (decision->arm != ARM_NONE)
        json_add_text(buffer, "arm", text_of(arm_name(decision->arm)));
    add_baselines_json(buffer, decision);
    decision_json_failures(buffer, decision);
    if (decision->degraded)
        json_add_text(buffer, "degraded", decision->degraded_reason);
    if (decision->shadow_count > 0)
        json_shadows(buffer, decision);
    json_end_object(buffer);
}

/* Times and source only if the record has them. */
static void json_outcome(struct buffer *buffer, const struct outcome_record *outcome) {
    json_add_text(buffer, "transaction_id", outcome->transaction.id);
    json_add_unsigned(buffer, "transaction_position", outcome->transaction_position);
    json_add_text(buffer, "previous", text_of(label_name(outcome->previous)));
    json_add_text(buffer, "label", text_of(label_name(outcome->label)));
    if (outcome->known_time_us)
        json_add_time(buffer, "known_time", outcome->known_time_us);
    if (outcome->source.length)
        json_add_text(buffer, "source", outcome->source);
}

static void json_amended(struct buffer *buffer, const char *name, const struct amended *amended) {
    json_begin_object(buffer, name);
    json_add_bool(buffer, "voided", amended->is_voided);
    json_add_signed(buffer, "amount_minor", amended->amount_minor);
    json_add_signed(buffer, "refunded_minor", amended->refunded_minor);
    json_end_object(buffer);
}

/* Also as `harrier amend` reads it. */
static void json_amendment(struct buffer *buffer, const struct amendment_record *amendment) {
    json_add_text(buffer, "transaction_id", amendment->transaction.id);
    json_add_unsigned(buffer, "transaction_position", amendment->transaction_position);
    json_amended(buffer, "previous", &amendment->previous);
    json_amended(buffer, "now", &amendment->now);
    struct amendment reported = amendment_between(&amendment->previous, &amendment->now);
    if (reported.kind != AMENDMENT_NONE)
        json_add_text(buffer, "amendment", text_of(amendment_kind_name(reported.kind)));
    if (reported.kind == AMENDMENT_CAPTURE || reported.kind == AMENDMENT_REFUND)
        json_add_signed(buffer, "amendment_amount_minor", reported.amount_minor);
    json_add_time(buffer, "known_time", amendment->known_time_us);
    if (amendment->source.length)
        json_add_text(buffer, "source", amendment->source);
}

/* Names of the files only; their contents would make a line of megabytes. */
static void json_snapshot(struct buffer *buffer, const struct snapshot_record *snapshot) {
    json_add_hex(buffer, "snapshot_id", snapshot->snapshot_id);
    json_add_text(buffer, "name", snapshot->name);
    json_begin_array(buffer, "files");
    for (size_t i = 0; i < snapshot->file_count; i++)
        json_add_text(buffer, NULL, snapshot->files[i].path);
    json_end_array(buffer);
}

/* "entry" is the text as it was given, before it was parsed. */
static void json_list_change(struct buffer *buffer, const struct list_change_record *change) {
    json_add_text(buffer, "list", change->list);
    json_add_text(buffer, "entry", change->entry);
    json_add_bool(buffer, "removed", change->removed);
    if (change->expiry_time_us)
        json_add_time(buffer, "expiry_time", change->expiry_time_us);
    if (change->source.length)
        json_add_text(buffer, "source", change->source);
    if (change->reason.length)
        json_add_text(buffer, "reason", change->reason);
}

/* The counts only if they pulled it. Without a rule it is the policy's. */
static void json_brake(struct buffer *buffer, const struct brake_record *brake) {
    if (brake->rule.length)
        json_add_text(buffer, "rule", brake->rule);
    json_add_hex(buffer, "definition", brake->definition);
    json_add_bool(buffer, "lifted", brake->lifted);
    if (brake->decisions > 0) {
        json_add_unsigned(buffer, "fires", brake->fires);
        json_add_unsigned(buffer, "decisions", brake->decisions);
        json_add_unsigned(buffer, "share_millionths", brake->share_e6);
        json_add_signed(buffer, "window_us", brake->window_us);
    }
    if (brake->source.length)
        json_add_text(buffer, "source", brake->source);
    if (brake->reason.length)
        json_add_text(buffer, "reason", brake->reason);
    if (brake->arm != ARM_NONE)
        json_add_text(buffer, "arm", text_of(arm_name(brake->arm)));
}

static void json_erasure(struct buffer *buffer, const struct erasure_record *erasure) {
    json_add_unsigned(buffer, "number", erasure->number);
    json_add_bool(buffer, "done", erasure->done);
    if (erasure->source.length)
        json_add_text(buffer, "source", erasure->source);
    if (!erasure->done) {
        json_add_unsigned(buffer, "values", erasure->key_count);
        return;
    }
    json_add_unsigned(buffer, "records", erasure->records);
    json_add_unsigned(buffer, "segments", erasure->segment_count);
    if (erasure->base_count)
        json_add_unsigned(buffer, "tables", erasure->base_count);
}

static void json_experiment(struct buffer *buffer, const struct experiment_record *experiment) {
    json_add_text(buffer, "experiment", experiment->name);
    json_add_bool(buffer, "ended", experiment->ended);
    if (experiment->ended)
        return;
    json_add_text(buffer, "key", experiment->key);
    json_add_unsigned(buffer, "share_e4", experiment->share);
    json_add_hex(buffer, "snapshot_id", experiment->snapshot_id);
    json_add_text(buffer, "name", experiment->policy);
    json_add_unsigned(buffer, "files", experiment->file_count);
}

/* Members follow those that every record has. */
static void json_payload(struct buffer *buffer, const struct record *record) {
    switch (record->type) {
    case RECORD_TRANSACTION:
        transaction_json_add(buffer, &record->transaction.transaction, NULL);
        json_decision(buffer, &record->transaction.decision);
        if (record->transaction.is_backfilled)
            json_add_bool(buffer, "backfilled", true);
        break;
    case RECORD_OUTCOME:
        json_outcome(buffer, &record->outcome);
        if (record->outcome.is_backfilled)
            json_add_bool(buffer, "backfilled", true);
        break;
    case RECORD_AMENDMENT:
        json_amendment(buffer, &record->amendment);
        if (record->amendment.is_backfilled)
            json_add_bool(buffer, "backfilled", true);
        break;
    case RECORD_LIST_CHANGE:
        json_list_change(buffer, &record->list_change);
        break;
    case RECORD_BRAKE:
        json_brake(buffer, &record->brake);
        break;
    case RECORD_EXPERIMENT:
        json_experiment(buffer, &record->experiment);
        break;
    case RECORD_ERASURE:
        json_erasure(buffer, &record->erasure);
        break;
    case RECORD_LOST:
        json_add_unsigned(buffer, "first", record->lost.first);
        json_add_unsigned(buffer, "last", record->lost.last);
        json_add_text(buffer, "file", record->lost.file);
        break;
    case RECORD_SNAPSHOT:
    case RECORD_SHADOW:
        json_snapshot(buffer, &record->snapshot);
        break;
    case RECORD_GENERATION:
        json_add_hex(buffer, "generation_id", record->generation.generation_id);
        json_add_unsigned(buffer, "generation_position", record->generation.position);
        json_add_hex(buffer, "chain", record->generation.chain);
        json_add_hex(buffer, "plan_id", record->generation.plan_id);
        json_add_hex(buffer, "snapshot_id", record->generation.snapshot_id);
        threshold_output_record_json(&record->generation.thresholds, buffer);
        break;
    case RECORD_ENGINE:
        json_add_text(buffer, "version", record->engine.version);
        json_add_unsigned(buffer, "definition", engine_record_definition(&record->engine));
        if (record->engine.node.length > 0)
            json_add_text(buffer, "node", record->engine.node);
        break;
    case RECORD_TYPE_COUNT:
        break;
    }
}

void record_json(const struct record *record, const struct archive_frame *frame,
                 struct buffer *buffer) {
    char crc[16];
    json_begin_object(buffer, NULL);
    json_add_unsigned(buffer, "position", record->position);
    json_add_time(buffer, "receive_time", record->receive_time_us);
    json_add_text(buffer, "type", text_of(record_type_name(record->type)));
    json_payload(buffer, record);
    if (frame) {
        json_begin_object(buffer, "frame");
        json_add_text(buffer, "file", text_of(frame->file));
        json_add_unsigned(buffer, "offset", frame->offset);
        json_add_unsigned(buffer, "length", frame->length);
        snprintf(crc, sizeof crc, "%08" PRIx32, frame->crc);
        json_add_text(buffer, "crc", text_of(crc));
        json_add_hex(buffer, "chain", frame->chain);
        json_end_object(buffer);
    }
    json_end_object(buffer);
}
