/* External sort of (group, double) pairs, by group and then by value. In memory up to a limit;
 * beyond it, sorted runs go to a file and are merged while they are read.
 *
 * Callers must not put NaN, which has no place in the order. −0 is stored as 0. Not thread-safe. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct number_sort;

struct number_sort_options {
    size_t limit_bytes; /* of memory; reading adds one buffer of 64 KiB for each run */
    /* Creates an empty file and returns its descriptor, which the sort closes. Called once, when
     * the limit is reached for the first time. < 0 with *ret_error filled. */
    int (*make_file)(void *user, struct error *ret_error);
    void *user;
};

struct number_sort *number_sort_new(const struct number_sort_options *options);
void number_sort_free(struct number_sort *sort); /* NULL is allowed */

int number_sort_put(struct number_sort *sort, uint32_t group, double value,
                    struct error *ret_error);
/* Sorts what was put. Call it after the last number, and again to read once more from the start. */
int number_sort_begin(struct number_sort *sort, struct error *ret_error);
/* 1: *ret_group and *ret_value are the next pair in order; 0: the end. */
int number_sort_next(struct number_sort *sort, uint32_t *ret_group, double *ret_value,
                     struct error *ret_error);

uint64_t number_sort_file_bytes(const struct number_sort *sort);
