#include "clients/c/convert/convert.h"
#include "clients/c/base/fail.h"

#include "core/base/check.h"

#include <string.h>

/* Callers bound count, so the arena's limit cannot be reached. */
static void *array(struct arena *arena, size_t count, size_t size) {
    void *memory = arena_calloc(arena, count ? count : 1, size);
    check(memory);
    return memory;
}

/* An attribute's type is the caller's claim; whether the policy declares the field so is for the
 * server to check. */
static struct attribute *attributes_from_public(const struct harrier_transaction *in,
                                                struct arena *arena) {
    struct attribute *out = array(arena, in->attribute_count, sizeof *out);
    for (size_t i = 0; i < in->attribute_count; i++) {
        const struct harrier_attribute *attribute = &in->attributes[i];
        out[i].name = text_of(attribute->name);
        switch (attribute->type) {
        case HARRIER_ATTRIBUTE_TEXT:
            out[i].type = ATTRIBUTE_TEXT;
            out[i].text = text_of(attribute->value.text);
            break;
        case HARRIER_ATTRIBUTE_INTEGER:
            out[i].type = ATTRIBUTE_INTEGER;
            out[i].integer = attribute->value.integer;
            break;
        case HARRIER_ATTRIBUTE_NUMBER:
            out[i].type = ATTRIBUTE_NUMBER;
            out[i].number = attribute->value.number;
            break;
        case HARRIER_ATTRIBUTE_FLAG:
            out[i].type = ATTRIBUTE_FLAG;
            out[i].flag = attribute->value.flag;
            break;
        default: /* the caller left it zero: the server refuses an attribute without a value */
            break;
        }
    }
    return out;
}

_Static_assert(FIELD_COUNT == 12, "transaction_from_public() names all text fields");

static struct transaction transaction_from_public(const struct harrier_transaction *in,
                                                  struct arena *arena) {
    struct transaction out = {
        .id = text_of(in->id),
        .event_time_us = in->event_time_us,
        .amount_minor = in->amount_minor,
        .currency = text_of(in->currency),
        .fields =
            {
                [FIELD_CARD] = text_of(in->card),
                [FIELD_CUSTOMER] = text_of(in->customer),
                [FIELD_ACCOUNT] = text_of(in->account),
                [FIELD_MERCHANT] = text_of(in->merchant),
                [FIELD_TERMINAL] = text_of(in->terminal),
                [FIELD_DEVICE] = text_of(in->device),
                [FIELD_IP] = text_of(in->ip),
                [FIELD_COUNTRY] = text_of(in->country),
                [FIELD_MCC] = text_of(in->mcc),
                [FIELD_CHANNEL] = text_of(in->channel),
                [FIELD_EMAIL] = text_of(in->email),
                [FIELD_PHONE] = text_of(in->phone),
            },
        .has_location = in->has_location,
        .latitude_e7 = in->latitude_e7,
        .longitude_e7 = in->longitude_e7,
        .attributes = attributes_from_public(in, arena),
        .attribute_count = in->attribute_count,
        .source = text_of(in->source),
        .sequence = in->sequence,
    };
    return out;
}

static int check_attributes(const struct harrier_transaction *in, size_t i,
                            struct harrier_error *ret_error) {
    if (in->attribute_count <= TRANSACTION_ATTRIBUTES_MAX)
        return 0;
    return fail(ret_error, HARRIER_ERROR_INVALID, "attributes",
                "transactions[%zu] has %zu attributes; expected at most %d", i, in->attribute_count,
                TRANSACTION_ATTRIBUTES_MAX);
}

int transactions_from_public(const struct harrier_transaction *in, size_t count,
                             struct arena *arena, const struct transaction **ret_transactions,
                             struct harrier_error *ret_error) {
    *ret_transactions = NULL;
    if (count > TRANSACTION_BATCH_MAX) /* message_encode_rest() reports it */
        return 0;
    struct transaction *out = array(arena, count, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        int r = check_attributes(&in[i], i, ret_error);
        if (r < 0)
            return r;
        out[i] = transaction_from_public(&in[i], arena);
    }
    *ret_transactions = out;
    return 0;
}

static struct outcome outcome_from_public(const struct harrier_outcome *in) {
    return (struct outcome){.transaction_id = text_of(in->transaction_id),
                            .label = (enum label)in->label,
                            .known_time_us = in->known_time_us,
                            .source = text_of(in->source),
                            .unless_labelled = in->unless_labelled};
}

const struct outcome *outcomes_from_public(const struct harrier_outcome *in, size_t count,
                                           struct arena *arena) {
    if (count > TRANSACTION_BATCH_MAX) /* message_encode_rest() reports it */
        return NULL;
    struct outcome *out = array(arena, count, sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = outcome_from_public(&in[i]);
    return out;
}

static struct amendment amendment_from_public(const struct harrier_amendment *in) {
    return (struct amendment){.transaction_id = text_of(in->transaction_id),
                              .kind = (enum amendment_kind)in->kind,
                              .amount_minor = in->amount_minor,
                              .known_time_us = in->known_time_us,
                              .source = text_of(in->source),
                              .currency = text_of(in->currency)};
}

const struct amendment *amendments_from_public(const struct harrier_amendment *in, size_t count,
                                               struct arena *arena) {
    if (count > TRANSACTION_BATCH_MAX) /* message_encode_rest() reports it */
        return NULL;
    struct amendment *out = array(arena, count, sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = amendment_from_public(&in[i]);
    return out;
}

int backfill_from_public(const struct harrier_backfill_item *in, size_t count, struct arena *arena,
                         const struct backfill_item **ret_items, struct harrier_error *ret_error) {
    *ret_items = NULL;
    if (count > TRANSACTION_BATCH_MAX) /* message_encode_rest() reports it */
        return 0;
    struct backfill_item *out = array(arena, count, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        int r = check_attributes(&in[i].transaction, i, ret_error);
        if (r < 0)
            return r;
        out[i] = (struct backfill_item){
            .transaction = transaction_from_public(&in[i].transaction, arena),
            .has_outcome = in[i].outcome.label != HARRIER_LABEL_NONE,
            .outcome = outcome_from_public(&in[i].outcome),
            .has_amendment = in[i].amendment.kind != HARRIER_AMENDMENT_NONE,
            .amendment = amendment_from_public(&in[i].amendment)};
    }
    *ret_items = out;
    return 0;
}

const struct list_change *list_changes_from_public(const struct harrier_list_change *in,
                                                   size_t count, struct arena *arena) {
    if (count > LIST_CHANGES_MAX) /* message_encode_rest() reports it */
        return NULL;
    struct list_change *out = array(arena, count, sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct list_change){.list = text_of(in[i].list),
                                      .value = text_of(in[i].value),
                                      .remove = in[i].remove,
                                      .expiry_time_us = in[i].expiry_time_us,
                                      .source = text_of(in[i].source),
                                      .reason = text_of(in[i].reason)};
    return out;
}

/* Lower-case digits only. *ret_zero: all of them are 0, which the standard forbids in ids. */
static bool is_hex(const char *at, size_t count, bool *ret_zero) {
    *ret_zero = true;
    for (size_t i = 0; i < count; i++) {
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
            return false;
        *ret_zero &= at[i] == '0';
    }
    return true;
}

/* 00-{32 hex digits}-{16}-{2}; the first two must not be all zeros. Upper case is not valid. */
struct text traceparent_from_public(const char *traceparent) {
    bool no_trace, no_span, no_flags;
    if (traceparent && strlen(traceparent) == MESSAGE_TRACEPARENT_MAX &&
        memcmp(traceparent, "00-", 3) == 0 && traceparent[35] == '-' && traceparent[52] == '-' &&
        is_hex(traceparent + 3, 32, &no_trace) && is_hex(traceparent + 36, 16, &no_span) &&
        is_hex(traceparent + 53, 2, &no_flags) && !no_trace && !no_span)
        return text_of(traceparent);
    return (struct text){0};
}

int find_from_public(const struct harrier_find_query *in, struct find_key keys[FIELD_COUNT],
                     struct find_query *ret_query, struct harrier_error *ret_error) {
    if (in->key_count > FIELD_COUNT)
        return fail(ret_error, HARRIER_ERROR_TOO_LARGE, "keys", "%zu keys; expected at most %d",
                    in->key_count, FIELD_COUNT);
    for (size_t i = 0; i < in->key_count; i++) {
        keys[i] = (struct find_key){.field = transaction_field_parse(text_of(in->keys[i].field)),
                                    .value = text_of(in->keys[i].value)};
        if (keys[i].field == FIELD_COUNT)
            return fail(ret_error, HARRIER_ERROR_INVALID, "keys",
                        "keys[%zu] is of no field of a transaction; expected card, customer, …", i);
    }
    if (in->verdicts & 1u << VERDICT_NONE || in->verdicts >> VERDICT_COUNT != 0)
        return fail(ret_error, HARRIER_ERROR_INVALID, "verdicts",
                    "verdicts has a bit of no verdict; expected 1 << HARRIER_VERDICT_…");
    if (in->labels >> LABEL_COUNT != 0)
        return fail(ret_error, HARRIER_ERROR_INVALID, "labels",
                    "labels has a bit of no label; expected 1 << HARRIER_LABEL_…");
    *ret_query = (struct find_query){
        .from_us = in->from_us,
        .until_us = in->until_us,
        .received_from_us = in->received_from_us,
        .received_until_us = in->received_until_us,
        .verdicts = in->verdicts,
        .has_score = in->has_score,
        .score_min = in->score_min,
        .score_max = in->score_max,
        .has_amount = in->has_amount,
        .amount_min = in->amount_min_minor,
        .amount_max = in->amount_max_minor,
        .currency = text_of(in->currency),
        .rule = text_of(in->rule),
        .shadow = in->shadow,
        .keys = keys,
        .key_count = in->key_count,
        .labels = in->labels,
        .id = text_of(in->transaction_id),
        .limit = in->limit,
        .cursor = text_of(in->cursor),
    };
    return 0;
}
