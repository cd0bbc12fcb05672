/* Inside libharrier: what its files know of each other. Nothing of this is exported. */
#pragma once

#include "clients/c/harrier.h"
#include "clients/c/reply.h"

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/wire/message.h"

#include <nng/nng.h>
#include <pthread.h>

#define SERVERS_MAX      2 /* the address and its fallback */
#define TOKEN_LENGTH_MAX 256

/* One address. `pipe` and what follows are under the client's mutex. */
struct server {
    struct harrier_client *client;
    char *address;
    nng_socket socket;
    int pipe;               /* id of the connection; 0: not connected */
    unsigned misses;        /* deadlines passed in a row without an answer */
    int64_t avoid_until_us; /* monotonic */
};

/* One request on its way, or a place for one. Its aio has a callback when it is pipelined;
 * otherwise the calling thread drives it. */
struct exchange {
    struct harrier_client *client;
    struct exchange *next;      /* of all */
    struct exchange *next_idle; /* of those without a request */
    bool pipelined;
    nng_aio *aio;
    nng_ctx contexts[SERVERS_MAX];
    size_t context_count;

    /* for one request */
    struct arena arena; /* what it was made of, then what the answer decodes to */
    struct buffer request;
    enum call call;
    size_t count; /* results that the answer must have */
    uint64_t deadline_us;
    int64_t deadline_at_us; /* monotonic */
    bool receiving;         /* sent; the aio waits for the answer */
    size_t server;          /* which it was or is being sent to; under the client's mutex */
    unsigned lost;          /* connections that broke after it was sent */
    nng_msg *answer;        /* at the end: this, or … */
    enum harrier_error_code failure;
    harrier_score_callback *callback;
    void *user;
};

struct harrier_client {
    struct server servers[SERVERS_MAX];
    size_t server_count;
    uint64_t deadline_us;
    size_t in_flight_max;
    bool busy_when_full;

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* an exchange became idle, or a callback returned */
    struct exchange *all, *idle, *idle_pipelined;
    size_t pipelined_count;
    size_t in_flight; /* pipelined requests whose callbacks have not returned */
    bool closing;
    char token[TOKEN_LENGTH_MAX + 1]; /* "": none */
};

int64_t monotonic_us(void);

/* client.c: places for requests */

/* Never NULL for a waiting call but when nng is out of something; then *ret_error is filled. */
struct exchange *client_take(struct harrier_client *client, struct harrier_error *ret_error);
/* NULL: BUSY, at once or at deadline_at_us, or closing. Counts as in flight from here. */
struct exchange *client_take_pipelined(struct harrier_client *client, int64_t deadline_at_us,
                                       struct harrier_error *ret_error);
void client_put(struct exchange *exchange);
void client_landed(struct harrier_client *client); /* a pipelined request's callback has returned */

/* token.c */
int token_check(const char *token, struct harrier_error *ret_error);
/* A copy of the one in force, that lives as long as the room; wipe it. */
struct text client_copy_token(struct harrier_client *client, char room[TOKEN_LENGTH_MAX + 1]);

/* exchange.c: one request's way */

/* A deadline as a caller gives it → deadline_us and deadline_at_us. */
int exchange_set_deadline(struct exchange *exchange, uint64_t deadline_us, int64_t now_us,
                          struct harrier_error *ret_error);
/* Encodes the request with what is left of the deadline. */
int exchange_encode(struct exchange *exchange, struct request *request,
                    struct harrier_error *ret_error);
/* Starts it; true: the aio is at work, and a pipelined exchange may be somebody else's already.
 * false: it has ended (answer or failure). */
bool exchange_start(struct exchange *exchange);
/* The same, after the aio has finished. */
bool exchange_advance(struct exchange *exchange);
/* The end of an exchange as the caller sees it. */
int exchange_result(struct exchange *exchange, struct harrier_reply **ret_reply,
                    struct harrier_error *ret_error);

/* submit.c */
void submit_aio_done(void *exchange);

/* convert.c: between harrier.h's structs and core/wire's */

/* What is sent points at the caller's strings; the arrays are in the arena. */
int transactions_from_public(const struct harrier_transaction *in, size_t count,
                             struct arena *arena, const struct transaction **ret_transactions,
                             struct harrier_error *ret_error);
const struct outcome *outcomes_from_public(const struct harrier_outcome *in, size_t count,
                                           struct arena *arena);
const struct list_change *list_changes_from_public(const struct harrier_list_change *in,
                                                   size_t count, struct arena *arena);

/* fail.c: filling a struct harrier_error that may be NULL; return -code */
int fail(struct harrier_error *ret_error, enum harrier_error_code code, const char *field,
         const char *format, ...) __attribute__((format(printf, 4, 5)));
int fail_from(struct harrier_error *ret_error, const struct error *error);
enum harrier_error_code public_code(enum error_code code);
