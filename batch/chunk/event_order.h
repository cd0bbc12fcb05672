/* Records in the order of their event times, where an archive has them in the order of their
 * arrival.
 *
 * Whoever puts them in, in the order of positions, also says from time to time what is the least
 * time still to come: everything before it can be taken out. An archive is mostly almost in order,
 * so little has to be held. What does not fit into memory goes, sorted, to a file, and is merged
 * when it is read. Equal times are in the order of positions. One thread at a time. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

struct event_order;

struct event_order_options {
    size_t limit_bytes; /* of memory for what is held, a little more for each run in the file */
    /* Makes an empty file and returns its descriptor, when memory does not suffice. */
    int (*make_file)(void *user, struct error *ret_error);
    void *user;
};

struct event_item {
    int64_t time_us;
    uint64_t position;
    struct text payload; /* less than 4 GiB */
};

struct event_order *event_order_new(const struct event_order_options *options);
void event_order_free(struct event_order *order); /* NULL is allowed */

/* Copies the payload. Its time is not before the last floor; its position is greater than that of
 * the one before. */
int event_order_put(struct event_order *order, const struct event_item *item,
                    struct error *ret_error);

/* Whatever is put from here on has this time or a later one; INT64_MAX: nothing more is put. Never
 * goes back. */
void event_order_floor(struct event_order *order, int64_t floor_us);

/* 1: the next one, up to the floor, valid until the next call of any function here. 0: there is
 * none until the floor rises. */
int event_order_next(struct event_order *order, struct event_item *ret_item,
                     struct error *ret_error);

uint64_t event_order_file_bytes(const struct event_order *order);
