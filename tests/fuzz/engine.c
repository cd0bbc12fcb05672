/* Target: a policy and a stream of records, both drawn from the bytes, against the naive model.
 *
 *   input  POLICY_BYTES of a policy (drawn_policy.h), then steps of 6 bytes, STEPS_MAX at most:
 *          u8 kind, u8 who, u8 when, u8 unit of time, u16 what
 *
 * Steps are payments, in order, late, or at the same time as others; ids that come again; outcomes,
 * also changed and withdrawn ones; voids, captures, refunds and restorations. What must hold:
 *
 *   the policy loads
 *   each feature has the value that the naive model gives, unless the transaction is later than the
 *   policy's lateness, which the decision then says
 *   rules, score and verdict follow from these values as docs/POLICY.md has it
 *   the overlay knows each id by its first position
 *   the same records in bulk, and in any order in a map, give the same states */
#include "common/target.h"

#include "common/ledger.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/engine/engine.h"
#include "core/store/overlay/bulk_apply.h"
#include "core/store/overlay/overlay.h"
#include "tests/unit/engine/state_map.h"

#include <stdio.h>
#include <stdlib.h>

#define POLICY_BYTES 160
#define STEPS_MAX    96
#define ARENA_BYTES  ((size_t)16 << 20)
#define START_US     INT64_C(1767225600000000) /* 2026-01-01 */

/* A transaction that was decided, and what is known of it by now. */
struct paid {
    struct transaction transaction;
    struct decision decision;
    uint64_t position;
    enum label label;
    bool is_amended;
    struct amended amended;
};

static struct arena arena;
static struct buffer texts[DRAWN_TEXTS], messages;
static struct ledger *ledger;

struct run {
    struct drawn_policy policy;
    struct snapshot *snapshot;
    struct engine *engine;
    struct overlay *overlay;
    struct paid paid[STEPS_MAX];
    size_t paid_count;
    struct record records[STEPS_MAX];
    size_t record_count;
    int64_t now_us;
};
static struct run run; /* too large for a stack */

void target_start(void) {
    arena_init(&arena, ARENA_BYTES);
    for (int i = 0; i < DRAWN_TEXTS; i++)
        buffer_init(&texts[i]);
    buffer_init(&messages);
    ledger = ledger_new();
}

static void load(void) {
    struct policy_file files[DRAWN_FILES];
    struct error error = {0};
    drawn_policy_write(&run.policy, texts, files);
    buffer_clear(&messages);
    int r = snapshot_load(files, DRAWN_FILES, &run.snapshot, &messages, &error);
    property(r == 0, "a valid policy is refused: %s\n%" TEXT_FORMAT "%" TEXT_FORMAT "%" TEXT_FORMAT,
             error.text, TEXT_ARGS(buffer_text(&messages)), TEXT_ARGS(buffer_text(&texts[1])),
             TEXT_ARGS(buffer_text(&texts[2])));
}

/* ---- payments ---- */

static const int32_t places[][2] = {{0, 0},
                                    {900000000, 0},
                                    {525200066, 134049540},
                                    {525200067, 134049540},
                                    {-525200066, -1665950460},
                                    {1, 1800000000},
                                    {407127753, -740059728}};

static void add_attributes(struct transaction *transaction, struct chance *chance) {
    struct attribute *attributes = arena_calloc(&arena, 3, sizeof *attributes);
    size_t count = 0;
    if (chance_below(chance, 4))
        attributes[count++] = (struct attribute){.name = TEXT_LITERAL("items"),
                                                 .type = ATTRIBUTE_INTEGER,
                                                 .integer = (int64_t)chance_below(chance, 9) - 4};
    if (chance_below(chance, 4))
        attributes[count++] = (struct attribute){.name = TEXT_LITERAL("online"),
                                                 .type = ATTRIBUTE_FLAG,
                                                 .flag = chance_below(chance, 2)};
    if (chance_below(chance, 4))
        attributes[count++] =
            (struct attribute){.name = TEXT_LITERAL("opened"),
                               .type = ATTRIBUTE_INTEGER,
                               .integer = (int64_t)chance_below(chance, 5) * 1000000};
    transaction->attributes = attributes;
    transaction->attribute_count = count;
}

static struct transaction payment_of(uint8_t who, int64_t time_us, uint16_t what) {
    static const struct text cards[] = {TEXT_LITERAL("c0"), TEXT_LITERAL("c1"), TEXT_LITERAL("c2")};
    struct chance chance = {.state = what >> 8};
    struct transaction transaction = {.id = arena_printf(&arena, "t%zu", run.paid_count),
                                      .event_time_us = time_us};
    /* Mostly the same card, so that its windows fill. */
    transaction.fields[FIELD_CARD] = cards[who % 8 < 6 ? 0 : who % 8 - 5];
    transaction.fields[FIELD_MERCHANT] = text_of(drawn_merchants[(who >> 3) % DRAWN_MERCHANTS]);
    if (chance_below(&chance, 8)) {
        transaction.currency = TEXT_LITERAL("EUR");
        transaction.amount_minor = (int64_t)(what & 255) * 7;
        if (chance_below(&chance, 8) == 0)
            transaction.amount_minor <<= 20;
    }
    if (chance_below(&chance, 4)) {
        const int32_t *place = places[chance_below(&chance, sizeof places / sizeof *places)];
        transaction.has_location = true;
        transaction.latitude_e7 = place[0];
        transaction.longitude_e7 = place[1];
    }
    add_attributes(&transaction, &chance);
    return transaction;
}

static bool is_late(enum drawn_entity entity, const struct transaction *transaction) {
    return ledger_is_late(ledger, entity, transaction);
}

/* The values of the features in the order in which they were drawn. */
static void check_features(const struct transaction *transaction, const struct decision *decision,
                           struct value *ret_values) {
    bool late = false;
    property(decision->feature_count == run.policy.feature_count, "%zu features of %zu",
             decision->feature_count, run.policy.feature_count);
    for (size_t i = 0; i < run.policy.feature_count; i++) {
        char name[24], complaint[400];
        enum drawn_entity entity = run.policy.features[i].entity;
        const struct named_value *found = NULL;
        snprintf(name, sizeof name, "%s.f%zu", entity == DRAWN_CARD ? "card" : "pair", i);
        for (size_t j = 0; j < decision->feature_count; j++)
            if (text_is(decision->features[j].name, name))
                found = &decision->features[j];
        property(found, "the decision lacks %s", name);
        ret_values[i] = found->value;
        late |= is_late(entity, transaction);
        property(is_late(entity, transaction) || ledger_agrees(ledger, i, transaction, found->value,
                                                               complaint, sizeof complaint),
                 "%s\n%" TEXT_FORMAT, complaint, TEXT_ARGS(buffer_text(&texts[1])));
    }
    property(decision->degraded == late, "degraded: %d, \"%" TEXT_FORMAT "\"", decision->degraded,
             TEXT_ARGS(decision->degraded_reason));
}

static void check_rules(const struct transaction *transaction, const struct decision *decision,
                        const struct value *values) {
    struct drawn_decision expected = drawn_policy_decide(&run.policy, transaction, values);
    unsigned fired = 0, in_shadow = 0;
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        unsigned number = (unsigned)(reason->rule.data[1] - '0');
        property(reason->rule.length == 2 && number < run.policy.rule_count && !reason->suppressed,
                 "rule %" TEXT_FORMAT, TEXT_ARGS(reason->rule));
        *(reason->shadow ? &in_shadow : &fired) |= 1u << number;
    }
    property(fired == expected.fired && in_shadow == expected.in_shadow,
             "rules %x fired and %x in shadow, expected %x and %x\n%" TEXT_FORMAT, fired, in_shadow,
             expected.fired, expected.in_shadow, TEXT_ARGS(buffer_text(&texts[2])));
    property(decision->score == expected.score && decision->verdict == expected.verdict &&
                 decision->rule_errors == 0,
             "%s %u, expected %s %u\n%" TEXT_FORMAT, verdict_name(decision->verdict),
             decision->score, verdict_name(expected.verdict), expected.score,
             TEXT_ARGS(buffer_text(&texts[2])));
}

static void append(struct record record) {
    record.position = run.record_count + 1;
    record.receive_time_us = START_US;
    overlay_apply(run.overlay, run.engine, &record);
    if (record.type == RECORD_TRANSACTION) /* other engines will apply it, too */
        record.transaction.decision.laid_out = 0;
    run.records[run.record_count++] = record;
}

static void pay(uint8_t who, int64_t time_us, uint16_t what) {
    struct value values[DRAWN_FEATURES_MAX];
    struct text field = {0};
    struct error error = {0};
    struct known_id known;
    struct paid *paid = &run.paid[run.paid_count];
    *paid = (struct paid){.transaction = payment_of(who, time_us, what),
                          .position = run.record_count + 1};
    property(!overlay_recognise_id(run.overlay, hash_text(paid->transaction.id), &known),
             "a new id is known");
    int r = engine_decide(run.engine, &paid->transaction, overlay_states(run.overlay), true, &arena,
                          &paid->decision, &field, &error);
    property(r == 0, "refused: %s", error.text);
    check_features(&paid->transaction, &paid->decision, values);
    check_rules(&paid->transaction, &paid->decision, values);
    append((struct record){
        .type = RECORD_TRANSACTION,
        .transaction = {.transaction = paid->transaction, .decision = paid->decision}});
    ledger_pay(ledger, &paid->transaction);
    paid->amended = amended_of(&paid->transaction);
    run.paid_count++;
}

/* ---- what becomes known later ---- */

static void report(struct paid *paid, enum label label) {
    if (label == paid->label)
        return; /* a writer records nothing */
    append((struct record){.type = RECORD_OUTCOME,
                           .outcome = {.previous = paid->label,
                                       .label = label,
                                       .transaction_position = paid->position,
                                       .transaction = paid->transaction,
                                       .verdict = paid->decision.verdict,
                                       .is_amended = paid->is_amended,
                                       .amended = paid->amended}});
    ledger_label(ledger, &paid->transaction, label);
    paid->label = label;
}

static int64_t counted(const struct amended *amended) {
    return amended->is_voided ? -1 : amended->amount_minor;
}

static void amend(struct paid *paid, uint16_t what) {
    struct amendment amendment = {
        .kind = (enum amendment_kind)(1 + what % AMENDMENT_RESTORE),
    };
    struct amended now;
    struct text field;
    struct error error;
    if (paid->transaction.currency.length == 0)
        return;
    if (amendment.kind == AMENDMENT_CAPTURE || amendment.kind == AMENDMENT_REFUND)
        amendment.amount_minor = (what >> 8) * 5;
    if (amendment_apply(&amendment, &paid->transaction, &paid->amended, &now, &field, &error) < 0 ||
        amended_equal(&now, &paid->amended))
        return; /* such as a refund of what is voided */
    struct amendment_record record = {.previous = paid->amended,
                                      .now = now,
                                      .transaction_position = paid->position,
                                      .transaction = paid->transaction,
                                      .verdict = paid->decision.verdict,
                                      .label = paid->label};
    property(amendment_record_take_fired(&record, &paid->decision, &arena) == 0, "the arena");
    append((struct record){.type = RECORD_AMENDMENT, .amendment = record});
    ledger_amend(ledger, &paid->transaction, counted(&paid->amended), counted(&now));
    paid->amended = now;
    paid->is_amended = true;
}

static void repeat(const struct paid *paid) {
    struct known_id known = {0};
    property(overlay_recognise_id(run.overlay, hash_text(paid->transaction.id), &known) &&
                 known.position == paid->position,
             "transaction %" TEXT_FORMAT " is known at %llu, expected %llu",
             TEXT_ARGS(paid->transaction.id), (unsigned long long)known.position,
             (unsigned long long)paid->position);
}

static int64_t time_of(uint8_t kind, uint8_t when, uint8_t unit) {
    static const int64_t units_us[] = {0, 20, 1000, 50000, 1000000, 10000000, 600000000};
    int64_t step_us = when * units_us[unit % 7];
    if (kind % 8 == 0) /* late; the clock stays */
        return run.now_us - step_us;
    run.now_us += step_us;
    return run.now_us;
}

static void step(struct cursor *cursor) {
    static const enum label labels[] = {LABEL_NONE, LABEL_LEGIT, LABEL_FRAUD, LABEL_CHARGEBACK,
                                        LABEL_FRAUD};
    uint8_t kind = cursor_u8(cursor), who = cursor_u8(cursor), when = cursor_u8(cursor);
    uint8_t unit = cursor_u8(cursor);
    uint16_t what = (uint16_t)(cursor_u8(cursor) << 8 | cursor_u8(cursor));
    struct paid *other =
        run.paid_count ? &run.paid[run.paid_count - 1 - who % run.paid_count] : NULL;
    if (kind < 160 || !other)
        pay(who, time_of(kind, when, unit), what);
    else if (kind < 200)
        report(other, labels[what % 5]);
    else if (kind < 240)
        amend(other, what);
    else
        repeat(other);
}

/* ---- folding the same records otherwise ---- */

static void fold_in_bulk(void) {
    struct engine *engine = engine_new(run.snapshot, run.snapshot);
    struct overlay *overlay = overlay_new(&run.snapshot->plan, NULL);
    struct bulk_apply *bulk = bulk_apply_new(overlay, engine);
    for (size_t i = 0; i < run.record_count; i++) {
        if (bulk_apply_is_full(bulk))
            bulk_apply_apply(bulk);
        bulk_apply_add(bulk, &run.records[i]);
    }
    bulk_apply_apply(bulk);
    bulk_apply_free(bulk);
    property(overlay_hash(overlay) == overlay_hash(run.overlay),
             "the records in bulk give other states");
    overlay_free(overlay);
    engine_free(engine);
}

static void fold_in_any_order(uint64_t seed) {
    struct chance chance = {.state = seed};
    struct state_map map;
    struct buffer bytes;
    struct engine *engine = engine_new(run.snapshot, run.snapshot);
    buffer_init(&bytes);
    state_map_init(&map, &run.snapshot->plan);
    for (size_t i = run.record_count; i > 0; i--) { /* shuffled as it goes */
        size_t j = chance_below(&chance, i);
        engine_apply(engine, &run.records[j], &map.source);
        run.records[j] = run.records[i - 1];
    }
    for (size_t i = 0; i < map.count; i++) {
        const struct state_map_slot *slot = &map.slots[i];
        struct text key = {.data = slot->key, .length = slot->key_length};
        struct state_source *states = overlay_states(run.overlay);
        struct text state = states->read(states, slot->entity, key, hash_text(key));
        buffer_clear(&bytes);
        state_encode(&slot->state, &run.snapshot->plan.entities[slot->entity], &bytes);
        property(text_equal(state, buffer_text(&bytes)),
                 "the records in another order give another state of %" TEXT_FORMAT,
                 TEXT_ARGS(key));
    }
    state_map_deinit(&map);
    buffer_deinit(&bytes);
    engine_free(engine);
}

bool target_run(const uint8_t *bytes, size_t size) {
    size_t policy_size = size < POLICY_BYTES ? size : POLICY_BYTES;
    struct cursor policy = cursor_of(bytes, policy_size);
    struct cursor cursor = cursor_of(bytes + policy_size, size - policy_size);
    memset(&run, 0, sizeof run);
    run.now_us = START_US;
    run.policy = drawn_policy_of(&policy);
    arena_reset(&arena);
    load();
    ledger_begin(ledger, &run.policy);
    run.engine = engine_new(run.snapshot, run.snapshot);
    run.overlay = overlay_new(&run.snapshot->plan, NULL);
    for (int i = 0; i < STEPS_MAX && cursor_left(&cursor) > 0; i++)
        step(&cursor);
    fold_in_bulk();
    fold_in_any_order(size);
    overlay_free(run.overlay);
    engine_free(run.engine);
    snapshot_unref(run.snapshot);
    return run.paid_count > 0;
}

/* Policies and streams of all lengths, some so fast that tiles collapse. */
void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    struct chance chance = {.state = 5};
    struct buffer seed;
    buffer_init(&seed);
    for (unsigned i = 0; i < 150; i++) {
        size_t steps = 2 + chance_below(&chance, i % 3 ? 40 : STEPS_MAX);
        uint8_t unit = (uint8_t)(i % 7);
        buffer_clear(&seed);
        for (size_t j = 0; j < POLICY_BYTES; j++)
            buffer_append_u8(&seed, (uint8_t)chance_next(&chance));
        for (size_t j = 0; j < steps; j++) {
            bool is_payment = i % 2 && chance_below(&chance, 3);
            buffer_append_u8(&seed, (uint8_t)(is_payment ? 1 : chance_next(&chance)));
            buffer_append_u8(&seed, (uint8_t)(i % 4 ? chance_next(&chance) : 8));
            buffer_append_u8(&seed, (uint8_t)chance_next(&chance));
            buffer_append_u8(&seed, i % 5 ? unit : (uint8_t)chance_next(&chance));
            buffer_append_u8(&seed, (uint8_t)chance_next(&chance));
            buffer_append_u8(&seed, (uint8_t)chance_next(&chance));
        }
        seeds->add(seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
}
