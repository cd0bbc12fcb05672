/* Reading, writing and syncing files: short reads and writes, EINTR and directory entries are
 * handled here and nowhere else. For store/, and for the scratch files of batch/.
 *
 * Names are relative to an open directory; `shown` is what messages call it. */
#pragma once

#include "core/base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Up to size bytes at offset; fewer only at the end of the file. -1: errno says why. */
ssize_t file_read_at(int descriptor, void *bytes, size_t size, uint64_t offset);
/* All size bytes at offset, or -1: errno says why, and some may have been written. */
int file_write_at(int descriptor, const void *bytes, size_t size, uint64_t offset);

/* A whole file of at most size_max bytes, as a heap copy with a NUL after it; free() it.
 * ERROR_NOT_FOUND, ERROR_TOO_LARGE, ERROR_SYSTEM. */
int file_load(int directory, const char *name, size_t size_max, char **ret_bytes,
              size_t *ret_length, struct error *ret_error);
/* Creates the file, which must not exist yet, writes and syncs it. On failure it is removed again.
 * The directory entry is not synced: see directory_sync(). */
int file_create(int directory, const char *name, const void *bytes, size_t length,
                struct error *ret_error);

/* Creates the directory if it is missing (its parent must exist) and opens it. */
int directory_make(int parent, const char *name, int *ret_directory, struct error *ret_error);
/* Opens a folder by its path. ERROR_NOT_FOUND: "there is no such archive", where `what` is
 * "archive", or it is a file. */
int directory_open(const char *path, const char *what, int *ret_directory, struct error *ret_error);
/* Opens and syncs the directory, so that names created or removed in it survive a power failure. */
int directory_sync(int parent, const char *name, struct error *ret_error);

/* Holds directory/lock until the returned descriptor is closed; the file contains the id of the
 * process. ERROR_EXISTS: another process holds it; `what` says what for ("writes to this archive").
 */
int directory_lock(int directory, const char *shown, const char *what, int *ret_lock,
                   struct error *ret_error);

/* A printf to the heap that cannot fail; free() it. */
char *name_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
