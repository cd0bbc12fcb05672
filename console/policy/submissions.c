#include "submissions.h"

#include "versions.h"

#include "console/database/audit.h"
#include "core/base/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int note(struct sql *sql, const struct draft_author *person, const char *action, int64_t id,
                const char *before, const char *after, struct error *ret_error) {
    char subject[32];
    snprintf(subject, sizeof subject, "submission %" PRId64, id);
    const struct audit_entry entry = {.at_us = person->now_us,
                                      .person = person->person,
                                      .address = person->address,
                                      .action = action,
                                      .subject = subject,
                                      .before = before,
                                      .after = after};
    return audit_add(sql, &entry, ret_error);
}

static int take_integer(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

/* ---- adding ---- */

static int insert(struct sql *sql, const struct draft_author *author,
                  const struct submission_request *request, int64_t *ret_id,
                  struct error *ret_error) {
    char base[POLICY_HASH_SIZE], version[POLICY_HASH_SIZE];
    int64_t open = 0;
    int r = sql_each(sql, ret_error, take_integer, &open,
                     "SELECT count(*) FROM submissions WHERE author = ? AND state = 'open'", "t",
                     author->person);
    if (r >= 0 && open >= SUBMISSIONS_OPEN_MOST)
        r = error_set(ret_error, ERROR_TOO_LARGE,
                      "%d of your submissions are open: withdraw one of them first",
                      SUBMISSIONS_OPEN_MOST);
    if (r >= 0)
        r = version_keep(sql, request->base, base, ret_error);
    if (r >= 0)
        r = version_keep(sql, request->files, version, ret_error);
    if (r >= 0 && strcmp(base, version) == 0)
        r = error_set(ret_error, ERROR_INVALID, "nothing differs from the live policy");
    if (r >= 0)
        r = sql_run(sql, ret_error,
                    "INSERT INTO submissions (kind, base, version, author, message, report, "
                    "backtest, submitted_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    "ttttttii", request->kind, base, version, author->person, request->message,
                    request->report, request->backtest, author->now_us);
    if (r < 0)
        return r;
    *ret_id = sql_inserted(sql);
    return note(sql, author, "policy-submit", *ret_id, base, version, ret_error);
}

int submission_add(struct sql *sql, const struct draft_author *author,
                   const struct submission_request *request, int64_t *ret_id,
                   struct error *ret_error) {
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = insert(sql, author, request, ret_id, ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    return r < 0 ? r : ended;
}

/* ---- reading ---- */

static int take_submission(void *user, const struct sql_row *row, struct error *ret_error) {
    struct submission *it = user;
    (void)ret_error;
    it->id = sql_integer(row, 0);
    snprintf(it->kind, sizeof it->kind, "%s", sql_text(row, 1));
    snprintf(it->state, sizeof it->state, "%s", sql_text(row, 2));
    snprintf(it->author, sizeof it->author, "%s", sql_text(row, 3));
    snprintf(it->base, sizeof it->base, "%s", sql_text(row, 4));
    snprintf(it->version, sizeof it->version, "%s", sql_text(row, 5));
    return 0;
}

int submission_find(struct sql *sql, int64_t id, struct submission *ret_submission,
                    struct error *ret_error) {
    struct submission found = {0};
    int r = sql_each(sql, ret_error, take_submission, &found,
                     "SELECT id, kind, state, author, base, version FROM submissions WHERE id = ?",
                     "i", id);
    if (r == 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "there is no submission %" PRId64, id);
    if (r > 0)
        *ret_submission = found;
    return r < 0 ? r : 0;
}

static void add_members(struct buffer *out, const struct sql_row *row) {
    static const char *const names[] = {"kind", "state", "author", "base", "version", "message"};
    json_add_signed(out, "id", sql_integer(row, 0));
    for (int i = 0; i < 6; i++)
        json_add_text(out, names[i], text_of(sql_text(row, i + 1)));
    json_add_time(out, "submitted", sql_integer(row, 7));
    json_add_text(out, "decided_by", text_of(sql_text(row, 8)));
    if (sql_integer(row, 9))
        json_add_time(out, "decided", sql_integer(row, 9));
    json_add_text(out, "comment", text_of(sql_text(row, 10)));
    json_add_text(out, "result", text_of(sql_text(row, 11)));
    json_add_signed(out, "backtest", sql_integer(row, 12));
    json_add_bool(out, "under_way", sql_integer(row, 13) != 0);
}

#define COLUMNS                                                                                    \
    "id, kind, state, author, base, version, message, submitted_us, decided_by, decided_us, "      \
    "comment, result, backtest, "                                                                  \
    "EXISTS (SELECT 1 FROM policy_change WHERE submission = submissions.id)"

static int take_listed(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    json_begin_object(user, NULL);
    add_members(user, row);
    json_end_object(user);
    return 0;
}

int submissions_list(struct sql *sql, int64_t most, struct buffer *out, struct error *ret_error) {
    json_begin_array(out, "submissions");
    int r = sql_each(sql, ret_error, take_listed, out,
                     "SELECT " COLUMNS " FROM submissions ORDER BY id DESC LIMIT ?", "i", most);
    json_end_array(out);
    return r < 0 ? r : 0;
}

static int take_shown(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    add_members(user, row);
    json_add_text(user, "report", text_of(sql_text(row, 14)));
    return 0;
}

int submission_show(struct sql *sql, int64_t id, struct buffer *out, struct error *ret_error) {
    int r = sql_each(sql, ret_error, take_shown, out,
                     "SELECT " COLUMNS ", report FROM submissions WHERE id = ?", "i", id);
    if (r == 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "there is no submission %" PRId64, id);
    return r < 0 ? r : 0;
}

/* ---- closing ---- */

static int close_open(struct sql *sql, const struct draft_author *person, int64_t id,
                      const char *state, const char *comment, struct error *ret_error) {
    struct submission it;
    char action[32];
    int r = submission_find(sql, id, &it, ret_error);
    if (r < 0)
        return r;
    bool is_own = strcmp(it.author, person->person) == 0;
    bool is_withdrawal = strcmp(state, "withdrawn") == 0;
    if (is_withdrawal && !is_own)
        return error_set(ret_error, ERROR_DENIED, "only %s can withdraw it", it.author);
    if (!is_withdrawal && is_own)
        return error_set(ret_error, ERROR_DENIED, "it is your own: another person decides it");
    r = sql_run(sql, ret_error,
                "UPDATE submissions SET state = ?, decided_by = ?, decided_us = ?, comment = ? "
                "WHERE id = ? AND state = 'open' AND NOT EXISTS (SELECT 1 FROM policy_change "
                "WHERE submission = submissions.id)",
                "ttiti", state, person->person, person->now_us, comment, id);
    if (r == 0)
        return error_set(ret_error, ERROR_EXISTS, "it is not open any more: it is %s",
                         strcmp(it.state, "open") == 0 ? "being put in place" : it.state);
    snprintf(action, sizeof action, "policy-%s", is_withdrawal ? "withdraw" : "reject");
    return r < 0 ? r : note(sql, person, action, id, it.version, comment, ret_error);
}

int submission_close(struct sql *sql, const struct draft_author *person, int64_t id,
                     const char *state, const char *comment, struct error *ret_error) {
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = close_open(sql, person, id, state, comment, ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    return r < 0 ? r : ended;
}
