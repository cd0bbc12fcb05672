/* The queue of reviews. */
#include "call.h"

#include "console/database/review_work.h"
#include "console/database/reviews.h"
#include "core/base/json_writer.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_MOST 200
#define BULK_MOST 200

#define WORK_DAYS_MOST     90
#define AHEAD_MINUTES_MOST 840 /* UTC+14:00 */
#define MINUTE_US          INT64_C(60000000)
#define DAY_US             INT64_C(86400000000)

static int read_order(const char *name, enum review_order *ret_order, struct error *ret_error) {
    static const char *const names[] = {
        [REVIEW_BY_SCORE] = "score", [REVIEW_BY_AMOUNT] = "amount", [REVIEW_BY_AGE] = "age"};
    *ret_order = REVIEW_BY_SCORE;
    for (size_t i = 0; *name && i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_order = (enum review_order)i;
            return 0;
        }
    }
    return *name ? error_set(ret_error, ERROR_INVALID, "order: expected score, amount or age") : 0;
}

int reviews_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct review_page page = {.now_us = call->now_us};
    uint64_t limit, offset;
    int r = read_order(web_query(call->request, "order"), &page.order, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "limit", PAGE_MOST, 50, &limit, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "offset", 1000000, 0, &offset, ret_error);
    if (r < 0)
        return r;
    page.limit = (int64_t)limit;
    page.offset = (int64_t)offset;
    page.decided = strcmp(web_query(call->request, "decided"), "1") == 0;
    page.unsure = strcmp(web_query(call->request, "unsure"), "1") == 0;
    json_begin_object(out, NULL);
    json_add_time(out, "now", call->now_us);
    r = reviews_list(call->console->sql, &page, out, ret_error);
    if (r == 0)
        r = reviews_count(call->console->sql, call->now_us, out, ret_error);
    if (r == 0)
        r = reviews_at_risk(call->console->sql, out, ret_error);
    json_end_object(out);
    return r;
}

/* One, as a page that shows it asks again and again. */
int review_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    uint64_t position;
    int r = web_query_number(call->request, "position", INT64_MAX, 0, &position, ret_error);
    if (r < 0)
        return r;
    json_begin_object(out, NULL);
    json_add_time(out, "now", call->now_us);
    r = reviews_find(call->console->sql, position, out, ret_error);
    if (r == 0)
        r = review_history_list(call->console->sql, position, out, ret_error);
    json_end_object(out);
    return r;
}

/* Minutes that the viewer's clock is ahead of UTC: "-300". */
static int read_ahead(const char *text, int64_t *ret_us, struct error *ret_error) {
    char *end;
    long minutes = strtol(text, &end, 10);
    if (*end != '\0' || minutes < -AHEAD_MINUTES_MOST || minutes > AHEAD_MINUTES_MOST)
        return error_set(ret_error, ERROR_INVALID, "ahead: expected minutes from -%d to %d",
                         AHEAD_MINUTES_MOST, AHEAD_MINUTES_MOST);
    *ret_us = minutes * MINUTE_US;
    return 0;
}

/* Everybody's for those who approve and administer; else one's own. */
int reviews_work(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct review_work work = {.person = call->session.person.name};
    uint64_t days;
    int r = web_query_number(call->request, "days", WORK_DAYS_MOST, 14, &days, ret_error);
    if (r == 0)
        r = read_ahead(web_query(call->request, "ahead"), &work.ahead_us, ret_error);
    if (r < 0)
        return r;
    if (call->session.person.role >= ROLE_APPROVER)
        work.person = "";
    work.from_us =
        call->now_us - (call->now_us + work.ahead_us) % DAY_US - ((int64_t)days - 1) * DAY_US;
    json_begin_object(out, NULL);
    json_add_bool(out, "all", *work.person == '\0');
    r = review_work_list(call->console->sql, &work, out, ret_error);
    json_end_object(out);
    return r;
}

static int change_claim(struct call *call,
                        int (*change)(struct sql *sql, const struct review_claim *claim,
                                      struct error *ret_error),
                        struct error *ret_error) {
    struct review_claim claim = {
        .person = call->session.person.name, .address = call->address, .now_us = call->now_us};
    int r = call_number(call, "position", &claim.position, ret_error);
    if (r == 0)
        r = change(call->console->sql, &claim, ret_error);
    if (r == 0)
        buffer_append_string(&call->answer->body, "{}");
    return r;
}

int reviews_claim(struct call *call, struct error *ret_error) {
    int r = change_claim(call, review_claim, ret_error);
    if (r < 0)
        return r;
    buffer_clear(&call->answer->body);
    json_begin_object(&call->answer->body, NULL);
    json_add_time(&call->answer->body, "claimed_until", call->now_us + REVIEW_LEASE_US);
    json_end_object(&call->answer->body);
    return 0;
}

int reviews_release(struct call *call, struct error *ret_error) {
    return change_claim(call, review_release, ret_error);
}

static int read_decision(struct call *call, struct review_decision *decision,
                         struct error *ret_error) {
    int r = call_text(call, "label", 16, &decision->label, ret_error);
    if (r == 0)
        r = call_text(call, "note", REVIEW_NOTE_MAX, &decision->note, ret_error);
    if (r == 0 && strcmp(decision->label, "fraud") != 0 && strcmp(decision->label, "legit") != 0 &&
        strcmp(decision->label, REVIEW_UNSURE) != 0)
        r = error_set(ret_error, ERROR_INVALID, "label: expected fraud, legit or " REVIEW_UNSURE);
    return r;
}

static void write_refusal(struct buffer *out, uint64_t position, const struct error *error) {
    json_begin_object(out, NULL);
    json_add_unsigned(out, "position", position);
    json_add_text(out, "error", text_of(error->text));
    json_end_object(out);
}

/* Several at once are decided one by one: those that another person has are reported, and the
 * others are decided. */
static int decide_all(struct call *call, const json_t *positions, struct review_decision *decision,
                      struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    const json_t *position;
    size_t i;
    uint64_t decided = 0;
    json_begin_object(out, NULL);
    json_begin_array(out, "refused");
    json_array_foreach(positions, i, position) {
        decision->position = (uint64_t)json_integer_value(position);
        int r = review_decide(call->console->sql, decision, ret_error);
        if (r == 0)
            decided++;
        else if (r == -(int)ERROR_EXISTS || r == -(int)ERROR_NOT_FOUND)
            write_refusal(out, decision->position, ret_error);
        else
            return r;
    }
    json_end_array(out);
    json_add_unsigned(out, "decided", decided);
    json_end_object(out);
    return 0;
}

int reviews_decide(struct call *call, struct error *ret_error) {
    const json_t *positions = json_object_get(call->body, "positions");
    struct review_decision decision = {
        .person = call->session.person.name, .address = call->address, .now_us = call->now_us};
    int r = read_decision(call, &decision, ret_error);
    if (r < 0)
        return r;
    size_t count = json_array_size(positions);
    bool is_good = count > 0 && count <= BULK_MOST;
    for (size_t i = 0; i < count && is_good; i++)
        is_good = json_integer_value(json_array_get(positions, i)) > 0;
    if (!is_good)
        return error_set(ret_error, ERROR_INVALID, "positions: expected 1 to %d positions",
                         BULK_MOST);
    r = decide_all(call, positions, &decision, ret_error);
    connection_report(call->console->connection);
    return r;
}
