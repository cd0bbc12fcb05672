/* Whole data folders for the target data_folder: one archive with tables, as it was written, after
 * an erasure has rewritten some of its segments, and after a prune has dropped the first ones. Made
 * once, and then kept in memory. */
#pragma once

#include "core/base/text.h"
#include "core/store/generation/generation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum world { WORLD_WRITTEN, WORLD_ERASED, WORLD_PRUNED, WORLD_COUNT };

#define WORLD_FILES_MAX   64
#define WORLD_RECORDS_MAX 1024
#define WORLD_TABLES_MAX  16

/* A file, or a symbolic link, whose bytes are where it leads to. */
struct world_file {
    char *name; /* relative to the data folder */
    bool is_link;
    struct {
        bool is_there;
        struct text bytes;
    } in[WORLD_COUNT];
};

struct worlds {
    struct world_file files[WORLD_FILES_MAX];
    size_t file_count;
    uint64_t last[WORLD_COUNT]; /* position of the last record; that of WORLD_ERASED is greater */
    /* hash64() of each record's payload, by its position: as written, and as the erasure left it.
     */
    uint64_t payloads[2][WORLD_RECORDS_MAX];
    uint64_t chains[WORLD_RECORDS_MAX]; /* by position */
    uint64_t state_hash;                /* of the fold of all records */
    struct {
        uint64_t id, content; /* world_content() */
    } tables[WORLD_TABLES_MAX];
    size_t table_count;
};

#define WORLD_ARCHIVE     "archive"
#define WORLD_GENERATIONS "generations"

/* In a new folder of scratch_make(), which is empty again afterwards. */
void worlds_make(const char *folder, struct worlds *ret_worlds);
/* Makes the folder empty. */
void worlds_clear(const char *folder);
/* Writes a file or link, with the folders above it. */
void worlds_write(const char *folder, const struct world_file *file, struct text bytes);

/* The first position of the segment that the file is, plain or sealed; 0: it is none. */
uint64_t worlds_first_of(const struct worlds *worlds, size_t file, bool *ret_sealed);

/* A hash over all states, ids and lists of tables that are open. */
uint64_t worlds_content(struct generation *generation);
