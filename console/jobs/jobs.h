/* Long work for people, as child processes: a queue in the table `jobs` (job_table.h), and one
 * thread that starts, watches and ends the children, so that none of them outlives the console.
 *
 *   queued ──► running ──► done | failed | cancelled | interrupted
 *     ▲                                        │
 *     └──────────────── again ─────────────────┘   (not from done)
 *
 * A job is one or more commands of `harrier`, run one after the other in the job's folder. Each has
 * the lowest priority and limits (child.h), all together have a time. A job that is ended is asked
 * to stop, and killed some seconds later.
 *
 * Bounds: JOBS_WAITING_MAX wait; those that have ended stay within the bounds of job_sweep.h. */
#pragma once

#include "job_table.h"
#include "server/ops/log.h"

#include <stdbool.h>
#include <stddef.h>

#define JOBS_AT_ONCE_MAX 4
#define JOBS_WAITING_MAX 20

struct jobs;

struct jobs_settings {
    const char *folder;  /* of the jobs' folders: made if it is missing */
    const char *program; /* `harrier`, a path */
    struct sql *sql;
    struct log *log;
    size_t at_once;        /* 1 to JOBS_AT_ONCE_MAX */
    int64_t time_us_max;   /* of a job, all its commands */
    uint64_t memory_bytes; /* of a child; 0: no limit */
};

/* Marks jobs that ran when the last console ended as interrupted; those that waited still wait. The
 * settings' texts must outlive it. ERROR_SYSTEM: the folder cannot be made. */
int jobs_start(const struct jobs_settings *settings, struct jobs **ret_jobs,
               struct error *ret_error);
/* Ends what runs, and waits for it. NULL is allowed. */
void jobs_stop(struct jobs *jobs);

/* Fills the folder `given` of a new job, within the transaction that makes it. */
typedef int job_giver(void *user, const char *folder, struct error *ret_error);

/* Adds a job to the queue: within a transaction of the caller, who calls jobs_wake() after its end,
 * or jobs_forget() if it is taken back. give may be NULL. ERROR_UNAVAILABLE: too many wait. */
int jobs_add(struct jobs *jobs, const struct job_order *order, job_giver *give, void *user,
             int64_t now_us, int64_t *ret_id, struct error *ret_error);
void jobs_forget(struct jobs *jobs, int64_t id);
/* Something waits. */
void jobs_wake(struct jobs *jobs);
/* Within a transaction: takes a job that waits out of the queue. 1: it runs; after the transaction,
 * jobs_end() ends it. ERROR_EXISTS: it has ended already. ERROR_NOT_FOUND. */
int jobs_cancel(struct jobs *jobs, int64_t id, int64_t now_us, struct error *ret_error);
void jobs_end(struct jobs *jobs, int64_t id);

/* For job_table_list(): adds `progress` to a job that runs; user is the struct jobs. */
job_progress_writer jobs_write_progress;
const char *jobs_folder(const struct jobs *jobs);
