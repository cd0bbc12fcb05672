/* DATA/backup.json: the newest backup of this data folder. `harrier backup` writes it after the
 * backup is whole; servers export it as metrics, and checks of a machine read it. */
#pragma once

#include "core/base/error.h"
#include "core/store/archive/archive_place.h"

#include <stdint.h>

#define BACKUP_SUMMARY_NAME "backup.json"

/* All zeros: there never was a backup. */
struct backup_summary {
    int64_t last_success_us;    /* when it began */
    struct archive_place place; /* how much of the archive it has */
    uint64_t point;             /* its number in the backup's folder */
    uint64_t bytes;             /* of all files that it needs */
    char folder[4096];          /* where it is; "": unknown */
};

/* 1: there is none. *ret_summary is then all zeros. ERROR_DAMAGED: it is no such file. */
int backup_summary_read(const char *data, struct backup_summary *ret_summary,
                        struct error *ret_error);
/* As a whole or not at all. Other users may read it. */
int backup_summary_write(const char *data, const struct backup_summary *summary,
                         struct error *ret_error);
