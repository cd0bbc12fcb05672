/* Building a generation: its tables, filled in key order and read back. generation_publish.h then
 * gives it its name. */
#pragma once

#include "generation.h"

struct generation_writer;

/* A new one in a hidden folder under root, which is made when missing. Entities of the plan in
 * order; within one, keys strictly ascending (text_compare()); ids ascending after all states. The
 * plan must outlive the writer. ERROR_EXISTS: another process builds one here. */
int generation_writer_open(const char *root, const struct plan *plan,
                           struct generation_writer **ret_writer, struct error *ret_error);
/* The state is what state_check() lets pass: it is not looked at. */
int generation_writer_state(struct generation_writer *writer, size_t entity, struct text key,
                            struct text state, struct error *ret_error);
int generation_writer_id(struct generation_writer *writer, uint64_t id_hash, struct known_id known,
                         struct error *ret_error);
/* The same in large pieces, which any thread may have laid out: entries one behind the other, in
 * the order of keys. An entity's states go by its number, ids by the plan's entity_count. */
size_t generation_writer_state_size(const struct generation_writer *writer, size_t entity,
                                    struct text key, struct text state);
void generation_writer_state_put(const struct generation_writer *writer, size_t entity,
                                 struct text key, struct text state, uint8_t *at);
#define GENERATION_ID_SIZE 32
void generation_writer_id_put(uint64_t id_hash, struct known_id known,
                              uint8_t at[GENERATION_ID_SIZE]);
int generation_writer_entries(struct generation_writer *writer, size_t entity,
                              const uint8_t *entries, size_t length, struct error *ret_error);
/* A file for what a builder cannot hold in memory, in the same hidden folder. It has no name and is
 * gone when closed, whatever becomes of the process. Returns the descriptor. Any thread. */
int generation_writer_scratch_file(struct generation_writer *writer, struct error *ret_error);

/* What a generation is, beside its tables. */
struct generation_description {
    struct archive_place place;
    const struct snapshot_record *snapshot; /* whose features it has; its files go in */
    const struct tally *tally;
    uint64_t adopted_id;                    /* as in the manifest */
    const struct list_table *lists;         /* NULL: none */
    const struct threshold_set *thresholds; /* NULL or empty: none */
    int64_t now_us;
    const char *version;
};

/* All keys are there: closes the tables. Once. */
int generation_writer_finish(struct generation_writer *writer,
                             const struct generation_description *description,
                             struct error *ret_error);
/* Then come so many checks, each of which may be made in a thread of its own. The first one syncs
 * the file, which is mostly waiting; the others read it back: its bytes, and what the tables hold
 * against what was given. ERROR_DAMAGED */
size_t generation_writer_checks(const struct generation_writer *writer);
int generation_writer_check(struct generation_writer *writer, size_t index,
                            struct error *ret_error);
/* Frees; what was not published is removed. NULL is allowed. */
void generation_writer_close(struct generation_writer *writer);
