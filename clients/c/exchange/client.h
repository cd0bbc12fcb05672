/* The state that all parts of libharrier share. Nothing of this is exported.
 *
 * Folders, lowest first; each uses the ones before it:
 *   base/      clock, lists, timers, errors, metrics
 *   convert/   structs of harrier.h <-> structs of core/wire
 *   exchange/  the client's state; one request with its bytes and its id
 *   transport/ the bytes of one connection: SP on a socket, or nng's library
 *   delivery/  the endpoints, the course of a request from sending to its end, the poller
 *   .          what a user calls: client_new.c, call.c, submit.c, loop.c, batcher.c
 * A transport reports what happens on its connection upwards, through the functions in
 * transport/transport.h; everything else is called from above.
 *
 * Locking: one mutex per client guards all of struct harrier_client, its endpoints and its
 * exchanges. Functions in here are called with it held unless their comment says otherwise. No
 * function of the user's (fallback, token, metrics, callback) is called with it held. The poller
 * releases it while it waits for the network and while it reads. */
#pragma once

#include "clients/c/base/meter.h"
#include "clients/c/base/ring.h"
#include "clients/c/base/timers.h"
#include "clients/c/harrier.h"

#include "core/wire/message/message.h"

#include <pthread.h>
#include <sys/types.h>

#define CLIENT_ADDRESSES_MAX 16

struct endpoint;
struct exchange;
struct tls_context;

struct harrier_client {
    /* options: never change, and may be read without the mutex */
    uint64_t deadline_us;
    size_t in_flight_max;
    unsigned retries_max;
    unsigned eject_after;
    bool busy_when_full;
    enum harrier_verdict fallback;
    harrier_fallback_function *fallback_function;
    void *fallback_user;
    harrier_token_function *token_function;
    void *token_user;
    struct tls_context *tls; /* NULL: no address needs it */
    pid_t process;           /* that made the client; a child of fork() must not use it */

    pthread_mutex_t mutex;
    struct endpoint *endpoints; /* in the order of preference */
    size_t endpoint_count;
    struct meter meter;
    uint64_t random; /* state of client_random() */
    char token[MESSAGE_TOKEN_MAX + 1];

    /* exchanges */
    struct exchange *all, *idle; /* never freed before the client is; idle ones are reused */
    struct exchange **ids;       /* hash table of those under way, by request id */
    size_t ids_mask;             /* number of buckets - 1 */
    uint32_t last_id;
    struct timers timers;
    struct ring waiting; /* for a connection */
    struct ring ended;   /* pipelined ones whose callbacks the loop has yet to run */
    size_t in_flight;    /* admitted and not released: what in_flight_max bounds */
    size_t pipelined;    /* submitted, and their callbacks have not returned */
    size_t pipelined_awaited, pipelined_waiters; /* of harrier_wait() */
    size_t callers; /* exchanges taken and not put back: close() waits for them */
    size_t room_waiters;
    pthread_cond_t room;    /* in_flight fell, or the client closes */
    pthread_cond_t changed; /* pipelined or callers fell */
    bool closing;           /* new calls are refused */
    bool aborted;           /* the patience of close() is over: everything ends */
    bool closed;

    /* the poller, see delivery/poller.c */
    bool led;                 /* a thread is the leader */
    bool polling;             /* and waits for the network, without the mutex ... */
    int64_t polling_until_us; /* until then; INT64_MIN: it has been woken */
    int64_t polled_at_us;     /* when a leader last looked at the network */
    int64_t unwatched_us;     /* of poller_peek(): for how long no leader had looked; 0 otherwise */
    struct ring followers;    /* exchanges whose threads wait for the leader */
    int wake_descriptor;      /* an eventfd; -1: none */
    struct pollfd *polls;     /* the leader's: [0] the eventfd, then one per endpoint */

    /* the loop, see loop.c */
    bool has_loop; /* there is a thread for callbacks, and it is the leader for good */
    bool loop_ends;
    pthread_t loop;
    pthread_cond_t loop_baton; /* the leader before the loop has stopped */
};

static inline void client_lock(struct harrier_client *client) {
    pthread_mutex_lock(&client->mutex);
}
static inline void client_unlock(struct harrier_client *client) {
    pthread_mutex_unlock(&client->mutex);
}

/* 0 <= x < 1, for jitter. */
double client_random(struct harrier_client *client);

/* Fails in a child of fork(). Without the mutex. */
int client_check(struct harrier_client *client, struct harrier_error *ret_error);
