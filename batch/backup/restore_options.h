/* What a restore is asked for, and what it reports: see restore.h. */
#pragma once

#include "core/store/archive/archive_place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct restore_options {
    const char *folder, *target;
    uint64_t position; /* UINT64_MAX: not asked for */
    int64_t time_us;   /* INT64_MAX: not asked for */
    bool with_tables;
};

struct restore_report {
    uint64_t point;             /* whose archive was taken */
    struct archive_place place; /* the last record */
    int64_t time_us;            /* when it was received */
    size_t files;
    uint64_t bytes;
    bool is_cut;
    uint64_t tables_point;    /* whose tables were taken; 0: none */
    uint64_t tables_position; /* their position */
    size_t config_files;      /* below TARGET/config */
    bool was_resumed;
};
