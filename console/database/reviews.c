#include "reviews.h"

#include "audit.h"
#include "clients/cli/io/money.h"
#include "core/base/json_writer.h"
#include "review_work.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS                                                                                    \
    "position, transaction_id, event_us, receive_us, amount_minor, currency, score, reasons, "     \
    "claimed_by, claimed_until_us, label, note, decided_by, decided_us, reported, problem"

/* ---- what comes from the archive ---- */

int reviews_add(struct sql *sql, const struct review *review, struct error *ret_error) {
    int r = sql_run(sql, ret_error,
                    "INSERT OR IGNORE INTO reviews (position, transaction_id, event_us, "
                    "receive_us, amount_minor, currency, score, reasons) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    "itiiitit", (int64_t)review->position, review->transaction_id, review->event_us,
                    review->receive_us, review->amount_minor, review->currency,
                    (int64_t)review->score, review->reasons);
    return r < 0 ? r : 0;
}

int reviews_close(struct sql *sql, uint64_t position, const char *label, const char *source,
                  int64_t at_us, struct error *ret_error) {
    if (strcmp(label, "none") == 0)
        return 0;
    int r = sql_run(sql, ret_error,
                    "UPDATE reviews SET label = ?, decided_by = ?, decided_us = ?, reported = 1, "
                    "claimed_by = '', claimed_until_us = 0 "
                    "WHERE position = ? AND label IN ('', '" REVIEW_UNSURE "')",
                    "ttii", label, source, at_us, (int64_t)position);
    if (r == 0)
        r = sql_run(sql, ret_error,
                    "UPDATE reviews SET reported = 1, problem = "
                    "CASE WHEN label = ?1 AND '" REVIEW_SOURCE "' || decided_by = ?2 THEN '' "
                    "ELSE 'not sent: meanwhile ' || ?2 || ' reported ' || ?1 END "
                    "WHERE position = ?3 AND label != '' AND reported = 0",
                    "tti", label, source, (int64_t)position);
    return r < 0 ? r : 0;
}

/* ---- lists ---- */

struct listing {
    struct buffer *out;
    const char *key; /* NULL: elements of an array */
};

static int take_review(void *user, const struct sql_row *row, struct error *ret_error) {
    const struct listing *listing = user;
    struct buffer *out = listing->out;
    char amount[MONEY_SIZE];
    (void)ret_error;
    json_begin_object(out, listing->key);
    json_add_signed(out, "position", sql_integer(row, 0));
    json_add_text(out, "id", text_of(sql_text(row, 1)));
    json_add_time(out, "time", sql_integer(row, 2));
    json_add_time(out, "received", sql_integer(row, 3));
    struct text currency = text_of(sql_text(row, 5));
    json_add_signed(out, "amount_minor", sql_integer(row, 4));
    json_add_text(out, "amount", text_of(money_format(sql_integer(row, 4), currency, amount)));
    json_add_text(out, "currency", currency);
    json_add_signed(out, "score", sql_integer(row, 6));
    json_add_number(out, "reasons", sql_text(row, 7)); /* JSON already, of our own making */
    json_add_text(out, "claimed_by", text_of(sql_text(row, 8)));
    if (sql_integer(row, 9) != 0)
        json_add_time(out, "claimed_until", sql_integer(row, 9));
    json_add_text(out, "label", text_of(sql_text(row, 10)));
    json_add_text(out, "note", text_of(sql_text(row, 11)));
    json_add_text(out, "decided_by", text_of(sql_text(row, 12)));
    if (sql_integer(row, 13) != 0)
        json_add_time(out, "decided", sql_integer(row, 13));
    json_add_bool(out, "reported", sql_integer(row, 14) != 0);
    json_add_text(out, "problem", text_of(sql_text(row, 15)));
    json_end_object(out);
    return 0;
}

int reviews_list(struct sql *sql, const struct review_page *page, struct buffer *out,
                 struct error *ret_error) {
    /* Each order has its index: a queue of a million opens as fast as one of ten. */
    static const char *const open[] = {
        [REVIEW_BY_SCORE] = "SELECT " COLUMNS " FROM reviews WHERE label = '' "
                            "ORDER BY score DESC, position LIMIT ? OFFSET ?",
        [REVIEW_BY_AMOUNT] = "SELECT " COLUMNS " FROM reviews WHERE label = '' "
                             "ORDER BY amount_minor DESC, position LIMIT ? OFFSET ?",
        [REVIEW_BY_AGE] = "SELECT " COLUMNS " FROM reviews WHERE label = '' "
                          "ORDER BY position LIMIT ? OFFSET ?",
    };
    static const char decided[] = "SELECT " COLUMNS " FROM reviews WHERE label != '' "
                                  "ORDER BY decided_us DESC LIMIT ? OFFSET ?";
    static const char unsure[] = "SELECT " COLUMNS " FROM reviews WHERE label = 'unsure' "
                                 "ORDER BY decided_us LIMIT ? OFFSET ?";
    struct listing listing = {.out = out};
    json_begin_array(out, "reviews");
    int r = sql_each(sql, ret_error, take_review, &listing,
                     page->decided  ? decided
                     : page->unsure ? unsure
                                    : open[page->order],
                     "ii", page->limit, page->offset);
    json_end_array(out);
    return r < 0 ? r : 0;
}

static int take_count(void *user, const struct sql_row *row, struct error *ret_error) {
    struct buffer *out = user;
    (void)ret_error;
    json_add_signed(out, "open", sql_integer(row, 0));
    json_add_signed(out, "claimed", sql_integer(row, 1));
    json_add_signed(out, "unreported", sql_integer(row, 2));
    json_add_signed(out, "unsure", sql_integer(row, 3));
    return 0;
}

int reviews_count(struct sql *sql, int64_t now_us, struct buffer *out, struct error *ret_error) {
    int r = sql_each(sql, ret_error, take_count, out,
                     "SELECT (SELECT count(*) FROM reviews WHERE label = ''), "
                     "(SELECT count(*) FROM reviews WHERE label = '' AND claimed_until_us > ?), "
                     "(SELECT count(*) FROM reviews WHERE label != '' AND reported = 0), "
                     "(SELECT count(*) FROM reviews WHERE label = 'unsure')",
                     "i", now_us);
    return r < 0 ? r : 0;
}

static int take_number(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

int reviews_since(struct sql *sql, int64_t received_us, int64_t *ret_count,
                  struct error *ret_error) {
    int r = sql_each(sql, ret_error, take_number, ret_count,
                     "SELECT count(*) FROM reviews WHERE receive_us >= ?", "i", received_us);
    return r < 0 ? r : 0;
}

int reviews_find(struct sql *sql, uint64_t position, struct buffer *out, struct error *ret_error) {
    struct listing listing = {.out = out, .key = "review"};
    int r = sql_each(sql, ret_error, take_review, &listing,
                     "SELECT " COLUMNS " FROM reviews WHERE position = ?", "i", (int64_t)position);
    if (r == 0)
        json_add_number(out, "review", "null");
    return r < 0 ? r : 0;
}

/* ---- claims and decisions ---- */

struct holder {
    char claimed_by[65], decided_by[129], label[16];
    int64_t until_us;
};

static int take_holder(void *user, const struct sql_row *row, struct error *ret_error) {
    struct holder *holder = user;
    (void)ret_error;
    snprintf(holder->claimed_by, sizeof holder->claimed_by, "%s", sql_text(row, 0));
    holder->until_us = sql_integer(row, 1);
    snprintf(holder->label, sizeof holder->label, "%s", sql_text(row, 2));
    snprintf(holder->decided_by, sizeof holder->decided_by, "%s", sql_text(row, 3));
    return 0;
}

/* May this person work on it? In a transaction. */
static int check_free(struct sql *sql, uint64_t position, const char *person, int64_t now_us,
                      struct holder *ret_holder, struct error *ret_error) {
    int r = sql_each(sql, ret_error, take_holder, ret_holder,
                     "SELECT claimed_by, claimed_until_us, label, decided_by FROM reviews "
                     "WHERE position = ?",
                     "i", (int64_t)position);
    if (r < 0)
        return r;
    if (r == 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "no review of this transaction is open");
    if (*ret_holder->label && strcmp(ret_holder->label, REVIEW_UNSURE) != 0)
        return error_set(ret_error, ERROR_EXISTS, "%s has decided this review",
                         ret_holder->decided_by);
    if (ret_holder->until_us > now_us && strcmp(ret_holder->claimed_by, person) != 0)
        return error_set(ret_error, ERROR_EXISTS, "%s is working on this review",
                         ret_holder->claimed_by);
    return 0;
}

static int note(struct sql *sql, const struct review_claim *claim, const char *action,
                const char *before, const char *after, struct error *ret_error) {
    char subject[32];
    snprintf(subject, sizeof subject, "%llu", (unsigned long long)claim->position);
    const struct audit_entry entry = {.at_us = claim->now_us,
                                      .person = claim->person,
                                      .address = claim->address,
                                      .action = action,
                                      .subject = subject,
                                      .before = before,
                                      .after = after};
    return audit_add(sql, &entry, ret_error);
}

static int take_claim(struct sql *sql, const struct review_claim *claim, struct error *ret_error) {
    struct holder holder = {0};
    int r = check_free(sql, claim->position, claim->person, claim->now_us, &holder, ret_error);
    if (r == 0)
        r = sql_run(sql, ret_error,
                    "UPDATE reviews SET claimed_by = ?, claimed_until_us = ? WHERE position = ?",
                    "tii", claim->person, claim->now_us + REVIEW_LEASE_US,
                    (int64_t)claim->position);
    if (r >= 0 && strcmp(holder.claimed_by, claim->person) != 0)
        r = note(sql, claim, "claim", holder.claimed_by, claim->person, ret_error);
    return r;
}

static int give_back(struct sql *sql, const struct review_claim *claim, struct error *ret_error) {
    int r = sql_run(sql, ret_error,
                    "UPDATE reviews SET claimed_by = '', claimed_until_us = 0 "
                    "WHERE position = ? AND claimed_by = ?",
                    "it", (int64_t)claim->position, claim->person);
    return r <= 0 ? r : note(sql, claim, "release", claim->person, "", ret_error);
}

static int in_transaction(struct sql *sql, const struct review_claim *claim,
                          int (*change)(struct sql *sql, const struct review_claim *claim,
                                        struct error *ret_error),
                          struct error *ret_error) {
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = change(sql, claim, ret_error);
    int ended = sql_end(sql, r >= 0, ret_error);
    return r < 0 ? r : ended;
}

int review_claim(struct sql *sql, const struct review_claim *claim, struct error *ret_error) {
    return in_transaction(sql, claim, take_claim, ret_error);
}

int review_release(struct sql *sql, const struct review_claim *claim, struct error *ret_error) {
    return in_transaction(sql, claim, give_back, ret_error);
}

static int decide(struct sql *sql, const struct review_decision *decision,
                  struct error *ret_error) {
    const struct review_claim who = {.position = decision->position,
                                     .person = decision->person,
                                     .address = decision->address,
                                     .now_us = decision->now_us};
    bool is_reported = strcmp(decision->label, REVIEW_UNSURE) == 0; /* there is nothing to report */
    struct holder holder = {0};
    int r =
        check_free(sql, decision->position, decision->person, decision->now_us, &holder, ret_error);
    if (r == 0)
        r = sql_run(sql, ret_error,
                    "UPDATE reviews SET label = ?, note = ?, decided_by = ?, decided_us = ?, "
                    "reported = ?, claimed_by = '', claimed_until_us = 0 WHERE position = ?",
                    "tttiii", decision->label, decision->note, decision->person, decision->now_us,
                    (int64_t)is_reported, (int64_t)decision->position);
    if (r >= 0)
        r = review_history_add(sql, decision->position, decision->person, decision->label,
                               decision->note, decision->now_us, ret_error);
    return r < 0 ? r
                 : note(sql, &who, "review", *holder.label ? holder.label : "open", decision->label,
                        ret_error);
}

int review_decide(struct sql *sql, const struct review_decision *decision,
                  struct error *ret_error) {
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = decide(sql, decision, ret_error);
    int ended = sql_end(sql, r >= 0, ret_error);
    return r < 0 ? r : ended;
}

/* ---- reporting ---- */

struct reports {
    struct review_report *at;
    int count;
};

static int take_report(void *user, const struct sql_row *row, struct error *ret_error) {
    struct reports *reports = user;
    struct review_report *report = &reports->at[reports->count++];
    (void)ret_error;
    *report = (struct review_report){.position = (uint64_t)sql_integer(row, 0),
                                     .decided_us = sql_integer(row, 4)};
    snprintf(report->transaction_id, sizeof report->transaction_id, "%s", sql_text(row, 1));
    snprintf(report->label, sizeof report->label, "%s", sql_text(row, 2));
    snprintf(report->person, sizeof report->person, "%s", sql_text(row, 3));
    return 0;
}

int reviews_unreported(struct sql *sql, struct review_report *reports, int most,
                       struct error *ret_error) {
    struct reports found = {.at = reports};
    return sql_each(sql, ret_error, take_report, &found,
                    "SELECT position, transaction_id, label, decided_by, decided_us FROM reviews "
                    "WHERE label != '' AND reported = 0 ORDER BY position LIMIT ?",
                    "i", (int64_t)most);
}

int review_reported(struct sql *sql, uint64_t position, const char *problem,
                    struct error *ret_error) {
    int r =
        sql_run(sql, ret_error, "UPDATE reviews SET reported = 1, problem = ? WHERE position = ?",
                "ti", problem, (int64_t)position);
    return r < 0 ? r : 0;
}
