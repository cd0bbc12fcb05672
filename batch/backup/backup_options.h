/* What a backup is asked for, and what it reports: see backup.h. */
#pragma once

#include "core/store/archive/archive_place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backup_options {
    const char *data, *folder;
    const char *config; /* NULL: none */
    bool with_secrets;  /* files of config that not everybody may read, too */
    bool with_tables;
    uint64_t keep;        /* the newest so many points stay; 0: not asked for */
    uint64_t keep_days;   /* those of the last so many days stay; 0: not asked for. Neither: all */
    uint64_t keep_tables; /* the newest so many points keep their tables; 0: all */
    int64_t now_us;
    const char *version;
};

enum backup_tables {
    BACKUP_TABLES_NONE, /* there are none yet */
    BACKUP_TABLES_LEFT, /* not asked for */
    BACKUP_TABLES_BAD,  /* they are damaged, or of another archive; a note says why */
    BACKUP_TABLES_COPIED,
};

struct backup_report {
    uint64_t point; /* its number */
    struct archive_place place;
    int64_t time_us; /* when that record was received */
    size_t segments, files;
    uint64_t bytes;                      /* of all files of the point */
    uint64_t copied_files, copied_bytes; /* that were not in the backup yet */
    enum backup_tables tables;
    size_t points;    /* that the backup has now */
    size_t expired;   /* removed by keep and keep_days */
    size_t rewritten; /* removed because they have what was erased from the archive since */
    uint64_t freed_bytes;
    size_t secrets; /* files of config that were left out */
};

/* Told what the caller should know and what did not keep the backup from succeeding. */
struct backup_listener {
    void (*note)(struct backup_listener *self, const char *text);
};
