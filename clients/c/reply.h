/* An answer in core/wire's structs as one in harrier.h's: convert.c, explanation.c. Nothing of this
 * is exported. Without nng, so that the command line shows what it explains itself as it shows what
 * a server explains. */
#pragma once

#include "harrier.h"

#include "core/base/arena.h"
#include "core/wire/message/message.h"

#include <stdatomic.h>

/* Copies everything, so that a reply is one piece of memory of its own; NULL when it does not fit
 * the memory that one answer may take. */
struct harrier_reply *reply_new(const struct response *response);
/* One of its results as a reply of its own; the memory is freed with the last of them. */
struct harrier_reply *reply_share(struct harrier_reply *whole, size_t result);
/* Room for so many results; NULL likewise. */
struct harrier_reply *reply_new_empty(size_t result_count);

/* ---- what it is made of ---- */

struct reply_memory {
    struct harrier_reply reply; /* first: the caller's pointer is ours */
    struct arena arena;
    bool full;
    atomic_size_t holders;      /* beside the one that made it */
    struct reply_memory *whole; /* this one is a part of it, and has no memory of its own */
};

static inline struct reply_memory *reply_memory_of(struct harrier_reply *reply) {
    return (struct reply_memory *)reply;
}

/* NULL, and memory->full, when there is no room. */
void *reply_array(struct reply_memory *memory, size_t count, size_t size);
const char *reply_string(struct reply_memory *memory, struct text text);
const char *const *reply_strings(struct reply_memory *memory, const struct text *texts,
                                 size_t count);
struct harrier_feature reply_feature(struct reply_memory *memory, const struct named_value *in);
const struct harrier_feature *reply_features(struct reply_memory *memory,
                                             const struct named_value *in, size_t count);
struct harrier_decision reply_decision(struct reply_memory *memory, const struct decision *in);
/* explanation.c */
struct harrier_transaction reply_transaction(struct reply_memory *memory,
                                             const struct transaction *in);
void reply_fill_explanation(struct reply_memory *memory, const struct explanation *in);
