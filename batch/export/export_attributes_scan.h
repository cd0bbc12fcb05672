/* Which attributes the transactions of an archive have: for files that have a column for each, and
 * whose rows come from elsewhere (a replay). */
#pragma once

#include "core/base/progress.h"
#include "core/store/archive/archive_place.h"
#include "export_attributes.h"

#include <stdint.h>

struct export_attributes_range {
    const char *archive;
    int64_t from_us, to_us;     /* event times in [from, to); 0: no bound */
    struct archive_place until; /* the last record that counts: a server may write further ones */
};

/* Reads the archive once; stage "scan", in records. The set is empty before, and the caller's also
 * on failure. ERROR_TOO_LARGE: more than EXPORT_ATTRIBUTES_MAX. ERROR_NOT_FOUND, ERROR_DAMAGED,
 * ERROR_SYSTEM, ERROR_INTERRUPTED. progress may be NULL. */
int export_attributes_scan(const struct export_attributes_range *range, struct progress *progress,
                           struct export_attributes *set, struct error *ret_error);
