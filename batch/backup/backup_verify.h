/* Reading a backup back: is every file that a point needs there, with the bytes that it was copied
 * with? Whether those bytes are an archive was verified when they were copied. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"

#include <stddef.h>
#include <stdint.h>

struct backup_verify_listener {
    /* One file; its points cannot be restored. */
    void (*damaged)(struct backup_verify_listener *self, const struct error *damage);
};

struct backup_verify_report {
    size_t points, files; /* files of several points count once */
    uint64_t bytes;
    size_t damaged;
    uint64_t position; /* of the newest point */
    int64_t made_us;   /* of the newest point; 0: there is none */
};

/* ERROR_NOT_FOUND: no backup, or one without a point. ERROR_DAMAGED: a manifest; what it names is
 * then unknown. ERROR_EXISTS, ERROR_SYSTEM, ERROR_INTERRUPTED. Damaged and missing files are told
 * to the listener and counted; they are no failure. */
int backup_verify_run(const char *folder, struct progress *progress,
                      struct backup_verify_listener *listener,
                      struct backup_verify_report *ret_report, struct error *ret_error);
