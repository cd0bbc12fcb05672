/* Taking up a new generation while decisions go on. swap_run.c has the states in their order. */
#pragma once

#include "core/store/generation/generation.h"
#include "core/store/ingest/fold.h"
#include "core/store/overlay/overlay.h"
#include "server/ops/swap_state.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define SWAP_RECORDS_MAX        1000  /* to be applied while decisions wait */
#define SWAP_LOCKED_US_MAX      20000 /* that applying them may take, as far as can be foreseen */
#define SWAP_PATIENCE_US        INT64_C(30000000)  /* without coming nearer */
#define SWAP_ABANDONED_PAUSE_US INT64_C(300000000) /* before the next try */
#define SWAP_REASON_BYTES       512

/* How the catch-up fares: how far behind it was at best, and since when it is no better. */
struct swap_pace {
    uint64_t least_behind;
    unsigned rounds;
    int64_t since_us;
};

struct swap {
    pthread_t thread;
    pthread_mutex_t lock; /* of what is asked */
    pthread_cond_t wanted;
    bool is_asked;
    bool again; /* also what was tried before */

    /* Under the decision lock. */
    enum swap_state state;
    char reason[SWAP_REASON_BYTES]; /* how far it is, or why it was refused */
    bool is_compared;               /* the last swap's sides */
    uint64_t compared, differences; /* entities */

    /* The thread's own. */
    struct generation_mark tried;
    int64_t try_again_us; /* abandoned: not before */
    uint64_t losses;      /* of the service, when it began */
    struct fold *fold;    /* the new side until the switch */
    struct swap_pace pace;
    double us_per_record;
    uint64_t folded; /* records */
    int64_t began_us;
    struct states old;
    struct overlay_view *old_view, *new_view; /* at the switch; NULL: not to be compared */
};
