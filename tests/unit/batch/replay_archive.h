/* Archives with something of everything, for replays: written record by record, with decisions that
 * nobody made. They have late transactions, outcomes that come, change and are taken back, list
 * changes, and when they are asked for reloads and tables with several plans. */
#pragma once

#include "core/policy/load/snapshot.h"

#include <stdbool.h>

#define REPLAY_ARCHIVE_START_US INT64_C(1767225600000000) /* 2026-01-01 */
#define REPLAY_ARCHIVE_SECOND   INT64_C(1000000)

/* STRICT has FIRST's features and other rules; OTHER has other features. */
enum replay_policy_name {
    REPLAY_FIRST,
    REPLAY_STRICT,
    REPLAY_OTHER,
    REPLAY_POLICY_COUNT,
};

struct snapshot *replay_archive_policy(enum replay_policy_name name);
/* A folder with it, in the scratch folder; valid as scratch_path() has it. */
const char *replay_archive_folder(const char *scratch, enum replay_policy_name name);

struct replay_archive_kind {
    unsigned transactions;  /* below 4096 */
    bool policies, tables;  /* changes of them */
    uint64_t segment_bytes; /* 0: the default */
};
/* The same archive for the same kind. */
void replay_archive_write(const char *path, const struct replay_archive_kind *kind);
