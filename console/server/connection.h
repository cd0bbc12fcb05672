/* The console's connection to harrierd: one client of libharrier for all threads, with a token of
 * its own, and the thread that reports people's labels. */
#pragma once

#include "clients/c/harrier_analyst.h"
#include "console/database/sql.h"
#include "server/ops/log.h"

struct connection;

struct connection_settings {
    const char *address;
    const char *token; /* "": none */
    struct sql *sql;
    struct log *log;
    /* Is what the archive has known by now? Until then no label is reported: it may be there
     * already, or another source's may have come since. Any thread. */
    bool (*may_report)(void *user);
    void *user;
};

/* ERROR_INVALID: the address or the token. Does not wait for the server. */
int connection_open(const struct connection_settings *settings, struct connection **ret_connection,
                    struct error *ret_error);
/* Ends calls that wait for the server; later ones fail. Any thread. */
void connection_stop(struct connection *connection);
void connection_close(struct connection *connection); /* NULL is allowed */

/* For calls; any thread. */
struct harrier_client *connection_client(struct connection *connection);
/* Questions that can do without an answer: after one had none, others need not be asked for a
 * while. Any thread. */
void connection_note_silence(struct connection *connection, int64_t for_us);
bool connection_is_silent(const struct connection *connection);
/* A label was decided: it is reported now. Labels that the server does not take now are sent again
 * every few seconds, also after a restart. */
void connection_report(struct connection *connection);

/* What a call failed with, as an error of ours. */
int connection_error(const struct harrier_error *error, struct error *ret_error);
