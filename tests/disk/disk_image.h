/* What a disk may hold after a crash: from a journal, a moment and a seed, one legal state of the
 * folder. The same arguments always give the same state; over many seeds every legal state comes
 * (tests/unit/disk compares with a small disk that runs through all of them).
 *
 * The rules, for the operations [0, at) that programs had done. A sync that had returned makes
 * durable what was done before it began. Everything else may be there or not:
 *
 *   bytes    Each block of 512 bytes of a file has the content of any moment since the file's last
 *            sync, whatever other blocks have: writes are lost, torn and reordered, at the borders
 *            of sectors. A sector itself is never torn. Where nothing was written there are zeros:
 *            no bytes of other files appear (ext4 with data=ordered, XFS, btrfs).
 *   size     That of any moment since the last sync; of a write that appends also one in between,
 *            at the border of a block. It may be larger than what was written of the bytes, which
 *            then are zeros; with `is_ordered` new blocks are written before the size that shows
 *            them, as ext4's data=ordered promises. What a truncation cut off never comes back in
 *            a file that grows again. Blocks of what was cut off are not used again before the cut
 *            is durable.
 *   folders  What was done to names and not synced: see enum disk_order. A rename is atomic: of a
 *            crash, both names have changed or neither, also across folders.
 *   fsync    of a folder makes its names durable. Of a file: its bytes and its size, as fdatasync;
 *            its name only with DISK_ORDER_JOURNAL, which is what ext4 and XFS do. POSIX does not
 *            promise that, so in the other orders a synced file may be missing.
 *   rest     Creating a symbolic link includes its target. Modes are durable at once. Times are
 *            not modelled.
 *
 * A superset of what ext4 and XFS do on a disk that keeps what it has confirmed: a program that
 * survives these states survives theirs. */
#pragma once

#include "disk_journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_BLOCK 512

/* Which operations on names may be lost while later ones are not. */
enum disk_order {
    /* One journal for all folders: those that are there are the first n. A sync of a file or folder
     * takes everything with it that was done before its own last change. ext4 (without
     * fast_commit), XFS. */
    DISK_ORDER_JOURNAL,
    /* The first n of each folder. A rename from one folder to another belongs to both. */
    DISK_ORDER_FOLDER,
    /* The first n of each name: what POSIX allows. */
    DISK_ORDER_NAME,
};

struct disk_rules {
    enum disk_order order;
    bool is_ordered; /* see size above */
    /* Only the programs were killed, the machine went on: nothing is lost. But the operation at
     * `at` may have been done in part, if it writes. */
    bool is_killed;
    /* Faults of the disk, to prove that a test notices them. */
    bool forgets_syncs;     /* none was ever done */
    bool forgets_datasyncs; /* no fdatasync */
};

struct disk_image_node {
    char *path; /* relative to the folder; a folder comes before what is in it */
    enum { DISK_IMAGE_FILE, DISK_IMAGE_FOLDER, DISK_IMAGE_LINK } kind;
    uint32_t mode;
    uint8_t *bytes; /* of a file, of a link its target (with a 0 behind it) */
    uint64_t size;  /* of bytes */
    uint64_t used;  /* behind this there are only zeros */
};

struct disk_image {
    struct disk_image_node *nodes;
    size_t count;
    size_t lost; /* operations that are not, or not wholly, in it; 0: the crash changed nothing */
};

/* at: 0 … disk_journal_length(). */
struct disk_image *disk_image_new(const struct disk_journal *journal, size_t at, uint64_t seed,
                                  const struct disk_rules *rules);
void disk_image_free(struct disk_image *image);
/* Into an empty, existing folder. Zeros become holes. -1: errno says why. */
int disk_image_write(const struct disk_image *image, const char *folder);
/* The same, but also nothing else: what is in the folder is removed before. */
int disk_image_replace(const struct disk_image *image, const char *folder);
/* Does the folder hold exactly this? false: *ret_difference (at least 200 bytes) says what does
 * not. A recorder that misses a call is found this way. */
bool disk_image_equals(const struct disk_image *image, const char *folder, char *ret_difference,
                       size_t size);
