/* The amendments that an archive holds when an import begins, by their transactions.
 *
 * An import that is repeated meets each of its amendments again. They are totals, so those of one
 * transaction must not be recorded twice: after A and B, A again would undo B. This history is what
 * they are looked up in, each at its place in the order of its transaction's, so that the import
 * knows what became of it the first time.
 *
 * The positions are sorted in a temporary file that is mapped into memory: the kernel keeps as much
 * of it as there is room for. Not thread-safe. */
#pragma once

#include "core/base/error.h"
#include "core/store/archive/archive.h"
#include "core/wire/types/amendment.h"

#include <stdint.h>

struct amendment_history;

/* Reads the archive's amendments, all of which are synced, up to this position; sealed segments
 * without any are passed over. ERROR_DAMAGED, ERROR_SYSTEM. */
int amendment_history_open(const char *archive, uint64_t end,
                           struct amendment_history **ret_history, struct error *ret_error);
void amendment_history_close(struct amendment_history *history); /* NULL is allowed */

enum amendment_fate {
    AMENDMENT_NEW,         /* the archive says nothing of it */
    AMENDMENT_KNOWN,       /* it is recorded, or changed nothing */
    AMENDMENT_CONTRADICTED /* it contradicted what the transaction was then */
};

/* What became of an amendment of this transaction, which becomes known at time_us of the import.
 * Those of one transaction come in the order in which they are recorded. An enum amendment_fate, or
 * < 0. */
int amendment_history_find(struct amendment_history *history, struct archive *archive,
                           const struct record *scored, const struct amendment *amendment,
                           int64_t time_us, struct error *ret_error);
