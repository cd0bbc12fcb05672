/* A swap's own state: what its steps (swap_run.c) and the comparison (swap_compare.c) share. */
#pragma once

#include "core/store/generation/generation.h"
#include "core/store/ingest/fold.h"
#include "core/store/overlay/overlay.h"
#include "server/base/service_state.h"
#include "server/ops/swap_state.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define SWAP_RECORDS_MAX        1000  /* applied at most while decisions wait */
#define SWAP_LOCKED_US_MAX      20000 /* that applying them may take, by the pace so far */
#define SWAP_PATIENCE_US        INT64_C(30000000)  /* of a catch-up that gains no ground */
#define SWAP_ABANDONED_PAUSE_US INT64_C(300000000) /* before the next attempt */
#define SWAP_REASON_BYTES       512

/* The pace of the catch-up: the smallest distance so far, and since when it has not shrunk. */
struct swap_pace {
    uint64_t least_behind; /* records */
    unsigned rounds;       /* since then */
    int64_t since_us;      /* monotonic */
};

/* Of reading the tables in use against their hash: swap_scrub.h. */
struct swap_scrub {
    struct generation_scrub *reading; /* NULL: it is not under way */
    uint64_t generation_id;           /* of the tables that it reads or has read last */
    int64_t again_us;                 /* monotonic: when they are read again */
};

struct swap {
    struct service *service;
    pthread_t thread;
    pthread_mutex_t lock; /* of is_asked and again */
    pthread_cond_t wanted;
    bool is_asked;
    bool again; /* also a generation that was tried before */

    /* Written by the thread under the decision lock, read by others under it. */
    enum swap_state state;
    char reason[SWAP_REASON_BYTES]; /* progress, or why it was refused */
    bool is_compared;               /* the last swap compared its two sides */
    uint64_t compared, differences; /* entities */

    /* The thread's own. */
    struct generation_mark tried; /* the last generation that a swap was begun for */
    int64_t try_again_us;         /* after an abandoned swap: not before; monotonic */
    uint64_t losses;              /* service->losses when it began */
    struct fold *fold;            /* the new side until the switch; then NULL */
    struct swap_pace pace;
    double us_per_record; /* of the last round of catching up */
    uint64_t folded;      /* records */
    int64_t began_us;
    struct states old; /* from the switch until cooling */
    struct swap_scrub scrub;
    struct overlay_view *old_view, *new_view; /* as of the switch; NULL: not to be compared */
};

/* Sets the reason that Status reports. */
void swap_set_reason(struct swap *swap, const char *text);
