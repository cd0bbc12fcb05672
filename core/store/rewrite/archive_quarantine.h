/* Segments that are damaged or missing, put aside so that the archive can be used again without
 * what they have lost: the last resort, where no backup has them.
 *
 * Each is replaced by a stand-in with the same positions. Whole frames are kept; in place of each
 * record that cannot be read is one of type lost. The chain is broken there, so these records, and
 * those after them up to the next place whose chain is known (a sync mark or the next segment),
 * carry their chain themselves, as rewritten ones do: what refers to such a place stays valid, and
 * so does everything behind it. The file as it was stays in PATH/quarantine. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct archive_quarantined {
    const char *segment; /* relative to the archive */
    const char *file;    /* where it is now; "": there was none */
    const char *fault;   /* what is wrong with it */
    uint64_t first, last;
    uint64_t lost; /* of these records */
};

/* Called for each, valid until it returns. */
struct archive_quarantine_listener {
    void (*found)(struct archive_quarantine_listener *self,
                  const struct archive_quarantined *quarantined);
};

/* Reads all of the archive. dry_run: only says what would be done. ERROR_EXISTS: a server or
 * another process writes to the archive or seals it. ERROR_DAMAGED: nothing says where a damaged
 * segment ends, since the one behind it is damaged, too; what was done so far stays. */
int archive_quarantine(const char *path, bool dry_run, struct archive_quarantine_listener *listener,
                       struct error *ret_error);
