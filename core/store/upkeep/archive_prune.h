/* Making an archive begin later: the new beginning is written, then the segments in front of it are
 * removed, the oldest first. Once the file is in place (archive_begin.h) no reader looks at them
 * any more, so a crash leaves the archive as it was, or pruned with some files that the next run
 * removes.
 *
 * May run beside the archive's writer and readers. It holds the lock that sealing takes, so that
 * nothing else changes closed segments meanwhile.
 *
 * Not here: what may go, and the tables that stand for it (batch/prune). */
#pragma once

#include "core/store/archive/archive_begin.h"

#include <stddef.h>

struct archive_prune_report {
    size_t segments; /* whose files were removed */
    uint64_t bytes;  /* of those files */
};

/* from: where the archive must begin now; ERROR_UNAVAILABLE: another prune came first. begin: where
 * it is to begin, the end of a segment, which the next one must continue; ERROR_UNAVAILABLE: it
 * does not, the archive was rewritten. ERROR_NOT_FOUND: no such archive. ERROR_EXISTS: another
 * process is sealing or pruning it. ERROR_SYSTEM: if the new beginning is in place by then,
 * *ret_is_done says so, and files may be left. */
int archive_prune(const char *path, struct archive_place from, struct archive_begin *begin,
                  const struct buffer *kept, bool *ret_is_done,
                  struct archive_prune_report *ret_report, struct error *ret_error);
/* Removes what a prune that was killed has left. */
int archive_prune_finish(const char *path, struct archive_prune_report *ret_report,
                         struct error *ret_error);
