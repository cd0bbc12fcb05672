/* The entries of a folder. readdir() returns NULL for the end and for an error, and a loop that
 * does not tell them apart takes a folder that cannot be read for one with fewer files. */
#pragma once

#include <dirent.h>

struct error;

/* 1: *ret_entry is the next entry, valid until the next call. 0: there are no more. < 0: some may
 * be missing; ERROR_SYSTEM names the folder by `name`. So a loop whose body leaves r at 1 or sets
 * it to 0 or an error ends with r <= 0:
 *
 *     for (const struct dirent *entry; r >= 0 && (r = folder_next(folder, name, &entry, e)) > 0;)
 */
int folder_next(DIR *folder, const char *name, const struct dirent **ret_entry,
                struct error *ret_error);
