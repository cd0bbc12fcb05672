/* Transactions: one, explained by the server; or a search of the archive, beside it. */
#include "call.h"

#include "clients/cli/explain/explain_json.h"
#include "clients/cli/io/money.h"
#include "clients/cli/io/timestamp.h"
#include "console/archive/row_json.h"
#include "console/database/reviews.h"
#include "console/server/key_question.h"
#include "core/base/json_writer.h"
#include "server/ops/clock.h"

#include <stdio.h>
#include <string.h>

#define EXPLAIN_DEADLINE_US UINT64_C(60000000)
#define PROBE_DEADLINE_US   UINT64_C(1000000)
#define ARCHIVED_US         INT64_C(700000)
#define SEARCH_US           INT64_C(3000000) /* then a page ends, with a cursor to go on from */
#define ROWS_MOST           200

/* ---- searches ---- */

struct search {
    struct buffer *out;
    int64_t started_us, most_us;
    uint64_t position; /* of the last row */
};

static int take_row(void *user, const struct find_row *row, struct error *ret_error) {
    struct search *search = user;
    const struct transaction_record *transaction = &row->record->transaction;
    (void)ret_error;
    search->position = row->record->position;
    json_begin_object(search->out, NULL);
    json_add_text(search->out, "label",
                  row->label == LABEL_NONE ? text_of("") : text_of(label_name(row->label)));
    json_add_bool(search->out, "amended", row->is_amended);
    json_add_key(search->out, TEXT_LITERAL("row"));
    row_json_add(search->out, &transaction->transaction, &transaction->decision,
                 row->record->position, row->record->receive_time_us);
    json_end_object(search->out);
    return 0;
}

static bool is_expired(void *user) {
    const struct search *search = user;
    return clock_monotonic_us(&clock_system) - search->started_us > search->most_us;
}

static int read_time(const struct call *call, const char *name, int64_t *ret_us,
                     struct error *ret_error) {
    static const struct timestamp_format format = {.kind = TIMESTAMP_RFC3339};
    const char *value = web_query(call->request, name);
    *ret_us = 0;
    if (*value == '\0')
        return 0;
    int r = timestamp_parse(text_of(value), &format, ret_us, ret_error);
    return r < 0 ? error_prefix(ret_error, "%s", name) : 0;
}

static size_t read_keys(const struct call *call, struct find_key keys[FIELD_COUNT]) {
    size_t count = 0;
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++) {
        const char *value = web_query(call->request, transaction_field_name(field));
        if (*value)
            keys[count++] = (struct find_key){.field = field, .value = text_of(value)};
    }
    return count;
}

static int read_scores(const struct call *call, struct find_query *query, struct error *ret_error) {
    uint64_t least, most;
    int r = web_query_number(call->request, "score_min", DECISION_SCORE_MAX, 0, &least, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "score_max", DECISION_SCORE_MAX, DECISION_SCORE_MAX,
                             &most, ret_error);
    if (r < 0)
        return r;
    query->has_score = least > 0 || most < DECISION_SCORE_MAX;
    query->score_min = (uint32_t)least;
    query->score_max = (uint32_t)most;
    return 0;
}

static int read_query(const struct call *call, struct find_key keys[FIELD_COUNT],
                      struct find_query *query, struct error *ret_error) {
    uint64_t limit;
    struct text field;
    *query = (struct find_query){.id = text_of(web_query(call->request, "id")),
                                 .rule = text_of(web_query(call->request, "rule")),
                                 .currency = text_of(web_query(call->request, "currency")),
                                 .cursor = text_of(web_query(call->request, "cursor")),
                                 .keys = keys,
                                 .key_count = read_keys(call, keys)};
    int r = read_time(call, "from", &query->from_us, ret_error);
    if (r == 0)
        r = read_time(call, "until", &query->until_us, ret_error);
    if (r == 0)
        r = call_verdicts(call, "verdict", &query->verdicts, ret_error);
    if (r == 0)
        r = call_labels(call, "label", &query->labels, ret_error);
    if (r == 0)
        r = read_scores(call, query, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "limit", ROWS_MOST, 50, &limit, ret_error);
    if (r < 0)
        return r;
    query->limit = (uint32_t)limit;
    return find_query_check(query, &field, ret_error);
}

/* Writes the rows as an array. */
static int run_query(const struct call *call, const struct find_query *query, struct search *search,
                     const char *key, struct find_page *ret_page, struct error *ret_error) {
    const struct find_taker taker = {.take = take_row, .user = search, .is_expired = is_expired};
    struct searches_find taken = searches_take(call->console->searches);
    search->started_us = clock_monotonic_us(&clock_system);
    json_begin_array(search->out, key);
    int r = find_run(taken.find, query, &taker, ret_page, ret_error);
    json_end_array(search->out);
    searches_give(call->console->searches, taken);
    return r;
}

/* A search that found nothing may have been for clear values of protected fields. True: some are
 * called otherwise in the archive. */
static bool rename_keys(const struct call *call, struct find_key *keys, size_t count,
                        char values[FIELD_COUNT][TRANSACTION_FIELD_MAX + 1]) {
    bool is_other = false;
    for (size_t i = 0; i < count; i++)
        is_other |= key_question(call->console->connection, &keys[i], values[i]);
    return is_other;
}

int search_run(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct search search = {.out = out, .most_us = SEARCH_US};
    struct find_key keys[FIELD_COUNT];
    struct find_query query;
    struct find_page page;
    int r = read_query(call, keys, &query, ret_error);
    if (r < 0)
        return r;
    json_begin_object(out, NULL);
    size_t before = out->length;
    r = run_query(call, &query, &search, "found", &page, ret_error);
    char values[FIELD_COUNT][TRANSACTION_FIELD_MAX + 1];
    if (r == 0 && search.position == 0 && !page.is_early &&
        rename_keys(call, keys, query.key_count, values)) {
        out->length = before;
        r = run_query(call, &query, &search, "found", &page, ret_error);
    }
    if (r < 0)
        return r;
    json_add_text(out, "cursor", text_of(page.cursor));
    json_add_bool(out, "incomplete", page.is_early);
    json_end_object(out);
    return 0;
}

/* ---- one transaction ---- */

/* A server that is there answers the first call at once, and may take long for the second. If the
 * first is refused, say for the token's scopes, the second says so. ERROR_UNAVAILABLE. */
static int ask_server(struct call *call, const char *id, struct harrier_reply **ret_reply,
                      struct error *ret_error) {
    static const struct harrier_call_options probe = {.deadline_us = PROBE_DEADLINE_US};
    static const struct harrier_call_options options = {.deadline_us = EXPLAIN_DEADLINE_US};
    struct harrier_client *client = connection_client(call->console->connection);
    struct harrier_reply *status;
    struct harrier_error error;
    if (harrier_status(client, false, &probe, &status, &error) == 0) {
        harrier_reply_free(status);
    } else {
        int r = connection_error(&error, ret_error);
        if (r == -(int)ERROR_UNAVAILABLE || r == -(int)ERROR_DEADLINE)
            return error_set(ret_error, ERROR_UNAVAILABLE, "the server does not answer: %s",
                             error.message);
    }
    if (harrier_explain(client, id, &options, ret_reply, &error) < 0)
        return connection_error(&error, ret_error);
    return 0;
}

/* The server does not answer: what the archive and the console know. The answer stays a failure,
 * and says why. */
static int show_archived(struct call *call, const char *id, const struct error *why) {
    struct buffer *out = &call->answer->body;
    struct search search = {.out = out, .most_us = ARCHIVED_US};
    const struct find_query query = {.id = text_of(id), .limit = 1};
    struct find_page page;
    struct error error;
    json_begin_object(out, NULL);
    json_add_text(out, "error", text_of(why->text));
    json_add_time(out, "now", call->now_us);
    size_t known = out->length;
    if (run_query(call, &query, &search, "archived", &page, &error) < 0 ||
        (search.position != 0 &&
         reviews_find(call->console->sql, search.position, out, &error) < 0))
        out->length = known; /* then only why */
    json_end_object(out);
    call->answer->status = 503;
    return 0;
}

int transaction_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    const char *id = web_query(call->request, "id");
    struct harrier_reply *reply;
    char amount[MONEY_SIZE];
    if (*id == '\0' || strlen(id) > TRANSACTION_ID_MAX)
        return error_set(ret_error, ERROR_INVALID, "id: expected a transaction's id");
    int r = ask_server(call, id, &reply, ret_error);
    if (r == -(int)ERROR_UNAVAILABLE || r == -(int)ERROR_DEADLINE)
        return show_archived(call, id, ret_error);
    if (r < 0)
        return r;
    json_begin_object(out, NULL);
    r = reviews_find(call->console->sql, reply->explanation->position, out, ret_error);
    const struct harrier_transaction *transaction = &reply->explanation->transaction;
    const struct text currency = text_of(transaction->currency ? transaction->currency : "");
    json_add_text(out, "amount",
                  text_of(money_format(transaction->amount_minor, currency, amount)));
    json_add_time(out, "now", call->now_us);
    json_add_key(out, TEXT_LITERAL("explanation"));
    explain_json_format(reply->explanation, out);
    json_end_object(out);
    harrier_reply_free(reply);
    return r;
}
