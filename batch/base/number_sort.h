/* Numbers of groups, sorted by group and then by value, whatever their number: in memory up to a
 * limit, beyond it as sorted runs in a file that are merged when they are read.
 *
 * Not a number is refused by whoever puts it; −0 is 0. One thread at a time. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct number_sort;

struct number_sort_options {
    size_t limit_bytes; /* of memory, a little more for each run when they are read */
    /* Makes an empty file and returns its descriptor, when memory does not suffice. */
    int (*make_file)(void *user, struct error *ret_error);
    void *user;
};

struct number_sort *number_sort_new(const struct number_sort_options *options);
void number_sort_free(struct number_sort *sort); /* NULL is allowed */

int number_sort_put(struct number_sort *sort, uint32_t group, double value,
                    struct error *ret_error);
/* After the last number; again for another reading from the first one on. */
int number_sort_begin(struct number_sort *sort, struct error *ret_error);
/* 1: the next one in order; 0: there is none. */
int number_sort_next(struct number_sort *sort, uint32_t *ret_group, double *ret_value,
                     struct error *ret_error);

uint64_t number_sort_file_bytes(const struct number_sort *sort);
