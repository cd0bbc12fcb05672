/* Which request does what, and who may make it: one table. */
#pragma once

#include "call.h"

enum {
    ROUTE_SLOW = 1,   /* waits for the server, searches, or hashes a password */
    ROUTE_POLLED = 2, /* an open page asks by itself: no sign that somebody sits in front of it */
};

struct route {
    enum web_method method;
    const char *path;
    enum role role; /* the least that may; ROLE_NONE: anybody */
    call_handler *handler;
    unsigned flags;
};

extern const struct route routes[];
extern const size_t route_count;

/* For struct web_handler; user is the struct console. Any thread. */
void routes_handle(void *user, const struct web_request *request, struct web_answer *answer);
bool routes_are_slow(void *user, const struct web_request *request);
