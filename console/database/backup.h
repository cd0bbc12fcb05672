/* The console's database as one file, to keep and to put back. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>

/* Copies the database of the folder as of one moment, also while a console runs on it: checked,
 * synced, with mode 0600, and under its name only once it is whole; what had the name before is
 * replaced then. ERROR_NOT_FOUND: no database there. ERROR_DAMAGED: it is damaged; what was at
 * `path` stays. */
int backup_make(const char *folder, const char *path, struct error *ret_error);

/* Puts a backup in the folder's place. It is checked before anything is changed, and nobody is
 * signed in with it. force: a database that is there is kept aside as console.sqlite.before-TIME;
 * *ret_aside is its path then, else "". ERROR_EXISTS: there is one, or a console runs.
 * ERROR_DAMAGED, ERROR_INVALID, ERROR_UNSUPPORTED: the backup cannot be used. */
#define BACKUP_PATH_SIZE 4224
int backup_restore(const char *folder, const char *path, bool force,
                   char ret_aside[BACKUP_PATH_SIZE], struct error *ret_error);
