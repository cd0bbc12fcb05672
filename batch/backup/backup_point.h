/* One point in time of a backup: its manifest, DIR/points/NUMBER.json, which names every file that
 * the point needs, with size and SHA-256. docs/operations/backup.md has the members.
 *
 * The manifest is one line of JSON. Its last member, "checksum", is the SHA-256 of all bytes in
 * front of it, so a changed manifest is refused as a changed file is. */
#pragma once

#include "core/base/error.h"
#include "core/store/archive/archive_place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKUP_FORMAT        1
#define BACKUP_HEX_SIZE      65 /* 64 digits and a NUL */
#define BACKUP_SOURCE_SIZE   112
#define BACKUP_PATH_MAX      512
#define BACKUP_FILES_MAX     1000000
#define BACKUP_POINT_MAX     ((size_t)512 << 20) /* bytes of a manifest */
#define BACKUP_POINTS_FOLDER "points"
#define BACKUP_TABLES_FOLDER "generations/"

/* A file as of the point. The path is relative to the data folder: "archive/2026-01-01/….seg.zst".
 * In the backup its name has the hash as well (backup_store.h), so files of several points do not
 * get into each other's way. */
struct backup_file {
    char *path;
    uint64_t bytes;
    char sha256[BACKUP_HEX_SIZE];
    unsigned mode; /* permissions */
    /* Identifies the version of the source that was copied: device, inode, size, times. "": it has
     * none, as it was made for the backup. */
    char source[BACKUP_SOURCE_SIZE];
    bool is_segment; /* then: */
    int32_t day;
    uint64_t first, last;   /* positions */
    uint64_t chain;         /* at last */
    int64_t time_before_us; /* when the record before it was received; INT64_MIN: there is none */
    uint64_t epoch;
    char seal[BACKUP_HEX_SIZE]; /* "": it is not sealed */
    bool is_cut;                /* it was still being written, and has only what was on disk */
};

struct backup_point {
    uint64_t number; /* from 1 */
    int64_t made_us;
    char version[64];
    struct archive_place place; /* the last record that it has */
    int64_t time_us;            /* when that was received */
    uint64_t epoch;             /* the greatest of its segments, or the archive's own number */
    char *tables;               /* "g-…", the folder of its tables; NULL: it has none */
    struct archive_place tables_place;
    struct backup_file *files; /* segments in order first, then the others */
    size_t count, capacity;
};

/* 64 digits. */
void backup_hex(const uint8_t digest[32], char ret_hex[BACKUP_HEX_SIZE]);
/* Can a point have a file of this path? It stays below the folder that it is restored to. */
bool backup_path_is_safe(const char *path);
void backup_point_deinit(struct backup_point *point);
/* Takes over file.path. */
void backup_point_add(struct backup_point *point, struct backup_file file);
/* The point is then one that was made without tables. */
void backup_point_drop_tables(struct backup_point *point);
uint64_t backup_point_bytes(const struct backup_point *point);
size_t backup_point_segments(const struct backup_point *point); /* the first so many files */

struct buffer;
/* Appends the manifest. */
void backup_point_format(const struct backup_point *point, struct buffer *ret_json);
/* ERROR_DAMAGED: not JSON, another checksum, a member missing or invalid, a path that leads out of
 * the folder, segments with a gap between them. ERROR_UNSUPPORTED: a later format. */
int backup_point_parse(const char *bytes, size_t length, struct backup_point *ret_point,
                       struct error *ret_error);

/* All of a backup, in the order of their numbers. */
struct backup_points {
    struct backup_point *points;
    size_t count;
};
void backup_points_deinit(struct backup_points *points);
/* directory: of the backup. The message names the manifest. */
int backup_points_load(int directory, struct backup_points *ret_points, struct error *ret_error);
/* "points/0000000012.json" */
#define BACKUP_POINT_NAME_SIZE 64
const char *backup_point_name(uint64_t number, char ret_name[BACKUP_POINT_NAME_SIZE]);

/* What a point's archive is to that of another point, or of the archive itself now, which has the
 * chain of the earlier one. */
enum backup_relation {
    BACKUP_SAME,
    BACKUP_REWRITTEN, /* the later one is of a newer epoch: something was erased from it */
    BACKUP_OLDER,     /* the later one is of an older epoch: it came from before an erasure */
    BACKUP_OTHER,     /* a segment has other bytes in the same epoch: another node's archive */
};
/* *ret_segment: the first one that differs, for BACKUP_OTHER. */
enum backup_relation backup_point_relation(const struct backup_point *earlier,
                                           const struct backup_point *later,
                                           const char **ret_segment);
