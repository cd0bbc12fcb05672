/* What an explanation is asked for, and what it may use. */
#pragma once

#include "core/policy/load/snapshot.h"

#include <stdatomic.h>

/* Runs jobs by number, several at once if it likes, and returns the first error. */
struct explain_threads {
    size_t before, all; /* jobs of this kind done before, and in all: for progress */
    int (*run)(struct explain_threads *self, size_t jobs,
               int (*job)(void *user, size_t index, struct error *ret_error), void *user,
               struct error *ret_error);
};

struct explain_options {
    const char *archive;
    const char *generations; /* NULL: none are used */
    struct text id;
    /* If no transaction has the id, the one whose id begins with it will do, if there is exactly
     * one. */
    bool allows_prefix;
    uint64_t position;                   /* the transaction's; 0: the last one of this id */
    struct snapshot *policy;             /* that decides on it, too; NULL: none */
    struct explain_threads *thread_pool; /* NULL: one job after the other */
    const atomic_bool *stop;             /* NULL: never */
    /* For tests: bytes of segments whose records are in memory at once; 0: what is quick. */
    uint64_t chunk_bytes;
};
