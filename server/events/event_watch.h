/* Events that are noticed by looking, about once a second: how a night ended, of which the server
 * learns from the summary in the data folder, and tokens that were refused, which clients can cause
 * in any number: at most one event a minute, with the counts since the one before. */
#pragma once

#include "events.h"

struct event_watch;

/* data: the data folder, kept; NULL: none. NULL if events is NULL. */
struct event_watch *event_watch_new(struct events *events, const char *data,
                                    struct metric_set *metrics, const struct clock *clock);
void event_watch_free(struct event_watch *watch); /* NULL is allowed */
/* One thread only. NULL is allowed. */
void event_watch_look(struct event_watch *watch);
