/* The files of one policy in memory, by path: each with copies of its own on the heap. */
#pragma once

#include "core/base/error.h"
#include "core/wire/record/record.h"

#include <stddef.h>
#include <stdint.h>

struct file_set {
    struct policy_file *files; /* in the order of their paths */
    size_t count, capacity;
};

#define POLICY_HASH_SIZE 65 /* 64 hex digits and a NUL; the first 16 are the snapshot's id */

void file_set_deinit(struct file_set *set);
/* NULL: there is none. Valid until the set changes. */
const struct policy_file *file_set_find(const struct file_set *set, struct text path);
/* Adds it, or gives it another content. */
void file_set_put(struct file_set *set, struct text path, struct text content);
void file_set_remove(struct file_set *set, struct text path); /* may be absent */
void file_set_hash(const struct file_set *set, char ret_hash[POLICY_HASH_SIZE]);

/* What a server would read of a folder: policy_folder_read(). ERROR_NOT_FOUND: also if it has no
 * policy.yaml. */
int file_set_read(const char *folder, struct file_set *ret_set, struct error *ret_error);
/* Into an empty folder, which nobody else writes to. Every path must be inside. ERROR_SYSTEM. */
int file_set_write(const struct file_set *set, const char *folder, struct error *ret_error);
