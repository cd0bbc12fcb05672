#include "wire_json.h"

#include "tests/unit/unit.h"

#include <inttypes.h>
#include <openssl/evp.h>

static const char *const verdicts[] = {"VERDICT_UNSPECIFIED", "VERDICT_APPROVE", "VERDICT_REVIEW",
                                       "VERDICT_CHALLENGE", "VERDICT_DECLINE"};
static const char *const amendment_kinds[] = {"AMENDMENT_UNSPECIFIED", "AMENDMENT_VOID",
                                              "AMENDMENT_CAPTURE", "AMENDMENT_REFUND",
                                              "AMENDMENT_RESTORE"};
static const char *const labels[] = {"LABEL_NONE", "LABEL_LEGIT", "LABEL_FRAUD", "LABEL_CHARGEBACK",
                                     "LABEL_SUSPECTED"};

static const char *const arms[] = {"ARM_UNSPECIFIED", "ARM_CHAMPION", "ARM_CHALLENGER"};

static json_t *text_value(struct text text) {
    json_t *value = json_stringn(text.data ? text.data : "", text.length);
    assert_non_null(value); /* not UTF-8: give such a text no JSON */
    return value;
}

static json_t *signed_value(int64_t number) {
    return json_sprintf("%" PRId64, number);
}

static void put_text(json_t *object, const char *name, struct text text) {
    if (text.length)
        json_object_set_new(object, name, text_value(text));
}

static void put_signed(json_t *object, const char *name, int64_t number) {
    if (number)
        json_object_set_new(object, name, signed_value(number));
}

static void put_unsigned(json_t *object, const char *name, uint64_t number) {
    if (number)
        json_object_set_new(object, name, json_sprintf("%" PRIu64, number));
}

static void put_small(json_t *object, const char *name, int64_t number) {
    if (number)
        json_object_set_new(object, name, json_integer(number));
}

static void put_flag(json_t *object, const char *name, bool flag) {
    if (flag)
        json_object_set_new(object, name, json_true());
}

static void put_name(json_t *object, const char *name, const char *const *names, size_t number) {
    if (number)
        json_object_set_new(object, name, json_string(names[number]));
}

static json_t *attribute_json(const struct attribute *attribute) {
    json_t *out = json_object();
    put_text(out, "name", attribute->name);
    switch (attribute->type) {
    case ATTRIBUTE_TEXT:
        json_object_set_new(out, "text", text_value(attribute->text));
        break;
    case ATTRIBUTE_INTEGER:
        json_object_set_new(out, "integer", signed_value(attribute->integer));
        break;
    case ATTRIBUTE_NUMBER:
        json_object_set_new(out, "number", json_real(attribute->number));
        break;
    case ATTRIBUTE_FLAG:
        json_object_set_new(out, "flag", json_boolean(attribute->flag));
        break;
    case ATTRIBUTE_NONE:
        break;
    }
    return out;
}

static json_t *transaction_json(const struct transaction *transaction) {
    json_t *out = json_object();
    put_text(out, "id", transaction->id);
    put_signed(out, "event_time_us", transaction->event_time_us);
    put_signed(out, "amount_minor", transaction->amount_minor);
    put_text(out, "currency", transaction->currency);
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
        put_text(out, transaction_field_name(field), transaction->fields[field]);
    if (transaction->has_location) {
        json_t *location = json_object();
        put_small(location, "latitude_e7", transaction->latitude_e7);
        put_small(location, "longitude_e7", transaction->longitude_e7);
        json_object_set_new(out, "location", location);
    }
    if (transaction->attribute_count) {
        json_t *attributes = json_array();
        for (size_t i = 0; i < transaction->attribute_count; i++)
            json_array_append_new(attributes, attribute_json(&transaction->attributes[i]));
        json_object_set_new(out, "attributes", attributes);
    }
    put_text(out, "source", transaction->source);
    put_unsigned(out, "sequence", transaction->sequence);
    return out;
}

static json_t *score_request_json(const struct score_request *score) {
    json_t *out = json_object();
    json_t *transactions = json_array();
    for (size_t i = 0; i < score->transaction_count; i++)
        json_array_append_new(transactions, transaction_json(&score->transactions[i]));
    json_object_set_new(out, "transactions", transactions);
    put_flag(out, "dry_run", score->dry_run);
    put_flag(out, "return_features", score->return_features);
    return out;
}

static json_t *outcome_json(const struct outcome *outcome) {
    json_t *out = json_object();
    put_text(out, "transaction_id", outcome->transaction_id);
    put_name(out, "label", labels, outcome->label);
    put_signed(out, "known_time_us", outcome->known_time_us);
    put_text(out, "source", outcome->source);
    put_flag(out, "unless_labelled", outcome->unless_labelled);
    return out;
}

static json_t *outcome_request_json(const struct outcome_request *request) {
    json_t *outcomes = json_array();
    for (size_t i = 0; i < request->outcome_count; i++)
        json_array_append_new(outcomes, outcome_json(&request->outcomes[i]));
    return json_pack("{s:o}", "outcomes", outcomes);
}

static json_t *amendment_json(const struct amendment *amendment) {
    json_t *out = json_object();
    put_text(out, "transaction_id", amendment->transaction_id);
    put_name(out, "kind", amendment_kinds, amendment->kind);
    put_signed(out, "amount_minor", amendment->amount_minor);
    put_signed(out, "known_time_us", amendment->known_time_us);
    put_text(out, "source", amendment->source);
    put_text(out, "currency", amendment->currency);
    return out;
}

static json_t *amend_request_json(const struct amend_request *request) {
    json_t *amendments = json_array();
    for (size_t i = 0; i < request->amendment_count; i++)
        json_array_append_new(amendments, amendment_json(&request->amendments[i]));
    return json_pack("{s:o}", "amendments", amendments);
}

static json_t *backfill_request_json(const struct backfill_request *request) {
    json_t *items = json_array();
    for (size_t i = 0; i < request->item_count; i++) {
        const struct backfill_item *item = &request->items[i];
        json_t *out = json_object();
        json_object_set_new(out, "transaction", transaction_json(&item->transaction));
        if (item->has_outcome)
            json_object_set_new(out, "outcome", outcome_json(&item->outcome));
        if (item->has_amendment)
            json_object_set_new(out, "amendment", amendment_json(&item->amendment));
        json_array_append_new(items, out);
    }
    return json_pack("{s:o}", "items", items);
}

static json_t *amended_json(const struct amended *amended) {
    json_t *out = json_object();
    put_flag(out, "voided", amended->is_voided);
    put_signed(out, "amount_minor", amended->amount_minor);
    put_signed(out, "refunded_minor", amended->refunded_minor);
    return out;
}

static json_t *entity_request_json(const struct entity_request *request) {
    json_t *out = json_object(), *key = json_array();
    put_text(out, "entity", request->entity);
    for (size_t i = 0; i < request->key_count; i++)
        json_array_append_new(key, text_value(request->key[i]));
    json_object_set_new(out, "key", key);
    put_signed(out, "at_time_us", request->at_time_us);
    return out;
}

static json_t *list_changes_json(const struct list_change_request *request) {
    json_t *changes = json_array();
    for (size_t i = 0; i < request->change_count; i++) {
        const struct list_change *change = &request->changes[i];
        json_t *out = json_object();
        put_text(out, "list", change->list);
        put_text(out, "value", change->value);
        put_flag(out, "remove", change->remove);
        put_signed(out, "expiry_time_us", change->expiry_time_us);
        put_text(out, "source", change->source);
        put_text(out, "reason", change->reason);
        json_array_append_new(changes, out);
    }
    return json_pack("{s:o}", "changes", changes);
}

static json_t *list_request_json(const struct list_request *request) {
    json_t *out = json_object();
    put_text(out, "list", request->list);
    put_unsigned(out, "after_position", request->after_position);
    put_small(out, "limit", request->limit);
    return out;
}

static void put_names(json_t *object, const char *name, const char *const *names, unsigned set) {
    json_t *array = json_array();
    for (unsigned i = 0; set >> i != 0; i++)
        if (set >> i & 1)
            json_array_append_new(array, json_string(names[i]));
    if (json_array_size(array) > 0)
        json_object_set(object, name, array);
    json_decref(array);
}

static json_t *keys_json(const struct find_query *query) {
    json_t *keys = json_array();
    for (size_t i = 0; i < query->key_count; i++) {
        json_t *key = json_object();
        put_text(key, "field", text_of(transaction_field_name(query->keys[i].field)));
        put_text(key, "value", query->keys[i].value);
        json_array_append_new(keys, key);
    }
    return keys;
}

static json_t *find_request_json(const struct find_query *query) {
    json_t *out = json_object(), *range;
    put_signed(out, "from_us", query->from_us);
    put_signed(out, "until_us", query->until_us);
    put_signed(out, "received_from_us", query->received_from_us);
    put_signed(out, "received_until_us", query->received_until_us);
    put_names(out, "verdicts", verdicts, query->verdicts);
    if (query->has_score) {
        json_object_set_new(out, "score", range = json_object());
        put_small(range, "min", query->score_min);
        put_small(range, "max", query->score_max);
    }
    if (query->has_amount) {
        json_object_set_new(out, "amount", range = json_object());
        put_signed(range, "min_minor", query->amount_min);
        put_signed(range, "max_minor", query->amount_max);
    }
    put_text(out, "currency", query->currency);
    put_text(out, "rule", query->rule);
    put_flag(out, "shadow", query->shadow);
    if (query->key_count > 0)
        json_object_set_new(out, "keys", keys_json(query));
    put_names(out, "labels", labels, query->labels);
    put_text(out, "transaction_id", query->id);
    put_small(out, "limit", query->limit);
    put_text(out, "cursor", query->cursor);
    return out;
}

json_t *request_json(const struct request *request) {
    json_t *out = json_pack("{s:i}", "protocol", MESSAGE_PROTOCOL);
    json_t *call = NULL;
    put_unsigned(out, "deadline_us", request->deadline_us);
    put_text(out, "token", request->token);
    put_text(out, "traceparent", request->traceparent);
    switch (request->call) {
    case CALL_SCORE:
        call = score_request_json(&request->score);
        break;
    case CALL_REPORT_OUTCOME:
        call = outcome_request_json(&request->outcome);
        break;
    case CALL_AMEND:
        call = amend_request_json(&request->amend);
        break;
    case CALL_BACKFILL:
        call = backfill_request_json(&request->backfill);
        break;
    case CALL_GET_ENTITY:
        call = entity_request_json(&request->entity);
        break;
    case CALL_STATUS:
        call = json_object();
        put_flag(call, "state_hash", request->status.state_hash);
        break;
    case CALL_CHANGE_LIST:
        call = list_changes_json(&request->list_change);
        break;
    case CALL_GET_LIST:
        call = list_request_json(&request->list);
        break;
    case CALL_CHANGE_BRAKE:
        call = json_object();
        put_text(call, "rule", request->brake_change.rule);
        put_flag(call, "policy", request->brake_change.of_policy);
        put_flag(call, "pull", request->brake_change.pull);
        put_unsigned(call, "definition", request->brake_change.definition);
        put_text(call, "source", request->brake_change.source);
        put_text(call, "reason", request->brake_change.reason);
        break;
    case CALL_RELOAD:
        call = json_object();
        put_flag(call, "wait", request->reload.wait);
        break;
    case CALL_EXPLAIN:
        call = json_object();
        put_text(call, "transaction_id", request->explain.transaction_id);
        break;
    case CALL_FIND:
        call = find_request_json(&request->find);
        break;
    case CALL_NONE:
    case CALL_COUNT:
        return out;
    }
    json_object_set_new(out, call_name(request->call), call);
    return out;
}

static json_t *error_json(const struct wire_error *error) {
    json_t *out = json_object();
    char name[64] = "ERROR_";
    const char *code = error_code_name(error->code);
    for (size_t i = 0; code[i]; i++)
        name[6 + i] = code[i] == '_' ? '_' : (char)(code[i] - 'a' + 'A');
    json_object_set_new(out, "code", json_string(name));
    put_text(out, "field", error->field);
    put_text(out, "message", error->message);
    put_text(out, "primary", error->primary);
    put_name(out, "fallback", verdicts, error->fallback);
    return out;
}

static json_t *values_json(const struct named_value *values, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *out = json_object();
        const struct value *value = &values[i].value;
        put_text(out, "name", values[i].name);
        if (value->type == VALUE_BOOL)
            json_object_set_new(out, "flag", json_boolean(value->boolean));
        else if (value->type == VALUE_INT)
            json_object_set_new(out, "integer", signed_value(value->integer));
        else if (value->type == VALUE_DOUBLE)
            json_object_set_new(out, "number", json_real(value->number));
        else if (value->type == VALUE_TEXT)
            json_object_set_new(out, "text", text_value(value->text));
        else if (value->type == VALUE_TIMESTAMP)
            json_object_set_new(out, "timestamp_us", signed_value(value->integer));
        else if (value->type == VALUE_DURATION)
            json_object_set_new(out, "duration_us", signed_value(value->integer));
        json_array_append_new(array, out);
    }
    return array;
}

static void put_array(json_t *object, const char *name, json_t *array) {
    if (json_array_size(array))
        json_object_set(object, name, array);
    json_decref(array);
}

static json_t *names_json(const struct text *names, size_t count) {
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(out, json_stringn(names[i].data, names[i].length));
    return out;
}

static json_t *reasons_json(const struct decision *decision) {
    json_t *array = json_array();
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        json_t *out = json_object();
        put_text(out, "rule", reason->rule);
        put_text(out, "text", reason->text);
        put_small(out, "score", reason->score);
        put_name(out, "verdict", verdicts, reason->verdict);
        put_flag(out, "shadow", reason->shadow);
        put_flag(out, "suppressed", reason->suppressed);
        put_array(out, "tags", names_json(reason->tags, reason->tag_count));
        put_text(out, "group", reason->group);
        put_small(out, "capped", reason->capped);
        put_name(out, "verdict_if_live", verdicts, reason->verdict_if_live);
        json_array_append_new(array, out);
    }
    return array;
}

/* What a Decision and a TransactionRecord have in common. */
static void put_decision(json_t *out, const struct decision *decision) {
    put_name(out, "verdict", verdicts, decision->verdict);
    put_small(out, "score", decision->score);
    put_array(out, "reasons", reasons_json(decision));
    put_unsigned(out, "snapshot_id", decision->snapshot_id);
    put_unsigned(out, "generation_id", decision->generation_id);
    put_flag(out, "degraded", decision->degraded);
    put_text(out, "degraded_reason", decision->degraded_reason);
    put_small(out, "rule_errors", decision->rule_errors);
    put_array(out, "failed_rules", names_json(decision->failed_rules, decision->failed_rule_count));
    put_name(out, "arm", arms, decision->arm);
}

/* As it is sent. */
static json_t *decision_json(const struct decision *decision) {
    json_t *out = json_object();
    put_text(out, "transaction_id", decision->transaction_id);
    put_decision(out, decision);
    put_unsigned(out, "position", decision->position);
    put_flag(out, "duplicate", decision->duplicate);
    put_flag(out, "dry_run", decision->dry_run);
    put_small(out, "server_us", decision->server_us);
    put_array(out, "features", values_json(decision->features, decision->feature_count));
    return out;
}

static json_t *score_answer_json(const struct response *response) {
    json_t *results = json_array();
    for (size_t i = 0; i < response->score.count; i++) {
        const struct score_result *result = &response->score.results[i];
        const struct decision *decision = &result->decision;
        if (result->error.code) {
            json_array_append_new(results, json_pack("{s:o}", "error", error_json(&result->error)));
            continue;
        }
        json_array_append_new(results, json_pack("{s:o}", "decision", decision_json(decision)));
    }
    return json_pack("{s:o}", "results", results);
}

static json_t *outcome_answer_json(const struct response *response) {
    json_t *results = json_array();
    for (size_t i = 0; i < response->outcome.count; i++) {
        const struct outcome_result *result = &response->outcome.results[i];
        if (result->error.code) {
            json_array_append_new(results, json_pack("{s:o}", "error", error_json(&result->error)));
            continue;
        }
        json_t *out = json_object();
        put_text(out, "transaction_id", result->transaction_id);
        put_unsigned(out, "position", result->position);
        put_flag(out, "changed", result->changed);
        put_name(out, "previous", labels, result->previous);
        json_array_append_new(results, json_pack("{s:o}", "accepted", out));
    }
    return json_pack("{s:o}", "results", results);
}

static json_t *amend_answer_json(const struct response *response) {
    json_t *results = json_array();
    for (size_t i = 0; i < response->amend.count; i++) {
        const struct amendment_result *result = &response->amend.results[i];
        if (result->error.code) {
            json_array_append_new(results, json_pack("{s:o}", "error", error_json(&result->error)));
            continue;
        }
        json_t *out = json_object();
        put_text(out, "transaction_id", result->transaction_id);
        put_unsigned(out, "position", result->position);
        put_flag(out, "changed", result->changed);
        json_object_set_new(out, "previous", amended_json(&result->previous));
        json_object_set_new(out, "now", amended_json(&result->now));
        json_array_append_new(results, json_pack("{s:o}", "accepted", out));
    }
    return json_pack("{s:o}", "results", results);
}

static json_t *backfill_answer_json(const struct response *response) {
    json_t *results = json_array();
    for (size_t i = 0; i < response->backfill.count; i++) {
        const struct backfill_result *result = &response->backfill.results[i];
        if (result->error.code) {
            json_array_append_new(results, json_pack("{s:o}", "error", error_json(&result->error)));
            continue;
        }
        json_t *out = json_object();
        put_text(out, "transaction_id", result->transaction_id);
        put_unsigned(out, "position", result->position);
        put_flag(out, "duplicate", result->duplicate);
        put_name(out, "verdict", verdicts, result->verdict);
        put_small(out, "score", result->score);
        put_flag(out, "outcome_recorded", result->outcome_recorded);
        put_flag(out, "amendment_recorded", result->amendment_recorded);
        json_array_append_new(results, json_pack("{s:o}", "accepted", out));
    }
    return json_pack("{s:o}", "results", results);
}

static json_t *entity_answer_json(const struct entity_response *entity) {
    json_t *out = json_object();
    put_array(out, "features", values_json(entity->features, entity->feature_count));
    put_signed(out, "newest_time_us", entity->newest_time_us);
    put_unsigned(out, "entries", entity->entries);
    put_unsigned(out, "state_bytes", entity->state_bytes);
    put_unsigned(out, "state_hash", entity->state_hash);
    put_signed(out, "at_time_us", entity->at_time_us);
    return out;
}

static void put_warming(json_t *out, const struct warming *warming) {
    put_array(out, "warming_features", names_json(warming->features, warming->named_features));
    put_unsigned(out, "warming_feature_count", warming->feature_count);
    put_array(out, "warming_rules", names_json(warming->rules, warming->named_rules));
    put_unsigned(out, "warming_rule_count", warming->rule_count);
}

static json_t *experiment_json(const struct status_experiment *experiment) {
    json_t *out = json_object();
    put_text(out, "name", experiment->name);
    put_text(out, "key", experiment->key);
    put_small(out, "share_e4", experiment->share);
    put_text(out, "policy_name", experiment->policy_name);
    put_unsigned(out, "snapshot_id", experiment->snapshot_id);
    put_unsigned(out, "position", experiment->position);
    put_signed(out, "since_time_us", experiment->since_us);
    put_unsigned(out, "champion_decisions", experiment->decisions[ARM_CHAMPION]);
    put_unsigned(out, "challenger_decisions", experiment->decisions[ARM_CHALLENGER]);
    return out;
}

static json_t *brakes_json(const struct status_response *status) {
    json_t *all = json_array();
    for (size_t i = 0; i < status->described_brakes; i++) {
        const struct status_brake *brake = &status->brakes[i];
        json_t *out = json_object();
        put_text(out, "rule", brake->rule);
        put_unsigned(out, "definition", brake->definition);
        put_flag(out, "applies", brake->applies);
        put_signed(out, "pulled_time_us", brake->pulled_time_us);
        put_unsigned(out, "position", brake->position);
        put_text(out, "source", brake->source);
        put_text(out, "reason", brake->reason);
        json_array_append_new(all, out);
    }
    return all;
}

static json_t *missing_json(const struct status_source *source) {
    json_t *all = json_array();
    for (size_t i = 0; i < source->missing_count; i++) {
        json_t *out = json_object();
        put_unsigned(out, "first", source->missing[i].first);
        put_unsigned(out, "last", source->missing[i].last);
        json_array_append_new(all, out);
    }
    return all;
}

static json_t *sources_json(const struct status_response *status) {
    json_t *all = json_array();
    for (size_t i = 0; i < status->source_count; i++) {
        const struct status_source *source = &status->sources[i];
        json_t *out = json_object();
        put_text(out, "source", source->source);
        put_unsigned(out, "transactions", source->transactions);
        put_signed(out, "last_receive_time_us", source->last_receive_us);
        put_unsigned(out, "first", source->first);
        put_unsigned(out, "highest", source->highest);
        put_unsigned(out, "gaps", source->gaps);
        put_unsigned(out, "missed", source->missed);
        put_unsigned(out, "late", source->late);
        put_unsigned(out, "repeats", source->repeats);
        put_unsigned(out, "restarts", source->restarts);
        put_array(out, "missing", missing_json(source));
        json_array_append_new(all, out);
    }
    return all;
}

static json_t *status_answer_json(const struct status_response *status) {
    json_t *out = json_object(), *counts = json_array();
    put_text(out, "version", status->version);
    put_text(out, "state", status->state);
    put_text(out, "state_reason", status->state_reason);
    put_signed(out, "started_time_us", status->started_time_us);
    put_text(out, "policy_name", status->policy_name);
    put_unsigned(out, "snapshot_id", status->snapshot_id);
    put_text(out, "reload_error", status->reload_error);
    put_signed(out, "refused_since_time_us", status->refused_since_time_us);
    put_warming(out, &status->warming);
    put_unsigned(out, "generation_id", status->generation_id);
    put_unsigned(out, "generation_position", status->generation_position);
    put_signed(out, "generation_time_us", status->generation_time_us);
    put_unsigned(out, "position", status->position);
    put_unsigned(out, "synced_position", status->synced_position);
    put_unsigned(out, "transactions", status->transactions);
    put_unsigned(out, "outcomes", status->outcomes);
    for (size_t label = 0; label < LABEL_COUNT; label++) {
        if (status->labels[label] == 0)
            continue;
        json_t *count = json_pack("{s:s}", "label", labels[label]);
        put_unsigned(count, "transactions", status->labels[label]);
        json_array_append_new(counts, count);
    }
    put_array(out, "labels", counts);
    put_signed(out, "newest_event_time_us", status->newest_event_time_us);
    put_unsigned(out, "overlay_entities", status->overlay_entities);
    put_unsigned(out, "overlay_bytes", status->overlay_bytes);
    put_unsigned(out, "state_hash", status->state_hash);
    put_unsigned(out, "duplicates", status->duplicates);
    put_unsigned(out, "rejected", status->rejected);
    put_flag(out, "stale", status->stale);
    put_unsigned(out, "overlay_memory_bytes", status->overlay_memory_bytes);
    put_text(out, "swap_state", status->swap_state);
    put_text(out, "swap_reason", status->swap_reason);
    put_unsigned(out, "compared_entities", status->compared_entities);
    put_unsigned(out, "differing_entities", status->differing_entities);
    put_text(out, "node", status->node);
    put_text(out, "primary", status->primary);
    put_unsigned(out, "committed_position", status->committed_position);
    put_array(out, "brakes", brakes_json(status));
    put_unsigned(out, "brake_count", status->brake_count);
    put_array(out, "sources", sources_json(status));
    put_signed(out, "ids_since_time_us", status->ids_since_us);
    put_unsigned(out, "other_source_transactions", status->other_source_transactions);
    put_signed(out, "backup_time_us", status->backup_time_us);
    put_unsigned(out, "backup_position", status->backup_position);
    if (status->experiment.name.length)
        json_object_set_new(out, "experiment", experiment_json(&status->experiment));
    put_text(out, "challenger_error", status->challenger_error);
    return out;
}

static json_t *list_change_answer_json(const struct response *response) {
    json_t *results = json_array();
    for (size_t i = 0; i < response->list_change.count; i++) {
        const struct list_change_result *result = &response->list_change.results[i];
        if (result->error.code) {
            json_array_append_new(results, json_pack("{s:o}", "error", error_json(&result->error)));
            continue;
        }
        json_t *out = json_object();
        put_text(out, "list", result->list);
        put_text(out, "value", result->value);
        put_unsigned(out, "position", result->position);
        put_flag(out, "changed", result->changed);
        put_flag(out, "was_there", result->was_there);
        put_signed(out, "previous_expiry_time_us", result->previous_expiry_time_us);
        put_flag(out, "in_policy", result->in_policy);
        json_array_append_new(results, json_pack("{s:o}", "changed", out));
    }
    return json_pack("{s:o}", "results", results);
}

static json_t *summary_json(const struct list_summary *summary) {
    json_t *out = json_object();
    put_text(out, "list", summary->list);
    put_text(out, "type", summary->type);
    put_text(out, "about", summary->about);
    put_flag(out, "declared", summary->declared);
    put_flag(out, "runtime", summary->runtime);
    put_text(out, "file", summary->file);
    put_unsigned(out, "policy_entries", summary->policy_entries);
    put_unsigned(out, "added_entries", summary->added_entries);
    put_unsigned(out, "used_entries", summary->used_entries);
    put_unsigned(out, "changes", summary->changes);
    put_signed(out, "last_change_time_us", summary->last_change_time_us);
    return out;
}

static json_t *list_answer_json(const struct list_response *list) {
    json_t *out = json_object(), *lists = json_array(), *entries = json_array();
    for (size_t i = 0; i < list->list_count; i++)
        json_array_append_new(lists, summary_json(&list->lists[i]));
    for (size_t i = 0; i < list->entry_count; i++) {
        const struct list_addition *entry = &list->entries[i];
        json_t *one = json_object();
        put_text(one, "value", entry->value);
        put_signed(one, "expiry_time_us", entry->expiry_time_us);
        put_unsigned(one, "position", entry->position);
        put_signed(one, "receive_time_us", entry->receive_time_us);
        put_text(one, "source", entry->source);
        put_text(one, "reason", entry->reason);
        json_array_append_new(entries, one);
    }
    put_array(out, "lists", lists);
    put_array(out, "entries", entries);
    put_unsigned(out, "next_position", list->next_position);
    return out;
}

static json_t *folder_reload_json(const struct folder_reload *folder) {
    static const char *const results[RELOAD_RESULT_COUNT] = {NULL, "RELOAD_ADOPTED",
                                                             "RELOAD_UNCHANGED", "RELOAD_REFUSED"};
    json_t *out = json_object();
    put_text(out, "folder", folder->folder);
    if (folder->result != RELOAD_NONE)
        json_object_set_new(out, "result", json_string(results[folder->result]));
    put_text(out, "policy_name", folder->policy_name);
    put_unsigned(out, "snapshot_id", folder->snapshot_id);
    put_text(out, "error", folder->error);
    put_text(out, "messages", folder->messages);
    return out;
}

static json_t *reload_answer_json(const struct reload_response *reload) {
    json_t *out = folder_reload_json(&reload->policy), *shadows = json_array();
    for (size_t i = 0; i < reload->shadow_count; i++)
        json_array_append_new(shadows, folder_reload_json(&reload->shadows[i]));
    put_warming(out, &reload->warming);
    put_array(out, "shadows", shadows);
    return out;
}

/* ---- explanations ---- */

static json_t *part_json(const struct explained_part *part) {
    static const char *const kinds[EXPLAINED_KIND_COUNT] = {
        "EXPLAINED_KIND_OTHER",       "EXPLAINED_KIND_NAME",      "EXPLAINED_KIND_HAS",
        "EXPLAINED_KIND_LIST",        "EXPLAINED_KIND_THRESHOLD", "EXPLAINED_KIND_COMPARISON",
        "EXPLAINED_KIND_AND",         "EXPLAINED_KIND_OR",        "EXPLAINED_KIND_NOT",
        "EXPLAINED_KIND_CONDITIONAL", "EXPLAINED_KIND_MACRO",     "EXPLAINED_KIND_EACH"};
    static const char *const origins[ORIGIN_COUNT] = {
        "THRESHOLD_ORIGIN_NONE", "THRESHOLD_ORIGIN_FALLBACK", "THRESHOLD_ORIGIN_OVERALL",
        "THRESHOLD_ORIGIN_GROUP"};
    json_t *out = json_object();
    const struct named_value value = {.value = part->value};
    put_text(out, "text", part->text);
    put_small(out, "depth", part->depth);
    put_name(out, "kind", kinds, part->kind);
    put_text(out, "type", part->type);
    if (part->value.type != VALUE_ABSENT) {
        json_t *values = values_json(&value, 1);
        json_object_set(out, "value", json_array_get(values, 0));
        json_decref(values);
    }
    put_text(out, "error", part->error);
    put_flag(out, "reached", part->reached);
    put_flag(out, "decides", part->decides);
    put_text(out, "list", part->list);
    put_flag(out, "added", part->was_added);
    put_name(out, "origin", origins, part->origin);
    return out;
}

static json_t *parts_json(const struct explained_part *parts, size_t count) {
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(out, part_json(&parts[i]));
    return out;
}

static json_t *rule_json(const struct explained_rule *rule) {
    static const char *const modes[MODE_COUNT] = {"RULE_MODE_LIVE", "RULE_MODE_SHADOW",
                                                  "RULE_MODE_OFF"};
    static const char *const fates[FATE_COUNT] = {
        "RULE_FATE_FALSE",  "RULE_FATE_ABSENT",     "RULE_FATE_ERROR", "RULE_FATE_FIRED",
        "RULE_FATE_SHADOW", "RULE_FATE_SUPPRESSED", "RULE_FATE_OFF",   "RULE_FATE_EARLY",
        "RULE_FATE_OVER",   "RULE_FATE_LEFT_OUT"};
    json_t *out = json_object();
    put_text(out, "name", rule->name);
    put_text(out, "about", rule->about);
    put_text(out, "file", rule->file);
    put_small(out, "line", rule->line);
    put_name(out, "mode", modes, rule->mode);
    put_name(out, "fate", fates, rule->fate);
    put_name(out, "verdict", verdicts, rule->verdict);
    put_name(out, "verdict_on_error", verdicts, rule->verdict_on_error);
    put_small(out, "score", rule->score);
    put_text(out, "group", rule->group);
    put_text(out, "reason", rule->reason);
    put_small(out, "capped", rule->capped);
    put_name(out, "verdict_if_live", verdicts, rule->verdict_if_live);
    put_signed(out, "from_us", rule->from_us);
    put_signed(out, "until_us", rule->until_us);
    put_small(out, "rollout", rule->rollout);
    put_text(out, "rollout_key", rule->rollout_key);
    put_flag(out, "braked", rule->braked);
    put_array(out, "parts", parts_json(rule->parts, rule->part_count));
    return out;
}

static json_t *group_json(const struct explained_group *group) {
    json_t *out = json_object();
    put_text(out, "name", group->name);
    put_text(out, "about", group->about);
    put_flag(out, "greatest", group->takes_greatest);
    put_flag(out, "limited", group->is_limited);
    put_small(out, "at_most", group->at_most);
    put_signed(out, "asked", group->asked);
    put_signed(out, "counted", group->counted);
    return out;
}

static json_t *shadow_json(const struct explained_shadow *shadow) {
    json_t *out = json_object();
    put_text(out, "name", shadow->name);
    put_unsigned(out, "snapshot_id", shadow->snapshot_id);
    put_name(out, "verdict", verdicts, shadow->verdict);
    put_small(out, "score", shadow->score);
    put_array(out, "rules", names_json(shadow->rules, shadow->rule_count));
    put_small(out, "rule_errors", shadow->rule_errors);
    put_flag(out, "degraded", shadow->degraded);
    put_name(out, "arm", arms, shadow->arm);
    return out;
}

static void put_scoring(json_t *out, const struct explained_policy *policy) {
    json_t *groups = json_array(), *cutoffs = json_array(), *shadows = json_array();
    for (size_t i = 0; i < policy->group_count; i++)
        json_array_append_new(groups, group_json(&policy->groups[i]));
    for (size_t i = 0; i < policy->cutoff_count; i++) {
        json_t *cutoff = json_object();
        put_name(cutoff, "verdict", verdicts, policy->cutoffs[i].verdict);
        put_small(cutoff, "score", policy->cutoffs[i].score);
        put_flag(cutoff, "computed", policy->cutoffs[i].is_computed);
        json_array_append_new(cutoffs, cutoff);
    }
    for (size_t i = 0; i < policy->shadow_count; i++)
        json_array_append_new(shadows, shadow_json(&policy->shadows[i]));
    put_array(out, "groups", groups);
    put_array(out, "cutoffs", cutoffs);
    put_array(out, "shadows", shadows);
}

static json_t *model_json(const struct explained_model *model) {
    json_t *out = json_object(), *contributions = json_array();
    for (size_t i = 0; i < model->input_count; i++)
        json_array_append_new(contributions, json_real(model->contributions[i]));
    put_text(out, "name", model->name);
    put_array(out, "inputs", values_json(model->inputs, model->input_count));
    put_array(out, "contributions", contributions);
    json_object_set_new(out, "bias", json_real(model->bias));
    json_object_set_new(out, "margin", json_real(model->margin));
    return out;
}

static json_t *policy_json(const struct explained_policy *policy) {
    json_t *out = json_object(), *rules = json_array(), *computed = json_array(),
           *models = json_array();
    for (size_t i = 0; i < policy->model_count; i++)
        json_array_append_new(models, model_json(&policy->models[i]));
    for (size_t i = 0; i < policy->rule_count; i++)
        json_array_append_new(rules, rule_json(&policy->rules[i]));
    for (size_t i = 0; i < policy->computed_count; i++) {
        json_t *value = json_object();
        put_text(value, "name", policy->computed[i].name);
        put_array(value, "parts",
                  parts_json(policy->computed[i].parts, policy->computed[i].part_count));
        json_array_append_new(computed, value);
    }
    put_text(out, "name", policy->name);
    put_unsigned(out, "snapshot_id", policy->snapshot_id);
    put_text(out, "refusal", policy->refusal);
    put_text(out, "refused_field", policy->refused_field);
    if (policy->refusal.length == 0)
        json_object_set_new(out, "decision", decision_json(&policy->decision));
    put_array(out, "fields", values_json(policy->fields, policy->field_count));
    put_array(out, "computed", computed);
    put_array(out, "rules", rules);
    put_array(out, "models", models);
    put_scoring(out, policy);
    put_array(out, "warming_features", names_json(policy->warming, policy->warming_count));
    return out;
}

static json_t *entities_json(const struct explanation *explanation) {
    json_t *array = json_array();
    for (size_t i = 0; i < explanation->entity_count; i++) {
        const struct explained_entity *entity = &explanation->entities[i];
        json_t *out = json_object();
        put_text(out, "name", entity->name);
        put_text(out, "key", entity->key);
        put_unsigned(out, "entries", entity->entries);
        put_signed(out, "newest_time_us", entity->newest_time_us);
        put_unsigned(out, "applied", entity->applied);
        put_flag(out, "in_tables", entity->is_in_tables);
        json_array_append_new(array, out);
    }
    return array;
}

static json_t *later_json(const struct explanation *explanation) {
    json_t *array = json_array();
    for (size_t i = 0; i < explanation->outcome_count; i++) {
        const struct explained_outcome *outcome = &explanation->outcomes[i];
        json_t *out = json_object();
        put_unsigned(out, "position", outcome->position);
        put_signed(out, "receive_time_us", outcome->receive_time_us);
        put_signed(out, "known_time_us", outcome->known_time_us);
        put_name(out, "previous", labels, outcome->previous);
        put_name(out, "label", labels, outcome->label);
        put_text(out, "source", outcome->source);
        json_array_append_new(array, out);
    }
    return array;
}

static json_t *amendments_json(const struct explanation *explanation) {
    json_t *array = json_array();
    for (size_t i = 0; i < explanation->amendment_count; i++) {
        const struct explained_amendment *amendment = &explanation->amendments[i];
        json_t *out = json_object();
        put_unsigned(out, "position", amendment->position);
        put_signed(out, "receive_time_us", amendment->receive_time_us);
        put_signed(out, "known_time_us", amendment->known_time_us);
        json_object_set_new(out, "previous", amended_json(&amendment->previous));
        json_object_set_new(out, "now", amended_json(&amendment->now));
        put_text(out, "source", amendment->source);
        json_array_append_new(array, out);
    }
    return array;
}

static json_t *explanation_json(const struct explanation *explanation) {
    json_t *out = json_object();
    json_object_set_new(out, "transaction", transaction_json(&explanation->transaction));
    put_unsigned(out, "position", explanation->position);
    put_signed(out, "receive_time_us", explanation->receive_time_us);
    json_object_set_new(out, "archived", decision_json(&explanation->archived));
    put_flag(out, "equal", explanation->is_equal);
    put_text(out, "difference", explanation->difference);
    put_text(out, "experiment", explanation->experiment);
    put_unsigned(out, "policy_position", explanation->policy_position);
    put_unsigned(out, "generation_id", explanation->generation_id);
    put_unsigned(out, "generation_position", explanation->generation_position);
    put_unsigned(out, "adopted_position", explanation->adopted_position);
    put_unsigned(out, "base_position", explanation->base_position);
    put_unsigned(out, "records_read", explanation->records_read);
    put_unsigned(out, "records_applied", explanation->records_applied);
    put_array(out, "entities", entities_json(explanation));
    put_array(out, "outcomes", later_json(explanation));
    put_array(out, "amendments", amendments_json(explanation));
    put_array(out, "notes", names_json(explanation->notes, explanation->note_count));
    json_object_set_new(out, "then", policy_json(&explanation->then));
    return out;
}

static json_t *find_answer_json(const struct find_response *response) {
    json_t *out = json_object(), *found = json_array();
    for (size_t i = 0; i < response->found_count; i++) {
        const struct found_transaction *in = &response->found[i];
        json_t *one = json_object();
        json_object_set_new(one, "transaction", transaction_json(&in->transaction));
        json_object_set_new(one, "decision", decision_json(&in->decision));
        put_signed(one, "receive_time_us", in->receive_time_us);
        put_name(one, "label", labels, in->label);
        put_signed(one, "outcome_receive_time_us", in->outcome_us);
        put_signed(one, "outcome_known_time_us", in->outcome_known_us);
        if (in->is_amended)
            json_object_set_new(one, "amended", amended_json(&in->amended));
        put_signed(one, "amended_time_us", in->amended_us);
        put_flag(one, "backfilled", in->is_backfilled);
        json_array_append_new(found, one);
    }
    put_array(out, "transactions", found);
    put_text(out, "cursor", response->cursor);
    put_flag(out, "incomplete", response->is_incomplete);
    return out;
}

json_t *response_json(const struct response *response) {
    if (response->error.code)
        return json_pack("{s:o}", "error", error_json(&response->error));
    json_t *answer = NULL;
    switch (response->call) {
    case CALL_SCORE:
        answer = score_answer_json(response);
        break;
    case CALL_REPORT_OUTCOME:
        answer = outcome_answer_json(response);
        break;
    case CALL_AMEND:
        answer = amend_answer_json(response);
        break;
    case CALL_BACKFILL:
        answer = backfill_answer_json(response);
        break;
    case CALL_GET_ENTITY:
        answer = entity_answer_json(&response->entity);
        break;
    case CALL_STATUS:
        answer = status_answer_json(&response->status);
        break;
    case CALL_CHANGE_LIST:
        answer = list_change_answer_json(response);
        break;
    case CALL_GET_LIST:
        answer = list_answer_json(&response->list);
        break;
    case CALL_CHANGE_BRAKE:
        answer = json_object();
        put_flag(answer, "changed", response->brake_change.changed);
        put_unsigned(answer, "position", response->brake_change.position);
        put_unsigned(answer, "definition", response->brake_change.definition);
        break;
    case CALL_RELOAD:
        answer = reload_answer_json(&response->reload);
        break;
    case CALL_EXPLAIN:
        answer = explanation_json(response->explain);
        break;
    case CALL_FIND:
        answer = find_answer_json(&response->find);
        break;
    case CALL_NONE:
    case CALL_COUNT:
        break;
    }
    return json_pack("{s:o}", call_name(response->call), answer);
}

static json_t *base64_value(struct text bytes) {
    unsigned char *encoded = calloc(1, bytes.length / 3 * 4 + 5);
    EVP_EncodeBlock(encoded, (const unsigned char *)bytes.data, (int)bytes.length);
    json_t *value = json_string((const char *)encoded);
    free(encoded);
    return value;
}

static void put_files(json_t *out, const struct policy_file *policy, size_t count) {
    json_t *files = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *file = json_object();
        put_text(file, "path", policy[i].path);
        if (policy[i].content.length)
            json_object_set_new(file, "content", base64_value(policy[i].content));
        json_array_append_new(files, file);
    }
    put_array(out, "files", files);
}

static void put_snapshot(json_t *out, const struct snapshot_record *snapshot) {
    put_unsigned(out, "snapshot_id", snapshot->snapshot_id);
    put_text(out, "name", snapshot->name);
    put_files(out, snapshot->files, snapshot->file_count);
}

static void put_generation(json_t *out, const struct generation_record *generation) {
    put_unsigned(out, "generation_id", generation->generation_id);
    put_unsigned(out, "position", generation->position);
    put_unsigned(out, "chain", generation->chain);
    put_unsigned(out, "plan_id", generation->plan_id);
    put_unsigned(out, "snapshot_id", generation->snapshot_id);
    put_files(out, generation->files, generation->file_count);
}

static void put_outcome(json_t *out, const struct outcome_record *outcome) {
    put_signed(out, "known_time_us", outcome->known_time_us);
    put_name(out, "previous", labels, outcome->previous);
    put_name(out, "label", labels, outcome->label);
    put_text(out, "source", outcome->source);
    put_unsigned(out, "transaction_position", outcome->transaction_position);
    json_object_set_new(out, "transaction", transaction_json(&outcome->transaction));
    put_name(out, "verdict", verdicts, outcome->verdict);
    if (outcome->is_amended)
        json_object_set_new(out, "amended", amended_json(&outcome->amended));
    put_flag(out, "backfilled", outcome->is_backfilled);
}

static void put_amendment(json_t *out, const struct amendment_record *amendment) {
    put_signed(out, "known_time_us", amendment->known_time_us);
    json_object_set_new(out, "previous", amended_json(&amendment->previous));
    json_object_set_new(out, "now", amended_json(&amendment->now));
    put_text(out, "source", amendment->source);
    put_unsigned(out, "transaction_position", amendment->transaction_position);
    json_object_set_new(out, "transaction", transaction_json(&amendment->transaction));
    put_name(out, "verdict", verdicts, amendment->verdict);
    put_array(out, "fired", names_json(amendment->fired, amendment->fired_count));
    put_name(out, "label", labels, amendment->label);
    put_flag(out, "backfilled", amendment->is_backfilled);
    put_unsigned(out, "earlier_position", amendment->earlier_position);
}

static void put_erased(json_t *out, const struct erased *erased) {
    if (!erased)
        return;
    json_t *all = json_object(), *fields = json_array(), *conditions = json_array();
    for (size_t i = 0; i < erased->field_count; i++) {
        json_t *field = json_object();
        put_text(field, "field", erased->fields[i].field);
        put_unsigned(field, "hash", erased->fields[i].hash);
        put_flag(field, "shown", erased->fields[i].is_shown);
        if (erased->fields[i].kept.type != ATTRIBUTE_NONE)
            json_object_set_new(field, "kept", attribute_json(&erased->fields[i].kept));
        json_array_append_new(fields, field);
    }
    for (size_t i = 0; i < erased->condition_count; i++) {
        json_t *condition = json_object();
        put_unsigned(condition, "condition", erased->conditions[i].condition);
        put_small(condition, "labels", erased->conditions[i].labels);
        json_array_append_new(conditions, condition);
    }
    put_array(all, "fields", fields);
    put_array(all, "conditions", conditions);
    json_object_set_new(out, "erased", all);
}

static void put_erasure(json_t *out, const struct erasure_record *erasure) {
    json_t *keys = json_array(), *segments = json_array(), *bases = json_array();
    for (size_t i = 0; i < erasure->base_count; i++) {
        json_t *base = json_object();
        put_unsigned(base, "generation_before", erasure->bases[i].before);
        put_unsigned(base, "generation", erasure->bases[i].after);
        put_unsigned(base, "states", erasure->bases[i].states);
        put_unsigned(base, "texts", erasure->bases[i].texts);
        json_array_append_new(bases, base);
    }
    for (size_t i = 0; i < erasure->key_count; i++) {
        json_t *key = json_object();
        put_text(key, "field", erasure->keys[i].field);
        put_unsigned(key, "hash", erasure->keys[i].hash);
        json_array_append_new(keys, key);
    }
    for (size_t i = 0; i < erasure->segment_count; i++) {
        const struct erased_segment *from = &erasure->segments[i];
        json_t *segment = json_object();
        put_unsigned(segment, "first", from->first);
        put_unsigned(segment, "records", from->records);
        json_object_set_new(
            segment, "seal_before",
            base64_value((struct text){(const char *)from->seal_before, sizeof from->seal_before}));
        json_object_set_new(
            segment, "seal",
            base64_value((struct text){(const char *)from->seal, sizeof from->seal}));
        json_array_append_new(segments, segment);
    }
    put_unsigned(out, "number", erasure->number);
    put_array(out, "keys", keys);
    put_text(out, "source", erasure->source);
    put_flag(out, "done", erasure->done);
    put_unsigned(out, "records", erasure->records);
    put_array(out, "segments", segments);
    put_array(out, "bases", bases);
}

static json_t *baselines_json(const struct decision *decision) {
    json_t *array = json_array();
    for (size_t i = 0; i < decision->baseline_count; i++) {
        json_t *out = json_object();
        put_unsigned(out, "definition", decision->baselines[i].definition);
        json_object_set_new(out, "value", json_real(decision->baselines[i].value));
        json_array_append_new(array, out);
    }
    return array;
}

static json_t *shadows_json(const struct decision *decision) {
    json_t *all = json_array();
    for (size_t i = 0; i < decision->shadow_count; i++) {
        const struct shadow_decision *shadow = &decision->shadows[i];
        json_t *out = json_object(), *rules = json_array();
        put_unsigned(out, "snapshot_id", shadow->snapshot_id);
        put_name(out, "verdict", verdicts, shadow->verdict);
        put_small(out, "score", shadow->score);
        for (size_t j = 0; j < shadow->rule_count; j++)
            json_array_append_new(rules, json_integer(shadow->rules[j]));
        put_array(out, "rules", rules);
        put_small(out, "rule_errors", shadow->rule_errors);
        put_flag(out, "degraded", shadow->degraded);
        json_array_append_new(all, out);
    }
    return all;
}

json_t *record_json(const struct record *record) {
    json_t *out = json_object();
    put_signed(out, "receive_time_us", record->receive_time_us);
    switch (record->type) {
    case RECORD_TRANSACTION:
        json_object_set_new(out, "transaction", transaction_json(&record->transaction.transaction));
        put_decision(out, &record->transaction.decision);
        put_unsigned(out, "feature_hash", record->transaction.decision.feature_hash);
        put_array(out, "shadows", shadows_json(&record->transaction.decision));
        put_array(out, "baselines", baselines_json(&record->transaction.decision));
        put_flag(out, "backfilled", record->transaction.is_backfilled);
        put_erased(out, record->transaction.transaction.erased);
        break;
    case RECORD_OUTCOME:
        put_outcome(out, &record->outcome);
        put_erased(out, record->outcome.transaction.erased);
        break;
    case RECORD_AMENDMENT:
        put_amendment(out, &record->amendment);
        put_erased(out, record->amendment.transaction.erased);
        break;
    case RECORD_LIST_CHANGE:
        put_text(out, "list", record->list_change.list);
        put_text(out, "entry", record->list_change.entry);
        put_flag(out, "removed", record->list_change.removed);
        put_signed(out, "expiry_time_us", record->list_change.expiry_time_us);
        put_text(out, "source", record->list_change.source);
        put_text(out, "reason", record->list_change.reason);
        break;
    case RECORD_ERASURE:
        put_erasure(out, &record->erasure);
        break;
    case RECORD_LOST:
        put_unsigned(out, "first", record->lost.first);
        put_unsigned(out, "last", record->lost.last);
        put_text(out, "file", record->lost.file);
        break;
    case RECORD_EXPERIMENT:
        put_flag(out, "ended", record->experiment.ended);
        put_text(out, "name", record->experiment.name);
        put_text(out, "key", record->experiment.key);
        put_small(out, "share_e4", record->experiment.share);
        put_unsigned(out, "snapshot_id", record->experiment.snapshot_id);
        put_text(out, "policy", record->experiment.policy);
        put_files(out, record->experiment.files, record->experiment.file_count);
        break;
    case RECORD_BRAKE:
        put_text(out, "rule", record->brake.rule);
        put_unsigned(out, "definition", record->brake.definition);
        put_flag(out, "lifted", record->brake.lifted);
        put_unsigned(out, "fires", record->brake.fires);
        put_unsigned(out, "decisions", record->brake.decisions);
        put_small(out, "share_e6", record->brake.share_e6);
        put_signed(out, "window_us", record->brake.window_us);
        put_text(out, "source", record->brake.source);
        put_text(out, "reason", record->brake.reason);
        put_name(out, "arm", arms, record->brake.arm);
        break;
    case RECORD_SNAPSHOT:
    case RECORD_SHADOW:
        put_snapshot(out, &record->snapshot);
        break;
    case RECORD_GENERATION:
        put_generation(out, &record->generation);
        break;
    case RECORD_ENGINE:
        put_text(out, "version", record->engine.version);
        put_text(out, "node", record->engine.node);
        put_small(out, "definition", record->engine.definition);
        break;
    case RECORD_TYPE_COUNT:
        break;
    }
    return out;
}

void assert_json_equal(const char *what, json_t *actual, json_t *expected) {
    bool equal = json_equal(actual, expected);
    if (!equal) {
        char *is = json_dumps(actual, JSON_SORT_KEYS);
        char *should = json_dumps(expected, JSON_SORT_KEYS);
        print_error("%s\n  is        %s\n  should be %s\n", what, is, should);
        free(is);
        free(should);
    }
    json_decref(actual);
    json_decref(expected);
    assert_true(equal);
}
