/* A restore in progress, shared by restore.c and restore_choice.c. Private to the folder. */
#pragma once

#include "backup_store.h"
#include "restore_options.h"

#include <sys/types.h>

struct restore_job {
    const struct restore_options *options;
    struct backup_store store;
    struct backup_points points;
    size_t usable; /* the first so many points were there when the restore began */
    const struct backup_point *point;           /* whose archive is taken */
    size_t last;                                /* its last segment that is needed */
    bool cuts;                                  /* that one is cut */
    const struct backup_point *tables, *others; /* NULL: none */
    struct archive_place place;
    int64_t time_us; /* INT64_MIN: unknown */
    int target, lock;
    bool is_root; /* then the owner of TARGET owns what is restored */
    bool is_made; /* TARGET */
    uid_t user;
    gid_t group;
    struct backup_meter meter;
    struct restore_report report;
};

/* ---- restore_choice.c: which point, and how much of it ---- */

#define RESTORE_TIME_SIZE 64
const char *restore_time_text(int64_t us, char ret_text[RESTORE_TIME_SIZE]);

/* The newest point that has the place, and its last segment that is needed. ERROR_NOT_FOUND: no
 * point has it. */
int restore_choose_point(struct restore_job *job, struct error *ret_error);
/* Is all of the last segment within the limits? Then it is taken as it is. */
bool restore_is_whole(const struct restore_job *job);
void restore_take_whole(struct restore_job *job);
/* To the segment in front of it, which is one of an older point if a prune has made the archive
 * begin here. false: there is none. */
bool restore_go_back(struct restore_job *job);
/* For tables, reports and the rest: once the place is known. */
void restore_choose_others(struct restore_job *job);

/* ---- restore_check.c ---- */

/* The archive of this name in the target ends with job->place; if that is not known, it becomes
 * known. The tables of where it begins are there. ERROR_DAMAGED. */
int restore_check_archive(struct restore_job *job, const char *name, struct error *ret_error);
