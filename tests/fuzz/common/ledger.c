#include "ledger.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/feature/read/place.h"
#include "tests/unit/feature/naive_model.h"

#include <stdio.h>
#include <stdlib.h>

#define ACCOUNTS_MAX 32

/* One entity of one key. */
struct account {
    enum drawn_entity entity;
    struct text card, merchant;
    struct naive_model naive;
    bool any;
    int64_t newest_us;
};

struct ledger {
    const struct drawn_policy *policy;
    struct scene scenes[DRAWN_ENTITIES]; /* what the naive model takes windows and tiles from */
    size_t places[DRAWN_FEATURES_MAX];   /* of each feature in its scene */
    struct naive_tiles tiles[DRAWN_ENTITIES], sketches[DRAWN_ENTITIES];
    struct account accounts[ACCOUNTS_MAX];
    size_t count;
};

struct ledger *ledger_new(void) {
    return check_calloc(1, sizeof(struct ledger));
}

void ledger_begin(struct ledger *ledger, const struct drawn_policy *policy) {
    for (size_t i = 0; i < ledger->count; i++)
        naive_model_deinit(&ledger->accounts[i].naive);
    ledger->count = 0;
    ledger->policy = policy;
    for (int i = 0; i < DRAWN_ENTITIES; i++)
        scene_init(&ledger->scenes[i], policy->lateness_us);
    for (size_t i = 0; i < policy->feature_count; i++) {
        const struct feature *f = &policy->features[i].is;
        struct scene *scene = &ledger->scenes[policy->features[i].entity];
        ledger->places[i] = scene->entity.feature_count;
        struct feature *added = scene_add(scene, f->aggregate, f->column, f->filter, f->part,
                                          f->window_us, f->delay_us);
        added->exclude_current = f->exclude_current;
        added->q_parts = f->q_parts;
        added->tick_us = f->tick_us;
        added->default_value = f->default_value;
    }
    for (int i = 0; i < DRAWN_ENTITIES; i++) {
        ledger->tiles[i] = naive_tiles_of(&ledger->scenes[i], false);
        ledger->sketches[i] = naive_tiles_of(&ledger->scenes[i], true);
    }
}

static bool belongs(enum drawn_entity entity, const struct transaction *transaction) {
    return transaction->fields[FIELD_CARD].length > 0 &&
           (entity == DRAWN_CARD || transaction->fields[FIELD_MERCHANT].length > 0);
}

static const struct account *find(const struct ledger *ledger, enum drawn_entity entity,
                                  const struct transaction *transaction) {
    for (size_t i = 0; i < ledger->count; i++) {
        const struct account *account = &ledger->accounts[i];
        if (account->entity == entity &&
            text_equal(account->card, transaction->fields[FIELD_CARD]) &&
            (entity == DRAWN_CARD ||
             text_equal(account->merchant, transaction->fields[FIELD_MERCHANT])))
            return account;
    }
    return NULL;
}

static struct account *take(struct ledger *ledger, enum drawn_entity entity,
                            const struct transaction *transaction) {
    const struct account *found = find(ledger, entity, transaction);
    if (found)
        return &ledger->accounts[found - ledger->accounts];
    check(ledger->count < ACCOUNTS_MAX);
    struct account *account = &ledger->accounts[ledger->count++];
    *account = (struct account){.entity = entity,
                                .card = transaction->fields[FIELD_CARD],
                                .merchant = transaction->fields[FIELD_MERCHANT]};
    return account;
}

static const char *merchant_of(struct text name) {
    for (int i = 0; i < DRAWN_MERCHANTS; i++)
        if (text_is(name, drawn_merchants[i]))
            return drawn_merchants[i];
    check(false);
    return NULL;
}

static void add_column(struct payment *payment, enum scene_column column, int64_t value) {
    payment->present |= 1u << column;
    payment->integers[column] = value;
}

static struct payment payment_of(const struct transaction *transaction) {
    struct payment payment = {.time_us = transaction->event_time_us,
                              .id_hash = hash_text(transaction->id),
                              .merchant = merchant_of(transaction->fields[FIELD_MERCHANT])};
    if (transaction->currency.length > 0)
        add_column(&payment, SCENE_AMOUNT, transaction->amount_minor);
    if (transaction->fields[FIELD_MERCHANT].length > 0)
        payment.present |= 1u << SCENE_MERCHANT | 1u << SCENE_MERCHANT_TEXT;
    if (transaction->has_location)
        add_column(&payment, SCENE_PLACE,
                   place_pack(transaction->latitude_e7, transaction->longitude_e7));
    for (size_t i = 0; i < transaction->attribute_count; i++) {
        const struct attribute *attribute = &transaction->attributes[i];
        if (attribute->type == ATTRIBUTE_FLAG)
            add_column(&payment, SCENE_ONLINE, attribute->flag);
        else
            add_column(&payment, text_is(attribute->name, "items") ? SCENE_ITEMS : SCENE_OPENED,
                       attribute->integer);
    }
    return payment;
}

/* ---- asking ---- */

bool ledger_is_late(const struct ledger *ledger, enum drawn_entity entity,
                    const struct transaction *transaction) {
    const struct account *account =
        belongs(entity, transaction) ? find(ledger, entity, transaction) : NULL;
    return account && account->any &&
           transaction->event_time_us < account->newest_us - ledger->policy->lateness_us;
}

bool ledger_agrees(struct ledger *ledger, size_t number, const struct transaction *transaction,
                   struct value value, char *complaint, size_t size) {
    const struct drawn_feature *drawn = &ledger->policy->features[number];
    const struct feature *feature = &ledger->scenes[drawn->entity].features[ledger->places[number]];
    struct naive_window window = {0};
    struct value expected = value_absent(); /* of an entity that there is not, without default */
    if (belongs(drawn->entity, transaction)) {
        struct naive_model none = {0};
        const struct account *account = find(ledger, drawn->entity, transaction);
        struct naive_model naive = account ? account->naive : none;
        struct payment current = payment_of(transaction);
        struct naive_place *places = naive_model_places(&naive, &ledger->tiles[drawn->entity],
                                                        &ledger->sketches[drawn->entity]);
        window = naive_places_window(places, naive.count, feature, transaction->event_time_us);
        free(places);
        expected =
            naive_model_value(&naive, feature, &window, transaction->event_time_us, &current);
    }
    if (naive_value_agrees(value, expected, feature, &window))
        return true;
    char got[64], want[64];
    value_format(value, got, sizeof got);
    value_format(expected, want, sizeof want);
    snprintf(complaint, size, "f%zu (%s) of transaction %.*s is %s \"%s\", expected %s \"%s\"%s",
             number, aggregate_name(feature->aggregate), TEXT_ARGS(transaction->id),
             value_type_name(value.type), got, value_type_name(expected.type), want,
             window.is_estimated ? ", nearly" : "");
    return false;
}

/* ---- what happens ---- */

void ledger_pay(struct ledger *ledger, const struct transaction *transaction) {
    struct payment payment = payment_of(transaction);
    for (enum drawn_entity entity = 0; entity < DRAWN_ENTITIES; entity++) {
        if (!belongs(entity, transaction))
            continue;
        struct account *account = take(ledger, entity, transaction);
        naive_model_pay(&account->naive, &payment);
        if (!account->any || payment.time_us > account->newest_us)
            account->newest_us = payment.time_us;
        account->any = true;
    }
}

void ledger_label(struct ledger *ledger, const struct transaction *transaction, enum label label) {
    enum scene_label known = label == LABEL_LEGIT   ? SCENE_LEGIT
                             : label == LABEL_FRAUD ? SCENE_FRAUD
                                                    : SCENE_UNKNOWN;
    for (enum drawn_entity entity = 0; entity < DRAWN_ENTITIES; entity++)
        if (belongs(entity, transaction))
            naive_model_label(&take(ledger, entity, transaction)->naive, hash_text(transaction->id),
                              known);
}

void ledger_amend(struct ledger *ledger, const struct transaction *transaction,
                  int64_t previous_minor, int64_t now_minor) {
    uint64_t id_hash = hash_text(transaction->id);
    if (previous_minor == now_minor)
        return;
    for (enum drawn_entity entity = 0; entity < DRAWN_ENTITIES; entity++) {
        if (!belongs(entity, transaction))
            continue;
        struct naive_model *naive = &take(ledger, entity, transaction)->naive;
        struct naive_payment before = {.payment = payment_of(transaction)};
        for (size_t i = 0; i < naive->count; i++)
            if (naive->payments[i].payment.id_hash == id_hash)
                before.label = naive->payments[i].label;
        if (previous_minor >= 0)
            check(naive_model_amend(naive, id_hash, NULL, &before));
        if (now_minor < 0)
            continue;
        before.payment.integers[SCENE_AMOUNT] = now_minor;
        naive_model_pay(naive, &before.payment);
        naive->payments[naive->count - 1].label = before.label;
    }
}
