#include "model.h"

#include "core/base/arena.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive.h"
#include "schedule.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SALES_MAX   6000
#define RECORDS_MAX 30000
#define HOUR_US     INT64_C(3600000000)
#define DAY_US      (24 * HOUR_US)

const char *const feature_names[FEATURE_COUNT] = {"count_1h", "sum_1h", "fraud_1d", "refunded_1d",
                                                  "count_1d"};

/* A record as it was when it was first read, and what a client was told of it. */
struct known {
    enum record_type type;
    uint64_t digest; /* of its payload */
    size_t sale;     /* SALES_MAX: of none */
    bool is_answered;
    /* What the answer said; compared with the record once that has been read. */
    enum record_type answered_type;
    size_t answered_sale;
    enum verdict verdict;
    uint32_t score;
    enum label label;
    struct amended amended;
    bool is_late; /* older than its card's newest by more than the lateness */
    bool has_features;
    double features[FEATURE_COUNT];
};

struct brake_model {
    uint64_t definition;
    unsigned policy; /* under which the definition was met */
    bool is_pulled;
};

struct model {
    struct sale sales[SALES_MAX];
    size_t sale_count;
    struct known records[RECORDS_MAX]; /* by position */
    uint64_t record_count;             /* that were read and applied */
    uint64_t answered;                 /* the highest position that was answered */
    uint64_t synced;
    struct archive_place place; /* read up to there, in this life */
    unsigned policy;            /* in force */
    bool is_listed[CARDS], may_list[CARDS][2];
    struct brake_model brakes[16];
    size_t brake_count;
    int64_t now_us;
    int64_t receive_time_us;
    uint64_t outcomes;
    enum { ERASURE_NONE, ERASURE_BEGUN, ERASURE_DONE } erasures[CARDS];
};

#define MODEL (world->model)

void model_begin(void) {
    world->model = world_alloc(sizeof *world->model);
    MODEL->now_us = MODEL_START_US + DAY_US;
}

int64_t model_now_us(void) {
    return MODEL->now_us;
}

/* ---- what clients send ---- */

size_t model_sale_count(void) {
    return MODEL->sale_count;
}

struct sale *model_sale(size_t index) {
    return &MODEL->sales[index];
}

/* Moves it to exactly an hour or a day after another one of its card, if there is a fitting one: by
 * chance alone no transaction would be at the edge of a window. */
static void to_an_edge(struct sale *sale, size_t before) {
    const int64_t windows[] = {HOUR_US, DAY_US};
    int64_t window_us = windows[chance_below(CHANCE_WORK, 2)];
    int64_t early_us = (int64_t)chance_below(CHANCE_WORK, 2); /* the microsecond before it, too */
    for (size_t i = 0; i < before; i++) {
        int64_t edge_us = MODEL->sales[i].event_time_us + window_us - early_us;
        if (MODEL->sales[i].card == sale->card && edge_us <= MODEL->now_us &&
            edge_us > MODEL->now_us - 20 * 60000000)
            sale->event_time_us = edge_us;
    }
}

/* Event times rise by seconds to minutes; some events come late, but within the lateness. */
size_t model_add_sale(void) {
    if (MODEL->sale_count == SALES_MAX)
        broken("more than %d transactions: fewer steps", SALES_MAX);
    size_t index = MODEL->sale_count++;
    struct sale *sale = &MODEL->sales[index];
    MODEL->now_us += (int64_t)chance_below(CHANCE_WORK, 400000000);
    int64_t late_us =
        chance_once(CHANCE_WORK, 5) ? (int64_t)chance_below(CHANCE_WORK, 20 * 60000000) : 0;
    do
        sale->card = (unsigned)chance_below(CHANCE_WORK, CARDS);
    while (model_is_erasing(sale->card));
    sale->merchant = (unsigned)chance_below(CHANCE_WORK, MERCHANTS);
    sale->event_time_us = MODEL->now_us - late_us;
    if (chance_once(CHANCE_WORK, 4))
        to_an_edge(sale, index);
    sale->amount_minor = 1 + (int64_t)chance_below(CHANCE_WORK, 30000);
    return index;
}

void model_sale_id(size_t index, char id[24]) {
    snprintf(id, 24, "t%zu", index);
}

const char *model_card(unsigned card) {
    static const char *const names[CARDS] = {"holder-zero",  "holder-one",  "holder-two",
                                             "holder-three", "holder-four", "holder-five"};
    return names[card];
}

const char *model_merchant(unsigned merchant) {
    static const char *const names[MERCHANTS] = {"m0", "m1", "m2"};
    return names[merchant];
}

struct transaction model_transaction(size_t index, char id[24]) {
    const struct sale *sale = &MODEL->sales[index];
    model_sale_id(index, id);
    struct transaction transaction = {
        .id = text_of(id),
        .event_time_us = sale->event_time_us,
        .amount_minor = sale->amount_minor,
        .currency = TEXT_LITERAL("EUR"),
    };
    transaction.fields[FIELD_CARD] = text_of(model_card(sale->card));
    transaction.fields[FIELD_MERCHANT] = text_of(model_merchant(sale->merchant));
    return transaction;
}

static size_t sale_of(struct text id) {
    char copy[24] = "";
    if (id.length > 1 && id.length < sizeof copy && id.data[0] == 't') {
        memcpy(copy, id.data, id.length);
        size_t index = (size_t)atol(copy + 1);
        if (index < MODEL->sale_count && MODEL->sales[index].is_sent)
            return index;
    }
    broken("a transaction %.*s that nobody sent", TEXT_ARGS(id));
}

static unsigned card_of(struct text name) {
    for (unsigned card = 0; card < CARDS; card++)
        if (text_is(name, model_card(card)))
            return card;
    broken("a card %.*s that nobody sent", TEXT_ARGS(name));
}

void model_sent_list(unsigned card, bool removed) {
    MODEL->may_list[card][removed] = true;
}

/* ---- policies ---- */

static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  card_merchant: {key: [card, merchant]}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_1h, aggregate: sum, of: amount, window: 1h}\n"
    "    - {name: fraud_1d, aggregate: count, where: \"outcome == 'fraud'\", window: 1d}\n"
    "    - {name: refunded_1d, aggregate: sum, of: refunded, window: 1d}\n"
    "  card_merchant:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n";

static void write_file(const char *folder, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    check(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static int64_t many_from(unsigned policy) {
    return 2 + (int64_t)policy;
}

static uint32_t many_score(unsigned policy) {
    return 320 + 40 * policy;
}

void model_write_policy(const char *folder, unsigned number) {
    char text[1024];
    snprintf(text, sizeof text,
             "policy:\n"
             "  name: sim_%u\n"
             "  base_currency: EUR\n"
             "  lateness: 1h\n"
             "  cutoffs: {review: 300, challenge: 500, decline: 700}\n",
             number);
    write_file(folder, "policy.yaml", text);
    write_file(folder, "features.yaml", features_yaml);
    write_file(folder, "lists.yaml", "lists:\n  blocked: {about: added while it runs}\n");
    snprintf(
        text, sizeof text,
        "rules:\n"
        "  - {name: many, about: many, when: card.count_1h >= %d, then: {score: %u},\n"
        "     at_most: 40%% per 1h}\n"
        "  - {name: large, about: large, when: card.sum_1h > 400.0, then: {score: 150}}\n"
        "  - {name: fraud, about: fraud, when: card.fraud_1d >= 1, then: {score: 130}}\n"
        "  - {name: refunds, about: refunds, when: card.refunded_1d > 20.0, then: {score: 70}}\n"
        "  - {name: there, about: there, when: card_merchant.count_1d >= 4, then: {score: 45}}\n"
        "  - {name: listed, about: listed, when: card in lists.blocked, then: {score: 210}}\n",
        (int)many_from(number), many_score(number));
    write_file(folder, "rules/all.yaml", text);
}

/* ---- adding up ---- */

static bool is_within(const struct sale *sale, int64_t at_us, int64_t window_us) {
    return sale->event_time_us > at_us - window_us && sale->event_time_us <= at_us;
}

/* Of a card, and a merchant, at a time: over all that is recorded by now. */
static void add_up(unsigned card, unsigned merchant, int64_t at_us,
                   double features[FEATURE_COUNT]) {
    int64_t sum_minor = 0, refunded_minor = 0;
    int64_t counts[FEATURE_COUNT] = {0};
    for (size_t i = 0; i < MODEL->sale_count; i++) {
        const struct sale *sale = &MODEL->sales[i];
        if (!sale->is_recorded || sale->is_voided || sale->card != card)
            continue;
        if (is_within(sale, at_us, HOUR_US)) {
            counts[FEATURE_COUNT_1H]++;
            sum_minor += sale->captured_minor;
        }
        if (!is_within(sale, at_us, DAY_US))
            continue;
        counts[FEATURE_FRAUD_1D] += sale->label == LABEL_FRAUD;
        counts[FEATURE_COUNT_1D] += sale->merchant == merchant;
        refunded_minor += sale->refunded_minor;
    }
    for (int i = 0; i < FEATURE_COUNT; i++)
        features[i] = (double)counts[i];
    features[FEATURE_SUM_1H] = (double)sum_minor / 100;
    features[FEATURE_REFUNDED_1D] = (double)refunded_minor / 100;
}

static bool is_braked(void) {
    for (size_t i = 0; i < MODEL->brake_count; i++)
        if (MODEL->brakes[i].is_pulled && MODEL->brakes[i].policy == MODEL->policy)
            return true;
    return false;
}

static uint32_t score_of(const double features[FEATURE_COUNT], unsigned card) {
    uint32_t score = 0;
    if (features[FEATURE_COUNT_1H] >= (double)many_from(MODEL->policy) && !is_braked())
        score += many_score(MODEL->policy);
    if (features[FEATURE_SUM_1H] > 400)
        score += 150;
    if (features[FEATURE_FRAUD_1D] >= 1)
        score += 130;
    if (features[FEATURE_REFUNDED_1D] > 20)
        score += 70;
    if (features[FEATURE_COUNT_1D] >= 4)
        score += 45;
    if (MODEL->is_listed[card])
        score += 210;
    return score > 1000 ? 1000 : score;
}

static enum verdict verdict_of(uint32_t score) {
    return score >= 700   ? VERDICT_DECLINE
           : score >= 500 ? VERDICT_CHALLENGE
           : score >= 300 ? VERDICT_REVIEW
                          : VERDICT_APPROVE;
}

/* Of the card's other transactions; those of card and merchant are among them. */
static bool is_late(const struct sale *of) {
    for (size_t i = 0; i < MODEL->sale_count; i++) {
        const struct sale *sale = &MODEL->sales[i];
        if (sale->is_recorded && sale->card == of->card &&
            sale->event_time_us - HOUR_US > of->event_time_us)
            return true;
    }
    return false;
}

/* ---- records ---- */

/* An erasure has taken the card out of it. */
static bool is_rewritten(const struct sale *sale, const struct transaction *transaction) {
    return model_is_erasing(sale->card) && transaction->erased &&
           transaction->fields[FIELD_CARD].length == 0;
}

static void apply_transaction(const struct record *record, struct known *known) {
    const struct transaction *transaction = &record->transaction.transaction;
    const struct decision *decision = &record->transaction.decision;
    size_t index = sale_of(transaction->id);
    struct sale *sale = &MODEL->sales[index];
    char id[24];
    struct transaction sent = model_transaction(index, id);
    if (sale->is_recorded)
        broken("transaction %s is recorded twice: at %llu and %llu", id,
               (unsigned long long)sale->position, (unsigned long long)record->position);
    if (is_rewritten(sale, transaction))
        sent.fields[FIELD_CARD] = (struct text){0};
    if (!transaction_equal(transaction, &sent))
        broken("transaction %s is recorded with other content than was sent", id);
    *sale = (struct sale){
        .is_sent = true,
        .is_recorded = true,
        .card = sale->card,
        .merchant = sale->merchant,
        .event_time_us = sale->event_time_us,
        .amount_minor = sale->amount_minor,
        .captured_minor = sale->amount_minor,
        .position = record->position,
        .verdict = decision->verdict,
        .score = decision->score,
    };
    known->sale = index;
    if (model_is_erasing(sale->card)) /* its history goes at a moment that is the server's */
        return;
    add_up(sale->card, sale->merchant, sale->event_time_us, known->features);
    uint32_t score = score_of(known->features, sale->card);
    known->is_late = is_late(sale);
    if (decision->degraded != known->is_late)
        broken("record %llu, transaction %s, is %sdegraded", (unsigned long long)record->position,
               id, decision->degraded ? "" : "not ");
    if (known->is_late) /* what it reads need not be exact */
        return;
    if (decision->score != score || decision->verdict != verdict_of(score))
        broken("record %llu, transaction %s: score %u, %s; expected %u, %s "
               "(policy %u%s; count_1h %g, sum_1h %g, fraud_1d %g, refunded_1d %g, count_1d %g)",
               (unsigned long long)record->position, id, decision->score,
               verdict_name(decision->verdict), score, verdict_name(verdict_of(score)),
               MODEL->policy, is_braked() ? ", braked" : "", known->features[0], known->features[1],
               known->features[2], known->features[3], known->features[4]);
    world->counts[COUNT_CHECKS] += 2;
}

static void apply_outcome(const struct record *record, struct known *known) {
    const struct outcome_record *outcome = &record->outcome;
    size_t index = sale_of(outcome->transaction.id);
    struct sale *sale = &MODEL->sales[index];
    if (!sale->is_recorded || sale->position != outcome->transaction_position)
        broken("record %llu: an outcome of a transaction that is not at %llu",
               (unsigned long long)record->position,
               (unsigned long long)outcome->transaction_position);
    if (outcome->previous != sale->label || outcome->label == sale->label)
        broken("record %llu: the label of t%zu becomes %s and was %s; it was %s",
               (unsigned long long)record->position, index, label_name(outcome->label),
               label_name(outcome->previous), label_name(sale->label));
    sale->label = outcome->label;
    known->sale = index;
    known->label = outcome->label;
    MODEL->outcomes++;
    world->counts[COUNT_CHECKS]++;
}

static void apply_amendment(const struct record *record, struct known *known) {
    const struct amendment_record *amendment = &record->amendment;
    size_t index = sale_of(amendment->transaction.id);
    struct sale *sale = &MODEL->sales[index];
    const struct amended before = {.is_voided = sale->is_voided,
                                   .amount_minor = sale->captured_minor,
                                   .refunded_minor = sale->refunded_minor};
    if (!sale->is_recorded || sale->position != amendment->transaction_position ||
        !amended_equal(&before, &amendment->previous) || amended_equal(&before, &amendment->now))
        broken("record %llu: an amendment of t%zu that does not follow what it was",
               (unsigned long long)record->position, index);
    sale->is_voided = amendment->now.is_voided;
    sale->captured_minor = amendment->now.amount_minor;
    sale->refunded_minor = amendment->now.refunded_minor;
    known->sale = index;
    world->counts[COUNT_CHECKS]++;
}

static void apply_list(const struct record *record) {
    unsigned card = card_of(record->list_change.entry);
    bool removed = record->list_change.removed;
    if (!MODEL->may_list[card][removed] || MODEL->is_listed[card] == !removed)
        broken("record %llu: a change of the list that nobody asked for",
               (unsigned long long)record->position);
    MODEL->is_listed[card] = !removed;
    world->counts[COUNT_CHECKS]++;
}

static void apply_policy(const struct record *record) {
    struct text name = record->snapshot.name;
    if (name.length != 5 || memcmp(name.data, "sim_", 4) != 0)
        broken("record %llu: a policy %.*s that nobody wrote", (unsigned long long)record->position,
               TEXT_ARGS(name));
    MODEL->policy = (unsigned)(name.data[4] - '0');
}

static void apply_brake(const struct record *record) {
    const struct brake_record *brake = &record->brake;
    struct brake_model *found = NULL;
    for (size_t i = 0; i < MODEL->brake_count; i++)
        if (MODEL->brakes[i].definition == brake->definition)
            found = &MODEL->brakes[i];
    if (!found && MODEL->brake_count < 16) {
        found = &MODEL->brakes[MODEL->brake_count++];
        *found = (struct brake_model){.definition = brake->definition, .policy = MODEL->policy};
    }
    if (!found || !text_is(brake->rule, "many") || found->is_pulled == !brake->lifted)
        broken("record %llu: a brake of %.*s that was %s already",
               (unsigned long long)record->position, TEXT_ARGS(brake->rule),
               brake->lifted ? "lifted" : "pulled");
    found->is_pulled = !brake->lifted;
    world->counts[COUNT_BRAKES]++;
}

static void apply(const struct record *record, struct known *known) {
    if (record->receive_time_us < MODEL->receive_time_us)
        broken("record %llu was received before the one in front of it",
               (unsigned long long)record->position);
    MODEL->receive_time_us = record->receive_time_us;
    switch (record->type) {
    case RECORD_TRANSACTION:
        apply_transaction(record, known);
        break;
    case RECORD_OUTCOME:
        apply_outcome(record, known);
        break;
    case RECORD_AMENDMENT:
        apply_amendment(record, known);
        break;
    case RECORD_LIST_CHANGE:
        apply_list(record);
        break;
    case RECORD_SNAPSHOT:
        apply_policy(record);
        break;
    case RECORD_BRAKE:
        apply_brake(record);
        break;
    case RECORD_GENERATION:
        world->counts[COUNT_SWAPS] += record->generation.generation_id != 0;
        break;
    case RECORD_ENGINE:
    case RECORD_SHADOW:
    case RECORD_EXPERIMENT:
    case RECORD_ERASURE:
    case RECORD_TYPE_COUNT:
        break;
    }
}

/* ---- answers ---- */

static struct known *answered(uint64_t position, enum record_type type, size_t sale) {
    if (position == 0 || position >= RECORDS_MAX)
        broken("an answer with position %llu", (unsigned long long)position);
    struct known *known = &MODEL->records[position];
    if (known->is_answered && (known->answered_type != type || known->answered_sale != sale))
        broken("position %llu was answered twice: as a %s of t%zu, and as a %s of t%zu",
               (unsigned long long)position, record_type_name(known->answered_type),
               known->answered_sale, record_type_name(type), sale);
    known->is_answered = true;
    known->answered_type = type;
    known->answered_sale = sale;
    if (position > MODEL->answered)
        MODEL->answered = position;
    world->counts[COUNT_ANSWERS]++;
    return known;
}

static double number_of(struct value value) {
    switch (value.type) {
    case VALUE_INT:
        return (double)value.integer;
    case VALUE_DOUBLE:
        return value.number;
    default:
        return NAN;
    }
}

static bool find_feature(const struct named_value *values, size_t count, int feature,
                         double *ret_value) {
    for (size_t i = 0; i < count; i++) {
        struct text name = values[i].name;
        size_t length = strlen(feature_names[feature]);
        if (name.length >= length &&
            memcmp(name.data + name.length - length, feature_names[feature], length) == 0) {
            *ret_value = number_of(values[i].value);
            return true;
        }
    }
    return false;
}

void model_answered_score(size_t sale, const struct decision *decision) {
    struct known *known = answered(decision->position, RECORD_TRANSACTION, sale);
    known->verdict = decision->verdict;
    known->score = decision->score;
    double features[FEATURE_COUNT];
    bool has_features = decision->feature_count > 0;
    for (int i = 0; has_features && i < FEATURE_COUNT; i++)
        if (!find_feature(decision->features, decision->feature_count, i, &features[i]))
            broken("an answer lacks the feature %s", feature_names[i]);
    if (!has_features)
        return;
    if (decision->position <= MODEL->record_count) {
        return; /* a repeat, or an answer that was late: what it has is compared with the record */
    }
    known->has_features = true;
    memcpy(known->features, features, sizeof features);
}

void model_answered_outcome(size_t sale, enum label label, const struct outcome_result *result) {
    if (result->position == 0)
        return;
    answered(result->position, RECORD_OUTCOME, sale)->label = label;
}

void model_answered_amendment(size_t sale, const struct amendment_result *result) {
    if (result->position != 0)
        answered(result->position, RECORD_AMENDMENT, sale);
}

void model_answered_list(unsigned card, bool removed, const struct list_change_result *result) {
    (void)card, (void)removed;
    if (result->position != 0)
        answered(result->position, RECORD_LIST_CHANGE, SALES_MAX);
}

void model_answered_brake(uint64_t position) {
    if (position != 0)
        answered(position, RECORD_BRAKE, SALES_MAX);
}

uint64_t model_acknowledged(void) {
    return MODEL->answered;
}

void model_note_synced(uint64_t position) {
    if (position > MODEL->synced)
        MODEL->synced = position;
}

/* The record has just been applied. */
static void compare_answer(uint64_t position, const struct known *known,
                           const double told[FEATURE_COUNT]) {
    if (!known->is_answered)
        return;
    if (known->type != known->answered_type || known->sale != known->answered_sale)
        broken("record %llu is a %s of t%zu; a client was told that it is a %s of t%zu",
               (unsigned long long)position, record_type_name(known->type), known->sale,
               record_type_name(known->answered_type), known->answered_sale);
    world->counts[COUNT_CHECKS]++;
    if (known->type != RECORD_TRANSACTION)
        return;
    const struct sale *sale = &MODEL->sales[known->sale];
    if (known->verdict != sale->verdict || known->score != sale->score)
        broken("record %llu has score %u; a client was told %u", (unsigned long long)position,
               sale->score, known->score);
    if (model_is_erasing(sale->card))
        return;
    for (int i = 0; known->has_features && !known->is_late && i < FEATURE_COUNT; i++) {
        world->counts[COUNT_CHECKS]++;
        if (fabs(told[i] - known->features[i]) > 1e-6)
            broken("record %llu: a client was told that %s is %g; expected %g",
                   (unsigned long long)position, feature_names[i], told[i], known->features[i]);
    }
}

/* ---- reading ---- */

static uint64_t digest_of(const struct archive_reader *reader, const struct record *record) {
    struct text payload = archive_reader_frame(reader)->payload;
    return hash_text(payload) ^ (uint64_t)record->type;
}

static bool may_be_rewritten(struct known *known, const struct record *record) {
    struct record copy = *record;
    const struct transaction *transaction = record_transaction(&copy);
    return transaction && known->sale < SALES_MAX && known->type == record->type &&
           is_rewritten(&MODEL->sales[known->sale], transaction);
}

static void meet(const struct archive_reader *reader, const struct record *record) {
    struct known *known = &MODEL->records[record->position];
    uint64_t digest = digest_of(reader, record);
    if (record->position <= MODEL->record_count) {
        if (known->digest != digest && !may_be_rewritten(known, record))
            broken("record %llu, a %s, is not what it was", (unsigned long long)record->position,
                   record_type_name(record->type));
        known->digest = digest;
        return;
    }
    if (record->position != MODEL->record_count + 1 || record->position >= RECORDS_MAX)
        broken("record %llu follows record %llu", (unsigned long long)record->position,
               (unsigned long long)MODEL->record_count);
    double told[FEATURE_COUNT];
    memcpy(told, known->features, sizeof told);
    MODEL->record_count = record->position;
    known->type = record->type;
    known->digest = digest;
    known->sale = SALES_MAX;
    apply(record, known);
    compare_answer(record->position, known, told);
    world->counts[COUNT_RECORDS]++;
}

static uint64_t read_from(struct archive_place place) {
    struct archive_reader *reader;
    struct arena arena;
    struct record record;
    struct error error;
    int r;
    arena_init(&arena, 64u << 20);
    if (archive_reader_open(world->archive, place, &reader, &error) < 0)
        broken("reading the archive: %s", error.text);
    uint64_t end = place.position;
    while ((r = archive_reader_next(reader, &arena, &record, &error)) > 0) {
        meet(reader, &record);
        end = record.position;
        arena_reset(&arena);
    }
    if (r < 0)
        broken("reading the archive: %s", error.text);
    MODEL->place = archive_reader_place(reader);
    archive_reader_close(reader);
    arena_deinit(&arena);
    return end;
}

static void expect_answered(void) {
    if (MODEL->answered > MODEL->record_count)
        broken("record %llu was acknowledged, but the archive ends with record %llu",
               (unsigned long long)MODEL->answered, (unsigned long long)MODEL->record_count);
}

void model_check(void) {
    schedule_paused++;
    read_from(MODEL->place);
    expect_answered();
    schedule_paused--;
}

/* Back to the beginning; answers for what is still there stay. */
static void forget_applied(uint64_t kept) {
    for (uint64_t i = kept + 1; i < RECORDS_MAX && i <= MODEL->answered + MODEL->record_count; i++)
        MODEL->records[i] = (struct known){0};
    for (size_t i = 0; i < MODEL->sale_count; i++) {
        struct sale *sale = &MODEL->sales[i];
        sale->is_recorded = sale->is_voided = false;
        sale->label = LABEL_NONE;
    }
    for (unsigned card = 0; card < CARDS; card++)
        MODEL->is_listed[card] = false;
    MODEL->brake_count = 0;
    MODEL->receive_time_us = 0;
    MODEL->outcomes = 0;
    MODEL->record_count = 0;
    if (MODEL->answered > kept)
        MODEL->answered = kept;
}

void model_after_power(void) {
    struct archive_examination found = {0};
    struct error error;
    schedule_paused++;
    int r = archive_examine(world->archive, &found, &error);
    schedule_paused--;
    if (r < 0 && error.code != ERROR_NOT_FOUND)
        broken("after a loss of power the archive cannot be opened: %s", error.text);
    uint64_t end = r < 0 ? 0 : found.end.position;
    uint64_t promised = world->synced ? MODEL->answered : MODEL->synced;
    if (end < promised)
        broken("a loss of power has taken record %llu, which was %s: the archive ends with "
               "record %llu",
               (unsigned long long)promised,
               world->synced ? "acknowledged under `synced`" : "acknowledged and then synced",
               (unsigned long long)end);
    uint64_t most = MODEL->answered > MODEL->record_count ? MODEL->answered : MODEL->record_count;
    MODEL->synced = end; /* what has come back is on disk */
    if (end >= most)
        return;
    world->counts[COUNT_LOST] += most - end;
    forget_applied(end);
}

void model_check_again(void) {
    schedule_paused++;
    uint64_t before = MODEL->record_count;
    uint64_t end = read_from((struct archive_place){0});
    if (end < before)
        broken("the archive ends with record %llu; it had %llu before", (unsigned long long)end,
               (unsigned long long)before);
    expect_answered();
    schedule_paused--;
}

bool model_is_whole(bool may_be_short) {
    struct archive_reader *reader;
    struct arena arena;
    struct record record;
    struct error error;
    uint64_t end = 0;
    int r = 1;
    schedule_paused++;
    arena_init(&arena, 64u << 20);
    if (archive_reader_open(world->archive, (struct archive_place){0}, &reader, &error) < 0)
        broken("after rot the archive cannot be read: %s", error.text);
    while (r > 0 && end < MODEL->record_count &&
           (r = archive_reader_next(reader, &arena, &record, &error)) > 0) {
        end = record.position;
        /* The server has written something else in place of what was cut off. */
        if (MODEL->records[end].digest != digest_of(reader, &record) && may_be_short &&
            record.type == RECORD_ENGINE)
            r = 0;
        else if (MODEL->records[end].digest != digest_of(reader, &record) &&
                 !may_be_rewritten(&MODEL->records[end], &record))
            broken("after rot record %llu, a %s, is another one", (unsigned long long)end,
                   record_type_name(record.type));
        arena_reset(&arena);
        world->counts[COUNT_CHECKS]++;
    }
    archive_reader_close(reader);
    arena_deinit(&arena);
    schedule_paused--;
    if (r == 0 && !may_be_short)
        broken("after rot of tables the archive ends with record %llu", (unsigned long long)end);
    if (r < 0)
        trace("rot: %s", error.text);
    return r > 0;
}

/* ---- erasures ---- */

bool model_is_erasing(unsigned card) {
    return MODEL->erasures[card] != ERASURE_NONE;
}

bool model_has_erasures(void) {
    for (unsigned card = 0; card < CARDS; card++)
        if (model_is_erasing(card))
            return true;
    return false;
}

bool model_begin_erasure(unsigned *ret_card) {
    unsigned count = 0, found = 0;
    for (unsigned card = 0; card < CARDS; card++)
        count += model_is_erasing(card);
    if (count >= CARDS / 2)
        return false;
    for (unsigned card = 0; card < CARDS; card++)
        if (!model_is_erasing(card) && !MODEL->may_list[card][0] &&
            chance_once(CHANCE_WORK, ++found))
            *ret_card = card;
    if (found == 0)
        return false;
    MODEL->erasures[*ret_card] = ERASURE_BEGUN;
    return true;
}

int model_unfinished_erasure(void) {
    for (unsigned card = 0; card < CARDS; card++)
        if (MODEL->erasures[card] == ERASURE_BEGUN)
            return (int)card;
    return -1;
}

/* Does any file of the folder, or of folders in it, have the text? */
static bool is_in_files(const char *path, const char *text) {
    static char bytes[1 << 20];
    DIR *folder = opendir(path);
    bool is_found = false;
    for (struct dirent *entry; folder && !is_found && (entry = readdir(folder));) {
        char inner[256];
        snprintf(inner, sizeof inner, "%.120s/%.120s", path, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            is_found = is_in_files(inner, text);
        if (entry->d_type != DT_REG)
            continue;
        int file = open(inner, O_RDONLY | O_CLOEXEC);
        ssize_t length = file < 0 ? 0 : read(file, bytes, sizeof bytes);
        is_found = length > 0 && memmem(bytes, (size_t)length, text, strlen(text));
        close(file);
    }
    if (folder)
        closedir(folder);
    return is_found;
}

/* What came after its beginning keeps the card, and so do tables with that in them. */
static void expect_erased(unsigned card, uint64_t before) {
    struct archive_reader *reader;
    struct arena arena;
    struct record record;
    struct error error;
    int r;
    arena_init(&arena, 64u << 20);
    if (archive_reader_open(world->archive, (struct archive_place){0}, &reader, &error) < 0)
        broken("reading the archive: %s", error.text);
    bool is_later = false;
    while ((r = archive_reader_next(reader, &arena, &record, &error)) > 0) {
        const struct transaction *transaction = record_transaction(&record);
        bool has_card = transaction && text_is(transaction->fields[FIELD_CARD], model_card(card));
        is_later |= has_card && record.position >= before;
        if (has_card && record.position < before)
            broken("record %llu still has the card %s, which was erased before position %llu",
                   (unsigned long long)record.position, model_card(card),
                   (unsigned long long)before);
        arena_reset(&arena);
        world->counts[COUNT_CHECKS]++;
    }
    if (r < 0)
        broken("reading the archive: %s", error.text);
    archive_reader_close(reader);
    arena_deinit(&arena);
    if (!is_later && is_in_files(world->generations, model_card(card)))
        broken("tables still have the card %s, which was erased", model_card(card));
}

void model_end_erasure(unsigned card, uint64_t position) {
    schedule_paused++;
    expect_erased(card, position);
    schedule_paused--;
    MODEL->erasures[card] = ERASURE_DONE;
    world->counts[COUNT_ERASURES]++;
}

/* ---- entities and totals ---- */

void model_compare_card(unsigned card, const struct entity_response *entity, bool may_differ) {
    double expected[FEATURE_COUNT], value;
    if (model_is_erasing(card))
        return;
    add_up(card, 0, entity->at_time_us, expected);
    for (int i = 0; i < FEATURE_COUNT_1D; i++) {
        if (!find_feature(entity->features, entity->feature_count, i, &value))
            broken("the card %s lacks the feature %s", model_card(card), feature_names[i]);
        if (fabs(value - expected[i]) > 1e-6 && may_differ)
            world->counts[COUNT_UNNOTICED]++;
        else if (fabs(value - expected[i]) > 1e-6)
            broken("the card %s has %s %g; expected %g", model_card(card), feature_names[i], value,
                   expected[i]);
        world->counts[COUNT_CHECKS]++;
    }
}

void model_compare_status(const struct status_response *status) {
    uint64_t transactions = 0, labels[LABEL_COUNT] = {0};
    for (size_t i = 0; i < MODEL->sale_count; i++)
        if (MODEL->sales[i].is_recorded) {
            transactions++;
            labels[MODEL->sales[i].label]++;
        }
    if (status->transactions != transactions || status->outcomes != MODEL->outcomes ||
        status->position < MODEL->record_count) /* the server may have adopted tables since */
        broken("Status has %llu transactions, %llu outcomes, position %llu; expected %llu, %llu, "
               "%llu",
               (unsigned long long)status->transactions, (unsigned long long)status->outcomes,
               (unsigned long long)status->position, (unsigned long long)transactions,
               (unsigned long long)MODEL->outcomes, (unsigned long long)MODEL->record_count);
    for (int label = 1; label < LABEL_COUNT; label++)
        if (status->labels[label] != labels[label])
            broken("Status has %llu transactions with the label %s; expected %llu",
                   (unsigned long long)status->labels[label], label_name((enum label)label),
                   (unsigned long long)labels[label]);
    world->counts[COUNT_CHECKS] += 6;
}
