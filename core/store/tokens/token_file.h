/* The tokens file on disk: who may read it, and how it is changed.
 *
 * Nobody but its owner and its group may read it, nor anybody but its owner write it; a file that
 * is open to more is not taken. It is changed by writing another beside it (NAME.new, which is also
 * the lock) and renaming: whoever reads it sees the one or the other. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "token_set.h"

#include <stdbool.h>
#include <sys/types.h>

#define TOKEN_FILE_BYTES_MAX ((size_t)8 << 20)

/* ERROR_NOT_FOUND, ERROR_INVALID (its mode, what stands in it), ERROR_TOO_LARGE, ERROR_SYSTEM. The
 * content, if asked for, is appended to ret_content. */
int token_file_load(const char *path, struct token_set **ret_set, struct buffer *ret_content,
                    struct error *ret_error);

/* Changes what token_file_load() may see at once: which file it is, and when it was written. What
 * is not there is all zeros. */
struct token_file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    int64_t written_ns, changed_ns;
};
struct token_file_stamp token_file_stamp(const char *path);
bool token_file_stamps_equal(struct token_file_stamp a, struct token_file_stamp b);

/* A change under way. Symbolic links are followed. */
struct token_file_change {
    char *path, *draft;
    int descriptor;
};
/* ERROR_EXISTS: another change is under way, or was cut off: the message names the file that says
 * so. */
int token_file_begin(const char *path, struct token_file_change *ret_change,
                     struct error *ret_error);
/* Writes, syncs, renames. A file that is there keeps its owner, group and mode; a new one is the
 * caller's, with mode 0600. Ends the change, whatever comes of it. */
int token_file_publish(struct token_file_change *change, const struct buffer *content,
                       struct error *ret_error);
void token_file_discard(struct token_file_change *change);
