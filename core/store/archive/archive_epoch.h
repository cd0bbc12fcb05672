/* PATH/epoch: how far an erasure is with putting rewritten segments in place. Private to store/.
 *
 * A rewritten segment is written beside the one that it replaces, as "….seg.zst.epoch". Once all of
 * them are on disk, this file names them: from then on they count, and whoever opens the archive
 * for writing, or erases next, renames those that are left. Readers need not know: a segment and
 * what replaces it begin and end at the same places, so any of the two fits between its neighbours.
 * Of a pruned archive it may name "begins", too, whose replacement names other tables for the same
 * place.
 *
 *   harrier epoch 1
 *   number 3
 *   2026-01-01/00000000000000000001.seg.zst      files to be renamed; none: all are in place
 *   hash 0123456789abcdef                        XXH3-64 of the lines before */
#pragma once

#include "segment_file.h"

#define EPOCH_FILE   "epoch"
#define EPOCH_SUFFIX ".epoch"
/* Names of a rewritten segment before it is in place. */
#define EPOCH_NAME_SIZE (SEGMENT_FILE_NAME_SIZE + sizeof EPOCH_SUFFIX)

struct archive_epoch {
    uint64_t number; /* 0: there is no such file; nothing was ever rewritten */
    char (*names)[SEGMENT_FILE_NAME_SIZE];
    size_t count;
};

void archive_epoch_deinit(struct archive_epoch *epoch);
/* ERROR_DAMAGED: the file is not such a file. */
int archive_epoch_read(int directory, struct archive_epoch *ret_epoch, struct error *ret_error);
/* Replaces the file in one step, on disk when it returns. */
int archive_epoch_write(int directory, const struct archive_epoch *epoch, struct error *ret_error);
/* Syncs the folder that a file of this name is in. */
int archive_epoch_sync(int directory, const char *name, struct error *ret_error);
/* Renames what the file names and is not in place yet, and says so in the file. May run twice at
 * once. */
int archive_epoch_finish(int directory, struct error *ret_error);
