/* Find answers by clear value and shows what it found as it is archived, so it says what a value is
 * called without a call of its own. */
#include "key_question.h"

#include <stdio.h>
#include <string.h>

#define DEADLINE_US UINT64_C(1000000)
/* Somebody waits for a search that the archive answers alone: of a server that does not answer, one
 * of many searches waits. */
#define SILENCE_US INT64_C(30000000)

static const char *text_field(const struct harrier_transaction *transaction,
                              enum transaction_field field) {
    const char *const texts[FIELD_COUNT] = {
        [FIELD_CARD] = transaction->card,
        [FIELD_CUSTOMER] = transaction->customer,
        [FIELD_ACCOUNT] = transaction->account,
        [FIELD_MERCHANT] = transaction->merchant,
        [FIELD_TERMINAL] = transaction->terminal,
        [FIELD_DEVICE] = transaction->device,
        [FIELD_IP] = transaction->ip,
        [FIELD_COUNTRY] = transaction->country,
        [FIELD_MCC] = transaction->mcc,
        [FIELD_CHANNEL] = transaction->channel,
        [FIELD_EMAIL] = transaction->email,
        [FIELD_PHONE] = transaction->phone,
    };
    return texts[field];
}

bool key_question(struct connection *connection, struct find_key *key,
                  char ret_bytes[TRANSACTION_FIELD_MAX + 1]) {
    static const struct harrier_call_options options = {.deadline_us = DEADLINE_US};
    char value[TRANSACTION_FIELD_MAX + 1];
    struct harrier_reply *reply;
    struct harrier_error error;
    if (key->value.length >= sizeof value || connection_is_silent(connection))
        return false;
    snprintf(value, sizeof value, "%" TEXT_FORMAT, TEXT_ARGS(key->value));
    const struct harrier_find_key asked = {.field = transaction_field_name(key->field),
                                           .value = value};
    const struct harrier_find_query query = {.keys = &asked, .key_count = 1, .limit = 1};
    if (harrier_find(connection_client(connection), &query, &options, &reply, &error) < 0) {
        if (error.code == HARRIER_ERROR_UNAVAILABLE || error.code == HARRIER_ERROR_DEADLINE)
            connection_note_silence(connection, SILENCE_US);
        return false;
    }
    const char *archived = reply->findings && reply->findings->found_count > 0
                               ? text_field(&reply->findings->found[0].transaction, key->field)
                               : NULL;
    bool is_other =
        archived && strlen(archived) <= TRANSACTION_FIELD_MAX && !text_is(key->value, archived);
    if (is_other) {
        snprintf(ret_bytes, TRANSACTION_FIELD_MAX + 1, "%s", archived);
        key->value = text_of(ret_bytes);
    }
    harrier_reply_free(reply);
    return is_other;
}
