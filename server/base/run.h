/* A run: one request on its way through the service, with the memory it takes. Here is what every
 * step may use: refusing, deadlines, appending a record. run_pool.h has where runs come from and
 * how they are answered. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/wire/message/message.h"
#include "server/front/front.h"
#include "service_state.h"

/* What a step returns. DONE: the request has its result, and the rest of the steps are skipped. */
enum next { NEXT, DONE };

struct run {
    struct run *next; /* of a list: requests that came together, or that wait for the same thing */
    struct service *service;
    struct front_request *request; /* the front's; gone once it is answered */
    struct arena arena;            /* the decoded request and what the response points to */
    struct request message;
    struct response response;
    struct buffer answer;        /* the encoded response */
    size_t kept_bytes;           /* that arena and answer hold between requests */
    struct snapshot *rules;      /* a reference: the response's texts may point into it */
    struct snapshot *challenger; /* likewise, into the challenger's; NULL: there was none */
    int64_t receive_time_us;     /* wall clock, never before the archive's last record */
    bool is_done;                /* a step refused it */
    bool is_unavailable;         /* handling it changed the service's state: service_report() */
    uint64_t position_before;    /* last record in the archive when its batch was begun */
    uint64_t position_needed;    /* last record that the answer depends on: synced, then sent */
    uint64_t cuts;               /* service->replication.cuts when position_needed began to count */
    uint64_t rejected;           /* items refused */
    uint64_t features_unknown;   /* as engine_unknown() counts them, in what it decided */
    uint64_t explained_position; /* of the transaction to be explained; 0: none */
    uint64_t explained_until;    /* last record in the archive when the explanation was asked for */
    enum denial denial;          /* why the token was refused */
    bool is_probe;               /* a scoring probe of this process: counted nowhere */
    struct bearer bearer;        /* whose token it was */
    struct wire_error *protect_errors; /* of Score, by transaction; NULL: none was refused so */
    struct run_queue *queue;           /* where a thread will take it to answer it; NULL: nowhere */
    struct overlay_view *view;         /* to hash for Status; NULL: no hash was asked for */
};

/* The whole request fails. Returns DONE. field may be empty. */
enum next run_refuse(struct run *run, const struct error *error, struct text field);
/* The whole request fails because another server decides. Under the decision lock. Returns DONE. */
enum next run_refuse_standby(struct run *run);
/* One item of the request fails: returns what its result says, in the run's arena. Counts it. */
struct wire_error run_refuse_item(struct run *run, const struct error *error, struct text field);
/* The results of a request of many items, zeroed, in the arena. NULL: the request is refused. */
void *run_new_results(struct run *run, size_t count, size_t size);

/* ERROR_DEADLINE when the caller's deadline has passed. */
int run_check_deadline(const struct run *run, struct error *ret_error);
/* ERROR_INVALID when a time the caller gave is more than max_ahead ahead of ours. */
int run_check_future(const struct run *run, const char *field, int64_t time_us,
                     struct error *ret_error);

/* ---- under the decision lock ---- */

/* Appends the record and applies it. It is not written before archive_write(). */
void run_append(struct run *run, struct record *record);
/* For calls that may repeat what is known. is_change: appends and returns the position. Else
 * returns 0, and the answer waits for all records so far: the one it repeats may not be on disk,
 * and its position is not kept. */
uint64_t run_append_change(struct run *run, struct record *record, bool is_change);
/* Can it share the lock and a write with its neighbours of the same kind? Only if its answer speaks
 * of nothing but records that it waits for or that its withdrawal takes back. */
bool run_shares_write(const struct run *run);
