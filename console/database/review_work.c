#include "review_work.h"

#include "clients/cli/io/money.h"
#include "core/base/json_writer.h"

#include <stdio.h>

#define ROWS_MOST "1000"
#define DAY       "86400000000"
#define MILLION   INT64_C(1000000)

/* ---- one review ---- */

int review_history_add(struct sql *sql, uint64_t position, const char *person, const char *label,
                       const char *note, int64_t now_us, struct error *ret_error) {
    int r = sql_run(sql, ret_error,
                    "INSERT INTO review_history (position, at_us, person, label, note) "
                    "VALUES (?, ?, ?, ?, ?)",
                    "iittt", (int64_t)position, now_us, person, label, note);
    return r < 0 ? r : 0;
}

static int take_step(void *user, const struct sql_row *row, struct error *ret_error) {
    struct buffer *out = user;
    (void)ret_error;
    json_begin_object(out, NULL);
    json_add_time(out, "at", sql_integer(row, 0));
    json_add_text(out, "person", text_of(sql_text(row, 1)));
    json_add_text(out, "label", text_of(sql_text(row, 2)));
    json_add_text(out, "note", text_of(sql_text(row, 3)));
    json_end_object(out);
    return 0;
}

int review_history_list(struct sql *sql, uint64_t position, struct buffer *out,
                        struct error *ret_error) {
    json_begin_array(out, "history");
    int r = sql_each(sql, ret_error, take_step, out,
                     "SELECT at_us, person, label, note FROM review_history WHERE position = ? "
                     "ORDER BY id LIMIT " ROWS_MOST,
                     "i", (int64_t)position);
    json_end_array(out);
    return r < 0 ? r : 0;
}

/* ---- what is at stake ---- */

/* Millions and the rest are summed apart: SQLite's sum ends with an error beyond 64 bits. What is
 * too much for an amount is shown as the greatest one. */
static int take_sum(void *user, const struct sql_row *row, struct error *ret_error) {
    struct buffer *out = user;
    char amount[MONEY_SIZE];
    struct text currency = text_of(sql_text(row, 0));
    __int128 sum = (__int128)sql_integer(row, 1) * MILLION + sql_integer(row, 2);
    int64_t shown = sum > INT64_MAX ? INT64_MAX : sum < -INT64_MAX ? -INT64_MAX : (int64_t)sum;
    (void)ret_error;
    json_begin_object(out, NULL);
    json_add_text(out, "currency", currency);
    json_add_text(out, "amount", text_of(money_format(shown, currency, amount)));
    json_add_signed(out, "open", sql_integer(row, 3));
    json_end_object(out);
    return 0;
}

int reviews_at_risk(struct sql *sql, struct buffer *out, struct error *ret_error) {
    json_begin_array(out, "at_risk");
    int r = sql_each(sql, ret_error, take_sum, out,
                     "SELECT currency, sum(amount_minor / 1000000), sum(amount_minor % 1000000), "
                     "count(*) FROM reviews WHERE label = '' GROUP BY currency "
                     "ORDER BY count(*) DESC, currency LIMIT 20",
                     "");
    json_end_array(out);
    return r < 0 ? r : 0;
}

/* ---- work ---- */

static int take_work(void *user, const struct sql_row *row, struct error *ret_error) {
    static const char *const counts[] = {"fraud", "legit", "unsure"};
    struct buffer *out = user;
    (void)ret_error;
    json_begin_object(out, NULL);
    json_add_text(out, "day", text_of(sql_text(row, 0)));
    json_add_text(out, "person", text_of(sql_text(row, 1)));
    for (int i = 0; i < 3; i++)
        json_add_signed(out, counts[i], sql_integer(row, 2 + i));
    json_add_signed(out, "median_s", sql_integer(row, 5) / MILLION);
    json_add_signed(out, "longest_s", sql_integer(row, 6) / MILLION);
    json_end_object(out);
    return 0;
}

int review_work_list(struct sql *sql, const struct review_work *work, struct buffer *out,
                     struct error *ret_error) {
    json_begin_array(out, "work");
    int r = sql_each(
        sql, ret_error, take_work, out,
        "WITH labels AS (SELECT (at_us + ?1) / " DAY " AS day, person, history.label AS label, "
        "  max(0, at_us - receive_us) AS took FROM review_history AS history "
        "  JOIN reviews USING (position) WHERE at_us >= ?2 AND (?3 = '' OR person = ?3)), "
        "ranked AS (SELECT day, person, label, took, "
        "  row_number() OVER (PARTITION BY day, person ORDER BY took) AS place, "
        "  count(*) OVER (PARTITION BY day, person) AS labels FROM labels) "
        "SELECT date(day * 86400, 'unixepoch'), person, sum(label = 'fraud'), "
        "  sum(label = 'legit'), sum(label = 'unsure'), "
        "  max(CASE WHEN place = (labels + 1) / 2 THEN took END), max(took) "
        "FROM ranked GROUP BY day, person ORDER BY day DESC, person LIMIT " ROWS_MOST,
        "iit", work->ahead_us, work->from_us, work->person);
    json_end_array(out);
    return r < 0 ? r : 0;
}
