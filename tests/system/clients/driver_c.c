/* The driver of libharrier for the scenarios; driver.py says what it reads and writes.
 *
 * Each call has a thread of its own, so calls that wait are under way together. */
#include "clients/c/harrier_analyst.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ADDRESSES_MAX     8
#define THREAD_STACK_SIZE (256 << 10)
#define BATCH_WINDOW_US   20000
#define BATCH_SIZE_MAX    50

struct driver {
    struct harrier_client *client;
    struct harrier_batcher *batcher;
    pthread_mutex_t mutex; /* standard output, and what follows */
    pthread_cond_t fewer;
    size_t calls;      /* that have not been answered */
    struct job *ended; /* whose threads are to be joined */
    json_t *metrics;   /* what was reported to the hook */
};

struct job {
    struct driver *driver;
    json_t *command;
    pthread_t thread;
    struct job *next; /* ended */
};

static _Noreturn void die(const char *what) {
    fprintf(stderr, "driver_c: %s\n", what);
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        die("out of memory");
    return memory;
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static const char *text(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

static int64_t integer(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

static uint64_t deadline_us(const json_t *object) {
    return (uint64_t)(json_number_value(json_object_get(object, "deadline_ms")) * 1000);
}

/* Takes the answer. */
static void say(struct driver *driver, const json_t *command, json_t *answer) {
    json_object_set(answer, "seq", json_object_get(command, "seq"));
    char *line = json_dumps(answer, JSON_COMPACT);
    if (!line)
        die("an answer cannot be written");
    pthread_mutex_lock(&driver->mutex);
    puts(line);
    fflush(stdout);
    pthread_mutex_unlock(&driver->mutex);
    free(line);
    json_decref(answer);
}

static json_t *error_object(enum harrier_error_code code, const char *field, const char *message,
                            enum harrier_decided decided) {
    return json_pack("{s:{s:s,s:s,s:s,s:o}}", "error", "code", harrier_error_name(code), "field",
                     field, "message", message, "decided",
                     decided == HARRIER_DECIDED_NO ? json_false() : json_null());
}

static json_t *failure_object(const struct harrier_error *error) {
    return error_object(error->code, error->field, error->message, error->decided);
}

/* ---------------------------------------------------------------------------------------------
 * Scoring */

static struct harrier_attribute attribute_from(const json_t *object) {
    const char *name = text(object, "name");
    const json_t *value;
    if ((value = json_object_get(object, "text")))
        return harrier_text(name, json_string_value(value));
    if ((value = json_object_get(object, "integer")))
        return harrier_integer(name, json_integer_value(value));
    if ((value = json_object_get(object, "number")))
        return harrier_number(name, json_number_value(value));
    return harrier_flag(name, json_is_true(json_object_get(object, "flag")));
}

/* The attributes are the caller's to free. */
static struct harrier_transaction transaction_from(const json_t *object) {
    const json_t *listed = json_object_get(object, "attributes");
    struct harrier_attribute *attributes = allocate(json_array_size(listed), sizeof *attributes);
    for (size_t i = 0; i < json_array_size(listed); i++)
        attributes[i] = attribute_from(json_array_get(listed, i));
    return (struct harrier_transaction){.id = text(object, "id"),
                                        .event_time_us = integer(object, "event_time_us"),
                                        .amount_minor = integer(object, "amount_minor"),
                                        .currency = text(object, "currency"),
                                        .card = text(object, "card"),
                                        .merchant = text(object, "merchant"),
                                        .country = text(object, "country"),
                                        .attributes = attributes,
                                        .attribute_count = json_array_size(listed),
                                        .source = text(object, "source"),
                                        .sequence = (uint64_t)integer(object, "sequence")};
}

static json_t *decision_object(const struct harrier_decision *decision) {
    json_t *reasons = json_array();
    for (size_t i = 0; i < decision->reason_count; i++)
        json_array_append_new(reasons, json_string(decision->reasons[i].rule));
    json_t *failed = json_array();
    for (size_t i = 0; i < decision->failed_rule_count; i++)
        json_array_append_new(failed, json_string(decision->failed_rules[i]));
    return json_pack("{s:{s:s,s:s,s:I,s:I,s:b,s:b,s:s,s:o,s:o}}", "decision", "transaction_id",
                     decision->transaction_id, "verdict", harrier_verdict_name(decision->verdict),
                     "score", (json_int_t)decision->score, "position",
                     (json_int_t)decision->position, "duplicate", (int)decision->duplicate,
                     "fallback", (int)decision->fallback, "fallback_reason",
                     decision->fallback_reason, "reasons", reasons, "failed_rules", failed);
}

static json_t *score_results(const struct harrier_reply *reply) {
    json_t *results = json_array();
    for (size_t i = 0; i < reply->result_count; i++) {
        const struct harrier_result *result = &reply->results[i];
        json_array_append_new(
            results, result->error_code ? error_object(result->error_code, result->error_field,
                                                       result->error_message, result->error_decided)
                                        : decision_object(&result->decision));
    }
    return json_pack("{s:o}", "results", results);
}

static json_t *score(struct driver *driver, const json_t *command) {
    const json_t *listed = json_object_get(command, "transactions");
    size_t count = json_array_size(listed);
    struct harrier_transaction *transactions = allocate(count, sizeof *transactions);
    for (size_t i = 0; i < count; i++)
        transactions[i] = transaction_from(json_array_get(listed, i));
    struct harrier_score_options options = {.deadline_us = deadline_us(command),
                                            .traceparent = text(command, "traceparent"),
                                            .dry_run =
                                                json_is_true(json_object_get(command, "dry_run"))};
    struct harrier_reply *reply;
    struct harrier_error error;
    int r = harrier_score(driver->client, transactions, count, &options, &reply, &error);
    for (size_t i = 0; i < count; i++)
        free((void *)transactions[i].attributes);
    free(transactions);
    if (r < 0)
        return failure_object(&error);
    json_t *answer = score_results(reply);
    harrier_reply_free(reply);
    return answer;
}

static json_t *batch(struct driver *driver, const json_t *command) {
    struct harrier_transaction transaction =
        transaction_from(json_object_get(command, "transaction"));
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    struct harrier_reply *reply;
    struct harrier_error error;
    int r = harrier_batcher_score(driver->batcher, &transaction, &options, &reply, &error);
    free((void *)transaction.attributes);
    if (r < 0)
        return json_pack("{s:[o]}", "results", failure_object(&error));
    json_t *answer = score_results(reply);
    harrier_reply_free(reply);
    return answer;
}

/* ---------------------------------------------------------------------------------------------
 * Outcomes, amendments, status */

static enum harrier_label label_from(const char *name) {
    for (int label = 0; label < HARRIER_LABEL_COUNT; label++)
        if (strcmp(harrier_label_name((enum harrier_label)label), name) == 0)
            return (enum harrier_label)label;
    die("a label that is not known");
}

static json_t *outcome_results(const struct harrier_reply *reply) {
    json_t *results = json_array();
    for (size_t i = 0; i < reply->outcome_count; i++) {
        const struct harrier_outcome_result *result = &reply->outcomes[i];
        json_array_append_new(
            results, result->error_code
                         ? error_object(result->error_code, result->error_field,
                                        result->error_message, result->error_decided)
                         : json_pack("{s:{s:b,s:s}}", "accepted", "changed", (int)result->changed,
                                     "previous", harrier_label_name(result->previous)));
    }
    return json_pack("{s:o}", "results", results);
}

static json_t *report_outcomes(struct driver *driver, const json_t *command) {
    const json_t *listed = json_object_get(command, "outcomes");
    size_t count = json_array_size(listed);
    struct harrier_outcome *outcomes = allocate(count, sizeof *outcomes);
    for (size_t i = 0; i < count; i++) {
        const json_t *outcome = json_array_get(listed, i);
        outcomes[i] = (struct harrier_outcome){.transaction_id = text(outcome, "transaction_id"),
                                               .label = label_from(text(outcome, "label"))};
    }
    struct harrier_reply *reply;
    struct harrier_error error;
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    int r = harrier_report_outcomes(driver->client, outcomes, count, &options, &reply, &error);
    free(outcomes);
    if (r < 0)
        return failure_object(&error);
    json_t *answer = outcome_results(reply);
    harrier_reply_free(reply);
    return answer;
}

static enum harrier_amendment_kind kind_from(const char *name) {
    for (int kind = HARRIER_AMENDMENT_VOID; kind <= HARRIER_AMENDMENT_RESTORE; kind++)
        if (strcmp(harrier_amendment_kind_name((enum harrier_amendment_kind)kind), name) == 0)
            return (enum harrier_amendment_kind)kind;
    die("a kind of amendment that is not known");
}

static json_t *amended_object(const struct harrier_amended *amended) {
    return json_pack("{s:b,s:I,s:I}", "voided", (int)amended->voided, "amount_minor",
                     (json_int_t)amended->amount_minor, "refunded_minor",
                     (json_int_t)amended->refunded_minor);
}

static json_t *amendment_object(const struct harrier_amendment_result *result) {
    if (result->error_code)
        return error_object(result->error_code, result->error_field, result->error_message,
                            result->error_decided);
    return json_pack("{s:{s:s,s:I,s:b,s:o,s:o}}", "accepted", "transaction_id",
                     result->transaction_id, "position", (json_int_t)result->position, "changed",
                     (int)result->changed, "previous", amended_object(&result->previous), "now",
                     amended_object(&result->now));
}

static json_t *amend(struct driver *driver, const json_t *command) {
    const json_t *listed = json_object_get(command, "amendments");
    size_t count = json_array_size(listed);
    struct harrier_amendment *amendments = allocate(count, sizeof *amendments);
    for (size_t i = 0; i < count; i++) {
        const json_t *amendment = json_array_get(listed, i);
        amendments[i] =
            (struct harrier_amendment){.transaction_id = text(amendment, "transaction_id"),
                                       .kind = kind_from(text(amendment, "kind")),
                                       .amount_minor = integer(amendment, "amount_minor"),
                                       .known_time_us = integer(amendment, "known_time_us"),
                                       .source = text(amendment, "source"),
                                       .currency = text(amendment, "currency")};
    }
    struct harrier_reply *reply;
    struct harrier_error error;
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    int r = harrier_amend(driver->client, amendments, count, &options, &reply, &error);
    free(amendments);
    if (r < 0)
        return failure_object(&error);
    json_t *results = json_array();
    for (size_t i = 0; i < reply->amendment_count; i++)
        json_array_append_new(results, amendment_object(&reply->amendments[i]));
    harrier_reply_free(reply);
    return json_pack("{s:o}", "results", results);
}

static json_t *status(struct driver *driver, const json_t *command) {
    struct harrier_reply *reply;
    struct harrier_error error;
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    if (harrier_status(driver->client, false, &options, &reply, &error) < 0)
        return failure_object(&error);
    const struct harrier_status *found = reply->status;
    json_t *answer =
        json_pack("{s:{s:s,s:I,s:s,s:s,s:I}}", "status", "state", found->state, "transactions",
                  (json_int_t)found->transactions, "node", found->node, "primary", found->primary,
                  "committed_position", (json_int_t)found->committed_position);
    harrier_reply_free(reply);
    return answer;
}

/* ---------------------------------------------------------------------------------------------
 * Entities and lists */

static json_t *hexadecimal(uint64_t number) {
    char room[17];
    snprintf(room, sizeof room, "%016llx", (unsigned long long)number);
    return json_string(room);
}

/* In microseconds, if it is a time or a duration. */
static json_t *value_object(const struct harrier_feature *feature) {
    switch (feature->type) {
    case HARRIER_VALUE_ABSENT:
        return json_null();
    case HARRIER_VALUE_FLAG:
        return json_boolean(feature->value.flag);
    case HARRIER_VALUE_NUMBER:
        return json_real(feature->value.number);
    case HARRIER_VALUE_TEXT:
        return json_string(feature->value.text);
    case HARRIER_VALUE_INTEGER:
    case HARRIER_VALUE_TIMESTAMP:
    case HARRIER_VALUE_DURATION:
        return json_integer(feature->value.integer);
    }
    die("a type of value that is not known");
}

static json_t *values_object(const struct harrier_feature *features, size_t count) {
    json_t *values = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(values, features[i].name, value_object(&features[i]));
    return values;
}

static json_t *get_entity(struct driver *driver, const json_t *command) {
    const json_t *listed = json_object_get(command, "key");
    size_t count = json_array_size(listed);
    const char **key = allocate(count, sizeof *key);
    for (size_t i = 0; i < count; i++)
        key[i] = json_string_value(json_array_get(listed, i));
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    struct harrier_reply *reply;
    struct harrier_error error;
    int r = harrier_get_entity(driver->client, text(command, "entity"), key, count,
                               integer(command, "at_time_us"), &options, &reply, &error);
    free(key);
    if (r < 0)
        return failure_object(&error);
    const struct harrier_entity *entity = reply->entity;
    json_t *answer =
        json_pack("{s:{s:o,s:I,s:I,s:I,s:I,s:o}}", "entity", "features",
                  values_object(entity->features, entity->feature_count), "newest_time_us",
                  (json_int_t)entity->newest_time_us, "at_time_us", (json_int_t)entity->at_time_us,
                  "entries", (json_int_t)entity->entries, "state_bytes",
                  (json_int_t)entity->state_bytes, "state_hash", hexadecimal(entity->state_hash));
    harrier_reply_free(reply);
    return answer;
}

static json_t *change_object(const struct harrier_list_result *result) {
    if (result->error_code)
        return error_object(result->error_code, result->error_field, result->error_message,
                            result->error_decided);
    return json_pack("{s:{s:s,s:s,s:I,s:b,s:b,s:I,s:b}}", "changed", "list", result->list, "value",
                     result->value, "position", (json_int_t)result->position, "changed",
                     (int)result->changed, "was_there", (int)result->was_there,
                     "previous_expiry_time_us", (json_int_t)result->previous_expiry_time_us,
                     "in_policy", (int)result->in_policy);
}

static json_t *change_lists(struct driver *driver, const json_t *command) {
    const json_t *listed = json_object_get(command, "changes");
    size_t count = json_array_size(listed);
    struct harrier_list_change *changes = allocate(count, sizeof *changes);
    for (size_t i = 0; i < count; i++) {
        const json_t *change = json_array_get(listed, i);
        changes[i] = (struct harrier_list_change){
            .list = text(change, "list"),
            .value = text(change, "value"),
            .remove = json_is_true(json_object_get(change, "remove")),
            .expiry_time_us = integer(change, "expiry_time_us"),
            .source = text(change, "source"),
            .reason = text(change, "reason"),
        };
    }
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    struct harrier_reply *reply;
    struct harrier_error error;
    int r = harrier_change_lists(driver->client, changes, count, &options, &reply, &error);
    free(changes);
    if (r < 0)
        return failure_object(&error);
    json_t *results = json_array();
    for (size_t i = 0; i < reply->list_change_count; i++)
        json_array_append_new(results, change_object(&reply->list_changes[i]));
    harrier_reply_free(reply);
    return json_pack("{s:o}", "results", results);
}

static json_t *change_brake(struct driver *driver, const json_t *command) {
    const struct harrier_brake_change change = {
        .rule = text(command, "rule"),
        .policy = json_is_true(json_object_get(command, "policy")),
        .pull = json_is_true(json_object_get(command, "pull")),
        .source = text(command, "source"),
        .reason = text(command, "reason")};
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_change_brake(driver->client, &change, &options, &reply, &error) < 0)
        return failure_object(&error);
    json_t *result = json_pack("{s:b,s:I}", "changed", (int)reply->brake_change->changed,
                               "position", (json_int_t)reply->brake_change->position);
    harrier_reply_free(reply);
    return json_pack("{s:[o]}", "results", result);
}

static json_t *summary_object(const struct harrier_list *list) {
    return json_pack("{s:s,s:s,s:b,s:b,s:I,s:I,s:I,s:I}", "list", list->name, "type", list->type,
                     "declared", (int)list->declared, "runtime", (int)list->runtime,
                     "policy_entries", (json_int_t)list->policy_entries, "added_entries",
                     (json_int_t)list->added_entries, "used_entries",
                     (json_int_t)list->used_entries, "changes", (json_int_t)list->changes);
}

static json_t *entry_object(const struct harrier_list_entry *entry) {
    return json_pack("{s:s,s:I,s:I,s:s,s:s}", "value", entry->value, "expiry_time_us",
                     (json_int_t)entry->expiry_time_us, "position", (json_int_t)entry->position,
                     "source", entry->source, "reason", entry->reason);
}

static json_t *get_list(struct driver *driver, const json_t *command) {
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_get_list(driver->client, text(command, "list"),
                         (uint64_t)integer(command, "after_position"),
                         (unsigned)integer(command, "limit"), &options, &reply, &error) < 0)
        return failure_object(&error);
    json_t *lists = json_array(), *entries = json_array();
    for (size_t i = 0; i < reply->lists->list_count; i++)
        json_array_append_new(lists, summary_object(&reply->lists->lists[i]));
    for (size_t i = 0; i < reply->lists->entry_count; i++)
        json_array_append_new(entries, entry_object(&reply->lists->entries[i]));
    json_t *answer = json_pack("{s:o,s:o,s:I}", "lists", lists, "entries", entries, "next_position",
                               (json_int_t)reply->lists->next_position);
    harrier_reply_free(reply);
    return answer;
}

/* ---------------------------------------------------------------------------------------------
 * Reload */

static json_t *reload(struct driver *driver, const json_t *command) {
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_reload(driver->client, json_is_true(json_object_get(command, "wait")), &options,
                       &reply, &error) < 0)
        return failure_object(&error);
    const struct harrier_folder_reload *policy = &reply->reload->policy;
    json_t *shadows = json_array();
    for (size_t i = 0; i < reply->reload->shadow_count; i++) {
        const struct harrier_folder_reload *shadow = &reply->reload->shadows[i];
        json_array_append_new(
            shadows, json_pack("{s:s,s:s,s:s}", "folder", shadow->folder, "result",
                               harrier_reload_result_name(shadow->result), "error", shadow->error));
    }
    json_t *answer = json_pack("{s:{s:s,s:s,s:o,s:s,s:s,s:o}}", "reload", "result",
                               policy->result ? harrier_reload_result_name(policy->result) : "none",
                               "policy_name", policy->policy_name, "snapshot_id",
                               hexadecimal(policy->snapshot_id), "error", policy->error, "messages",
                               policy->messages, "shadows", shadows);
    harrier_reply_free(reply);
    return answer;
}

/* ---------------------------------------------------------------------------------------------
 * Explain */

/* A decision without the word around it that tells it from an error. */
static json_t *plain_decision(const struct harrier_decision *decision) {
    json_t *around = decision_object(decision);
    json_t *plain = json_incref(json_object_get(around, "decision"));
    json_decref(around);
    return plain;
}

static json_t *explained_entities(const struct harrier_explanation *explanation) {
    json_t *entities = json_array();
    for (size_t i = 0; i < explanation->entity_count; i++) {
        const struct harrier_explained_entity *entity = &explanation->entities[i];
        json_array_append_new(entities,
                              json_pack("{s:s,s:s,s:I,s:b}", "name", entity->name, "key",
                                        entity->key, "entries", (json_int_t)entity->entries,
                                        "in_tables", (int)entity->in_tables));
    }
    return entities;
}

static json_t *explained_outcomes(const struct harrier_explanation *explanation) {
    json_t *outcomes = json_array();
    for (size_t i = 0; i < explanation->outcome_count; i++) {
        const struct harrier_explained_outcome *outcome = &explanation->outcomes[i];
        json_array_append_new(outcomes, json_pack("{s:s,s:s,s:s}", "previous",
                                                  harrier_label_name(outcome->previous), "label",
                                                  harrier_label_name(outcome->label), "source",
                                                  outcome->source));
    }
    return outcomes;
}

static json_t *explained_amendments(const struct harrier_explanation *explanation) {
    json_t *amendments = json_array();
    for (size_t i = 0; i < explanation->amendment_count; i++) {
        const struct harrier_explained_amendment *amendment = &explanation->amendments[i];
        json_array_append_new(
            amendments,
            json_pack("{s:I,s:I,s:I,s:o,s:o,s:s}", "position", (json_int_t)amendment->position,
                      "receive_time_us", (json_int_t)amendment->receive_time_us, "known_time_us",
                      (json_int_t)amendment->known_time_us, "previous",
                      amended_object(&amendment->previous), "now", amended_object(&amendment->now),
                      "source", amendment->source));
    }
    return amendments;
}

static const char *mode_name(enum harrier_rule_mode mode) {
    switch (mode) {
    case HARRIER_RULE_LIVE:
        return "live";
    case HARRIER_RULE_SHADOW:
        return "shadow";
    case HARRIER_RULE_OFF:
        return "off";
    }
    die("a mode that is not known");
}

static json_t *explained_rules(const struct harrier_explained_policy *policy) {
    json_t *rules = json_array();
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct harrier_explained_rule *rule = &policy->rules[i];
        json_t *parts = json_array();
        for (size_t k = 0; k < rule->part_count; k++)
            json_array_append_new(parts, json_string(rule->parts[k].text));
        json_array_append_new(rules, json_pack("{s:s,s:s,s:s,s:i,s:o}", "name", rule->name, "mode",
                                               mode_name(rule->mode), "fate",
                                               harrier_rule_fate_name(rule->fate), "score",
                                               (int)rule->score, "parts", parts));
    }
    return rules;
}

static json_t *explained_cutoffs(const struct harrier_explained_policy *policy) {
    json_t *cutoffs = json_array();
    for (size_t i = 0; i < policy->cutoff_count; i++)
        json_array_append_new(cutoffs, json_pack("{s:s,s:I}", "verdict",
                                                 harrier_verdict_name(policy->cutoffs[i].verdict),
                                                 "score", (json_int_t)policy->cutoffs[i].score));
    return cutoffs;
}

static json_t *explanation_object(const struct harrier_explanation *explanation) {
    const struct harrier_explained_policy *policy = &explanation->then;
    json_t *fields = json_array();
    for (size_t i = 0; i < policy->field_count; i++)
        json_array_append_new(fields, json_string(policy->fields[i].name));
    return json_pack(
        "{s:s,s:I,s:b,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "transaction_id",
        explanation->transaction.id, "position", (json_int_t)explanation->position, "equal",
        (int)explanation->equal, "difference", explanation->difference, "archived",
        plain_decision(&explanation->archived), "derived", plain_decision(&policy->decision),
        "features", values_object(policy->decision.features, policy->decision.feature_count),
        "entities", explained_entities(explanation), "outcomes", explained_outcomes(explanation),
        "amendments", explained_amendments(explanation), "rules", explained_rules(policy),
        "cutoffs", explained_cutoffs(policy), "fields", fields);
}

static json_t *explain(struct driver *driver, const json_t *command) {
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_explain(driver->client, text(command, "transaction_id"), &options, &reply, &error) <
        0)
        return failure_object(&error);
    json_t *answer = json_pack("{s:o}", "explanation", explanation_object(reply->explanation));
    harrier_reply_free(reply);
    return answer;
}

static uint32_t bits_of(const json_t *names, const char *(*name_of)(int number), int count) {
    uint32_t bits = 0;
    for (size_t i = 0; i < json_array_size(names); i++)
        for (int number = 0; number < count; number++)
            if (strcmp(name_of(number), json_string_value(json_array_get(names, i))) == 0)
                bits |= 1u << number;
    return bits;
}

static const char *verdict_of_number(int number) {
    return harrier_verdict_name((enum harrier_verdict)number);
}

static const char *label_of_number(int number) {
    return harrier_label_name((enum harrier_label)number);
}

static json_t *found_object(const struct harrier_found *found) {
    return json_pack(
        "{s:s,s:s,s:s,s:I,s:s,s:o}", "transaction_id", found->transaction.id, "card",
        found->transaction.card, "verdict", harrier_verdict_name(found->decision.verdict),
        "position", (json_int_t)found->decision.position, "label", harrier_label_name(found->label),
        "voided", found->is_amended ? json_boolean(found->amended.voided) : json_null());
}

static json_t *find(struct driver *driver, const json_t *command) {
    const struct harrier_call_options options = {.deadline_us = deadline_us(command)};
    const json_t *score = json_object_get(command, "score");
    const struct harrier_find_key key = {.field = "card", .value = text(command, "card")};
    const struct harrier_find_query query = {
        .verdicts = bits_of(json_object_get(command, "verdicts"), verdict_of_number, 5),
        .labels = bits_of(json_object_get(command, "labels"), label_of_number, 5),
        .has_score = score != NULL,
        .score_min = (uint32_t)json_integer_value(json_array_get(score, 0)),
        .score_max = (uint32_t)json_integer_value(json_array_get(score, 1)),
        .rule = text(command, "rule"),
        .shadow = json_is_true(json_object_get(command, "shadow")),
        .keys = &key,
        .key_count = key.value != NULL,
        .limit = (uint32_t)integer(command, "limit"),
        .cursor = text(command, "cursor"),
    };
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_find(driver->client, &query, &options, &reply, &error) < 0)
        return failure_object(&error);
    json_t *found = json_array();
    for (size_t i = 0; i < reply->findings->found_count; i++)
        json_array_append_new(found, found_object(&reply->findings->found[i]));
    json_t *answer = json_pack("{s:{s:s,s:b,s:o}}", "findings", "cursor", reply->findings->cursor,
                               "incomplete", (int)reply->findings->incomplete, "found", found);
    harrier_reply_free(reply);
    return answer;
}

/* ---------------------------------------------------------------------------------------------
 * Calls */

static const struct {
    const char *name;
    json_t *(*make)(struct driver *driver, const json_t *command);
} calls[] = {
    {"score", score},
    {"batch", batch},
    {"outcome", report_outcomes},
    {"status", status},
    {"entity", get_entity},
    {"change_list", change_lists},
    {"get_list", get_list},
    {"reload", reload},
    {"explain", explain},
    {"amend", amend},
    {"change_brake", change_brake},
    {"find", find},
};

/* Its index; the number of calls if it is none. */
static size_t find_call(const char *name) {
    size_t i = 0;
    while (i < sizeof calls / sizeof *calls && strcmp(calls[i].name, name) != 0)
        i++;
    return i;
}

static bool is_call(const char *name) {
    return find_call(name) < sizeof calls / sizeof *calls;
}

static void *run_job(void *argument) {
    struct job *job = argument;
    struct driver *driver = job->driver;
    double begun_ms = now_ms();
    json_t *answer = calls[find_call(text(job->command, "do"))].make(driver, job->command);
    json_object_set_new(answer, "ms", json_real(now_ms() - begun_ms));
    say(driver, job->command, answer);
    json_decref(job->command);
    pthread_mutex_lock(&driver->mutex);
    job->next = driver->ended;
    driver->ended = job;
    driver->calls--;
    pthread_cond_signal(&driver->fewer);
    pthread_mutex_unlock(&driver->mutex);
    return NULL;
}

/* Not detached: what OpenSSL keeps for a thread is freed as that ends, which must not be after the
 * process's own end. */
static void join_ended(struct driver *driver) {
    pthread_mutex_lock(&driver->mutex);
    struct job *ended = driver->ended;
    driver->ended = NULL;
    pthread_mutex_unlock(&driver->mutex);
    for (struct job *next; ended; ended = next) {
        next = ended->next;
        pthread_join(ended->thread, NULL);
        free(ended);
    }
}

static void start_job(struct driver *driver, json_t *command) {
    struct job *job = allocate(1, sizeof *job);
    *job = (struct job){.driver = driver, .command = json_deep_copy(command)};
    join_ended(driver);
    pthread_mutex_lock(&driver->mutex);
    driver->calls++;
    pthread_mutex_unlock(&driver->mutex);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_SIZE);
    /* The thread may be in `ended` before this returns: it is joined by this thread only. */
    if (pthread_create(&job->thread, &attributes, run_job, job) != 0)
        die("cannot create a thread");
    pthread_attr_destroy(&attributes);
}

/* ---------------------------------------------------------------------------------------------
 * Metrics */

static void note(struct driver *driver, const char *kind, const char *name, double value,
                 const struct harrier_metric_label *labels, size_t label_count) {
    json_t *shown = json_object();
    for (size_t i = 0; i < label_count; i++)
        json_object_set_new(shown, labels[i].name, json_string(labels[i].value));
    pthread_mutex_lock(&driver->mutex);
    json_array_append_new(driver->metrics, json_pack("[s,s,f,o]", kind, name, value, shown));
    pthread_mutex_unlock(&driver->mutex);
}

static void on_count(const char *name, double value, const struct harrier_metric_label *labels,
                     size_t label_count, void *user) {
    note(user, "count", name, value, labels, label_count);
}

static void on_observe(const char *name, double value, const struct harrier_metric_label *labels,
                       size_t label_count, void *user) {
    note(user, "observe", name, value, labels, label_count);
}

static void on_set(const char *name, double value, const struct harrier_metric_label *labels,
                   size_t label_count, void *user) {
    note(user, "set", name, value, labels, label_count);
}

static json_t *reported_metrics(struct driver *driver) {
    pthread_mutex_lock(&driver->mutex);
    json_t *copy = json_deep_copy(driver->metrics);
    pthread_mutex_unlock(&driver->mutex);
    return json_pack("{s:o}", "metrics", copy);
}

/* ---------------------------------------------------------------------------------------------
 * Opening and closing */

static enum harrier_verdict verdict_from(const char *name) {
    for (int verdict = 0; verdict <= HARRIER_VERDICT_DECLINE; verdict++)
        if (strcmp(harrier_verdict_name((enum harrier_verdict)verdict), name) == 0)
            return (enum harrier_verdict)verdict;
    die("a verdict that is not known");
}

static int retries_from(const json_t *given) {
    const json_t *retries = json_object_get(given, "retries_max");
    if (!retries)
        return 0; /* as it is by default */
    return json_integer_value(retries) == 0 ? HARRIER_RETRIES_NONE
                                            : (int)json_integer_value(retries);
}

static json_t *open_client(struct driver *driver, const json_t *command) {
    const json_t *given = json_object_get(command, "options");
    const json_t *addresses = json_object_get(given, "addresses");
    const char *listed[ADDRESSES_MAX];
    const char *fallback = text(given, "fallback");
    const struct harrier_metrics metrics = {
        .count = on_count, .observe = on_observe, .set = on_set, .user = driver};
    const struct harrier_tls tls = {.ca_file = text(given, "tls_ca_file")};
    struct harrier_options options = {
        .tls = tls.ca_file ? &tls : NULL,
        .addresses = listed,
        .address_count = json_array_size(addresses),
        .deadline_us = deadline_us(given),
        .fallback = fallback ? verdict_from(fallback) : HARRIER_VERDICT_NONE,
        .retries_max = retries_from(given),
        .in_flight_max = (unsigned)integer(given, "in_flight_max"),
        .eject_after = (unsigned)integer(given, "eject_after"),
        .metrics = &metrics,
        .token = text(given, "token"),
    };
    if (!options.token)
        options.token = text(given, "changing_token");
    const struct harrier_batcher_options batches = {.window_us = BATCH_WINDOW_US,
                                                    .size_max = BATCH_SIZE_MAX};
    struct harrier_error error;
    if (options.address_count > ADDRESSES_MAX)
        return json_pack("{s:s}", "broken", "more addresses than this driver has room for");
    for (size_t i = 0; i < options.address_count; i++)
        listed[i] = json_string_value(json_array_get(addresses, i));
    if (driver->client)
        return json_pack("{s:s}", "broken", "a client is open already");
    json_array_clear(driver->metrics);
    if (harrier_client_new(&options, &driver->client, &error) < 0 ||
        harrier_batcher_new(driver->client, &batches, &driver->batcher, &error) < 0)
        return failure_object(&error);
    return json_object();
}

static json_t *change_token(struct driver *driver, const json_t *command) {
    if (!driver->client)
        return json_pack("{s:s}", "broken", "no client is open");
    if (harrier_client_set_token(driver->client, text(command, "token")) < 0)
        return error_object(HARRIER_ERROR_INVALID, "token", "it is not a token",
                            HARRIER_DECIDED_NO);
    return json_object();
}

/* Closing may meet calls; freeing must not. */
static void close_client(struct driver *driver, int64_t timeout_us) {
    if (!driver->client)
        return;
    harrier_batcher_close(driver->batcher);
    harrier_client_close(driver->client, timeout_us);
    pthread_mutex_lock(&driver->mutex);
    while (driver->calls > 0)
        pthread_cond_wait(&driver->fewer, &driver->mutex);
    pthread_mutex_unlock(&driver->mutex);
    join_ended(driver);
    harrier_batcher_free(driver->batcher);
    harrier_client_free(driver->client);
    driver->batcher = NULL;
    driver->client = NULL;
}

static void run(struct driver *driver, json_t *command) {
    const char *what = text(command, "do");
    if (!what)
        die("a line without \"do\"");
    if (strcmp(what, "open") == 0) {
        say(driver, command, open_client(driver, command));
    } else if (strcmp(what, "close") == 0) {
        const json_t *timeout = json_object_get(command, "timeout_ms");
        close_client(driver, timeout ? (int64_t)(json_number_value(timeout) * 1000)
                                     : HARRIER_CLOSE_PATIENTLY);
        say(driver, command, json_object());
    } else if (strcmp(what, "token") == 0) {
        say(driver, command, change_token(driver, command));
    } else if (strcmp(what, "metrics") == 0) {
        say(driver, command, reported_metrics(driver));
    } else if (!is_call(what)) {
        say(driver, command, json_pack("{s:s}", "broken", "libharrier cannot do this"));
    } else if (!driver->client) {
        say(driver, command, json_pack("{s:s}", "broken", "no client is open"));
    } else {
        start_job(driver, command);
    }
}

/* It depends on how the library was built. Of what has no socket: a dial that ends at once, as this
 * one does, may make nng's library end the process (nng issue 2110). */
static bool can_dial(const char *address) {
    const struct harrier_options options = {.address = address};
    struct harrier_client *client = NULL;
    bool can = harrier_client_new(&options, &client, NULL) == 0;
    harrier_client_free(client);
    return can;
}

int main(void) {
    struct driver driver = {.client = NULL, .metrics = json_array()};
    pthread_mutex_init(&driver.mutex, NULL);
    pthread_cond_init(&driver.fewer, NULL);
    printf("{\"driver\": \"c\", \"version\": \"%s\", \"can\": [\"addresses\", \"ejection\", "
           "\"retry_unavailable\", \"standbys\", \"fallback\", \"batcher\", \"metrics\", "
           "\"request_limits\", \"decided\", \"close_timeout\", \"token\", \"token_change\", "
           "\"traceparent\", \"analyst\", \"brakes\", \"find\", \"tls\"%s]}\n",
           harrier_version(), can_dial("nng+inproc://nobody") ? ", \"ws\"" : "");
    fflush(stdout);

    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        json_error_t error;
        json_t *command = json_loads(line, 0, &error);
        if (!command)
            die(error.text);
        run(&driver, command);
        json_decref(command);
    }
    free(line);
    close_client(&driver, HARRIER_CLOSE_PATIENTLY);
    json_decref(driver.metrics);
    return 0;
}
