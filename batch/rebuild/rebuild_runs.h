/* Sorted runs of states in a scratch file, one file per folding thread: for streams that exceed a
 * thread's share of memory. Not thread-safe. Private to batch/.
 *
 * A state in a run, in native byte order: u16 length of the key, u16 1 if the key has a late
 * transaction, u32 length of the state, key, state. */
#pragma once

#include "batch/base/run_window.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>

#define RUN_HEAD 8

struct run_file {
    int (*make_file)(void *user, struct error *ret_error); /* as of a spill */
    void *user;
    int descriptor;        /* −1: not made yet */
    uint64_t bytes;        /* written */
    struct buffer waiting; /* to be written */
};

/* A run that is read. */
struct state_run {
    struct run_window window;
    struct text key, state; /* in the window */
    bool has_state, is_late;
};

void run_file_init(struct run_file *file, int (*make_file)(void *user, struct error *ret_error),
                   void *user);
void run_file_deinit(struct run_file *file);
/* Discards all runs: the next ones overwrite them. The file keeps its size. */
void run_file_clear(struct run_file *file);

/* Begins a run, adds states in the order of their keys, ends it. */
void state_run_begin(const struct run_file *file, struct state_run *ret_run);
int state_run_add(struct run_file *file, struct text key, struct text state, bool is_late,
                  struct error *ret_error);
int state_run_end(struct run_file *file, struct state_run *run, struct error *ret_error);

/* Reads the next state, at first the first one; run->has_state: false at the end. Key and state are
 * valid until the next call. */
int state_run_next(const struct run_file *file, struct state_run *run, struct error *ret_error);
void state_run_close(struct state_run *run);
