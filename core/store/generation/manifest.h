/* manifest.json: what describes a generation, for programs and for people. Private to store/. */
#pragma once

#include "core/base/error.h"
#include "core/feature/plan/plan.h"
#include "generation_manifest.h"
#include "tally.h"

#include <stddef.h>
#include <stdint.h>

#define MANIFEST_FORMAT   1
#define MANIFEST_FILE     "manifest.json"
#define MANIFEST_SIZE_MAX (1u << 20)
#define MANIFEST_TABLES   "tables.mdb"

struct manifest_entity {
    char *name;
    uint64_t states; /* keys in its table */
};

struct manifest {
    struct generation_manifest generation;
    struct tally tally;
    uint64_t file_size, file_hash;                      /* of tables.mdb; XXH3 */
    char lmdb[16];                                      /* "0.9.24": whose file format it is */
    struct manifest_entity entities[PLAN_ENTITIES_MAX]; /* in the plan's order */
    size_t entity_count;
};

void manifest_deinit(struct manifest *manifest);

/* The id follows from what the generation holds: a hash over content, place and plan, and the
 * horizon of ids if there is one, which may change without the content. So building the same again
 * gives the same id. */
uint64_t manifest_id(const struct generation_manifest *generation);

/* The text of the file; its last member is a checksum over the others. free() it. */
char *manifest_format(const struct manifest *manifest);
/* ERROR_DAMAGED: not JSON, a member missing or invalid, or another checksum. ERROR_UNSUPPORTED:
 * another format. *ret_manifest is to be deinit. */
int manifest_parse(const char *bytes, size_t length, struct manifest *ret_manifest,
                   struct error *ret_error);
