/* harrier archive prune: drops the oldest segments of an archive, as far as tables cover them, so
 * that states and later decisions are what they would have been.
 *
 * Three things stand for what is gone, all in the archive's folder: tables that were built for
 * exactly the place where it begins then, the few records from before that later ones depend on,
 * and the seal that the first segment left continues. They are written and synced first; the file
 * `begins` that names them is the commit (core/store/archive/archive_begin.h). A server may be
 * running, and may be killed, as this may, at any moment. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/archive/archive_begin.h"
#include "core/store/generation/generation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prune_options {
    const char *archive, *generations; /* folders */
    int64_t before_us; /* drops segments whose records were all received before this time */
    bool dry_run;      /* only finds out what would be dropped */
    int64_t now_us;    /* before_us must not be later; also for the manifest and the file */
    const char *version;
    uint64_t memory_bytes; /* as for a rebuild */
    size_t threads;
};

/* Why the first segment that stays is not dropped. */
enum prune_keeper {
    PRUNE_KEPT_BY_TIME,       /* it has records that were received later */
    PRUNE_KEPT_BY_GENERATION, /* the tables in use do not contain all of it */
    PRUNE_KEPT_BY_END,        /* it may still be written to, or is not sealed */
};

struct prune_report {
    struct archive_begin from;  /* where the archive began before this run */
    struct archive_begin begin; /* where it begins now, or would; .from's if nothing goes */
    enum prune_keeper keeper;
    size_t segments;  /* that go */
    uint64_t records; /* in them */
    uint64_t bytes;   /* of their files */
    size_t left_over; /* files of segments that an earlier run had not removed yet */
    size_t segments_kept;
    uint64_t records_kept; /* of those that go, in `begins`: see prune_kept.h */
    size_t plans;          /* sets of features that tables for the beginning are built for */
    uint64_t base_states;  /* in all of these tables */
    struct generation_manifest covered_by; /* the tables in use */
    /* Decisions up to this position include some that were made with features for which there are
     * no such tables: a replay derives them without what is gone. 0: there are none. */
    uint64_t other_features_until;
    double seconds;
};

/* progress may be NULL. ERROR_INVALID: before_us is in the future. ERROR_NOT_FOUND: no archive, or
 * no tables, or not of this archive. ERROR_DAMAGED: the tables or a segment. ERROR_EXISTS: a
 * rebuild, a sealing, an erasure or another prune is at work, or an erasure was interrupted.
 * ERROR_SYSTEM. ERROR_INTERRUPTED. After a failure the archive is as it was, unless *ret_is_done:
 * then it begins where ret_report->begin says, and only files may be left, which the next run
 * removes. *ret_report is filled in both cases. */
int prune_run(const struct prune_options *options, struct progress *progress, bool *ret_is_done,
              struct prune_report *ret_report, struct error *ret_error);
