/* Backing up a data folder, beside a running server: one more point in time in the folder of a
 * backup (backup_store.h).
 *
 *   archive/       all segments; the last one up to the newest sync mark, and in a cluster up to
 * what is committed. Other files of the archive as archive_copy.h lists them generations/   the
 * tables in force, so that a restored server starts fast nights/, candidates/   reports and trained
 * models, which cannot be derived again as they were config/        the files of a folder of the
 * caller's choice, as /etc/harrier
 *
 * Left out: generations/samples and index/, which are derived again; rejects.jsonl; locks.
 *
 * A segment is verified before it enters the backup: every checksum, the chain, and its seal. What
 * is there already is recognised by the version of its file (backup_source_stamp()), else by its
 * hash, so a backup copies only what is new. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
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

/* Do the two folders suit each other? ERROR_INVALID: one is in the other, or they are the same.
 * ERROR_NOT_FOUND: there is no such data folder. */
int backup_check_folders(const char *data, const char *folder, struct error *ret_error);

/* ERROR_NOT_FOUND: no archive, or nothing in it is synced. ERROR_INVALID: the folder has the backup
 * of another archive, or is no backup. ERROR_DAMAGED: of the archive, or of a manifest.
 * ERROR_EXISTS: another process works in the backup, or the archive was rewritten meanwhile.
 * ERROR_SYSTEM, ERROR_INTERRUPTED. After a failure the backup has the points that it had. */
int backup_run(const struct backup_options *options, struct progress *progress,
               struct backup_listener *listener, struct backup_report *ret_report,
               struct error *ret_error);
