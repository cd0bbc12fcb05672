#include "random_wire.h"

#include "core/base/check.h"
#include "tests/split_mix.h"

#include <math.h>

#define YEAR_9999_US INT64_C(253402300799999999)

static uint64_t random_next(struct random *random) {
    return split_mix(&random->state);
}

uint64_t random_below(struct random *random, uint64_t limit) {
    return random_next(random) % limit;
}

static bool random_bool(struct random *random) {
    return random_below(random, 2);
}

/* Often small, sometimes any 64 bits. */
static uint64_t random_number(struct random *random) {
    return random_next(random) >> random_below(random, 64);
}

static void *make(struct arena *arena, size_t count, size_t size) {
    void *memory = arena_calloc(arena, count, size);
    check(memory);
    return memory;
}

static double random_double(struct random *random) {
    uint64_t bits = random_next(random);
    double number;
    memcpy(&number, &bits, sizeof number);
    return isfinite(number) ? number : 0.5;
}

/* Characters of one to four bytes, at most `max` bytes, never empty. */
static struct text random_text(struct random *random, struct arena *arena, size_t max) {
    static const char *const characters[] = {"a", "Z", "0", "_", " ", "é", "日", "𝄞", "\"", "\\"};
    size_t wanted = 1 + random_below(random, random_below(random, 8) ? 20 : max);
    char *bytes = make(arena, wanted + 1, 1);
    size_t length = 0;
    for (;;) {
        const char *character = characters[random_below(random, 10)];
        size_t size = strlen(character);
        if (length + size > wanted || length + size > max)
            break;
        memcpy(bytes + length, character, size);
        length += size;
    }
    if (length == 0)
        bytes[length++] = 'x';
    return (struct text){.data = bytes, .length = length};
}

static struct text maybe_text(struct random *random, struct arena *arena, size_t max) {
    return random_bool(random) ? random_text(random, arena, max) : (struct text){0};
}

static struct text pick(struct random *random, const char *const *from, size_t count) {
    return text_of(from[random_below(random, count)]);
}
#define PICK(random, ...)                                                                          \
    pick(random, (const char *const[]){__VA_ARGS__},                                               \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static struct attribute random_attribute(struct random *random, struct arena *arena, size_t index) {
    struct attribute attribute = {
        .name = arena_printf(arena, "a%zu_%c", index, (char)('a' + random_below(random, 26))),
        .type = ATTRIBUTE_TEXT + (enum attribute_type)random_below(random, 4),
    };
    if (attribute.type == ATTRIBUTE_TEXT)
        attribute.text = maybe_text(random, arena, TRANSACTION_ATTRIBUTE_MAX);
    else if (attribute.type == ATTRIBUTE_INTEGER)
        attribute.integer = (int64_t)random_number(random);
    else if (attribute.type == ATTRIBUTE_NUMBER)
        attribute.number = random_double(random);
    else
        attribute.flag = random_bool(random);
    return attribute;
}

static struct text random_field(struct random *random, struct arena *arena,
                                enum transaction_field field) {
    switch (field) {
    case FIELD_IP:
        return PICK(random, "192.0.2.1", "2001:db8::1", "255.255.255.255",
                    "2001:db8:ffff:ffff:ffff:ffff:255.255.255.255");
    case FIELD_COUNTRY:
        return PICK(random, "DE", "CH", "ZZ");
    case FIELD_MCC:
        return PICK(random, "0000", "5411", "9999");
    default:
        return random_text(random, arena, TRANSACTION_FIELD_MAX);
    }
}

struct transaction random_transaction(struct random *random, struct arena *arena) {
    struct transaction transaction = {
        .id = random_text(random, arena, TRANSACTION_ID_MAX),
        .event_time_us = (int64_t)(1 + random_number(random) % YEAR_9999_US),
    };
    if (random_bool(random)) {
        transaction.amount_minor =
            (int64_t)(random_number(random) % (TRANSACTION_AMOUNT_MINOR_MAX + 1));
        transaction.currency = PICK(random, "EUR", "JPY", "KWD", "CLF");
    }
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
        if (random_bool(random))
            transaction.fields[field] = random_field(random, arena, field);
    if (random_bool(random)) {
        transaction.has_location = true;
        transaction.latitude_e7 = (int32_t)random_below(random, 1800000001) - 900000000;
        transaction.longitude_e7 =
            (int32_t)((int64_t)random_below(random, 3600000001) - 1800000000);
    }
    if (random_below(random, 3) == 0) {
        transaction.source = random_text(random, arena, TRANSACTION_SOURCE_MAX);
        transaction.sequence = random_bool(random) ? random_number(random) % INT64_MAX : 0;
    }
    size_t count = random_below(random, random_below(random, 8) ? 4 : 65);
    struct attribute *attributes = make(arena, count + 1, sizeof *attributes);
    for (size_t i = 0; i < count; i++)
        attributes[i] = random_attribute(random, arena, i);
    transaction.attributes = attributes;
    transaction.attribute_count = count;
    return transaction;
}

static struct score_request random_score(struct random *random, struct arena *arena) {
    size_t count = 1 + random_below(random, 6);
    struct transaction *transactions = make(arena, count, sizeof *transactions);
    for (size_t i = 0; i < count; i++)
        transactions[i] = random_transaction(random, arena);
    return (struct score_request){.transactions = transactions,
                                  .transaction_count = count,
                                  .dry_run = random_bool(random),
                                  .return_features = random_bool(random)};
}

static enum label random_label(struct random *random) {
    return (enum label)random_below(random, LABEL_COUNT);
}

static enum verdict random_verdict(struct random *random) {
    return (enum verdict)random_below(random, VERDICT_COUNT);
}

static struct list_change_request random_list_changes(struct random *random, struct arena *arena,
                                                      size_t count) {
    struct list_change *changes = make(arena, count, sizeof *changes);
    for (size_t i = 0; i < count; i++)
        changes[i] =
            (struct list_change){.list = random_text(random, arena, 64),
                                 .value = random_text(random, arena, LIST_CHANGE_VALUE_MAX),
                                 .remove = random_bool(random),
                                 .expiry_time_us = (int64_t)(random_number(random) % YEAR_9999_US),
                                 .source = maybe_text(random, arena, LIST_CHANGE_SOURCE_MAX),
                                 .reason = maybe_text(random, arena, LIST_CHANGE_REASON_MAX)};
    return (struct list_change_request){.changes = changes, .change_count = count};
}

static struct amended random_amended(struct random *random) {
    return (struct amended){.is_voided = random_bool(random),
                            .amount_minor = (int64_t)random_number(random),
                            .refunded_minor = (int64_t)random_number(random)};
}

static struct amend_request random_amend(struct random *random, struct arena *arena, size_t count) {
    struct amendment *amendments = make(arena, count, sizeof *amendments);
    for (size_t i = 0; i < count; i++)
        amendments[i] = (struct amendment){
            .transaction_id = random_text(random, arena, TRANSACTION_ID_MAX),
            .kind = (enum amendment_kind)random_below(random, AMENDMENT_KIND_COUNT),
            .amount_minor = (int64_t)random_number(random),
            .known_time_us = (int64_t)(random_number(random) % YEAR_9999_US),
            .source = maybe_text(random, arena, AMENDMENT_SOURCE_MAX),
            .currency = maybe_text(random, arena, 3)};
    return (struct amend_request){.amendments = amendments, .amendment_count = count};
}

static struct outcome random_outcome(struct random *random, struct arena *arena) {
    return (struct outcome){.transaction_id = random_text(random, arena, TRANSACTION_ID_MAX),
                            .label = random_label(random),
                            .known_time_us = (int64_t)(random_number(random) % YEAR_9999_US),
                            .source = maybe_text(random, arena, OUTCOME_SOURCE_MAX),
                            .unless_labelled = random_bool(random)};
}

static struct backfill_request random_backfill(struct random *random, struct arena *arena,
                                               size_t count) {
    struct backfill_item *items = make(arena, count, sizeof *items);
    const struct amend_request amend = random_amend(random, arena, count);
    for (size_t i = 0; i < count; i++) {
        items[i].transaction = random_transaction(random, arena);
        items[i].has_outcome = random_bool(random);
        items[i].has_amendment = random_bool(random);
        if (items[i].has_outcome)
            items[i].outcome = random_outcome(random, arena);
        if (items[i].has_amendment)
            items[i].amendment = amend.amendments[i];
    }
    return (struct backfill_request){.items = items, .item_count = count};
}

static struct find_query random_find(struct random *random, struct arena *arena, size_t count) {
    struct find_key *keys = make(arena, count, sizeof *keys);
    for (size_t i = 0; i < count; i++)
        keys[i] =
            (struct find_key){.field = (enum transaction_field)random_below(random, FIELD_COUNT),
                              .value = random_text(random, arena, TRANSACTION_FIELD_MAX)};
    struct find_query query = {
        .from_us = (int64_t)random_number(random),
        .until_us = (int64_t)random_number(random),
        .received_from_us = (int64_t)random_number(random),
        .received_until_us = (int64_t)random_number(random),
        .verdicts = (unsigned)random_below(random, 1u << VERDICT_COUNT) & ~1u,
        .has_score = random_bool(random),
        .has_amount = random_bool(random),
        .currency = maybe_text(random, arena, 3),
        .rule = maybe_text(random, arena, FIND_RULE_MAX),
        .shadow = random_bool(random),
        .keys = keys,
        .key_count = count,
        .labels = (unsigned)random_below(random, 1u << LABEL_COUNT),
        .id = maybe_text(random, arena, TRANSACTION_ID_MAX),
        .limit = (uint32_t)random_number(random),
        .cursor = maybe_text(random, arena, FIND_CURSOR_MAX),
    };
    if (query.has_score) {
        query.score_min = (uint32_t)random_number(random);
        query.score_max = (uint32_t)random_number(random);
    }
    if (query.has_amount) {
        query.amount_min = (int64_t)random_number(random);
        query.amount_max = (int64_t)random_number(random);
    }
    return query;
}

struct request random_request(struct random *random, struct arena *arena) {
    struct request request = {.deadline_us = random_bool(random) ? random_number(random) : 0,
                              .token = maybe_text(random, arena, 64),
                              .traceparent = maybe_text(random, arena, 55),
                              .call = (enum call)(1 + random_below(random, CALL_COUNT - 1))};
    size_t count = 1 + random_below(random, 5);
    if (request.call == CALL_SCORE) {
        request.score = random_score(random, arena);
    } else if (request.call == CALL_REPORT_OUTCOME) {
        struct outcome *outcomes = make(arena, count, sizeof *outcomes);
        for (size_t i = 0; i < count; i++)
            outcomes[i] = random_outcome(random, arena);
        request.outcome = (struct outcome_request){.outcomes = outcomes, .outcome_count = count};
    } else if (request.call == CALL_GET_ENTITY) {
        struct text *key = make(arena, count, sizeof *key);
        for (size_t i = 0; i < count; i++)
            key[i] = random_text(random, arena, TRANSACTION_FIELD_MAX);
        request.entity =
            (struct entity_request){.entity = random_text(random, arena, 64),
                                    .key = key,
                                    .key_count = count,
                                    .at_time_us = (int64_t)(random_number(random) % YEAR_9999_US)};
    } else if (request.call == CALL_AMEND) {
        request.amend = random_amend(random, arena, count);
    } else if (request.call == CALL_BACKFILL) {
        request.backfill = random_backfill(random, arena, count);
    } else if (request.call == CALL_CHANGE_LIST) {
        request.list_change = random_list_changes(random, arena, count);
    } else if (request.call == CALL_GET_LIST) {
        request.list = (struct list_request){.list = maybe_text(random, arena, 64),
                                             .after_position = random_number(random),
                                             .limit = (uint32_t)random_below(random, 1001)};
    } else if (request.call == CALL_CHANGE_BRAKE) {
        request.brake_change = (struct brake_change){.rule = maybe_text(random, arena, 64),
                                                     .of_policy = random_bool(random),
                                                     .pull = random_bool(random),
                                                     .definition = random_number(random),
                                                     .source = maybe_text(random, arena, 128),
                                                     .reason = maybe_text(random, arena, 128)};
    } else if (request.call == CALL_RELOAD) {
        request.reload.wait = random_bool(random);
    } else if (request.call == CALL_EXPLAIN) {
        request.explain.transaction_id = random_text(random, arena, TRANSACTION_ID_MAX);
    } else if (request.call == CALL_FIND) {
        request.find = random_find(random, arena, count);
    } else {
        request.status.state_hash = random_bool(random);
    }
    return request;
}

static struct wire_error random_error(struct random *random, struct arena *arena) {
    static const enum error_code codes[] = {ERROR_INVALID,     ERROR_UNSUPPORTED, ERROR_NOT_FOUND,
                                            ERROR_ID_CONFLICT, ERROR_TOO_LARGE,   ERROR_DEADLINE,
                                            ERROR_UNAVAILABLE, ERROR_INTERNAL,    ERROR_DENIED,
                                            ERROR_NOT_PRIMARY, ERROR_OVERLOADED};
    return (struct wire_error){.code = codes[random_below(random, sizeof codes / sizeof *codes)],
                               .field = maybe_text(random, arena, 64),
                               .message = maybe_text(random, arena, 1000),
                               .primary = maybe_text(random, arena, 64),
                               .fallback = (enum verdict)random_below(random, VERDICT_COUNT)};
}

static struct value random_value(struct random *random, struct arena *arena) {
    switch (random_below(random, 7)) {
    case 0:
        return value_bool(random_bool(random));
    case 1:
        return value_int((int64_t)random_number(random));
    case 2:
        return value_double(random_double(random));
    case 3:
        return value_text(maybe_text(random, arena, 128));
    case 4:
        return value_timestamp((int64_t)random_number(random));
    case 5:
        return value_duration(-(int64_t)(random_number(random) / 2));
    default:
        return value_absent();
    }
}

static const struct named_value *random_values(struct random *random, struct arena *arena,
                                               size_t count) {
    struct named_value *values = make(arena, count + 1, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (struct named_value){.name = random_text(random, arena, 64),
                                         .value = random_value(random, arena)};
    return values;
}

static const struct text *random_texts(struct random *random, struct arena *arena, size_t count,
                                       size_t most) {
    struct text *texts = make(arena, count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = random_text(random, arena, most);
    return texts;
}

/* What a Decision and a TransactionRecord have in common. */
static enum arm random_arm(struct random *random) {
    return (enum arm)random_below(random, ARM_COUNT);
}

static struct decision random_decision(struct random *random, struct arena *arena) {
    size_t count = random_below(random, 5);
    struct reason *reasons = make(arena, count + 1, sizeof *reasons);
    for (size_t i = 0; i < count; i++) {
        size_t tag_count = random_below(random, 3);
        reasons[i] =
            (struct reason){.rule = random_text(random, arena, 64),
                            .text = maybe_text(random, arena, REASON_TEXT_MAX),
                            .score = (int32_t)random_number(random),
                            .verdict = random_verdict(random),
                            .shadow = random_bool(random),
                            .suppressed = random_bool(random),
                            .tags = random_texts(random, arena, tag_count, 64),
                            .tag_count = tag_count,
                            .group = maybe_text(random, arena, 64),
                            .capped = random_bool(random) ? (int32_t)random_number(random) : 0,
                            .verdict_if_live = random_verdict(random)};
    }
    size_t failed = random_bool(random) ? random_below(random, DECISION_FAILED_RULES_MAX + 1) : 0;
    return (struct decision){.verdict = random_verdict(random),
                             .score = (uint32_t)random_below(random, DECISION_SCORE_MAX + 1),
                             .reasons = reasons,
                             .reason_count = count,
                             .snapshot_id = random_number(random),
                             .generation_id = random_number(random),
                             .degraded = random_bool(random),
                             .degraded_reason = maybe_text(random, arena, 128),
                             .rule_errors = (uint32_t)random_number(random),
                             .failed_rules = random_texts(random, arena, failed, 64),
                             .failed_rule_count = failed,
                             .arm = random_arm(random)};
}

static void add_shadows(struct random *random, struct arena *arena, struct decision *decision) {
    size_t count = random_below(random, 3);
    struct shadow_decision *shadows = make(arena, count + 1, sizeof *shadows);
    for (size_t i = 0; i < count; i++) {
        size_t rule_count = random_below(random, 4);
        uint32_t *rules = make(arena, rule_count + 1, sizeof *rules);
        for (size_t j = 0; j < rule_count; j++)
            rules[j] = (uint32_t)random_number(random) >> random_below(random, 32);
        shadows[i] = (struct shadow_decision){.snapshot_id = random_number(random),
                                              .verdict = random_verdict(random),
                                              .score = (uint32_t)random_below(random, 1001),
                                              .rules = rules,
                                              .rule_count = rule_count,
                                              .rule_errors = (uint32_t)random_below(random, 3),
                                              .degraded = random_bool(random)};
    }
    decision->shadows = shadows;
    decision->shadow_count = count;
}

static struct score_result random_score_result(struct random *random, struct arena *arena) {
    if (random_below(random, 3) == 0)
        return (struct score_result){.error = random_error(random, arena)};
    struct decision decision = random_decision(random, arena);
    decision.transaction_id = random_text(random, arena, TRANSACTION_ID_MAX);
    decision.position = random_number(random);
    decision.duplicate = random_bool(random);
    decision.dry_run = random_bool(random);
    decision.server_us = (uint32_t)random_number(random);
    decision.feature_count = random_below(random, 9);
    decision.features = random_values(random, arena, decision.feature_count);
    return (struct score_result){.decision = decision};
}

static struct outcome_result random_outcome_result(struct random *random, struct arena *arena) {
    if (random_below(random, 3) == 0)
        return (struct outcome_result){.error = random_error(random, arena)};
    return (struct outcome_result){.transaction_id = random_text(random, arena, TRANSACTION_ID_MAX),
                                   .position = random_number(random),
                                   .changed = random_bool(random),
                                   .previous = random_label(random)};
}

static struct amendment_result random_amendment_result(struct random *random, struct arena *arena) {
    if (random_below(random, 3) == 0)
        return (struct amendment_result){.error = random_error(random, arena)};
    return (struct amendment_result){.transaction_id =
                                         random_text(random, arena, TRANSACTION_ID_MAX),
                                     .position = random_number(random),
                                     .changed = random_bool(random),
                                     .previous = random_amended(random),
                                     .now = random_amended(random)};
}

static struct backfill_result random_backfill_result(struct random *random, struct arena *arena) {
    if (random_below(random, 3) == 0)
        return (struct backfill_result){.error = random_error(random, arena)};
    return (struct backfill_result){.transaction_id =
                                        random_text(random, arena, TRANSACTION_ID_MAX),
                                    .position = random_number(random),
                                    .duplicate = random_bool(random),
                                    .verdict = (enum verdict)random_below(random, VERDICT_COUNT),
                                    .score = (uint32_t)random_below(random, DECISION_SCORE_MAX + 1),
                                    .outcome_recorded = random_bool(random),
                                    .amendment_recorded = random_bool(random)};
}

static struct warming random_warming(struct random *random, struct arena *arena) {
    size_t count = random_below(random, 6);
    struct text *features = make(arena, count + 1, sizeof *features);
    struct text *rules = make(arena, count + 1, sizeof *rules);
    for (size_t i = 0; i < count; i++) {
        features[i] = random_text(random, arena, 64);
        rules[i] = random_text(random, arena, 64);
    }
    return (struct warming){.features = features,
                            .named_features = count,
                            .feature_count = random_number(random),
                            .rules = rules,
                            .named_rules = count,
                            .rule_count = random_number(random)};
}

static const struct status_brake *random_brakes(struct random *random, struct arena *arena,
                                                size_t count) {
    struct status_brake *brakes = make(arena, count + 1, sizeof *brakes);
    for (size_t i = 0; i < count; i++)
        brakes[i] = (struct status_brake){.rule = maybe_text(random, arena, 64),
                                          .definition = random_number(random),
                                          .position = random_number(random),
                                          .applies = random_bool(random),
                                          .pulled_time_us = (int64_t)random_number(random),
                                          .source = maybe_text(random, arena, 128),
                                          .reason = maybe_text(random, arena, 128)};
    return brakes;
}

static const struct status_source *random_sources(struct random *random, struct arena *arena,
                                                  size_t count) {
    struct status_source *sources = make(arena, count + 1, sizeof *sources);
    for (size_t i = 0; i < count; i++) {
        sources[i] =
            (struct status_source){.source = maybe_text(random, arena, 64),
                                   .transactions = random_number(random),
                                   .last_receive_us = (int64_t)random_number(random),
                                   .first = random_number(random),
                                   .highest = random_number(random),
                                   .gaps = random_number(random),
                                   .missed = random_number(random),
                                   .late = random_number(random),
                                   .repeats = random_number(random),
                                   .restarts = random_number(random),
                                   .missing_count = random_below(random, STATUS_RANGES_MAX + 1)};
        for (size_t j = 0; j < sources[i].missing_count; j++)
            sources[i].missing[j] = (struct source_range){.first = random_number(random),
                                                          .last = random_number(random)};
    }
    return sources;
}

static struct status_experiment random_experiment(struct random *random, struct arena *arena) {
    return (struct status_experiment){
        .name = random_text(random, arena, 64),
        .key = maybe_text(random, arena, 64),
        .share = (uint32_t)random_number(random),
        .policy_name = maybe_text(random, arena, 64),
        .snapshot_id = random_number(random),
        .position = random_number(random),
        .since_us = (int64_t)random_number(random),
        .decisions =
            {[ARM_CHAMPION] = random_number(random), [ARM_CHALLENGER] = random_number(random)},
    };
}

static struct status_response random_status(struct random *random, struct arena *arena) {
    size_t brakes = random_below(random, 4), sources = random_below(random, 4);
    struct status_response status = {
        .version = maybe_text(random, arena, 32),
        .state = maybe_text(random, arena, 32),
        .state_reason = maybe_text(random, arena, 1000),
        .started_time_us = (int64_t)random_number(random),
        .policy_name = maybe_text(random, arena, 64),
        .snapshot_id = random_number(random),
        .reload_error = maybe_text(random, arena, 1000),
        .generation_id = random_number(random),
        .generation_position = random_number(random),
        .generation_time_us = (int64_t)random_number(random),
        .position = random_number(random),
        .synced_position = random_number(random),
        .transactions = random_number(random),
        .outcomes = random_number(random),
        .newest_event_time_us = (int64_t)random_number(random),
        .overlay_entities = random_number(random),
        .overlay_bytes = random_number(random),
        .state_hash = random_number(random),
        .duplicates = random_number(random),
        .rejected = random_number(random),
        .stale = random_bool(random),
        .refused_since_time_us = (int64_t)random_number(random),
        .warming = random_warming(random, arena),
        .overlay_memory_bytes = random_number(random),
        .swap_state = maybe_text(random, arena, 32),
        .swap_reason = maybe_text(random, arena, 1000),
        .compared_entities = random_number(random),
        .differing_entities = random_number(random),
        .node = maybe_text(random, arena, 64),
        .primary = maybe_text(random, arena, 64),
        .committed_position = random_number(random),
        .brakes = random_brakes(random, arena, brakes),
        .described_brakes = brakes,
        .brake_count = random_number(random),
        .sources = random_sources(random, arena, sources),
        .source_count = sources,
        .ids_since_us = (int64_t)random_number(random),
        .other_source_transactions = random_number(random),
        .backup_time_us = (int64_t)random_number(random),
        .backup_position = random_number(random),
        .challenger_error = maybe_text(random, arena, 1000),
    };
    if (random_bool(random))
        status.experiment = random_experiment(random, arena);
    for (size_t label = 1; label < LABEL_COUNT; label++)
        status.labels[label] = random_bool(random) ? random_number(random) : 0;
    return status;
}

static struct list_change_result random_list_change_result(struct random *random,
                                                           struct arena *arena) {
    if (random_below(random, 3) == 0)
        return (struct list_change_result){.error = random_error(random, arena)};
    return (struct list_change_result){.list = random_text(random, arena, 64),
                                       .value = random_text(random, arena, 1024),
                                       .position = random_number(random),
                                       .changed = random_bool(random),
                                       .was_there = random_bool(random),
                                       .in_policy = random_bool(random),
                                       .previous_expiry_time_us = (int64_t)random_number(random)};
}

static struct list_response random_list(struct random *random, struct arena *arena, size_t count) {
    struct list_summary *lists = make(arena, count + 1, sizeof *lists);
    struct list_addition *entries = make(arena, count + 1, sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        lists[i] = (struct list_summary){.list = random_text(random, arena, 64),
                                         .type = maybe_text(random, arena, 16),
                                         .about = maybe_text(random, arena, 100),
                                         .file = maybe_text(random, arena, 100),
                                         .declared = random_bool(random),
                                         .runtime = random_bool(random),
                                         .policy_entries = random_number(random),
                                         .added_entries = random_number(random),
                                         .used_entries = random_number(random),
                                         .changes = random_number(random),
                                         .last_change_time_us = (int64_t)random_number(random)};
        entries[i] = (struct list_addition){.value = random_text(random, arena, 1024),
                                            .expiry_time_us = (int64_t)random_number(random),
                                            .position = random_number(random),
                                            .receive_time_us = (int64_t)random_number(random),
                                            .source = maybe_text(random, arena, 128),
                                            .reason = maybe_text(random, arena, 512)};
    }
    return (struct list_response){.lists = lists,
                                  .list_count = count,
                                  .entries = entries,
                                  .entry_count = count,
                                  .next_position = random_number(random)};
}

static struct folder_reload random_folder_reload(struct random *random, struct arena *arena) {
    return (struct folder_reload){.result =
                                      (enum reload_result)random_below(random, RELOAD_RESULT_COUNT),
                                  .policy_name = maybe_text(random, arena, 64),
                                  .snapshot_id = random_number(random),
                                  .error = maybe_text(random, arena, 1000),
                                  .messages = maybe_text(random, arena, 5000)};
}

static struct reload_response random_reload(struct random *random, struct arena *arena,
                                            size_t count) {
    struct folder_reload *shadows = make(arena, count + 1, sizeof *shadows);
    for (size_t i = 0; i < count; i++) {
        shadows[i] = random_folder_reload(random, arena);
        shadows[i].folder = random_text(random, arena, 1000);
    }
    return (struct reload_response){.policy = random_folder_reload(random, arena),
                                    .warming = random_warming(random, arena),
                                    .shadows = shadows,
                                    .shadow_count = count};
}

/* ---- explanations ---- */

static struct decision random_sent_decision(struct random *random, struct arena *arena) {
    struct score_result result;
    do
        result = random_score_result(random, arena);
    while (result.error.code);
    return result.decision;
}

static const struct explained_part *random_parts(struct random *random, struct arena *arena,
                                                 size_t count) {
    struct explained_part *parts = make(arena, count + 1, sizeof *parts);
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct explained_part){
            .text = random_text(random, arena, 2000),
            .depth = (uint32_t)random_below(random, 9),
            .kind = (enum explained_kind)random_below(random, EXPLAINED_KIND_COUNT),
            .type = random_text(random, arena, 20),
            .value = random_value(random, arena),
            .error = maybe_text(random, arena, 40),
            .reached = random_bool(random),
            .decides = random_bool(random),
            .list = maybe_text(random, arena, 64),
            .was_added = random_bool(random),
            .origin = (enum explained_origin)random_below(random, ORIGIN_COUNT)};
    return parts;
}

static const struct explained_rule *random_rules(struct random *random, struct arena *arena,
                                                 size_t count) {
    struct explained_rule *rules = make(arena, count + 1, sizeof *rules);
    for (size_t i = 0; i < count; i++) {
        size_t part_count = random_below(random, 6);
        rules[i] =
            (struct explained_rule){.name = random_text(random, arena, 64),
                                    .about = maybe_text(random, arena, REASON_TEXT_MAX),
                                    .file = random_text(random, arena, 100),
                                    .line = (uint32_t)random_below(random, 9999),
                                    .mode = (enum explained_mode)random_below(random, MODE_COUNT),
                                    .fate = (enum explained_fate)random_below(random, FATE_COUNT),
                                    .verdict = random_verdict(random),
                                    .verdict_on_error = random_verdict(random),
                                    .score = (int32_t)random_number(random),
                                    .group = maybe_text(random, arena, 64),
                                    .reason = maybe_text(random, arena, REASON_TEXT_MAX),
                                    .capped = (int32_t)random_number(random),
                                    .verdict_if_live = random_verdict(random),
                                    .from_us = (int64_t)random_number(random),
                                    .until_us = (int64_t)random_number(random),
                                    .rollout = (uint32_t)random_below(random, 10001),
                                    .rollout_key = maybe_text(random, arena, 64),
                                    .braked = random_bool(random),
                                    .parts = random_parts(random, arena, part_count),
                                    .part_count = part_count};
    }
    return rules;
}

static void random_scoring(struct random *random, struct arena *arena, size_t count,
                           struct explained_policy *policy) {
    struct explained_group *groups = make(arena, count + 1, sizeof *groups);
    struct explained_cutoff *cutoffs = make(arena, count + 1, sizeof *cutoffs);
    struct explained_shadow *shadows = make(arena, count + 1, sizeof *shadows);
    for (size_t i = 0; i < count; i++) {
        size_t rules = random_below(random, 4);
        groups[i] = (struct explained_group){.name = random_text(random, arena, 64),
                                             .about = maybe_text(random, arena, 1000),
                                             .takes_greatest = random_bool(random),
                                             .is_limited = random_bool(random),
                                             .at_most = (int32_t)random_number(random),
                                             .asked = (int64_t)random_number(random),
                                             .counted = (int64_t)random_number(random)};
        cutoffs[i] = (struct explained_cutoff){.verdict = random_verdict(random),
                                               .score = (uint32_t)random_below(random, 1001),
                                               .is_computed = random_bool(random)};
        shadows[i] = (struct explained_shadow){.arm = random_arm(random),
                                               .name = random_text(random, arena, 64),
                                               .snapshot_id = random_number(random),
                                               .verdict = random_verdict(random),
                                               .score = (uint32_t)random_below(random, 1001),
                                               .rules = random_texts(random, arena, rules, 64),
                                               .rule_count = rules,
                                               .rule_errors = (uint32_t)random_below(random, 3),
                                               .degraded = random_bool(random)};
    }
    policy->groups = groups;
    policy->cutoffs = cutoffs;
    policy->shadows = shadows;
    policy->group_count = policy->cutoff_count = policy->shadow_count = count;
}

static struct explained_policy random_explained_policy(struct random *random, struct arena *arena) {
    struct explained_policy policy = {.name = random_text(random, arena, 64),
                                      .snapshot_id = random_number(random)};
    size_t count = random_below(random, 4);
    if (random_below(random, 4) == 0) {
        policy.refusal = random_text(random, arena, 1000);
        policy.refused_field = maybe_text(random, arena, 64);
        return policy;
    }
    struct explained_computed *computed = make(arena, count + 1, sizeof *computed);
    for (size_t i = 0; i < count; i++)
        computed[i] = (struct explained_computed){.name = random_text(random, arena, 64),
                                                  .parts = random_parts(random, arena, count),
                                                  .part_count = count};
    struct explained_model *models = make(arena, count + 1, sizeof *models);
    for (size_t i = 0; i < count; i++) {
        double *contributions = make(arena, count + 1, sizeof *contributions);
        for (size_t k = 0; k < count; k++)
            contributions[k] = ((double)random_below(random, 1000) + 0.5) / 7;
        models[i] =
            (struct explained_model){.name = random_text(random, arena, 64),
                                     .inputs = random_values(random, arena, count),
                                     .contributions = contributions,
                                     .input_count = count,
                                     .bias = ((double)random_below(random, 1000) + 0.5) / 3,
                                     .margin = -((double)random_below(random, 1000) + 0.5) / 9};
    }
    policy.models = models;
    policy.model_count = count;
    policy.decision = random_sent_decision(random, arena);
    policy.fields = random_values(random, arena, count);
    policy.computed = computed;
    policy.rules = random_rules(random, arena, count);
    policy.warming = random_texts(random, arena, count, 64);
    policy.field_count = policy.computed_count = policy.rule_count = policy.warming_count = count;
    random_scoring(random, arena, random_below(random, 3), &policy);
    return policy;
}

static const struct explanation *random_explanation(struct random *random, struct arena *arena) {
    size_t count = random_below(random, 4);
    struct explanation *out = make(arena, 1, sizeof *out);
    struct explained_entity *entities = make(arena, count + 1, sizeof *entities);
    struct explained_outcome *outcomes = make(arena, count + 1, sizeof *outcomes);
    struct explained_amendment *amendments = make(arena, count + 1, sizeof *amendments);
    for (size_t i = 0; i < count; i++) {
        amendments[i] =
            (struct explained_amendment){.position = random_number(random),
                                         .receive_time_us = (int64_t)random_number(random),
                                         .known_time_us = (int64_t)random_number(random),
                                         .previous = random_amended(random),
                                         .now = random_amended(random),
                                         .source = maybe_text(random, arena, 128)};
        entities[i] = (struct explained_entity){.name = random_text(random, arena, 64),
                                                .key = random_text(random, arena, 200),
                                                .entries = random_number(random),
                                                .newest_time_us = (int64_t)random_number(random),
                                                .applied = random_number(random),
                                                .is_in_tables = random_bool(random)};
        outcomes[i] = (struct explained_outcome){.position = random_number(random),
                                                 .receive_time_us = (int64_t)random_number(random),
                                                 .known_time_us = (int64_t)random_number(random),
                                                 .previous = random_label(random),
                                                 .label = random_label(random),
                                                 .source = maybe_text(random, arena, 128)};
    }
    *out = (struct explanation){.transaction = random_transaction(random, arena),
                                .position = random_number(random),
                                .receive_time_us = (int64_t)random_number(random),
                                .archived = random_sent_decision(random, arena),
                                .is_equal = random_bool(random),
                                .difference = maybe_text(random, arena, 3000),
                                .experiment = maybe_text(random, arena, 64),
                                .policy_position = random_number(random),
                                .generation_id = random_number(random),
                                .generation_position = random_number(random),
                                .adopted_position = random_number(random),
                                .base_position = random_number(random),
                                .records_read = random_number(random),
                                .records_applied = random_number(random),
                                .entities = entities,
                                .entity_count = count,
                                .outcomes = outcomes,
                                .outcome_count = count,
                                .amendments = amendments,
                                .amendment_count = count,
                                .notes = random_texts(random, arena, count, 1000),
                                .note_count = count,
                                .then = random_explained_policy(random, arena)};
    return out;
}

static struct find_response random_found(struct random *random, struct arena *arena, size_t count) {
    struct found_transaction *found = make(arena, count + 1, sizeof *found);
    for (size_t i = 0; i < count; i++) {
        bool is_amended = random_bool(random);
        found[i] = (struct found_transaction){
            .transaction = random_transaction(random, arena),
            .decision = random_sent_decision(random, arena),
            .receive_time_us = (int64_t)random_number(random),
            .label = random_label(random),
            .outcome_us = (int64_t)random_number(random),
            .outcome_known_us = (int64_t)random_number(random),
            .is_amended = is_amended,
            .amended = is_amended ? random_amended(random) : (struct amended){0},
            .amended_us = (int64_t)random_number(random),
            .is_backfilled = random_bool(random),
        };
    }
    return (struct find_response){.found = found,
                                  .found_count = count,
                                  .cursor = maybe_text(random, arena, FIND_CURSOR_MAX),
                                  .is_incomplete = random_bool(random)};
}

struct response random_response(struct random *random, struct arena *arena) {
    struct response response = {.call = (enum call)(1 + random_below(random, CALL_COUNT - 1))};
    size_t count = random_below(random, 6);
    if (random_below(random, 5) == 0) {
        response = (struct response){.error = random_error(random, arena)};
    } else if (response.call == CALL_SCORE) {
        struct score_result *results = make(arena, count + 1, sizeof *results);
        for (size_t i = 0; i < count; i++)
            results[i] = random_score_result(random, arena);
        response.score.results = results;
        response.score.count = count;
    } else if (response.call == CALL_REPORT_OUTCOME) {
        struct outcome_result *results = make(arena, count + 1, sizeof *results);
        for (size_t i = 0; i < count; i++)
            results[i] = random_outcome_result(random, arena);
        response.outcome.results = results;
        response.outcome.count = count;
    } else if (response.call == CALL_GET_ENTITY) {
        response.entity = (struct entity_response){.features = random_values(random, arena, count),
                                                   .feature_count = count,
                                                   .newest_time_us = (int64_t)random_number(random),
                                                   .entries = random_number(random),
                                                   .state_bytes = random_number(random),
                                                   .state_hash = random_number(random),
                                                   .at_time_us = (int64_t)random_number(random)};
    } else if (response.call == CALL_AMEND) {
        struct amendment_result *results = make(arena, count + 1, sizeof *results);
        for (size_t i = 0; i < count; i++)
            results[i] = random_amendment_result(random, arena);
        response.amend.results = results;
        response.amend.count = count;
    } else if (response.call == CALL_BACKFILL) {
        struct backfill_result *results = make(arena, count + 1, sizeof *results);
        for (size_t i = 0; i < count; i++)
            results[i] = random_backfill_result(random, arena);
        response.backfill.results = results;
        response.backfill.count = count;
    } else if (response.call == CALL_CHANGE_LIST) {
        struct list_change_result *results = make(arena, count + 1, sizeof *results);
        for (size_t i = 0; i < count; i++)
            results[i] = random_list_change_result(random, arena);
        response.list_change.results = results;
        response.list_change.count = count;
    } else if (response.call == CALL_GET_LIST) {
        response.list = random_list(random, arena, count);
    } else if (response.call == CALL_CHANGE_BRAKE) {
        response.brake_change.changed = random_bool(random);
        response.brake_change.position = random_number(random);
        response.brake_change.definition = random_number(random);
    } else if (response.call == CALL_RELOAD) {
        response.reload = random_reload(random, arena, count);
    } else if (response.call == CALL_EXPLAIN) {
        response.explain = random_explanation(random, arena);
    } else if (response.call == CALL_FIND) {
        response.find = random_found(random, arena, count);
    } else {
        response.status = random_status(random, arena);
    }
    return response;
}

static const struct policy_file *random_files(struct random *random, struct arena *arena,
                                              size_t count) {
    struct policy_file *files = make(arena, count + 1, sizeof *files);
    for (size_t i = 0; i < count; i++) {
        size_t length = random_below(random, 300);
        char *content = make(arena, length + 1, 1);
        for (size_t j = 0; j < length; j++) /* any bytes at all */
            content[j] = (char)random_below(random, 256);
        files[i] = (struct policy_file){.path = random_text(random, arena, 100),
                                        .content = {.data = content, .length = length}};
    }
    return files;
}

static struct snapshot_record random_snapshot(struct random *random, struct arena *arena) {
    size_t count = random_below(random, 5);
    return (struct snapshot_record){.snapshot_id = random_number(random),
                                    .name = random_text(random, arena, 64),
                                    .files = random_files(random, arena, count),
                                    .file_count = count};
}

static struct generation_record random_generation(struct random *random, struct arena *arena) {
    size_t count = random_below(random, 3);
    return (struct generation_record){.generation_id = random_number(random),
                                      .position = random_number(random),
                                      .chain = random_number(random),
                                      .plan_id = random_number(random),
                                      .snapshot_id = random_number(random),
                                      .files = random_files(random, arena, count),
                                      .file_count = count};
}

/* Of one transaction in four. */
static const struct erased *maybe_erased(struct random *random, struct arena *arena) {
    if (random_below(random, 4) > 0)
        return NULL;
    struct erased *erased = make(arena, 1, sizeof *erased);
    size_t fields = random_below(random, 4), conditions = random_below(random, 4);
    struct erased_field *field = make(arena, fields + 1, sizeof *field);
    struct erased_condition *condition = make(arena, conditions + 1, sizeof *condition);
    for (size_t i = 0; i < fields; i++) {
        field[i] = (struct erased_field){.field = random_text(random, arena, 64),
                                         .hash = random_number(random),
                                         .is_shown = random_bool(random)};
        if (random_bool(random))
            field[i].kept = random_attribute(random, arena, 0);
    }
    for (size_t i = 0; i < conditions; i++)
        condition[i] = (struct erased_condition){.condition = random_number(random),
                                                 .labels = (uint32_t)random_number(random)};
    *erased = (struct erased){.fields = field,
                              .field_count = fields,
                              .conditions = condition,
                              .condition_count = conditions};
    return erased;
}

static struct erasure_record random_erasure(struct random *random, struct arena *arena) {
    size_t keys = random_below(random, 4), segments = random_below(random, 4);
    size_t bases = random_below(random, 3);
    struct erased_base *base = make(arena, bases + 1, sizeof *base);
    struct erased_key *key = make(arena, keys + 1, sizeof *key);
    struct erased_segment *segment = make(arena, segments + 1, sizeof *segment);
    for (size_t i = 0; i < keys; i++)
        key[i] = (struct erased_key){.field = random_text(random, arena, 64),
                                     .hash = random_number(random)};
    for (size_t i = 0; i < segments; i++) {
        segment[i].first = random_number(random);
        segment[i].records = random_number(random);
        for (size_t j = 0; j < ERASED_SEAL_SIZE; j++) {
            segment[i].seal_before[j] = (uint8_t)random_below(random, 256);
            segment[i].seal[j] = (uint8_t)random_below(random, 256);
        }
    }
    for (size_t i = 0; i < bases; i++)
        base[i] = (struct erased_base){.before = random_number(random),
                                       .after = random_number(random),
                                       .states = random_number(random),
                                       .texts = random_number(random)};
    return (struct erasure_record){.number = random_number(random),
                                   .keys = key,
                                   .key_count = keys,
                                   .source = maybe_text(random, arena, 64),
                                   .done = random_bool(random),
                                   .records = random_number(random),
                                   .segments = segment,
                                   .segment_count = segments,
                                   .bases = base,
                                   .base_count = bases};
}

struct record random_record(struct random *random, struct arena *arena) {
    struct record record = {.type = RECORD_TRANSACTION +
                                    (enum record_type)random_below(random, RECORD_TYPE_COUNT - 1),
                            .receive_time_us = (int64_t)random_number(random)};
    switch (record.type) {
    case RECORD_TRANSACTION:
        record.transaction.transaction = random_transaction(random, arena);
        record.transaction.decision = random_decision(random, arena);
        record.transaction.decision.feature_hash = random_number(random);
        add_shadows(random, arena, &record.transaction.decision);
        record.transaction.is_backfilled = random_bool(random);
        record.transaction.transaction.erased = maybe_erased(random, arena);
        break;
    case RECORD_OUTCOME:
        record.outcome =
            (struct outcome_record){.known_time_us = (int64_t)random_number(random),
                                    .previous = random_label(random),
                                    .label = random_label(random),
                                    .source = maybe_text(random, arena, OUTCOME_SOURCE_MAX),
                                    .transaction_position = random_number(random),
                                    .transaction = random_transaction(random, arena),
                                    .verdict = random_verdict(random),
                                    .is_backfilled = random_bool(random)};
        if (random_bool(random)) {
            record.outcome.is_amended = true;
            record.outcome.amended = random_amended(random);
        }
        record.outcome.transaction.erased = maybe_erased(random, arena);
        break;
    case RECORD_AMENDMENT:
        record.amendment =
            (struct amendment_record){.known_time_us = (int64_t)random_number(random),
                                      .previous = random_amended(random),
                                      .now = random_amended(random),
                                      .source = maybe_text(random, arena, AMENDMENT_SOURCE_MAX),
                                      .transaction_position = random_number(random),
                                      .transaction = random_transaction(random, arena),
                                      .verdict = random_verdict(random),
                                      .fired_count = random_below(random, 4),
                                      .label = random_label(random),
                                      .is_backfilled = random_bool(random),
                                      .earlier_position = random_number(random)};
        record.amendment.fired = random_texts(random, arena, record.amendment.fired_count, 64);
        record.amendment.transaction.erased = maybe_erased(random, arena);
        break;
    case RECORD_LIST_CHANGE:
        record.list_change =
            (struct list_change_record){.list = random_text(random, arena, 64),
                                        .entry = random_text(random, arena, 128),
                                        .removed = random_bool(random),
                                        .expiry_time_us = (int64_t)random_number(random),
                                        .source = maybe_text(random, arena, 128),
                                        .reason = maybe_text(random, arena, 128)};
        break;
    case RECORD_EXPERIMENT: {
        const struct snapshot_record files = random_snapshot(random, arena);
        record.experiment = (struct experiment_record){.ended = random_bool(random),
                                                       .name = maybe_text(random, arena, 64),
                                                       .key = maybe_text(random, arena, 64),
                                                       .share = (uint32_t)random_number(random),
                                                       .snapshot_id = files.snapshot_id,
                                                       .policy = files.name,
                                                       .files = files.files,
                                                       .file_count = files.file_count};
        break;
    }
    case RECORD_BRAKE:
        record.brake = (struct brake_record){.rule = maybe_text(random, arena, 64),
                                             .definition = random_number(random),
                                             .lifted = random_bool(random),
                                             .fires = random_number(random),
                                             .decisions = random_number(random),
                                             .share_e6 = (uint32_t)random_number(random),
                                             .window_us = (int64_t)random_number(random),
                                             .source = maybe_text(random, arena, 128),
                                             .reason = maybe_text(random, arena, 128),
                                             .arm = (enum arm)random_below(random, ARM_COUNT)};
        break;
    case RECORD_SNAPSHOT:
    case RECORD_SHADOW:
        record.snapshot = random_snapshot(random, arena);
        break;
    case RECORD_GENERATION:
        record.generation = random_generation(random, arena);
        break;
    case RECORD_ENGINE:
        record.engine.version = random_text(random, arena, 32);
        record.engine.node = maybe_text(random, arena, 32);
        record.engine.definition = (uint32_t)random_below(random, 3);
        break;
    case RECORD_ERASURE:
        record.erasure = random_erasure(random, arena);
        break;
    case RECORD_LOST:
        record.lost.first = random_below(random, 1 << 20);
        record.lost.last = record.lost.first + random_below(random, 1000);
        record.lost.file = maybe_text(random, arena, 64);
        break;
    case RECORD_TYPE_COUNT:
        break;
    }
    return record;
}
