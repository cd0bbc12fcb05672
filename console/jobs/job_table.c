#include "job_table.h"

#include "core/base/check.h"
#include "core/base/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[JOB_STATES] = {
    [JOB_QUEUED] = "queued", [JOB_RUNNING] = "running",     [JOB_DONE] = "done",
    [JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled", [JOB_INTERRUPTED] = "interrupted",
};

const char *job_state_name(enum job_state state) {
    return state_names[state];
}

static enum job_state state_of(const char *name) {
    enum job_state state = 0;
    while (state < JOB_STATES - 1 && strcmp(state_names[state], name) != 0)
        state++;
    return state;
}

void job_deinit(struct job *job) {
    free(job->request);
    free(job->commands);
    *job = (struct job){0};
}

/* ---- reading ---- */

#define COLUMNS "id, kind, person, state, request, commands, made_us, started_us, ended_us"

static int take_job(void *user, const struct sql_row *row, struct error *ret_error) {
    struct job *job = user;
    (void)ret_error;
    *job = (struct job){.id = sql_integer(row, 0),
                        .state = state_of(sql_text(row, 3)),
                        .request = text_copy(text_of(sql_text(row, 4))),
                        .commands = text_copy(text_of(sql_text(row, 5))),
                        .made_us = sql_integer(row, 6),
                        .started_us = sql_integer(row, 7),
                        .ended_us = sql_integer(row, 8)};
    snprintf(job->kind, sizeof job->kind, "%s", sql_text(row, 1));
    snprintf(job->person, sizeof job->person, "%s", sql_text(row, 2));
    return 1;
}

static int take_integer(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

static int no_such_job(int64_t id, struct error *ret_error) {
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "there is no job %" PRId64 "; old ones are removed", id);
}

int job_table_find(struct sql *sql, int64_t id, struct job *ret_job, struct error *ret_error) {
    int r = sql_each(sql, ret_error, take_job, ret_job, "SELECT " COLUMNS " FROM jobs WHERE id = ?",
                     "i", id);
    return r == 0 ? no_such_job(id, ret_error) : r < 0 ? r : 0;
}

int job_table_next(struct sql *sql, enum job_state state, struct job *ret_job,
                   struct error *ret_error) {
    int r = sql_each(sql, ret_error, take_job, ret_job,
                     "SELECT " COLUMNS " FROM jobs WHERE state = ? ORDER BY id LIMIT 1", "t",
                     state_names[state]);
    return r < 0 ? r : r == 0;
}

int job_table_waiting(struct sql *sql, int64_t *ret_count, struct error *ret_error) {
    int r = sql_each(sql, ret_error, take_integer, ret_count,
                     "SELECT count(*) FROM jobs WHERE state = 'queued'", "");
    return r < 0 ? r : 0;
}

int job_table_has(struct sql *sql, int64_t id, struct error *ret_error) {
    int64_t found;
    int r =
        sql_each(sql, ret_error, take_integer, &found, "SELECT id FROM jobs WHERE id = ?", "i", id);
    return r < 0 ? r : r == 0;
}

int job_table_each_ended(struct sql *sql, sql_take *take, void *user, struct error *ret_error) {
    int r = sql_each(sql, ret_error, take, user,
                     "SELECT id, ended_us, bytes FROM jobs WHERE state NOT IN ('queued', 'running')"
                     " ORDER BY id DESC",
                     "");
    return r < 0 ? r : 0;
}

/* ---- changing ---- */

int job_table_add(struct sql *sql, const struct job_order *order, int64_t now_us, int64_t *ret_id,
                  struct error *ret_error) {
    int64_t id = 0;
    int r = sql_run(sql, ret_error,
                    "INSERT INTO jobs (kind, person, state, request, commands, made_us) "
                    "VALUES (?, ?, 'queued', ?, ?, ?)",
                    "tttti", order->kind, order->person, order->request, order->commands, now_us);
    if (r >= 0)
        r = sql_each(sql, ret_error, take_integer, &id, "SELECT last_insert_rowid()", "");
    if (r < 0)
        return r;
    *ret_id = id;
    return 0;
}

int job_table_begin(struct sql *sql, int64_t id, int64_t now_us, struct error *ret_error) {
    int r = sql_run(sql, ret_error,
                    "UPDATE jobs SET state = 'running', started_us = ?, ended_us = 0, problem = '' "
                    "WHERE id = ? AND state = 'queued'",
                    "ii", now_us, id);
    return r < 0 ? r : r == 0;
}

int job_table_end(struct sql *sql, int64_t id, enum job_state state, const char *problem,
                  uint64_t bytes, int64_t now_us, struct error *ret_error) {
    int r = sql_run(sql, ret_error,
                    "UPDATE jobs SET state = ?, problem = ?, bytes = ?, ended_us = ? WHERE id = ?",
                    "ttiii", state_names[state], problem, (int64_t)bytes, now_us, id);
    return r < 0 ? r : 0;
}

int job_table_again(struct sql *sql, int64_t id, struct error *ret_error) {
    int r = sql_run(sql, ret_error,
                    "UPDATE jobs SET state = 'queued', started_us = 0, ended_us = 0, problem = '', "
                    "bytes = 0 WHERE id = ? AND state IN ('failed', 'cancelled', 'interrupted')",
                    "i", id);
    return r < 0 ? r : r == 0;
}

int job_table_remove(struct sql *sql, int64_t id, struct error *ret_error) {
    int r = sql_run(sql, ret_error, "DELETE FROM jobs WHERE id = ?", "i", id);
    return r < 0 ? r : 0;
}

/* ---- showing ---- */

#define SHOWN "id, kind, person, state, request, problem, made_us, started_us, ended_us, bytes"

struct showing {
    struct buffer *out;
    const char *key;
    job_progress_writer *progress;
    void *user;
};

static void add_time(struct buffer *out, const char *key, int64_t at_us) {
    if (at_us != 0)
        json_add_time(out, key, at_us);
}

static int take_shown(void *user, const struct sql_row *row, struct error *ret_error) {
    const struct showing *showing = user;
    struct buffer *out = showing->out;
    (void)ret_error;
    json_begin_object(out, showing->key);
    json_add_signed(out, "id", sql_integer(row, 0));
    json_add_text(out, "kind", text_of(sql_text(row, 1)));
    json_add_text(out, "person", text_of(sql_text(row, 2)));
    json_add_text(out, "state", text_of(sql_text(row, 3)));
    json_add_number(out, "request", sql_text(row, 4)); /* it is JSON */
    json_add_text(out, "problem", text_of(sql_text(row, 5)));
    json_add_time(out, "made", sql_integer(row, 6));
    add_time(out, "started", sql_integer(row, 7));
    add_time(out, "ended", sql_integer(row, 8));
    json_add_signed(out, "bytes", sql_integer(row, 9));
    if (state_of(sql_text(row, 3)) == JOB_RUNNING)
        showing->progress(showing->user, sql_integer(row, 0), out);
    json_end_object(out);
    return 0;
}

int job_table_list(struct sql *sql, int64_t before, int64_t limit, job_progress_writer *progress,
                   void *user, struct buffer *out, struct error *ret_error) {
    struct showing showing = {.out = out, .progress = progress, .user = user};
    json_begin_array(out, "jobs");
    int r = sql_each(sql, ret_error, take_shown, &showing,
                     "SELECT " SHOWN " FROM jobs WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2",
                     "ii", before, limit);
    json_end_array(out);
    return r < 0 ? r : 0;
}

int job_table_show(struct sql *sql, int64_t id, job_progress_writer *progress, void *user,
                   struct buffer *out, struct error *ret_error) {
    struct showing showing = {.out = out, .key = "job", .progress = progress, .user = user};
    int r = sql_each(sql, ret_error, take_shown, &showing,
                     "SELECT " SHOWN " FROM jobs WHERE id = ?", "i", id);
    return r == 0 ? no_such_job(id, ret_error) : r < 0 ? r : 0;
}
