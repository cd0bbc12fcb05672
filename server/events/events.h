/* Events, sent to others: the options event_url and event_command (docs/operations/
 * logs-and-events.md describes what they get).
 *
 * Nothing here is ever in the way of a decision. An event is a row of JSON that goes into a queue
 * of fixed size for each destination; one that finds no room is dropped and counted. A thread of
 * its own delivers them in their order, as many together as have come meanwhile, and tries a few
 * times. When the process stops, it has two seconds for what is left.
 *
 * An event is sent once, unless an attempt fails after the receiver has taken it; then the
 * same id comes again. Events that are waiting when the process is killed are lost: what must not
 * be missed is in the archive. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "core/base/metric.h"
#include "core/wire/types/transaction.h"
#include "event_kind.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

#include <stdbool.h>

#define EVENT_QUEUE_MIN (64 << 10) /* of queue_size */
#define EVENT_ROW_MAX   (32 << 10) /* larger ones are dropped */

/* What of a transaction verdict events contain; bits. */
#define EVENT_FIELD_AMOUNT   (UINT32_C(1) << FIELD_COUNT) /* amount_minor and currency */
#define EVENT_FIELD_TIME     (UINT32_C(2) << FIELD_COUNT) /* event_time */
#define EVENT_FIELD_LOCATION (UINT32_C(4) << FIELD_COUNT)
#define EVENT_FIELD_REASONS  (UINT32_C(8) << FIELD_COUNT) /* their texts may have values in them */

struct events_settings {
    const char *url, *command; /* ""; none */
    uint32_t kinds;            /* of event_kind_bit() */
    uint32_t fields;           /* bits 1 << FIELD_CARD …, EVENT_FIELD_AMOUNT … */
    const char *secret;        /* file; "": nothing is signed */
    const char *ca;            /* file; "": the system's */
    int64_t timeout_us;        /* of an attempt */
    size_t queue_size;         /* bytes, for each destination */
    const char *server;        /* the name of this server */
    int64_t retry_us;          /* for tests: the first pause; 0: a second */
    const struct clock *clock;
    struct log *log;
    struct metric_set *metrics;
};

struct events;

/* Adds the field to *fields. ERROR_INVALID: no such name; the message lists them all. */
int events_field_add(struct text name, uint32_t *fields, struct error *ret_error);

/* Everything that events_open() refuses, but for the files of secret and ca. */
int events_check(const struct events_settings *settings, struct error *ret_error);

/* Reads the files, and forks the process that starts the command: called before the sandbox is
 * entered, and while there is one thread. Events wait until events_start(). Texts are copied.
 * *ret_events is NULL if there is no destination. ERROR_INVALID, ERROR_SYSTEM. */
int events_open(const struct events_settings *settings, struct events **ret_events,
                struct error *ret_error);
/* Starts the thread that delivers. NULL is allowed. */
void events_start(struct events *events);
/* Waits up to two seconds for what is left. NULL is allowed. */
void events_close(struct events *events);

/* Is the kind to be sent? NULL: no. Any thread. */
bool events_want(const struct events *events, enum event_kind kind);
uint32_t events_fields(const struct events *events);

/* Begins a row, to which the caller adds members with json_add_…(), and queues it. Any thread,
 * under any lock: neither waits. events_want() must be true. */
void events_begin(struct events *events, enum event_kind kind, struct buffer *ret_row);
void events_send(struct events *events, struct buffer *row); /* frees the row */
