/* One attempt to deliver some events to one destination, on the loop of the events' thread: what
 * event_url.c and event_command.c have in common. One attempt at a time for each destination. */
#pragma once

#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_destination;

/* Called once for each start, from the loop and never from within start. problem: "" if they were
 * delivered. */
typedef void event_delivered(void *user, const char *problem);

/* A kind of destination; the struct is the first member of its own. */
struct event_destination {
    const char *name; /* "event_url", "event_command": the option, and the label in metrics */
    event_delivered *delivered;
    void *user;
    /* Begins an attempt. The body stays valid until delivered() or abandon(). */
    void (*start)(struct event_destination *self, struct text body, size_t count);
    /* Ends the attempt under way, if any, without a call of delivered(). */
    void (*abandon)(struct event_destination *self);
    void (*free)(struct event_destination *self); /* abandons, too */
};
