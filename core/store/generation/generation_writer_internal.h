/* What the files of the writer of generations share: generation_writer.c builds one,
 * generation_publish.c publishes it. Private to store/. */
#pragma once

#include "bulk_load.h"
#include "generation_entries.h"
#include "hash_chunks.h"
#include "manifest.h"

enum writer_stage { STAGE_STATES, STAGE_IDS, STAGE_FINISHED, STAGE_PUBLISHED };

struct generation_writer {
    char *root;
    int directory, lock;
    int inside;              /* .new/, open; -1 once it is published */
    const struct plan *plan; /* the caller's */
    struct manifest manifest;
    enum writer_stage stage;
    struct bulk_load load;
    MDB_dbi states[PLAN_ENTITIES_MAX], ids, lists, thresholds, baselines, sources, policy;
    struct generation_names names;
    size_t entity;                   /* states came up to here */
    struct hash_chunks *hash_chunks; /* of all that was put */
    bool *checked;                   /* parallel to the checks, once it is finished */
};
