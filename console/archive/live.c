/* Rows are kept as the JSON that is sent: each is written once, and read by every open page. */
#include "live.h"

#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/lock_order.h"
#include "row_json.h"

#include <pthread.h>
#include <stdlib.h>

#define MINUTE_US INT64_C(60000000)

struct live_row {
    uint64_t position;
    enum verdict verdict;
    uint32_t score;
    struct buffer json;
};

struct live_minute {
    int64_t minute; /* since 1970 */
    uint64_t by_verdict[VERDICT_COUNT];
};

struct live {
    pthread_mutex_t lock;
    struct live_row rows[LIVE_ROWS]; /* a ring */
    size_t next, count;
    uint64_t last;
    int64_t since_us; /* everything received from then on is counted; 0: nothing came yet */
    struct live_minute minutes[LIVE_MINUTES]; /* by minute modulo their number */
};

struct live *live_new(void) {
    struct live *live = check_calloc(1, sizeof *live);
    lock_init(&live->lock, LOCK_CONSOLE_LIVE);
    for (size_t i = 0; i < LIVE_ROWS; i++)
        buffer_init(&live->rows[i].json);
    return live;
}

void live_free(struct live *live) {
    if (!live)
        return;
    for (size_t i = 0; i < LIVE_ROWS; i++)
        buffer_deinit(&live->rows[i].json);
    pthread_mutex_destroy(&live->lock);
    free(live);
}

static void count(struct live *live, int64_t receive_time_us, enum verdict verdict) {
    int64_t minute = receive_time_us / MINUTE_US;
    struct live_minute *at = &live->minutes[minute % LIVE_MINUTES];
    if (at->minute != minute)
        *at = (struct live_minute){.minute = minute};
    at->by_verdict[verdict]++;
}

void live_add(struct live *live, const struct record *record, int64_t now_us) {
    const struct transaction_record *transaction = &record->transaction;
    const struct decision *decision = &transaction->decision;
    bool is_old = record->receive_time_us < now_us - LIVE_MINUTES * MINUTE_US;
    pthread_mutex_lock(&live->lock);
    if (live->since_us == 0)
        live->since_us = record->receive_time_us;
    if (is_old || record->position <= live->last) { /* read again: it is there already */
        pthread_mutex_unlock(&live->lock);
        return;
    }
    struct live_row *row = &live->rows[live->next];
    row->position = record->position;
    row->verdict = decision->verdict;
    row->score = decision->score;
    buffer_clear(&row->json);
    row_json_add(&row->json, &transaction->transaction, decision, record->position,
                 record->receive_time_us);
    live->next = (live->next + 1) % LIVE_ROWS;
    if (live->count < LIVE_ROWS)
        live->count++;
    live->last = record->position;
    count(live, record->receive_time_us, decision->verdict);
    pthread_mutex_unlock(&live->lock);
}

static bool fits(const struct live_row *row, const struct live_query *query) {
    return row->score >= query->score_min &&
           (query->verdicts == 0 || (query->verdicts >> row->verdict & 1));
}

static void write_rows(const struct live *live, const struct live_query *query,
                       struct buffer *out) {
    size_t written = 0;
    bool is_cut = false;
    json_begin_array(out, "rows");
    for (size_t i = 0; i < live->count; i++) {
        const struct live_row *row = &live->rows[(live->next + LIVE_ROWS - 1 - i) % LIVE_ROWS];
        if (row->position <= query->after)
            break;
        if (!fits(row, query))
            continue;
        if (written == query->limit) {
            is_cut = true;
            break;
        }
        if (written++ > 0)
            buffer_append_u8(out, ',');
        buffer_append(out, row->json.bytes, row->json.length);
    }
    json_end_array(out);
    json_add_bool(out, "skipped", is_cut);
}

static void write_minute(const struct live *live, int64_t minute, struct buffer *out) {
    const struct live_minute *at = &live->minutes[minute % LIVE_MINUTES];
    json_begin_object(out, NULL);
    json_add_time(out, "at", minute * MINUTE_US);
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        json_add_unsigned(out, verdict_name(verdict),
                          at->minute == minute ? at->by_verdict[verdict] : 0);
    json_end_object(out);
}

void live_write(struct live *live, const struct live_query *query, int64_t now_us,
                struct buffer *out) {
    int64_t minute = now_us / MINUTE_US;
    pthread_mutex_lock(&live->lock);
    write_rows(live, query, out);
    json_add_unsigned(out, "last", live->last);
    if (live->since_us != 0)
        json_add_time(out, "since", live->since_us);
    json_begin_array(out, "minutes");
    for (int64_t at = minute - LIVE_MINUTES + 1; at <= minute; at++)
        write_minute(live, at, out);
    json_end_array(out);
    pthread_mutex_unlock(&live->lock);
}
