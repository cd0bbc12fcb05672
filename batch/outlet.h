/* An outlet: several threads make things, each source in order, and one thread takes them, source
 * after source. Makers that are ahead wait when too much is waiting to be taken, but never the one
 * whose turn it is: so it cannot come to a standstill as long as sources are begun in order. */
#pragma once

#include "crew.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outlet;

struct outlet *outlet_new(size_t sources, size_t limit_bytes);
void outlet_free(struct outlet *outlet);

/* A maker's side, one per thread at work on one source. */
struct outlet_block {
    struct outlet_block *next;
    size_t length, capacity;
    uint8_t bytes[];
};
struct outlet_maker {
    struct outlet *outlet;
    const struct crew *crew;
    size_t source;
    struct outlet_block *block; /* being filled; NULL: none */
};
void outlet_begin(struct outlet_maker *maker, struct outlet *outlet, const struct crew *crew,
                  size_t source);
/* Room for an item of this size, all of which is used. NULL: the crew was stopped. */
uint8_t *outlet_room(struct outlet_maker *maker, size_t size);
/* The source is complete. Frees what a stopped crew leaves, too. */
void outlet_end(struct outlet_maker *maker);

/* The taker's side. Waits a tenth of a second at most. 1: *ret_block is the next one of the source;
 * 0: the source is complete; -1: not yet. */
int outlet_take(struct outlet *outlet, size_t source, struct outlet_block **ret_block);
/* The taker is done with it. */
void outlet_give_back(struct outlet *outlet, struct outlet_block *block);
