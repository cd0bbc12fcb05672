/* Inside libharrier: what its files know of each other. Nothing of this is exported.
 *
 *   call.c submit.c batcher.c   what a user calls
 *   exchange.c                    one request's way from its sending to its end
 *   poller.c                      whose thread waits for the network, and what it does when it
 * wakes endpoint.c route.c              one address: its connection, and how it does stream.c,
 * nng.c             the bytes: SP on a socket of ours, or nng's library
 *
 * One mutex per client guards all of it. No function of a user's (fallback, token, metrics,
 * callback) is called with it held. Whoever pumps gives it up while it waits or reads. */
#pragma once

#include "harrier.h"
#include "meter.h"
#include "reply.h"
#include "ring.h"
#include "route.h"
#include "timers.h"

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/wire/message/message.h"
#include "core/wire/message/sp.h"

#include <pthread.h>
#include <sys/types.h>

#define PROBE_DEADLINE_US_MIN 100000

struct endpoint;

/* ---------------------------------------------------------------------------------------------
 * One request on its way, or a place for one */

enum exchange_state {
    EXCHANGE_IDLE,
    EXCHANGE_WAITING, /* for a connection */
    EXCHANGE_PAUSED,  /* before it is sent again */
    EXCHANGE_QUEUED,  /* for its turn on a connection */
    EXCHANGE_SENT,
    EXCHANGE_ENDED
};

enum exchange_end {
    END_ANSWERED,    /* look at `answer` */
    END_SILENT,      /* the deadline, after it had been sent */
    END_UNTAKEN,     /* the deadline, while a connected address took nothing */
    END_UNCONNECTED, /* the deadline, without a connection, or before it was sent again */
    END_BROKEN,      /* the connection broke too often */
    END_OVERSIZED,   /* the answer is larger than any may be */
    END_CLOSED       /* the client was closed */
};

/* Room before what is encoded once, for what is written at each sending. */
#define WIRE_HEAD_ROOM (SP_HEADER_MAX + SP_ID_SIZE + MESSAGE_HEAD_MAX)

struct exchange {
    struct harrier_client *client;
    struct exchange *next_all, *next_idle;
    struct ring place;    /* client->waiting, link->unsent, link->sent or client->ended */
    struct ring follower; /* client->followers */
    pthread_cond_t woken;
    bool pipelined; /* a callback gets the answer; otherwise its caller waits for it */
    bool probe;
    bool leads; /* the thread that waits here is to pump from now on */
    struct timer timer;

    /* of one request */
    enum exchange_state state;
    enum exchange_end end;
    struct arena arena; /* what it was made of, then what the answer decodes to */
    struct buffer wire; /* WIRE_HEAD_ROOM, then what message_encode_rest() wrote */
    size_t wire_from;   /* where this sending's frame begins */
    size_t wire_sent;   /* bytes of it that the socket took */
    char token[MESSAGE_TOKEN_MAX + 1];
    enum call call;
    size_t count; /* results that the answer must have */
    bool dry_run;
    uint64_t deadline_us;
    int64_t begun_at_us, deadline_at_us; /* monotonic */
    uint32_t id;                         /* of this sending; 0: none */
    struct exchange *next_same;          /* in the table of ids */
    struct endpoint *endpoint;           /* it is or was last sent to */
    unsigned retries;
    unsigned broken;              /* connections that broke after it was sent */
    struct harrier_error refusal; /* the last `unavailable` that was answered; code 0: none */
    bool was_sent;                /* when it ended */
    bool answered_well;           /* with anything but `unavailable` */
    struct buffer answer;
    harrier_score_callback *callback;
    void *user;
};

/* ---------------------------------------------------------------------------------------------
 * One address */

struct stream;
struct nng_endpoint;

struct endpoint {
    struct harrier_client *client;
    char *address;
    struct route route;
    struct ring unsent, sent; /* exchanges, in the order of sending */
    struct exchange *probe;
    struct stream *stream; /* this, or … */
    struct nng_endpoint *nng;
};

/* ---------------------------------------------------------------------------------------------
 * The whole */

struct harrier_client {
    /* as the options have it */
    uint64_t deadline_us;
    size_t in_flight_max;
    unsigned retries_max;
    bool busy_when_full;
    enum harrier_verdict fallback;
    harrier_fallback_function *fallback_function;
    void *fallback_user;
    harrier_token_function *token_function;
    void *token_user;
    pid_t process; /* that made it */

    pthread_mutex_t mutex;
    struct endpoint *endpoints;
    size_t endpoint_count;
    unsigned eject_after;
    struct meter meter;
    uint64_t random;
    char token[MESSAGE_TOKEN_MAX + 1];

    /* exchanges */
    struct exchange *all, *idle;
    struct exchange **ids; /* table of those under way, by id */
    size_t ids_mask;
    uint32_t last_id;
    struct timers timers;
    struct ring waiting;                         /* for a connection */
    struct ring ended;                           /* pipelined, for the loop to call back */
    size_t in_flight;                            /* as in_flight_max counts them */
    size_t pipelined;                            /* whose callbacks have not returned */
    size_t pipelined_awaited, pipelined_waiters; /* of harrier_wait() */
    size_t callers;                              /* threads in a call, and pipelined requests */
    size_t room_waiters;
    pthread_cond_t room;    /* in_flight fell */
    pthread_cond_t changed; /* pipelined or callers fell */
    bool closing, aborted, closed;

    /* who pumps */
    bool led;     /* somebody does */
    bool polling; /* and waits, without the mutex … */
    int64_t polling_until_us;
    int64_t pumped_at_us;  /* when somebody last looked */
    int64_t unwatched_us;  /* of a glance: for how long nobody had looked */
    struct ring followers; /* exchanges whose threads wait */
    int wake_descriptor;
    struct pollfd *polls; /* the leader's */
    bool has_loop;        /* there is a thread for callbacks, and it leads */
    bool loop_ends;
    pthread_t loop;
    pthread_cond_t loop_baton;
};

int64_t monotonic_us(void);
void condition_init(pthread_cond_t *condition); /* on the monotonic clock */
/* false: the time is over */
bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_us);

static inline void client_lock(struct harrier_client *client) {
    pthread_mutex_lock(&client->mutex);
}
static inline void client_unlock(struct harrier_client *client) {
    pthread_mutex_unlock(&client->mutex);
}
double client_random(struct harrier_client *client); /* 0 ≤ x < 1 */

/* ---- client_new.c: places for requests ---- */

/* May the caller use the client at all (this process, not from a callback)? */
int client_check(struct harrier_client *client, struct harrier_error *ret_error);
/* An idle exchange; the caller is counted as in the library from here on. */
struct exchange *client_take(struct harrier_client *client);
void client_put(struct exchange *exchange);
/* Room for one more under way; 0, -BUSY or -CLOSED. Mutex held. */
int client_admit(struct exchange *exchange, bool may_wait);
void client_release(struct exchange *exchange); /* gives the room back. Mutex held. */
struct exchange *exchange_new(struct harrier_client *client);

/* ---- exchange.c: one request's way. Mutex held unless it says otherwise. ---- */

/* A deadline as a caller gives it. Without the mutex. */
int exchange_set_deadline(struct exchange *exchange, uint64_t deadline_us,
                          struct harrier_error *ret_error);
/* Asks for the token and encodes. Without the mutex. */
int exchange_encode(struct exchange *exchange, struct request *request,
                    struct harrier_error *ret_error);
void exchange_start(struct exchange *exchange, int64_t now_us);
void exchange_dispatch(struct exchange *exchange, int64_t now_us); /* on the best address */
void exchange_send_to(struct exchange *exchange, struct endpoint *endpoint, int64_t now_us);
/* Writes this sending's frame before what is encoded: bytes from wire_from on. */
void exchange_write_head(struct exchange *exchange, const enum sp_stream *stream, int64_t now_us);
void exchange_timer_fired(struct exchange *exchange, int64_t now_us);
void exchange_broke(struct exchange *exchange, int64_t now_us); /* its connection, after sending */
void exchange_end(struct exchange *exchange, enum exchange_end end);
struct exchange *exchange_find(struct harrier_client *client, uint32_t id);

enum exchange_verdict { EXCHANGE_OVER, EXCHANGE_GOES_ON };
/* The end as the caller sees it: 0 with *ret_reply, or a failure; or EXCHANGE_GOES_ON: it is sent
 * again. Takes the mutex itself. */
enum exchange_verdict exchange_conclude(struct exchange *exchange, int *ret_result,
                                        struct harrier_reply **ret_reply,
                                        struct harrier_error *ret_error);

/* ---- endpoint.c ---- */

int endpoint_open(struct harrier_client *client, struct endpoint *endpoint, const char *address,
                  struct harrier_error *ret_error);
void endpoint_close(struct endpoint *endpoint); /* no mutex; nothing is under way */
struct endpoint *endpoint_choose(struct harrier_client *client); /* NULL: none is connected */
bool endpoint_another_is_up(const struct endpoint *endpoint);
void endpoint_up(struct endpoint *endpoint, int64_t now_us);
void endpoint_down(struct endpoint *endpoint, int64_t now_us);
void endpoint_answer(struct endpoint *endpoint, uint32_t id, const uint8_t *payload, size_t length);
void endpoint_oversized(struct endpoint *endpoint, uint32_t id, int64_t now_us);
void endpoint_failed(struct endpoint *endpoint, int64_t now_us);
void endpoint_succeeded(struct endpoint *endpoint);
void endpoint_flush(struct endpoint *endpoint, int64_t now_us);
void endpoint_forget(struct exchange *exchange);           /* it leaves the link's lists */
int64_t endpoint_next_at(const struct endpoint *endpoint); /* INT64_MAX: nothing is planned */
void endpoint_timers(struct endpoint *endpoint, int64_t now_us);
void endpoint_probed(struct endpoint *endpoint); /* its probe has ended */

/* ---- poller.c ---- */

/* Until the exchange has ended. */
void poller_until_ended(struct exchange *exchange);
/* If nobody has looked at the network for a while: looks, without waiting. */
void poller_peek(struct harrier_client *client, int64_t now_us);
/* Something that the pumping thread must know of has changed. */
void poller_wake(struct harrier_client *client);
void poller_wake_before(struct harrier_client *client, int64_t at_us);
void poller_step(struct harrier_client *client, int64_t until_us); /* as the leader */
void poller_hand_over(struct harrier_client *client);
/* Sends what is queued, for a request of the calling thread's own. */
void poller_flush(struct harrier_client *client, struct endpoint *endpoint, int64_t now_us);

/* ---- submit.c ---- */

void loop_end(struct harrier_client *client); /* no mutex */
bool loop_is_self(const struct harrier_client *client);

/* ---- fallback.c ---- */

/* A failed call as decisions of our own: 0 with *ret_reply, or the failure as it was. */
int fallback_for_call(struct exchange *exchange, int failure, struct harrier_reply **ret_reply,
                      struct harrier_error *ret_error);
void fallback_for_results(struct exchange *exchange, struct harrier_reply *reply);

/* ---- convert.c: between harrier.h's structs and core/wire's ---- */

/* What is sent points at the caller's strings; the arrays are in the arena. */
int transactions_from_public(const struct harrier_transaction *in, size_t count,
                             struct arena *arena, const struct transaction **ret_transactions,
                             struct harrier_error *ret_error);
const struct outcome *outcomes_from_public(const struct harrier_outcome *in, size_t count,
                                           struct arena *arena);
const struct list_change *list_changes_from_public(const struct harrier_list_change *in,
                                                   size_t count, struct arena *arena);
int token_check(const char *token, struct harrier_error *ret_error);
/* NULL or not as the standard has it: absent */
struct text traceparent_from_public(const char *traceparent);

/* ---- fail.c: filling a struct harrier_error that may be NULL; return -code ---- */

int fail(struct harrier_error *ret_error, enum harrier_error_code code, const char *field,
         const char *format, ...) __attribute__((format(printf, 4, 5)));
int fail_from(struct harrier_error *ret_error, const struct error *error);
/* The same, for what may have been decided. */
int fail_unsettled(struct harrier_error *ret_error, int failure);
enum harrier_error_code public_code(enum error_code code);
