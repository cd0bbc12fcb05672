/* The table `jobs`: what was asked for, by whom, and what became of it. Its rows are the truth
 * about a job's state; what a running one has done so far is in memory (jobs.h). */
#pragma once

#include "console/database/people.h"
#include "console/database/sql.h"
#include "core/base/buffer.h"

#define JOB_KIND_SIZE 16 /* bytes, with NUL */

enum job_state {
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_DONE,
    JOB_FAILED,
    JOB_CANCELLED,
    JOB_INTERRUPTED, /* the console ended meanwhile */
    JOB_STATES
};

const char *job_state_name(enum job_state state);

/* A job to come. */
struct job_order {
    const char *kind;     /* "backtest", "tune" */
    const char *person;   /* who asks for it */
    const char *request;  /* JSON, for people: what the form said */
    const char *commands; /* words of `harrier`, a line each; an empty line ends a command */
};

struct job {
    int64_t id;
    char kind[JOB_KIND_SIZE];
    char person[PERSON_NAME_MAX + 1];
    enum job_state state;
    char *request, *commands; /* heap */
    int64_t made_us, started_us, ended_us;
};

void job_deinit(struct job *job);

/* The id is never used twice, so neither is the folder of that name. */
int job_table_add(struct sql *sql, const struct job_order *order, int64_t now_us, int64_t *ret_id,
                  struct error *ret_error);
/* ERROR_NOT_FOUND. */
int job_table_find(struct sql *sql, int64_t id, struct job *ret_job, struct error *ret_error);
/* The oldest one in this state. 1: there is none. */
int job_table_next(struct sql *sql, enum job_state state, struct job *ret_job,
                   struct error *ret_error);
/* How many wait. */
int job_table_waiting(struct sql *sql, int64_t *ret_count, struct error *ret_error);

/* queued → running. 1: it is not queued any more. */
int job_table_begin(struct sql *sql, int64_t id, int64_t now_us, struct error *ret_error);
/* To one of the states in which nothing happens. problem: "" or why. bytes: of what it left. */
int job_table_end(struct sql *sql, int64_t id, enum job_state state, const char *problem,
                  uint64_t bytes, int64_t now_us, struct error *ret_error);
/* Back into the queue, at its place by id. 1: it is queued, running or done. */
int job_table_again(struct sql *sql, int64_t id, struct error *ret_error);

/* Jobs that have ended, the newest first: for the bounds. */
int job_table_each_ended(struct sql *sql, sql_take *take, void *user, struct error *ret_error);
enum { JOB_ENDED_ID, JOB_ENDED_US, JOB_ENDED_BYTES }; /* columns of its rows */
int job_table_remove(struct sql *sql, int64_t id, struct error *ret_error);
/* 1: there is no such job. */
int job_table_has(struct sql *sql, int64_t id, struct error *ret_error);

/* Adds what is known of a running job to its object. */
typedef void job_progress_writer(void *user, int64_t id, struct buffer *out);

/* Appends the array `jobs`, the newest first, at most limit, with ids below `before` (0: all). */
int job_table_list(struct sql *sql, int64_t before, int64_t limit, job_progress_writer *progress,
                   void *user, struct buffer *out, struct error *ret_error);
/* Appends one job as the object `job`. ERROR_NOT_FOUND. */
int job_table_show(struct sql *sql, int64_t id, job_progress_writer *progress, void *user,
                   struct buffer *out, struct error *ret_error);
