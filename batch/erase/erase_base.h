/* The tables of the place where a pruned archive begins (core/store/generation/generation_base.h):
 * they stand for records that are gone, so an erasure cannot have them built anew. It copies them,
 * without
 *
 *   states     of entities with a removed value in their key
 *   texts      that first and last would show: ERASED_SHOWN takes their place, as in a rewritten
 *              record, so that all else of the state stays as it is, byte by byte
 *   entries    of lists, and groups of thresholds, that are a removed value
 *
 * and rewrites the few records that the prune has kept. The file `begins` names the copies; it is
 * part of what the erasure puts in place in one step.
 *
 * Which values belong to a person, only the keys of several fields still say: a card of theirs that
 * no record has any more must be named. */
#pragma once

#include "erase_record.h"

#include "core/base/progress.h"
#include "core/store/generation/generation.h"
#include "core/store/rewrite/archive_rewrite.h"

struct erase_base_table {
    struct generation *generation;
    struct snapshot *snapshot; /* its policy */
    bool *sources;             /* [slot × slot_count]: what a derived text is made from */
};

struct erase_base {
    const char *archive;
    struct archive_begin begin; /* place.position 0: it was not pruned, there are no tables */
    struct erase_base_table tables[ARCHIVE_BASES_MAX];
    uint64_t bytes; /* of their files */
};

/* What was changed: of each table that was. */
struct erase_base_changes {
    struct erased_base bases[ARCHIVE_BASES_MAX];
    size_t count;
    uint64_t others; /* entries of lists, groups of thresholds, kept records */
};

/* Reads all of the tables against their hashes. ERROR_DAMAGED, ERROR_UNSUPPORTED. *ret_base is to
 * be closed in any case. */
int erase_base_open(const char *archive, struct erase_base *ret_base, struct error *ret_error);
void erase_base_close(struct erase_base *base);

/* Calls take() with each key's fields, as a transaction that has nothing else. Texts live until it
 * returns. */
int erase_base_keys(const struct erase_base *base, struct progress *progress,
                    void (*take)(void *user, const struct transaction *transaction), void *user,
                    struct error *ret_error);
/* What erase_base_rewrite() would change. */
int erase_base_look(const struct erase_base *base, struct erase_record *record,
                    struct progress *progress, struct erase_base_changes *ret_changes,
                    struct error *ret_error);

struct erase_base_writing {
    struct archive_rewriting *rewriting;
    uint64_t number; /* of the erasure */
    int64_t now_us;
    const char *version;
};
/* Writes and publishes copies of the tables that change, and gives `rewriting` what names them. A
 * run that ends before the commit leaves files that the next erasure or prune removes. Once. */
int erase_base_rewrite(const struct erase_base *base, struct erase_record *record,
                       const struct erase_base_writing *writing, struct progress *progress,
                       struct erase_base_changes *ret_changes, struct error *ret_error);
/* After the commit: removes tables that nothing names any more. */
int erase_base_clean(const char *archive, size_t *ret_removed, struct error *ret_error);
