/* Building a generation: its tables, filled in key order and read back. generation_publish.h then
 * gives it its name. */
#pragma once

#include "generation.h"
#include "generation_entries.h"

struct generation_writer;

/* A new generation in a hidden folder under root, which is created if it is missing. Keys come in
 * order: entities of the plan in order, within one keys strictly ascending (text_compare()), ids
 * ascending after all states. The plan must outlive the writer. One thread, except where noted.
 * ERROR_EXISTS: another process is building here. */
int generation_writer_open(const char *root, const struct plan *plan,
                           struct generation_writer **ret_writer, struct error *ret_error);
/* Adds a state. It must be one that state_check() accepts: it is not checked here. ERROR_TOO_LARGE:
 * the key is longer than GENERATION_KEY_MAX. */
int generation_writer_state(struct generation_writer *writer, size_t entity, struct text key,
                            struct text state, struct error *ret_error);
int generation_writer_id(struct generation_writer *writer, uint64_t id_hash, struct known_id known,
                         struct error *ret_error);
/* The same in large pieces, which any thread or another process may have prepared: entries one
 * after the other in the order of keys, each laid out by one of the put functions of
 * generation_entries.h. `entity` is the number of the entity; for ids it is the plan's
 * entity_count.
 */
int generation_writer_entries(struct generation_writer *writer, size_t entity,
                              const uint8_t *entries, size_t length, struct error *ret_error);
/* A file for what a builder cannot keep in memory, in the same hidden folder. It has no name, so it
 * vanishes when it is closed, whatever happens to the process. Returns the descriptor. Any thread.
 */
int generation_writer_scratch_file(struct generation_writer *writer, struct error *ret_error);

/* What describes a generation, beside its tables. */
struct generation_description {
    struct archive_place place;
    const struct snapshot_record *snapshot; /* whose features it has; its files go in */
    const struct tally *tally;
    uint64_t adopted_id, ids_from, id_days; /* as in the manifest */
    uint64_t epoch;                         /* likewise */
    int64_t ids_since_us;                   /* likewise */
    const struct list_table *lists;         /* NULL: none */
    const struct source_table *sources;     /* NULL: none */
    const struct threshold_set *thresholds; /* NULL or empty: none */
    /* Calls generation_writer_baseline() for each value that thresholds keep in the tables. NULL:
     * there are none. */
    int (*put_baselines)(void *user, struct generation_writer *writer, struct error *ret_error);
    void *baselines_user;
    int64_t now_us;
    const char *version;
};

/* States written so far. */
uint64_t generation_writer_states(const struct generation_writer *writer);

/* From put_baselines() only, in ascending order of hash and key. hash: generation_baseline_hash().
 */
int generation_writer_baseline(struct generation_writer *writer, uint64_t hash, struct text key,
                               double value, struct error *ret_error);

/* After the last key: adds lists, thresholds, sources and the policy, and closes the tables. Once.
 */
int generation_writer_finish(struct generation_writer *writer,
                             const struct generation_description *description,
                             struct error *ret_error);
/* After finish, this many checks must be made; each may run in a thread of its own. The first one
 * syncs the file, which is mostly waiting; the others read it back: its bytes, and the content of
 * the tables against what was put in. ERROR_DAMAGED */
size_t generation_writer_checks(const struct generation_writer *writer);
int generation_writer_check(struct generation_writer *writer, size_t index,
                            struct error *ret_error);
/* Frees; a generation that was not published is removed. NULL is allowed. */
void generation_writer_close(struct generation_writer *writer);
