/* LMDB, read-only: opens a generation's tables.mdb and its tables by name, and hashes all of it in
 * order. Private to store/.
 *
 * The file never changes once it is published, so there is one read transaction for as long as it
 * is open and no lock file. One thread at a time. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/feature/plan/plan.h"
#include "manifest.h"

#include <lmdb.h>
#include <stdint.h>

#define TABLES_MAX (PLAN_ENTITIES_MAX + 6)

struct tables {
    MDB_env *environment;
    MDB_txn *transaction; /* LMDB's: a snapshot to read from */
    MDB_dbi states[PLAN_ENTITIES_MAX];
    size_t entity_count;
    MDB_dbi ids, policy, lists, thresholds, baselines, sources;
    /* Generations of earlier versions have no such tables. */
    bool has_lists, has_thresholds, has_baselines, has_sources;
};

/* Fills *ret_error from what an LMDB function returned (an errno value or one of LMDB's own) and
 * returns -code. */
int tables_error(struct error *ret_error, int returned, const char *what);

/* manifest: names the entities. ERROR_DAMAGED, ERROR_UNSUPPORTED (written by another LMDB). */
int tables_open(const char *path, const struct manifest *manifest, struct tables *ret_tables,
                struct error *ret_error);
/* Zeroed tables are allowed. */
void tables_close(struct tables *tables);

/* false: not there. Damage that LMDB notices ends the process: see generation.h. *ret_value points
 * into the map. */
bool tables_get(const struct tables *tables, MDB_dbi table, struct text key,
                struct text *ret_value);

/* Moves the cursor by LMDB's operation, which may read *ret_key: false at the end. Texts point into
 * the map. */
bool tables_step(MDB_cursor *cursor, MDB_cursor_op operation, struct text *ret_key,
                 struct text *ret_value);

/* Do the tables have as many keys as the manifest says? ERROR_DAMAGED */
int tables_check_counts(const struct tables *tables, const struct manifest *manifest,
                        struct error *ret_error);
/* Hashes everything in order, as the writer did. ERROR_DAMAGED */
int tables_hash(const struct tables *tables, const struct manifest *manifest,
                uint64_t *ret_state_hash, uint64_t *ret_content_hash, struct error *ret_error);
