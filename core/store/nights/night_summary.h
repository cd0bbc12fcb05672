/* DATA/nights/latest.json: how the newest night ended. `harrier night` writes it, servers export it
 * as metrics. */
#pragma once

#include "night_files.h"

enum night_severity {
    NIGHT_NOTE,    /* worth knowing */
    NIGHT_WARNING, /* to be looked at in the next days */
    NIGHT_ALERT,   /* to be looked at today */
    NIGHT_SEVERITY_COUNT
};
const char *night_severity_name(enum night_severity severity); /* "note", "warning", "alert" */

#define NIGHT_SUMMARY_NAME "latest.json"

/* All zeros: there never was a night. */
struct night_summary {
    char date[NIGHT_DATE_SIZE]; /* of the newest night; "": none */
    int64_t last_success_us;    /* when a night was completed last; 0: never */
    int64_t failed_us;          /* when the newest one failed; 0: it did not */
    char step[16];              /* that failed */
    char reason[512];
    uint64_t findings[NIGHT_SEVERITY_COUNT]; /* of the newest report */
    uint64_t held_back;                      /* values that its guard held back */
    bool models_failed;                      /* training, or comparing candidates, failed */
};

/* 1: there is none. *ret_summary is then all zeros. */
int night_summary_read(const char *data, struct night_summary *ret_summary,
                       struct error *ret_error);
/* The same from DATA/nights, which is open. */
int night_summary_read_from(int folder, struct night_summary *ret_summary, struct error *ret_error);
/* folder: of night_folder_open() */
int night_summary_write(int folder, const struct night_summary *summary, struct error *ret_error);
