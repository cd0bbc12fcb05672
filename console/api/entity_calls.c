/* One card, customer, merchant, …: what the archive has of it, and its features. */
#include "call.h"

#include "clients/cli/io/money.h"
#include "clients/cli/io/timestamp.h"
#include "clients/cli/output/feature_value.h"
#include "console/server/key_question.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "server/ops/clock.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_US    INT64_C(3000000) /* then what is counted so far is shown */
#define COUNT_MOST  400000           /* the newest transactions */
#define DEADLINE_US UINT64_C(5000000)
#define ZONE_MOST_S (INT64_C(18) * 3600)
#define MONDAY_US   (INT64_C(4) * 86400 * 1000000) /* 1970-01-05 */
#define KEY_MAX     1024                           /* bytes: more than any field of a policy has */

static int read_entity(const struct call *call, struct find_key *ret_key, struct error *ret_error) {
    struct text name = text_of(web_query(call->request, "name"));
    struct text value = text_of(web_query(call->request, "value"));
    enum transaction_field field = transaction_field_parse(name);
    if (field == FIELD_COUNT)
        return error_set(ret_error, ERROR_INVALID,
                         "name: expected a field of transactions, such as card");
    if (value.length == 0 || value.length > TRANSACTION_FIELD_MAX)
        return error_set(ret_error, ERROR_INVALID, "value: expected 1 to %d bytes",
                         TRANSACTION_FIELD_MAX);
    *ret_key = (struct find_key){.field = field, .value = value};
    return 0;
}

/* ---- counts ---- */

static bool is_expired(void *user) {
    return clock_monotonic_us(&clock_system) - *(const int64_t *)user > COUNT_US;
}

static void write_verdicts(const uint64_t verdicts[VERDICT_COUNT], const char *key,
                           struct buffer *out) {
    json_begin_object(out, key);
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        json_add_unsigned(out, verdict_name(verdict), verdicts[verdict]);
    json_end_object(out);
}

static void write_money(const char *key, int64_t amount_minor, const char *currency,
                        struct buffer *out) {
    char amount[MONEY_SIZE];
    json_add_text(out, key, text_of(money_format(amount_minor, text_of(currency), amount)));
}

/* From the oldest to the newest. */
static void write_buckets(const struct find_tally *tally, struct buffer *out) {
    json_begin_array(out, "buckets");
    for (size_t i = tally->bucket_count; i-- > 0;) {
        const struct find_bucket *bucket = &tally->buckets[i];
        json_begin_object(out, NULL);
        json_add_time(out, "from", bucket->begin_us);
        write_verdicts(bucket->verdicts, "verdicts", out);
        json_begin_array(out, "amounts");
        for (size_t c = 0; c < tally->currency_count; c++)
            write_money(NULL, bucket->amount_minor[c], tally->currencies[c].code, out);
        json_end_array(out);
        json_end_object(out);
    }
    json_end_array(out);
}

static void write_currencies(const struct find_tally *tally, struct buffer *out) {
    json_begin_array(out, "currencies");
    for (size_t c = 0; c < tally->currency_count; c++) {
        const struct find_tally_currency *currency = &tally->currencies[c];
        json_begin_object(out, NULL);
        json_add_text(out, "currency", text_of(currency->code));
        json_add_unsigned(out, "transactions", currency->rows);
        write_money("amount", currency->amount_minor, currency->code, out);
        json_end_object(out);
    }
    json_end_array(out);
    json_add_unsigned(out, "other_currencies", tally->other_currencies);
}

static void write_tally(const struct find_tally *tally, const struct find_page *page,
                        struct buffer *out) {
    json_add_unsigned(out, "transactions", tally->rows);
    json_add_bool(out, "all", page->cursor[0] == '\0');
    json_add_bool(out, "early", page->is_early);
    if (tally->rows > 0) {
        json_add_time(out, "first", tally->first_us);
        json_add_time(out, "last", tally->last_us);
    }
    write_verdicts(tally->verdicts, "verdicts", out);
    json_begin_object(out, "labels");
    for (enum label label = LABEL_NONE; label < LABEL_COUNT; label++)
        json_add_unsigned(out, label_name(label), tally->labels[label]);
    json_end_object(out);
    json_add_unsigned(out, "amended", tally->amended);
    write_currencies(tally, out);
    json_add_bool(out, "rounded", tally->amount_step_minor > 1);
    json_add_signed(out, "width_s", tally->width_us / 1000000);
    write_buckets(tally, out);
}

/* zone_s: how far the reader's clock is ahead of UTC, so that days are the reader's. */
static int read_zone(const struct call *call, int64_t *ret_zone_us, struct error *ret_error) {
    const char *text = web_query(call->request, "zone_s");
    char *end;
    long zone_s = strtol(text, &end, 10);
    if (*end != '\0' || zone_s > ZONE_MOST_S || zone_s < -ZONE_MOST_S)
        return error_set(ret_error, ERROR_INVALID,
                         "zone_s: expected seconds of at most 18 hours, before UTC as negative");
    *ret_zone_us = zone_s * INT64_C(1000000);
    return 0;
}

int entity_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    int64_t started_us = clock_monotonic_us(&clock_system), zone_us = 0;
    struct find_key key;
    struct find_page page;
    int r = read_entity(call, &key, ret_error);
    if (r == 0)
        r = read_zone(call, &zone_us, ret_error);
    if (r < 0)
        return r;
    const struct find_query query = {.keys = &key, .key_count = 1, .limit = COUNT_MOST};
    struct find_tally *tally = check_calloc(1, sizeof *tally);
    find_tally_init(tally, MONDAY_US - zone_us);
    struct searches_find taken = searches_take(call->console->searches);
    r = find_count(taken.find, &query, is_expired, &started_us, tally, &page, ret_error);
    char value[TRANSACTION_FIELD_MAX + 1];
    if (r == 0 && tally->rows == 0 && !page.is_early &&
        key_question(call->console->connection, &key, value)) /* a clear value was typed */
        r = find_count(taken.find, &query, is_expired, &started_us, tally, &page, ret_error);
    searches_give(call->console->searches, taken);
    json_begin_object(out, NULL);
    json_add_time(out, "now", call->now_us);
    if (r == 0)
        write_tally(tally, &page, out);
    json_end_object(out);
    free(tally);
    return r;
}

/* ---- features ---- */

static int read_at(const struct call *call, int64_t *ret_us, struct error *ret_error) {
    static const struct timestamp_format format = {.kind = TIMESTAMP_RFC3339};
    const char *at = web_query(call->request, "at");
    *ret_us = 0;
    int r = *at ? timestamp_parse(text_of(at), &format, ret_us, ret_error) : 0;
    return r < 0 ? error_prefix(ret_error, "at") : 0;
}

int entity_features(struct call *call, struct error *ret_error) {
    static const struct harrier_call_options options = {.deadline_us = DEADLINE_US};
    struct buffer *out = &call->answer->body;
    const char *name = web_query(call->request, "name");
    const char *value = web_query(call->request, "value");
    struct harrier_reply *reply;
    struct harrier_error error;
    int64_t at_us;
    int r = read_at(call, &at_us, ret_error);
    if (r < 0)
        return r;
    if (*name == '\0' || *value == '\0' || strlen(name) > KEY_MAX || strlen(value) > KEY_MAX)
        return error_set(ret_error, ERROR_INVALID, "name, value: expected 1 to %d bytes", KEY_MAX);
    if (harrier_get_entity(connection_client(call->console->connection), name, &value, 1, at_us,
                           &options, &reply, &error) < 0)
        return connection_error(&error, ret_error);
    const struct harrier_entity *entity = reply->entity;
    json_begin_object(out, NULL);
    if (entity->newest_time_us != 0)
        json_add_time(out, "newest", entity->newest_time_us);
    json_add_time(out, "at", entity->at_time_us);
    json_add_unsigned(out, "entries", entity->entries);
    json_add_unsigned(out, "bytes", entity->state_bytes);
    json_begin_object(out, "features");
    for (size_t i = 0; i < entity->feature_count; i++)
        json_add_value(out, text_of(entity->features[i].name), feature_value(&entity->features[i]));
    json_end_object(out);
    json_end_object(out);
    harrier_reply_free(reply);
    return 0;
}
