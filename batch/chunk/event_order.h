/* Reorders records from order of arrival, which an archive has, to order of event time.
 *
 * The caller puts records in by position and raises a floor (a low watermark): the least event time
 * still to come. Everything up to the floor can be taken out. An archive is nearly in order, so
 * little has to be held. What does not fit into memory is written to a file as sorted runs and
 * merged when it is read. Equal times come in the order of positions. Not thread-safe. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

struct event_order;

struct event_order_options {
    size_t limit_bytes; /* of memory for what is held; each run in the file adds 256 KiB or its
                           largest record */
    /* Creates an empty file and returns its descriptor, which the order closes. Called once, when
     * the limit is reached for the first time. < 0 with *ret_error filled. */
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

/* Copies the payload. Its time must not be before the floor, and its position must be greater than
 * that of the item before. */
int event_order_put(struct event_order *order, const struct event_item *item,
                    struct error *ret_error);

/* Promises that everything put from here on has this time or a later one; INT64_MAX: nothing more
 * is put. Must not decrease. */
void event_order_floor(struct event_order *order, int64_t floor_us);

/* 1: *ret_item is the next item up to the floor, valid until the next call of any function here. 0:
 * none until the floor rises. */
int event_order_next(struct event_order *order, struct event_item *ret_item,
                     struct error *ret_error);

uint64_t event_order_file_bytes(const struct event_order *order);
