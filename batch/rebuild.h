/* harrier rebuild: the archive, folded from its first record, as a published generation.
 *
 * Full and in one thread. It reads up to the last sync mark, so what it publishes can never be
 * ahead of what is on disk, and it may run beside a server that goes on writing. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/generation.h"
#include "core/store/overlay.h"

#include <stdbool.h>
#include <stdint.h>

struct rebuild_options {
    const char *archive;     /* folder of the archive */
    const char *generations; /* folder of the generations; made when missing */
    const char *policy;  /* folder whose features are folded; NULL: the archive's last snapshot */
    bool force;          /* also when the current generation is what would be built */
    const char *version; /* of this program, for the manifest */
    int64_t now_us;      /* for the manifest */
};

enum rebuild_phase {
    REBUILD_SCAN,    /* finding the last sync mark and the policy */
    REBUILD_FOLD,    /* applying every record */
    REBUILD_WRITE,   /* tables in key order */
    REBUILD_PUBLISH, /* reading them back, syncing, switching over */
    REBUILD_PHASE_COUNT
};

const char *rebuild_phase_name(enum rebuild_phase phase); /* "scan", "fold", "write", "publish" */

struct rebuild_report {
    bool up_to_date; /* nothing was built: the current generation has this place and plan already */
    struct generation_manifest manifest; /* of the generation that is current now */
    struct tally tally;                  /* of the archive up to its place */
    uint64_t records;                    /* applied */
    double seconds[REBUILD_PHASE_COUNT];
};

/* Blocks for as long as it takes. progress may be NULL; its stages are the phases' names.
 * ERROR_NOT_FOUND: no archive, nothing in it that is synced, or no snapshot and no policy given.
 * ERROR_EXISTS: another rebuild works on the same folder. ERROR_DAMAGED: the archive.
 * ERROR_INVALID: the policy. ERROR_INTERRUPTED: progress asked to stop; nothing was published. */
int rebuild_run(const struct rebuild_options *options, struct progress *progress,
                struct rebuild_report *ret_report, struct error *ret_error);
