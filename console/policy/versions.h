/* Policies that the console keeps: what drafts begin from, what was submitted, what was put in
 * place. A version never changes: its name is the hash of its files. */
#pragma once

#include "console/database/sql.h"
#include "file_set.h"

/* Does nothing if it is there already. Within a transaction, which the caller takes back on
 * failure.
 */
int version_keep(struct sql *sql, const struct file_set *files, char ret_hash[POLICY_HASH_SIZE],
                 struct error *ret_error);
/* ERROR_NOT_FOUND; ERROR_DAMAGED: its files do not have this hash. */
int version_load(struct sql *sql, const char *hash, struct file_set *ret_files,
                 struct error *ret_error);
/* Removes those that no draft and no submission has. Within a transaction of the caller's. */
int versions_clean(struct sql *sql, struct error *ret_error);

/* The folder of the live policy, which the server loads. */
int policy_place_set(struct sql *sql, const char *folder, struct error *ret_error);
/* Heap. ERROR_UNSUPPORTED: the console was started without one. */
int policy_place(struct sql *sql, char **ret_folder, struct error *ret_error);
/* Its files now. */
int policy_live(struct sql *sql, struct file_set *ret_files, struct error *ret_error);
