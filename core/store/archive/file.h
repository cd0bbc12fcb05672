/* Reading, writing and syncing files, so that short writes, interruptions and directory entries are
 * dealt with in one place. For store/, and for the scratch files of batch/.
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

/* A whole file of at most size_max bytes, as a heap copy with a NUL behind it; free() it.
 * ERROR_NOT_FOUND, ERROR_TOO_LARGE, ERROR_SYSTEM. */
int file_load(int directory, const char *name, size_t size_max, char **ret_bytes,
              size_t *ret_length, struct error *ret_error);
/* Makes the file, which must not be there yet, writes it and syncs it. */
int file_create(int directory, const char *name, const void *bytes, size_t length,
                struct error *ret_error);

/* Makes the directory when it is missing (its parent must exist) and opens it. */
int directory_make(int parent, const char *name, int *ret_directory, struct error *ret_error);
/* Opens and syncs the directory, so that names made or removed in it survive the machine. */
int directory_sync(int parent, const char *name, struct error *ret_error);

/* Holds directory/lock until the returned descriptor is closed; the file has the process's id in
 * it. ERROR_EXISTS: another process holds it; `what` says what for ("writes to this archive"). */
int directory_lock(int directory, const char *shown, const char *what, int *ret_lock,
                   struct error *ret_error);

/* A printf to the heap that cannot fail; free() it. */
char *name_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
