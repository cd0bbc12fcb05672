/* What identifies a generation and says what it was built from and how much is in it. manifest.h
 * reads and writes it, with what only this folder needs, as manifest.json. */
#pragma once

#include "core/store/archive/archive_place.h"

#include <stdint.h>

struct generation_manifest {
    uint64_t id;                /* hash over content, place, plan and id_days: manifest_id() */
    struct archive_place place; /* the state after this record */
    uint64_t plan_id;
    uint64_t snapshot_id;  /* whose features it was built with; its files are kept inside */
    uint64_t states, ids;  /* keys in all state tables, and in "ids" */
    uint64_t state_hash;   /* over the states alone: what overlay_hash() gives for them */
    uint64_t content_hash; /* over states, ids and the policy's files */
    uint64_t ids_from;     /* ids of transactions before this position are left out; 0: of none */
    int64_t ids_since_us;  /* the day on which that position was received; 0 likewise */
    uint64_t id_days;      /* how long ids are kept: what the next rebuild goes by; 0: for ever */
    uint64_t epoch;        /* of the archive when it was built: of its last erasure by then */
    uint64_t adopted_id;   /* of the generation that a server adopted last by then; 0: none */
    int64_t created_time_us;
    char version[64]; /* the program that wrote it */
};
