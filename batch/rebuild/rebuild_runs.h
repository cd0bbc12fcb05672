/* Sorted runs of states, in a file of the thread that folds: what of a stream did not fit into its
 * share of memory at once. Private to batch/.
 *
 * A state in a run: u16 length of the key, u16 is there a late transaction, u32 length of the
 * state, key, state. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/store/generation/generation_writer.h"

#include <stdbool.h>

#define RUN_HEAD 8

struct run_file {
    struct generation_writer *writer; /* whose folder it is in */
    int descriptor;                   /* −1: none yet */
    uint64_t bytes;
    struct buffer waiting; /* to be written */
};

/* A run that is read. */
struct state_run {
    uint64_t offset, end;
    struct buffer window; /* what was read of it */
    size_t at;            /* in the window */
    struct text key, state;
    bool has_state, is_late;
};

void run_file_init(struct run_file *file, struct generation_writer *writer);
void run_file_deinit(struct run_file *file);
/* The runs are not needed any more: the next ones overwrite them. */
void run_file_clear(struct run_file *file);

/* Begins a run, adds states in the order of their keys, ends it. */
void state_run_begin(const struct run_file *file, struct state_run *ret_run);
int state_run_add(struct run_file *file, struct text key, struct text state, bool is_late,
                  struct error *ret_error);
int state_run_end(struct run_file *file, struct state_run *run, struct error *ret_error);

/* Goes on to the next state, the first one at first: run->has_state says whether there is one. It
 * stays until the next call. */
int state_run_next(const struct run_file *file, struct state_run *run, struct error *ret_error);
void state_run_close(struct state_run *run);
