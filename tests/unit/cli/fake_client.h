/* The functions of libharrier that a run calls, answered here: a server that can be made to fail,
 * and that writes down what it was asked, in order. */
#pragma once

#include "clients/c/harrier_analyst.h"

struct fake_server {
    char calls[4096]; /* "score(a b)", "outcomes(a=fraud)": one a line */
    unsigned fail_next, fail_outcomes_next,
        fail_amendments_next;          /* so many calls fail as a whole … */
    enum harrier_error_code fail_code; /* … with this */
    unsigned calls_left;               /* after so many less one, all fail with it; 0: none does */
    unsigned lose_next;                /* so many score calls are done, but their answer is lost */
    unsigned
        refuse_from;     /* of the next call, results from this index on are unavailable; 0: none */
    bool forgets;        /* what it has decided, so outcomes are refused */
    bool features;       /* decisions have them, unless they are duplicates */
    char known[4096];    /* " a b c " */
    char reported[4096]; /* outcomes and amendments that were accepted: "a=b=" */
};

extern struct fake_server fake_server;

void fake_server_reset(void);
