/* One request on its way to an answer: its bytes, its deadline, its id, and where it is.
 *
 * This module has the data and the encoding. delivery/dispatch.c moves an exchange from one state
 * to the next, delivery/exchange_pool.c hands them out. */
#pragma once

#include "clients/c/exchange/client.h"

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/wire/message/message.h"
#include "core/wire/message/sp.h"

enum exchange_state {
    EXCHANGE_IDLE,    /* in the pool */
    EXCHANGE_WAITING, /* for a connection */
    EXCHANGE_PAUSED,  /* backing off before it is sent again, or until the deadline */
    EXCHANGE_QUEUED,  /* for its turn on a connection; wire_sent > 0: partly written */
    EXCHANGE_SENT,    /* to the last byte */
    EXCHANGE_ENDED
};

enum exchange_end {
    END_ANSWERED,    /* look at `answer` */
    END_SILENT,      /* the deadline passed after it had been sent */
    END_UNTAKEN,     /* the deadline passed while a connected server read nothing */
    END_UNCONNECTED, /* the deadline passed without a connection, or while it was PAUSED */
    END_BROKEN,      /* the connection broke, and no retry is left */
    END_OVERSIZED,   /* the answer exceeds MESSAGE_RESPONSE_SIZE_MAX */
    END_CLOSED       /* the client was closed */
};

/* Space before the encoded request, for what is written anew at each sending: the SP header, the
 * request id, and the message's head with the token and the time left. */
#define WIRE_HEAD_ROOM (SP_HEADER_MAX + SP_ID_SIZE + MESSAGE_HEAD_MAX)

struct exchange {
    struct harrier_client *client;
    struct exchange *next_all, *next_idle;
    struct ring place;    /* client->waiting or ->ended, or an endpoint's unsent or sent */
    struct ring follower; /* client->followers */
    pthread_cond_t woken; /* ended, or to become the leader */
    bool pipelined;       /* a callback gets the answer; otherwise the calling thread waits */
    bool probe;           /* an endpoint's own status request */
    bool leads;           /* the thread that waits for it is the leader from now on */
    struct timer timer;   /* PAUSED: when it is sent again; otherwise the deadline */

    /* of the request that it carries now */
    enum exchange_state state;
    enum exchange_end end; /* valid when ENDED */
    struct arena arena;    /* the request before it is encoded, later the decoded answer */
    struct buffer wire;    /* WIRE_HEAD_ROOM, then what message_encode_rest() wrote */
    size_t wire_from;      /* where the frame of this sending begins */
    size_t wire_sent;      /* bytes from there on that the socket took */
    char token[MESSAGE_TOKEN_MAX + 1];
    enum call call;
    size_t count; /* results that the answer must have */
    bool dry_run;
    uint64_t deadline_us;                /* as a duration, for messages */
    int64_t begun_at_us, deadline_at_us; /* monotonic_us() */
    uint32_t id;                         /* of this sending; 0: none */
    struct exchange *next_same;          /* in its bucket of client->ids */
    struct endpoint *endpoint;           /* it is or was last sent to; NULL: not yet */
    unsigned retries;
    unsigned waits;           /* for one of several standbys to become the primary */
    unsigned refusals;        /* by standbys */
    unsigned refusals_waited; /* how many there were when it last waited */
    /* By endpoint, the number of its last refusal, from 1; 0: none. Valid if there are refusals. */
    unsigned refused_at[CLIENT_ADDRESSES_MAX];
    struct endpoint *named;       /* the primary, as the last standby said; NULL: none of ours */
    unsigned broken;              /* connections that broke after it was sent */
    struct harrier_error refusal; /* the last `unavailable` or `not_primary`; code 0: none */
    bool was_sent;                /* it had been sent, at least in part, when it ended */
    bool answered_well;           /* the server answered anything but those two */
    struct buffer answer;         /* the message, without SP header and id */
    harrier_score_callback *callback;
    void *user;
};

/* Idle, and known to the client, which frees it at its end. Mutex held. */
struct exchange *exchange_new(struct harrier_client *client);
void exchange_free(struct exchange *exchange);

/* ---- preparing it: by the calling thread, without the mutex ---- */

/* deadline_us as a caller gives it: from begun_at_us on; 0: the client's. */
int exchange_set_deadline(struct exchange *exchange, uint64_t deadline_us,
                          struct harrier_error *ret_error);
/* Asks the user's function for the token, if there is one, and encodes the request. */
int exchange_encode(struct exchange *exchange, struct request *request,
                    struct harrier_error *ret_error);

/* ---- sending it: mutex held ---- */

/* Writes the frame of this sending before the encoded request: its bytes begin at wire_from.
 * stream NULL: without SP header and id, which nng adds itself. */
void exchange_write_head(struct exchange *exchange, const enum sp_stream *stream, int64_t now_us);

/* Every sending has an id of its own, so the late answer to an earlier one matches no exchange. */
void exchange_assign_id(struct exchange *exchange);
void exchange_release_id(struct exchange *exchange);                        /* if it has one */
struct exchange *exchange_find(struct harrier_client *client, uint32_t id); /* NULL: none */

/* Records the metrics of a finished call; result: 0 or the negative code. */
void exchange_record(const struct exchange *exchange, int result);
