/* The tokens file on disk: who may read it, and how it is changed.
 *
 * Only its owner may write it, and only its owner and its group may read it; a file with wider
 * permissions is refused. It is changed by writing another one beside it (NAME.new, which is also
 * the lock) and renaming that: a reader sees either the old or the new one. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "token_set.h"

#include <stdbool.h>
#include <sys/types.h>

#define TOKEN_FILE_BYTES_MAX ((size_t)8 << 20)

/* ERROR_NOT_FOUND, ERROR_INVALID (its mode, its content), ERROR_TOO_LARGE, ERROR_SYSTEM. The
 * content is also appended to ret_content unless that is NULL. */
int token_file_load(const char *path, struct token_set **ret_set, struct buffer *ret_content,
                    struct error *ret_error);

/* Identifies a version of the file: which file it is, and when it was written. It differs whenever
 * the content may. All zeros: there is no file. */
struct token_file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    int64_t written_ns, changed_ns;
};
struct token_file_stamp token_file_stamp(const char *path);
bool token_file_stamps_equal(struct token_file_stamp a, struct token_file_stamp b);

/* A change in progress. Symbolic links are followed. */
struct token_file_change {
    char *path, *draft;
    int descriptor;
};
/* ERROR_EXISTS: another change is in progress, or was cut off; the message names the file to
 * remove. */
int token_file_begin(const char *path, struct token_file_change *ret_change,
                     struct error *ret_error);
/* Writes, syncs and renames. An existing file keeps its owner, group and mode; a new one belongs to
 * the caller, with mode 0600. Ends the change, also on failure. */
int token_file_publish(struct token_file_change *change, const struct buffer *content,
                       struct error *ret_error);
void token_file_discard(struct token_file_change *change);
