/* The memory of a reply.
 *
 * A reply outlives the message that it came from, so everything in it is copied into one arena, and
 * harrier_reply_free() frees that. A batcher hands each caller a share of one reply: a share has no
 * arena of its own and counts as a holder of the whole, which is freed with its last holder.
 *
 * The functions that copy do not fail one by one. When the arena's limit is reached they set
 * memory->full and return NULL or an empty value; the function that builds a reply checks `full` at
 * the end.
 */
#pragma once

#include "clients/c/harrier_analyst.h"

#include "core/base/arena.h"
#include "core/wire/message/message.h"

#include <stdatomic.h>

struct reply_memory {
    struct harrier_reply reply; /* first: the public pointer is also ours */
    struct arena arena;
    bool full;                  /* something did not fit */
    atomic_size_t holders;      /* shares of this one that are not freed yet */
    struct reply_memory *whole; /* of a share: where its memory is */
};

static inline struct reply_memory *reply_memory_of(struct harrier_reply *reply) {
    return (struct reply_memory *)reply;
}

struct reply_memory *reply_memory_new(void); /* free with harrier_reply_free(&memory->reply) */

/* result `result` of `whole` as a reply of its own, to be freed on its own, by any thread. */
struct harrier_reply *reply_share(struct harrier_reply *whole, size_t result);

/* Zeroed; room for at least one element, so that NULL always means that memory is full. */
void *reply_array(struct reply_memory *memory, size_t count, size_t size);
/* Never NULL: "" for an empty text, and when memory is full. */
const char *reply_string(struct reply_memory *memory, struct text text);
const char *const *reply_strings(struct reply_memory *memory, const struct text *texts,
                                 size_t count);
struct harrier_feature reply_feature(struct reply_memory *memory, const struct named_value *in);
const struct harrier_feature *reply_features(struct reply_memory *memory,
                                             const struct named_value *in, size_t count);
struct harrier_amended reply_amended(const struct amended *in);
struct harrier_decision reply_decision(struct reply_memory *memory, const struct decision *in);
