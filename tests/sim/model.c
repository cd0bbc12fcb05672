#include "model_inside.h"

#include "core/base/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const feature_names[FEATURE_COUNT] = {"count_1h", "sum_1h", "fraud_1d", "refunded_1d",
                                                  "count_1d"};

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

size_t model_sale_of(struct text id) {
    char copy[24] = "";
    if (id.length > 1 && id.length < sizeof copy && id.data[0] == 't') {
        memcpy(copy, id.data, id.length);
        size_t index = (size_t)atol(copy + 1);
        if (index < MODEL->sale_count && MODEL->sales[index].is_sent)
            return index;
    }
    broken("a transaction %.*s that nobody sent", TEXT_ARGS(id));
}

unsigned model_card_of(struct text name) {
    for (unsigned card = 0; card < CARDS; card++)
        if (text_is(name, model_card(card)))
            return card;
    broken("a card %.*s that nobody sent", TEXT_ARGS(name));
}

void model_sent_list(unsigned card, bool removed) {
    MODEL->may_list[card][removed] = true;
}

void model_sent_outcome(size_t sale, enum label label) {
    MODEL->asked_labels[sale] |= 1u << label;
}

void model_sent_amendment(size_t sale, enum amendment_kind kind, int64_t amount_minor) {
    if (MODEL->asked_count == ASKED_MAX)
        broken("more than %d amendments: fewer steps", ASKED_MAX);
    MODEL->asked[MODEL->asked_count++] =
        (struct asked_amendment){.sale = sale, .kind = kind, .amount_minor = amount_minor};
}

/* ---- policies ---- */

void model_wants_policy(unsigned number) {
    MODEL->wanted_policy = number;
}

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

bool model_counts(const struct sale *sale) {
    return sale->is_recorded && sale->position >= MODEL->erased[sale->card].before;
}

/* Of a card, and a merchant, at a time: over all that is recorded by now. */
void model_add_up(unsigned card, unsigned merchant, int64_t at_us, double features[FEATURE_COUNT]) {
    int64_t sum_minor = 0, refunded_minor = 0;
    int64_t counts[FEATURE_COUNT] = {0};
    for (size_t i = 0; i < MODEL->sale_count; i++) {
        const struct sale *sale = &MODEL->sales[i];
        if (!model_counts(sale) || sale->is_voided || sale->card != card)
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

bool model_is_braked(void) {
    for (size_t i = 0; i < MODEL->brake_count; i++)
        if (MODEL->brakes[i].is_pulled && MODEL->brakes[i].policy == MODEL->policy)
            return true;
    return false;
}

uint32_t model_score_of(const double features[FEATURE_COUNT], unsigned card) {
    uint32_t score = 0;
    if (features[FEATURE_COUNT_1H] >= (double)many_from(MODEL->policy) && !model_is_braked())
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

enum verdict model_verdict_of(uint32_t score) {
    return score >= 700   ? VERDICT_DECLINE
           : score >= 500 ? VERDICT_CHALLENGE
           : score >= 300 ? VERDICT_REVIEW
                          : VERDICT_APPROVE;
}

/* Of the card's other transactions; those of card and merchant are among them. */
bool model_is_late(const struct sale *of) {
    for (size_t i = 0; i < MODEL->sale_count; i++) {
        const struct sale *sale = &MODEL->sales[i];
        if (model_counts(sale) && sale->card == of->card &&
            sale->event_time_us - HOUR_US > of->event_time_us)
            return true;
    }
    return false;
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
    if (!known->is_answered || known->answered_life != world->life)
        known->answered_us = world->monotonic_us;
    known->answered_life = world->life;
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
    answered(result->position, RECORD_OUTCOME, sale)->answered_change =
        (struct change){.label = label, .previous_label = result->previous};
}

void model_answered_amendment(size_t sale, const struct amendment_result *result) {
    if (result->position != 0)
        answered(result->position, RECORD_AMENDMENT, sale)->answered_change =
            (struct change){.now = result->now, .previous = result->previous};
}

void model_answered_list(unsigned card, bool removed, const struct list_change_result *result) {
    if (result->position != 0)
        answered(result->position, RECORD_LIST_CHANGE, SALES_MAX)->answered_change =
            (struct change){.card = card, .removed = removed};
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

uint64_t model_promised(void) {
    return world->synced ? MODEL->answered : MODEL->synced;
}

/* ---- entities and totals ---- */

void model_compare_card(unsigned card, const struct entity_response *entity, bool may_differ) {
    double expected[FEATURE_COUNT], value;
    if (model_is_erasing(card))
        return;
    model_add_up(card, 0, entity->at_time_us, expected);
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

/* A state that no window reaches any more goes with the next tables. */
void model_expect_unknown(unsigned card, bool may_differ) {
    int64_t newest_us = 0, of_card_us = 0;
    if (model_is_erasing(card))
        return;
    for (size_t i = 0; i < MODEL->sale_count; i++) {
        const struct sale *sale = &MODEL->sales[i];
        if (sale->is_recorded && sale->event_time_us > newest_us)
            newest_us = sale->event_time_us;
        if (model_counts(sale) && !sale->is_voided && sale->card == card &&
            sale->event_time_us > of_card_us)
            of_card_us = sale->event_time_us;
    }
    world->counts[COUNT_CHECKS]++;
    if (of_card_us == 0 || of_card_us <= newest_us - DAY_US)
        return;
    if (!may_differ)
        broken("the card %s has no history; expected one up to %lld", model_card(card),
               (long long)of_card_us);
    world->counts[COUNT_UNNOTICED]++;
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
