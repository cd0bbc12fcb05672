#include "traffic.h"

#include "core/base/check.h"
#include "tests/split_mix.h"

static const char policy_yaml[] = "policy:\n"
                                  "  name: bench\n"
                                  "  about: for tests\n"
                                  "  base_currency: EUR\n"
                                  "  lateness: 1h\n";

static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  merchant: {key: merchant}\n"
    "  card_merchant: {key: [card, merchant]}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_6h, aggregate: sum, of: amount, window: 6h}\n"
    "    - {name: fraud_6h, aggregate: count, where: \"outcome == 'fraud'\", window: 6h}\n"
    "    - {name: declined_1h, aggregate: count, where: \"verdict == 'decline'\", window: 1h}\n"
    "  merchant:\n"
    "    - {name: share_2d, aggregate: share, of: \"outcome == 'fraud'\", window: 2d}\n"
    "    - {name: cards_6h, aggregate: distinct, of: card, window: 6h}\n"
    "  card_merchant:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n";

static const char rules_yaml[] =
    "rules:\n"
    "  - {name: many, about: many, when: card.count_1h >= 3, then: {score: 250}}\n";

struct snapshot *traffic_policy(const char *extra) {
    char features[sizeof features_yaml + 512];
    snprintf(features, sizeof features, "%s%s", features_yaml, extra);
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features)},
        {.path = TEXT_LITERAL("policy.yaml"), .content = text_of(policy_yaml)},
        {.path = TEXT_LITERAL("rules/all.yaml"), .content = text_of(rules_yaml)},
    };
    struct buffer messages;
    buffer_init(&messages);
    struct error error;
    struct snapshot *snapshot = NULL;
    if (snapshot_load(files, 3, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

void traffic_init(struct traffic *traffic, uint64_t seed) {
    *traffic = (struct traffic){.random = seed};
    arena_init(&traffic->arena, 1u << 30);
}

void traffic_deinit(struct traffic *traffic) {
    arena_deinit(&traffic->arena);
    free(traffic->past);
}

uint64_t traffic_random(struct traffic *traffic, uint64_t below) {
    return split_mix(&traffic->random) % below;
}

static struct record next_transaction(struct traffic *traffic) {
    struct arena *arena = &traffic->arena;
    bool is_late = traffic->late_seconds > 0 && traffic_random(traffic, 8) == 0;
    bool is_backfilled = is_late && traffic_random(traffic, 2) == 0;
    struct transaction transaction = {
        .id = arena_printf(arena, "t-%llu", (unsigned long long)traffic->position),
        /* Three minutes on, up to an hour out of order. */
        .event_time_us = TRAFFIC_START_US + (int64_t)traffic->position * 180000000 -
                         (int64_t)traffic_random(traffic, 3600) * 1000000,
        .amount_minor = (int64_t)traffic_random(traffic, 100000),
        .currency = TEXT_LITERAL("EUR"),
    };
    if (is_late)
        transaction.event_time_us -=
            (int64_t)traffic_random(traffic, traffic->late_seconds) * 1000000;
    /* New cards come and old ones stay away: they fall idle. */
    uint64_t newest = 5 + traffic->position / 4;
    transaction.fields[FIELD_CARD] = arena_printf(
        arena, "c%llu", (unsigned long long)(newest - traffic_random(traffic, 5 + newest / 3)));
    if (traffic_random(traffic, 10) > 0)
        transaction.fields[FIELD_MERCHANT] =
            arena_printf(arena, "m%u", (unsigned)traffic_random(traffic, 12));
    if (traffic->position % 5 > 0) { /* with gaps, repeats and numbers that come late */
        transaction.source = arena_printf(arena, "s%u", (unsigned)(traffic->position % 3));
        transaction.sequence =
            1 + (traffic->position % 11 == 0 ? traffic->position / 2 : traffic->position);
    }
    struct record record = {.type = RECORD_TRANSACTION};
    record.transaction.transaction = transaction;
    record.transaction.is_backfilled = is_backfilled;
    record.transaction.decision.verdict =
        traffic_random(traffic, 5) ? VERDICT_APPROVE : VERDICT_DECLINE;
    if (traffic->past_count == traffic->past_capacity) {
        traffic->past_capacity = traffic->past_capacity ? 2 * traffic->past_capacity : 64;
        traffic->past =
            check_reallocarray(traffic->past, traffic->past_capacity, sizeof *traffic->past);
    }
    traffic->past[traffic->past_count++] =
        (struct traffic_past){.id = transaction.id,
                              .position = traffic->position,
                              .transaction = transaction,
                              .verdict = record.transaction.decision.verdict,
                              .amended = amended_of(&transaction),
                              .is_backfilled = is_backfilled};
    return record;
}

static struct record next_outcome(struct traffic *traffic) {
    struct traffic_past *past = &traffic->past[traffic_random(traffic, traffic->past_count)];
    enum label label = (enum label)traffic_random(traffic, LABEL_COUNT);
    struct record record = {.type = RECORD_OUTCOME};
    record.outcome = (struct outcome_record){
        .previous = past->label,
        .label = label,
        .transaction_position = past->position,
        .transaction = past->transaction,
        .verdict = past->verdict,
        .is_amended = past->is_amended,
        .amended = past->amended,
        .is_backfilled = past->is_backfilled,
    };
    past->label = label;
    return record;
}

/* Voided, restored, captured with another amount or refunded, as it comes. */
static struct record next_amendment(struct traffic *traffic) {
    struct traffic_past *past = &traffic->past[traffic_random(traffic, traffic->past_count)];
    struct amended now = past->amended;
    if (traffic_random(traffic, 3) == 0)
        now.is_voided = !now.is_voided;
    else
        now.amount_minor = (int64_t)traffic_random(traffic, 100000);
    now.refunded_minor = (int64_t)traffic_random(traffic, (uint64_t)now.amount_minor + 1);
    struct record record = {.type = RECORD_AMENDMENT};
    record.amendment = (struct amendment_record){
        .previous = past->amended,
        .now = now,
        .transaction_position = past->position,
        .transaction = past->transaction,
        .verdict = past->verdict,
        .label = past->label,
        .is_backfilled = past->is_backfilled,
    };
    past->amended = now;
    past->is_amended = true;
    past->amended_at = traffic->position;
    return record;
}

struct record traffic_next(struct traffic *traffic) {
    traffic->position++;
    uint64_t kind = traffic->past_count > 0 ? traffic_random(traffic, 15) : 15;
    struct record record = kind < 3    ? next_outcome(traffic)
                           : kind == 3 ? next_amendment(traffic)
                                       : next_transaction(traffic);
    record.position = traffic->position;
    record.receive_time_us = TRAFFIC_START_US + (int64_t)traffic->position;
    return record;
}
