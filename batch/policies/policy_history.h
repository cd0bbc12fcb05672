/* The policies that an archive holds: when each one was in force, and its files.
 *
 * A server records the policy that decides when it adopts it, and again when it starts on newer
 * tables; those records are one adoption here. A shadow policy is recorded when it is first used;
 * that it is no longer used is not recorded.
 *
 * A policy that was adopted a moment ago counts, so records that are not synced yet are read, too:
 * should one of them be undone, nothing has been derived from it that lasts.
 *
 * A sealed segment says which types of records it has, so one without a policy is not read. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/wire/record/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum policy_use {
    POLICY_LIVE,       /* it decided */
    POLICY_CHALLENGER, /* it decided for a share of a key */
    POLICY_SHADOW,     /* it judged alongside the one that decided */
    POLICY_BUILT,      /* adopted tables were built with it while another one decided */
};

struct policy_adoption {
    enum policy_use use;
    uint64_t snapshot_id;
    struct text name; /* empty: not recorded. Lives as long as the history */
    size_t file_count;
    uint64_t position; /* of its first record */
    int64_t receive_time_us;
    uint64_t recorded; /* how often */
    /* Only of a live one and of a challenger, of which another share is another adoption: the
     * record that ended it; 0: it is in force at the end. */
    uint64_t until_position;
    int64_t until_us;
    struct text experiment, key; /* only of a challenger; likewise */
    uint32_t share;
    uint64_t transactions; /* decided under it, if they were counted */
};

struct policy_history_options {
    const char *archive;
    bool counts_transactions; /* reads every segment */
};

struct policy_history;

/* ERROR_NOT_FOUND: no such archive, or one without records. ERROR_DAMAGED, ERROR_INTERRUPTED,
 * ERROR_SYSTEM. progress may be NULL. */
int policy_history_open(const struct policy_history_options *options, struct progress *progress,
                        struct policy_history **ret_history, struct error *ret_error);
void policy_history_close(struct policy_history *history); /* NULL is allowed */

/* Adds policies that tables were built with, behind the others. Reads the segments that have
 * adoptions of tables, which may be many. */
int policy_history_add_built(struct policy_history *history, struct progress *progress,
                             struct error *ret_error);

const char *policy_history_archive(const struct policy_history *history);
uint64_t policy_history_end(const struct policy_history *history); /* the last position */
/* In the order of their positions, POLICY_BUILT after all others. Valid until the next call that
 * adds some. */
size_t policy_history_count(const struct policy_history *history);
const struct policy_adoption *policy_history_at(const struct policy_history *history, size_t index);
/* Records received while it was in force, after its own; 0 unless it is live or a challenger. */
uint64_t policy_adoption_records(const struct policy_adoption *adoption,
                                 const struct policy_history *history);

/* A policy's files, as they were recorded, in the order of their paths. */
struct policy_version {
    struct arena arena; /* has all of it */
    const struct policy_file *files;
    size_t file_count;
};

/* Reads the adoption's record. ERROR_DAMAGED: the files are not those of its id, or a path leads
 * out of a policy's folder. ERROR_DAMAGED, ERROR_NOT_FOUND: the record was not synced, and has been
 * undone. After a failure there is nothing to deinit. */
int policy_history_load(const struct policy_history *history,
                        const struct policy_adoption *adoption, struct policy_version *ret_version,
                        struct error *ret_error);
void policy_version_deinit(struct policy_version *version);
