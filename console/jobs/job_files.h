/* The folders of jobs: FOLDER/ID, with what the job was given in `given` and beside it what it
 * made. */
#pragma once

#include "core/base/error.h"

#include <stdint.h>

#define JOB_GIVEN     "given" /* a folder */
#define JOB_PATH_SIZE 4096

/* FOLDER/ID/NAME; name "": the job's folder. ERROR_INVALID: too long. */
int job_files_path(const char *folder, int64_t id, const char *name, char ret_path[JOB_PATH_SIZE],
                   struct error *ret_error);
/* Makes the job's folder and `given` in it. */
int job_files_make(const char *folder, int64_t id, struct error *ret_error);
/* Removes what it made, and leaves what it was given. */
int job_files_clear(const char *folder, int64_t id, struct error *ret_error);
int job_files_remove(const char *folder, int64_t id, struct error *ret_error);
/* Bytes of all files. */
uint64_t job_files_bytes(const char *folder, int64_t id);
/* Calls take with the id of each job that has a folder. */
int job_files_each(const char *folder, int (*take)(void *user, int64_t id, struct error *ret_error),
                   void *user, struct error *ret_error);
