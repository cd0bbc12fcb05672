#include "job_sweep.h"

#include "job_files.h"
#include "server/ops/clock.h"

#include <errno.h>
#include <sys/stat.h>

/* ---- at the start ---- */

static int interrupt_left(struct sql *sql, const char *folder, struct log *log,
                          struct error *ret_error) {
    struct error error;
    struct job job;
    int r;
    while ((r = job_table_next(sql, JOB_RUNNING, &job, ret_error)) == 0) {
        int64_t id = job.id;
        job_deinit(&job);
        if (job_files_clear(folder, id, &error) < 0)
            log_line(log, LOG_WARNING, "jobs: %s", error.text);
        r = job_table_end(sql, id, JOB_INTERRUPTED, "the console ended while it ran",
                          job_files_bytes(folder, id), clock_wall_us(&clock_system), ret_error);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : 0;
}

struct jobs_place {
    struct sql *sql;
    const char *folder;
};

/* A folder that no row knows: of a job whose making was taken back by a crash. */
static int remove_stray(void *user, int64_t id, struct error *ret_error) {
    const struct jobs_place *place = user;
    int r = job_table_has(place->sql, id, ret_error);
    return r == 1 ? job_files_remove(place->folder, id, ret_error) : r;
}

int job_sweep_begin(struct sql *sql, const char *folder, struct log *log, struct error *ret_error) {
    struct jobs_place place = {.sql = sql, .folder = folder};
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return error_set_errno(ret_error, errno, "cannot create %s", folder);
    int r = interrupt_left(sql, folder, log, ret_error);
    if (r == 0)
        r = job_files_each(folder, remove_stray, &place, ret_error);
    return r;
}

/* ---- from time to time ---- */

struct sweep {
    int64_t now_us;
    uint64_t kept, bytes;
    int64_t ids[JOBS_KEPT_MAX]; /* to be removed; the rest comes next time */
    size_t count;
};

static int take_ended(void *user, const struct sql_row *row, struct error *ret_error) {
    struct sweep *sweep = user;
    (void)ret_error;
    sweep->kept++;
    sweep->bytes += (uint64_t)sql_integer(row, JOB_ENDED_BYTES);
    bool stays = sweep->kept <= JOBS_KEPT_MAX && sweep->bytes <= JOBS_BYTES_MAX &&
                 sweep->now_us - sql_integer(row, JOB_ENDED_US) <= JOBS_AGE_MAX_US;
    if (!stays)
        sweep->ids[sweep->count++] = sql_integer(row, JOB_ENDED_ID);
    return sweep->count == JOBS_KEPT_MAX;
}

int job_sweep(struct sql *sql, const char *folder, bool *ret_is_more, struct error *ret_error) {
    struct sweep sweep = {.now_us = clock_wall_us(&clock_system)};
    int r = job_table_each_ended(sql, take_ended, &sweep, ret_error);
    for (size_t i = 0; i < sweep.count && r >= 0; i++) {
        r = job_files_remove(folder, sweep.ids[i], ret_error);
        if (r == 0)
            r = job_table_remove(sql, sweep.ids[i], ret_error);
    }
    *ret_is_more = r >= 0 && sweep.count == JOBS_KEPT_MAX;
    return r < 0 ? r : 0;
}
