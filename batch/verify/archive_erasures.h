/* Are the segments that erasures have rewritten what these have written? The seals after such a
 * segment continue the seal that it had at first, so they do not prove what is in it now. But the
 * record that an erasure is done has the new seals, and is itself covered by later ones. */
#pragma once

#include "core/base/error.h"
#include "core/store/archive/archive_parts.h"

struct archive_erasures_listener {
    void (*fault)(struct archive_erasures_listener *self, const struct error *fault);
    /* The archive ends in front of the record of an erasure that has rewritten segments of it: it
     * was restored to an earlier place. What these are, the erasure's protocol alone says. */
    void (*note)(struct archive_erasures_listener *self, const struct error *note);
};

/* Reads the parts that have such records, if anything was erased. Of a pruned archive, the tables
 * of its beginning are none that an erasure has replaced. ERROR_DAMAGED, ERROR_SYSTEM: a part
 * cannot be read. */
int archive_erasures_check(const char *archive, const struct archive_parts *parts,
                           struct archive_erasures_listener *listener, struct error *ret_error);
