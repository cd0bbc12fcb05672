/* Rewriting sealed segments for an erasure: some records are replaced by others at the same
 * positions, and nothing else changes.
 *
 *   begin    claims the archive, as sealing does
 *   segment  writes what is to replace one segment beside it: "….seg.zst.epoch"
 *   beginning  likewise what is to replace PATH/begins of a pruned archive: other tables for the
 *            same place, and other records that were kept
 *   commit   from here on the rewritten files count, all of them; puts them in place
 *
 * Before the commit nothing has changed; after it, whoever opens the archive for writing finishes
 * what a crash has left (archive_epoch.h). A rewritten frame has the chain of the record that it
 * replaces, and a rewritten segment the seal that it had at first: so its neighbours, tables that
 * were built from it, and copies of the archive's notes stay valid. docs/ARCHIVE.md, "Erasure". */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/archive/archive_begin.h"
#include "core/store/archive/archive_parts.h"

struct archive_rewriting;

/* What to do with a record. */
struct archive_rewriter {
    /* 1: the payload, appended to ret_payload, replaces the record's; 0: it stays. */
    int (*rewrite)(struct archive_rewriter *self, const struct archive_part_record *record,
                   struct buffer *ret_payload, struct error *ret_error);
};

/* ERROR_EXISTS: another process seals or rewrites this archive. Also removes what an earlier run
 * has left without a commit, and finishes one that has committed. */
int archive_rewriting_begin(const char *archive, uint64_t number,
                            struct archive_rewriting **ret_rewriting, struct error *ret_error);
/* Without a commit: what was written is removed. NULL is allowed. */
void archive_rewriting_end(struct archive_rewriting *rewriting);
/* The segment that begins with this record must be sealed. ret_segment: its number of records that
 * were replaced, and its seals. If that is 0, nothing was written. */
int archive_rewriting_segment(struct archive_rewriting *rewriting, int32_t day, uint64_t first,
                              struct archive_rewriter *rewriter, struct erased_segment *ret_segment,
                              struct error *ret_error);
/* The same place as now. The tables that it names are in place, whole and synced. */
int archive_rewriting_beginning(struct archive_rewriting *rewriting, struct archive_begin *begin,
                                const struct buffer *kept, struct error *ret_error);
int archive_rewriting_commit(struct archive_rewriting *rewriting, struct error *ret_error);
/* Of the archive's last erasure that has committed; 0: there was none. */
int archive_epoch_number(const char *archive, uint64_t *ret_number, struct error *ret_error);
