/* What `harrier doctor` looks at, and how its checks say what they found.
 *
 * A check is a row of the table in doctor_run.c. It looks at one thing, says what it saw once, and
 * what to do if that is not good; it changes nothing. One that does not apply here says nothing. */
#pragma once

#include "clients/cli/terminal/server_options.h"
#include "core/base/buffer.h"
#include "core/store/archive/archive_place.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum doctor_result { DOCTOR_GOOD, DOCTOR_WARNING, DOCTOR_BAD, DOCTOR_RESULT_COUNT };

/* What the command line asks for. */
struct doctor_options {
    const char *config;  /* NULL: harrierd's own default */
    const char *data;    /* DATA-DIR; NULL: the configuration says */
    const char *program; /* harrierd; NULL: look for it */
    const char *console; /* the console's data folder; NULL: none is looked at */
    const char *root;    /* in front of /proc and /sys; "": none */
    bool json, quiet, no_write;
    struct server_options server; /* address NULL: the configuration says */
    bool is_server_named;
};

/* The options of harrierd, as `harrierd --print-options` gives them. */
struct doctor_config {
    char program[4096];   /* ""; not found */
    char problem[1024];   /* why there are none; "": there are, or none were asked for */
    struct buffer values; /* NAME, NUL, VALUE, NUL, … */
};

/* The server that has the archive open. */
struct doctor_process {
    bool is_running;
    pid_t pid; /* 0: it runs, but which process it is cannot be seen */
};

/* What checks learn that later ones use. */
struct doctor_archive {
    bool is_known; /* it could be read */
    struct archive_place end;
    int64_t time_us; /* of its last record; INT64_MIN: unknown */
};

struct doctor_status {
    bool is_known;
    uint64_t snapshot_id, position, synced;
    char version[64], swap_state[64], swap_reason[512];
};

struct doctor {
    const struct doctor_options *options;
    int64_t now_us; /* wall clock */
    struct doctor_config config;
    const char *data; /* folder; never NULL */
    struct doctor_process process;
    struct doctor_archive archive;
    struct doctor_status status;
    /* The check under way: */
    const char *check;
    bool has_said;
    /* Results: */
    struct buffer json; /* elements of "checks" */
    size_t counts[DOCTOR_RESULT_COUNT];
    bool is_colored;
};

/* The result of the check under way: what it saw. Once; a second call is ignored, so that a check
 * may go on after a fault with "all is well". */
void doctor_good(struct doctor *doctor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* advice: what to do. */
void doctor_warn(struct doctor *doctor, const char *advice, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_bad(struct doctor *doctor, const char *advice, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The value of harrierd's option; NULL if the configuration could not be read. */
const char *doctor_option(const struct doctor *doctor, const char *name);
