/* The functions of libharrier that a run calls, answered here: a server that can be made to fail,
 * and that writes down what it was asked, in order. */
#pragma once

#include "clients/c/harrier.h"

struct fake_server {
    char calls[4096];                       /* "score(a b)", "outcomes(a=fraud)": one a line */
    unsigned fail_next, fail_outcomes_next; /* so many calls fail as a whole … */
    enum harrier_error_code fail_code;      /* … with this */
    unsigned lose_next; /* so many score calls are done, but their answer is lost */
    unsigned
        refuse_from;  /* of the next call, results from this index on are unavailable; 0: none */
    bool features;    /* decisions have them, unless they are duplicates */
    char known[4096]; /* " a b c " */
};

extern struct fake_server fake_server;

void fake_server_reset(void);
