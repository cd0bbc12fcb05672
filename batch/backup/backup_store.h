/* The folder of a backup:
 *
 *   DIR/backup.json                     says that this is one, and of which format
 *   DIR/lock                            locked: alone by a backup, together by those who read
 *   DIR/points/NUMBER.json              the points in time (backup_point.h)
 *   DIR/files/PATH.SHA256               the files that they need
 *
 * A file's name has the hash of what is in it. So a file is written once and never changed, points
 * share it, and another version of the same file gets another name. It gets its name when it is
 * whole and on disk; a point is published after all of its files. So a kill at any moment leaves
 * whole points, and at most files that none of them needs, which the next backup uses or removes.
 *
 * Nothing is ever a hard link to the data folder: two names of one file are damaged together, and
 * deleted data would live on. */
#pragma once

#include "backup_point.h"

#include "core/base/progress.h"

#define BACKUP_MARK_NAME    "backup.json"
#define BACKUP_FILES_FOLDER "files"

/* How far a job is: bytes of files, counted when they are copied, hashed or found to be there. */
struct backup_meter {
    struct progress *progress; /* may be NULL */
    const char *stage;
    uint64_t done, total;
};
/* ERROR_INTERRUPTED */
int backup_meter_add(struct backup_meter *meter, uint64_t bytes, struct error *ret_error);

struct backup_store {
    char *path;
    int directory, lock;
    bool is_new;           /* there was no backup in it */
    uint64_t copied_bytes; /* that were not there before */
    uint64_t copied_files;
};

/* For a backup: makes the folder if it is missing (not those above it), and locks it. ERROR_EXISTS:
 * another process works in it. ERROR_INVALID: it is not empty and no backup. ERROR_UNSUPPORTED: of
 * a later format. */
int backup_store_create(const char *path, struct backup_store *ret_store, struct error *ret_error);
/* For reading; it may be on a read-only disk. ERROR_NOT_FOUND: there is no backup. */
int backup_store_open(const char *path, struct backup_store *ret_store, struct error *ret_error);
void backup_store_close(struct backup_store *store); /* one of zeros is allowed */

/* The file's name in the backup. */
#define BACKUP_NAME_SIZE (BACKUP_PATH_MAX + BACKUP_HEX_SIZE + sizeof BACKUP_FILES_FOLDER + 2)
const char *backup_store_name(const struct backup_file *file, char ret_name[BACKUP_NAME_SIZE]);
/* Is it there, with this size? */
bool backup_store_has(const struct backup_store *store, const struct backup_file *file);

/* Identifies this version of an open file. */
int backup_source_stamp(int descriptor, const char *shown, char ret_source[BACKUP_SOURCE_SIZE],
                        struct error *ret_error);

/* Puts all bytes of an open file into the backup; fills bytes and sha256 of *file, whose path is
 * set. Nothing is written if they are there already. ERROR_UNAVAILABLE: the file changed meanwhile.
 */
int backup_store_put(struct backup_store *store, int source, const char *shown,
                     struct backup_meter *meter, struct backup_file *file, struct error *ret_error);

/* In two steps, for what is made and not copied: an empty file to write, then its place. */
int backup_store_begin(struct backup_store *store, int *ret_descriptor, struct error *ret_error);
int backup_store_keep(struct backup_store *store, int descriptor, struct backup_file *file,
                      struct error *ret_error);

/* Publishes the point: from then on it is in the backup. */
int backup_store_publish(struct backup_store *store, const struct backup_point *point,
                         struct error *ret_error);
int backup_store_remove_point(struct backup_store *store, uint64_t number, struct error *ret_error);
/* Removes all files that none of the points needs. *ret_bytes: how much that was. */
int backup_store_sweep(struct backup_store *store, const struct backup_points *points,
                       uint64_t *ret_bytes, struct error *ret_error);

/* Copies or only reads (to -1) a whole file, and hashes it. */
int backup_hash_copy(int from, const char *from_shown, int to, const char *to_shown,
                     struct backup_meter *meter, uint64_t *ret_bytes,
                     char ret_sha256[BACKUP_HEX_SIZE], struct error *ret_error);
/* Makes the folder by its path, unless it is there; not those above it. 1: it was there. */
int backup_make_folder(const char *path, struct error *ret_error);
/* Makes all folders above the path that are missing, below the directory. */
int backup_make_folders(int directory, const char *path, struct error *ret_error);
/* Syncs the folder that the path is in. */
int backup_sync_folder_of(int directory, const char *path, struct error *ret_error);
/* Writes the file beside its place, syncs and renames it. */
int backup_write_whole(int directory, const char *name, const void *bytes, size_t length,
                       struct error *ret_error);

/* The path without links, on the heap; of a folder that is yet to be made, by the folder above it.
 * NULL: *ret_error says why there is none. */
char *backup_real_path(const char *path, struct error *ret_error);
bool backup_path_is_inside(const char *path, const char *folder);
