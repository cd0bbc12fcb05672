/* The lists of the server's policy, and which of them have a value. What was added while the server
 * runs is asked of the server, and kept here until it changes, as it can be searched by position
 * only. The policy's own entries are in its files, and the server tells only how many there are. */
#pragma once

#include "connection.h"
#include "core/base/buffer.h"
#include "core/base/text.h"

struct lists;

#define LISTS_ENTRIES_MOST 100000 /* of a list; of a longer one the first are looked through */

/* The connection stays the caller's. */
struct lists *lists_new(struct connection *connection);
void lists_free(struct lists *lists); /* NULL is allowed */

/* Appends "lists", an array: name, type, about, declared, runtime, file, own and added (numbers of
 * entries), complete (all that were added have been looked through), entries (those that the value
 * is in: value, until, since, source, reason). Any thread; the first call after a change may take a
 * second. */
int lists_write(struct lists *lists, struct text value, struct buffer *out,
                struct error *ret_error);
