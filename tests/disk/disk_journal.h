/* What programs did to a folder of files, in order: the input of disk_image.h, which says what a
 * disk may hold after a crash. The journal also keeps the folder as the programs saw it.
 *
 * A file, a folder or a symbolic link is a node. The caller names nodes by numbers (inode numbers
 * will do): a number stands for the node that was created with it last, so the kernel may use it
 * again. Names are single names in a folder, never paths.
 *
 * Operations on nodes that are not in the folder are ignored: recorders see more than they mean to.
 * Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disk_kind {
    DISK_CREATE,   /* folder/name is `node`, a new, empty file */
    DISK_MKDIR,    /* likewise a new folder */
    DISK_SYMLINK,  /* likewise a link to bytes[0..length) */
    DISK_LINK,     /* folder/name is one more name of the file `node` */
    DISK_RENAME,   /* folder/name becomes other_folder/other_name, in place of what was there */
    DISK_EXCHANGE, /* the two names change places */
    DISK_UNLINK,   /* folder/name is no more; also of a folder */
    DISK_WRITE,    /* bytes[0..length) at `offset` of `node`; bytes NULL: zeros */
    DISK_TRUNCATE, /* `node` has `length` bytes */
    DISK_MODE,     /* `node` has mode `offset`; the model takes it for durable at once */
    DISK_SYNC,     /* fsync() of `node`, a file or a folder, has returned; see begin */
    DISK_DATASYNC, /* fdatasync() likewise. The same for this model: what the size hides is lost */
    DISK_SYNC_ALL, /* sync() or syncfs() likewise */
    DISK_MARK,     /* nothing happened to files: bytes[0..length) for whoever reads the journal */
    DISK_KINDS,
};

struct disk_op {
    enum disk_kind kind;
    uint32_t process, thread; /* who did it, for reports */
    uint64_t node, folder, other_folder;
    const char *name, *other_name;
    uint64_t offset, length;
    const void *bytes;
    /* Of a sync: how many operations the journal had when the call began. Those are durable; what
     * came during the call may be or not. */
    size_t begin;
};

struct disk_journal;

/* root: the node of the folder itself, empty and durable. */
struct disk_journal *disk_journal_new(uint64_t root);
void disk_journal_free(struct disk_journal *journal);
/* Copies names and bytes. false: it was none of this folder's, and was counted but does nothing. So
 * every call adds one to the length, and numbers of a recorder stay right. */
bool disk_journal_add(struct disk_journal *journal, const struct disk_op *op);
size_t disk_journal_length(const struct disk_journal *journal);
/* As it was added; names and bytes live as long as the journal. Nodes are numbers of the journal's
 * own: equal for the same node. */
struct disk_op disk_journal_op(const struct disk_journal *journal, size_t index);
/* It was none of this folder's. */
bool disk_journal_is_ignored(const struct disk_journal *journal, size_t index);
/* One line for people, without a newline. */
void disk_journal_describe(const struct disk_journal *journal, size_t index, char *ret_line,
                           size_t size);
