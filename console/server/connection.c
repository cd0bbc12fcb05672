#include "connection.h"

#include "console/database/reviews.h"
#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "server/ops/clock.h"
#include "server/ops/thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGAIN_S     5
#define AT_ONCE     100 /* outcomes in a call */
#define DEADLINE_US UINT64_C(5000000)

struct connection {
    struct connection_settings settings;
    struct harrier_client *client;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool stopping, has_work;         /* under the lock */
    bool failing;                    /* the thread's own: to log a failure once */
    _Atomic int64_t silent_until_us; /* monotonic */
};

static const struct {
    enum harrier_error_code theirs;
    enum error_code ours;
} codes[] = {
    {HARRIER_ERROR_INVALID, ERROR_INVALID},
    {HARRIER_ERROR_UNSUPPORTED, ERROR_UNSUPPORTED},
    {HARRIER_ERROR_NOT_FOUND, ERROR_NOT_FOUND},
    {HARRIER_ERROR_ID_CONFLICT, ERROR_ID_CONFLICT},
    {HARRIER_ERROR_TOO_LARGE, ERROR_TOO_LARGE},
    {HARRIER_ERROR_DEADLINE, ERROR_DEADLINE},
    {HARRIER_ERROR_UNAVAILABLE, ERROR_UNAVAILABLE},
    {HARRIER_ERROR_BUSY, ERROR_UNAVAILABLE},
    {HARRIER_ERROR_CLOSED, ERROR_UNAVAILABLE},
    {HARRIER_ERROR_OVERLOADED, ERROR_OVERLOADED},
    /* Of the console's own token: not what the person may do. */
    {HARRIER_ERROR_DENIED, ERROR_UNSUPPORTED},
};

int connection_error(const struct harrier_error *error, struct error *ret_error) {
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].theirs == error->code)
            return error_set(ret_error, codes[i].ours, "the server: %s", error->message);
    return error_set(ret_error, ERROR_INTERNAL, "the server: %s", error->message);
}

/* ---- reporting labels ---- */

static enum harrier_label label_of(const char *name) {
    for (unsigned label = 0; label < HARRIER_LABEL_COUNT; label++)
        if (strcmp(harrier_label_name((enum harrier_label)label), name) == 0)
            return (enum harrier_label)label;
    return HARRIER_LABEL_NONE;
}

/* Will the same outcome be refused again, whenever it is sent? */
static bool is_final(enum harrier_error_code code) {
    return code == HARRIER_ERROR_INVALID || code == HARRIER_ERROR_NOT_FOUND ||
           code == HARRIER_ERROR_UNSUPPORTED;
}

/* Why a label changed nothing; "": it did, or it is there already. */
static const char *find_other(const struct harrier_outcome_result *result,
                              const struct review_report *report, char *room, size_t size) {
    if (result->changed || result->previous == label_of(report->label))
        return "";
    snprintf(room, size, "not sent: meanwhile another source reported %s",
             harrier_label_name(result->previous));
    return room;
}

/* Returns how many reports are settled. */
static int settle(struct connection *connection, const struct review_report *reports, int count,
                  const struct harrier_reply *reply, struct error *ret_error) {
    int settled = 0;
    for (int i = 0; i < count; i++) {
        const struct harrier_outcome_result *result = &reply->outcomes[i];
        char other[64];
        const char *problem = result->error_code != HARRIER_OK
                                  ? result->error_message
                                  : find_other(result, &reports[i], other, sizeof other);
        if (result->error_code != HARRIER_OK && !is_final(result->error_code))
            continue;
        int r = review_reported(connection->settings.sql, reports[i].position, problem, ret_error);
        if (r < 0)
            return r;
        settled++;
    }
    return settled;
}

/* Returns how many reports are settled; 0: there are none, or the server takes none now. */
static int report_some(struct connection *connection, struct error *ret_error) {
    static const struct harrier_call_options options = {.deadline_us = DEADLINE_US};
    struct review_report reports[AT_ONCE];
    struct harrier_outcome outcomes[AT_ONCE];
    char sources[AT_ONCE][sizeof REVIEW_SOURCE + sizeof reports->person];
    struct harrier_reply *reply;
    struct harrier_error error;
    int count = reviews_unreported(connection->settings.sql, reports, AT_ONCE, ret_error);
    if (count <= 0)
        return count;
    for (int i = 0; i < count; i++) {
        snprintf(sources[i], sizeof sources[i], REVIEW_SOURCE "%s", reports[i].person);
        outcomes[i] = (struct harrier_outcome){.transaction_id = reports[i].transaction_id,
                                               .label = label_of(reports[i].label),
                                               .known_time_us = reports[i].decided_us,
                                               .source = sources[i],
                                               /* Another's may have come since: it stays. */
                                               .unless_labelled = true};
    }
    if (harrier_report_outcomes(connection->client, outcomes, (size_t)count, &options, &reply,
                                &error) < 0)
        return connection_error(&error, ret_error);
    int r = settle(connection, reports, count, reply, ret_error);
    harrier_reply_free(reply);
    return r;
}

static void report_all(struct connection *connection) {
    const struct connection_settings *settings = &connection->settings;
    struct error error;
    int r;
    if (!settings->may_report(settings->user))
        return;
    do
        r = report_some(connection, &error);
    while (r == AT_ONCE);
    if (r < 0 && !connection->failing)
        log_line(connection->settings.log, LOG_WARNING,
                 "labels cannot be reported, and are kept until they can: %s", error.text);
    connection->failing = r < 0;
}

static bool wait_for_work(struct connection *connection) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += AGAIN_S;
    pthread_mutex_lock(&connection->lock);
    if (!connection->stopping && !connection->has_work)
        pthread_cond_timedwait(&connection->woken, &connection->lock, &until);
    connection->has_work = false;
    bool goes_on = !connection->stopping;
    pthread_mutex_unlock(&connection->lock);
    return goes_on;
}

static void *run(void *user) {
    struct connection *connection = user;
    do
        report_all(connection);
    while (wait_for_work(connection));
    return NULL;
}

void connection_report(struct connection *connection) {
    pthread_mutex_lock(&connection->lock);
    connection->has_work = true;
    pthread_cond_signal(&connection->woken);
    pthread_mutex_unlock(&connection->lock);
}

/* ---- beginning and end ---- */

struct harrier_client *connection_client(struct connection *connection) {
    return connection->client;
}

void connection_note_silence(struct connection *connection, int64_t for_us) {
    connection->silent_until_us = clock_monotonic_us(&clock_system) + for_us;
}

bool connection_is_silent(const struct connection *connection) {
    return clock_monotonic_us(&clock_system) < connection->silent_until_us;
}

int connection_open(const struct connection_settings *settings, struct connection **ret_connection,
                    struct error *ret_error) {
    const struct harrier_options options = {
        .address = settings->address, .token = settings->token, .deadline_us = DEADLINE_US};
    struct harrier_client *client;
    struct harrier_error error;
    if (harrier_client_new(&options, &client, &error) < 0)
        return error_set(ret_error, ERROR_INVALID, "%s", error.message);
    struct connection *connection = check_calloc(1, sizeof *connection);
    connection->settings = *settings;
    connection->client = client;
    lock_init(&connection->lock, LOCK_CONSOLE_CONNECTION);
    pthread_cond_init(&connection->woken, NULL);
    thread_start(&connection->thread, run, connection);
    *ret_connection = connection;
    return 0;
}

void connection_stop(struct connection *connection) {
    pthread_mutex_lock(&connection->lock);
    connection->stopping = true;
    pthread_cond_signal(&connection->woken);
    pthread_mutex_unlock(&connection->lock);
    harrier_client_close(connection->client, 0);
}

void connection_close(struct connection *connection) {
    if (!connection)
        return;
    connection_stop(connection);
    pthread_join(connection->thread, NULL);
    harrier_client_free(connection->client);
    pthread_cond_destroy(&connection->woken);
    pthread_mutex_destroy(&connection->lock);
    free(connection);
}
