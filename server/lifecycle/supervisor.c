/* A probe that is not answered is begun again over another connection, several times within the
 * watchdog's time: one may be lost while a listener is reopened. */
#include "supervisor.h"

#include "core/base/check.h"
#include "core/wire/message/message.h"
#include "server/ops/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TICKS            16 /* in the watchdog's time; each looks for answers or begins probes */
#define TICK_US_MIN      INT64_C(10000)
#define TICK_US_MAX      INT64_C(2000000)
#define RETRIES          4 /* of a probe, in the watchdog's time */
#define LATE_SHARE       2 /* half of its time has passed: that is logged */
#define ANSWER_ARENA_MAX ((size_t)4 << 20)
#define WATCHDOG_US_MAX  (INT64_C(86400) * 1000000 * 366)

/* 0: not a number from 1 to WATCHDOG_US_MAX. */
static int64_t number_of(const char *text) {
    char *end;
    if (!text || *text < '0' || *text > '9')
        return 0;
    long long number = strtoll(text, &end, 10);
    return *end == '\0' && number > 0 && number <= WATCHDOG_US_MAX ? number : 0;
}

void supervisor_init(struct supervisor *supervisor, struct log *log) {
    const char *pid = getenv("WATCHDOG_PID");
    *supervisor = (struct supervisor){.socket = getenv("NOTIFY_SOCKET"), .log = log};
    if (supervisor->socket && (!pid || number_of(pid) == getpid()))
        supervisor->watchdog_us = number_of(getenv("WATCHDOG_USEC"));
    buffer_init(&supervisor->request);
    for (size_t i = 0; i < FRONT_PLACES_MAX; i++) {
        probe_init(&supervisor->probes[i].probe);
        buffer_init(&supervisor->probes[i].received);
    }
}

void supervisor_deinit(struct supervisor *supervisor) {
    buffer_deinit(&supervisor->request);
    for (size_t i = 0; i < FRONT_PLACES_MAX; i++) {
        probe_end(&supervisor->probes[i].probe);
        buffer_deinit(&supervisor->probes[i].received);
    }
}

/* ---- states ---- */

void supervisor_report(struct supervisor *supervisor, const char *message) {
    notify_supervisor(supervisor->socket, message);
}

void supervisor_report_ready(struct supervisor *supervisor, bool is_ready) {
    supervisor_report(supervisor, is_ready ? "READY=1\nSTATUS=ready" : "STATUS=unavailable");
    supervisor->is_told_ready |= is_ready;
}

/* Before it was ready, the end of the reload would look like the end of the start. */
void supervisor_report_reload(struct supervisor *supervisor) {
    struct timespec now;
    char message[64];
    if (!supervisor->is_told_ready)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
             (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    supervisor_report(supervisor, message);
    supervisor->is_reloading = true;
}

void supervisor_report_reloaded(struct supervisor *supervisor, struct service *service) {
    if (!supervisor->is_reloading || service_is_reloading(service))
        return;
    supervisor->is_reloading = false;
    supervisor_report(supervisor, "READY=1");
}

/* ---- the watchdog ---- */

int64_t supervisor_watch_interval_us(const struct supervisor *supervisor) {
    int64_t tick_us = supervisor->watchdog_us / TICKS;
    if (supervisor->watchdog_us == 0)
        return 0;
    return tick_us < TICK_US_MIN ? TICK_US_MIN : tick_us > TICK_US_MAX ? TICK_US_MAX : tick_us;
}

static bool refuse(struct supervisor *supervisor, const struct wire_error *error) {
    snprintf(supervisor->why_late, sizeof supervisor->why_late, "the answer is: %" TEXT_FORMAT,
             TEXT_ARGS(error->message));
    return false;
}

/* Does this answer feed the watchdog? supervisor.h has the list. */
static bool is_good(struct supervisor *supervisor, struct service *service,
                    const struct response *response) {
    if (response->error.code == ERROR_UNAVAILABLE) {
        enum service_state state = service_state(service, NULL, 0);
        bool is_excused = state == SERVICE_STARTING || state == SERVICE_UNAVAILABLE ||
                          state == SERVICE_STANDBY || state == SERVICE_DRAINING;
        return is_excused || refuse(supervisor, &response->error);
    }
    if (response->error.code != 0)
        return refuse(supervisor, &response->error);
    if (response->call != CALL_SCORE || response->score.count != 1)
        return false;
    const struct wire_error *error = &response->score.results[0].error;
    if (error->code == 0)
        return true;
    if (error->code != ERROR_INVALID)
        return refuse(supervisor, error);
    if (!supervisor->said_refused)
        log_line(supervisor->log, LOG_WARNING,
                 "the policy refuses the watchdog's transaction, so its rules are not tried: "
                 "%" TEXT_FORMAT,
                 TEXT_ARGS(error->message));
    supervisor->said_refused = true;
    return true;
}

static bool is_good_answer(struct supervisor *supervisor, struct service *service,
                           struct text answer) {
    struct arena arena;
    struct response response;
    struct error error;
    arena_init(&arena, ANSWER_ARENA_MAX);
    bool good =
        message_decode_response(answer.data, answer.length, &arena, &response, &error) == 0 &&
        is_good(supervisor, service, &response);
    arena_deinit(&arena);
    return good;
}

static void end_probe(struct supervisor_probe *it) {
    probe_end(&it->probe);
    buffer_clear(&it->received);
}

struct inner {
    struct front front; /* first: take_answer() gets a pointer to it */
    struct buffer answer;
};

static void take_answer(struct front_request *request, const void *bytes, size_t length) {
    buffer_append(&((struct inner *)request->front)->answer, bytes, length);
}

static const struct front_kind inner_kind = {.name = "inner", .reply = take_answer};

/* Past all fronts. Dry runs are answered before service_handle() returns: they wait neither for the
 * disk nor for a thread. */
static bool ask_service(struct supervisor *supervisor, struct service *service, int64_t now_us) {
    struct inner inner = {.front = {.kind = &inner_kind}};
    struct front_request request = {.front = &inner.front,
                                    .bytes = supervisor->request.bytes,
                                    .length = supervisor->request.length,
                                    .arrived_us = now_us};
    buffer_init(&inner.answer);
    service_handle(service, &request);
    bool good = is_good_answer(supervisor, service, buffer_text(&inner.answer));
    buffer_deinit(&inner.answer);
    return good;
}

/* place NULL: there is no address that can be asked. */
static void begin(struct supervisor *supervisor, struct service *service, struct front *front,
                  const struct front_place *place, struct supervisor_probe *it, int64_t now_us) {
    const struct buffer *request = &supervisor->request;
    struct probe *probe = &it->probe;
    if (place) {
        probe_begin(probe, (const struct sockaddr *)&place->where, place->length, request->bytes,
                    request->length, now_us);
    } else {
        int descriptor = front_connect_inside(front);
        if (descriptor == FRONT_NOT_INSIDE) {
            it->has_answered = ask_service(supervisor, service, now_us);
            return;
        }
        if (descriptor >= 0)
            probe_begin_over(probe, descriptor, request->bytes, request->length, now_us);
    }
    if (probe->descriptor < 0)
        snprintf(supervisor->why_late, sizeof supervisor->why_late, "no connection is possible");
}

/* One step with one address: begins a probe, or looks at the answer. */
static void advance(struct supervisor *supervisor, struct service *service, struct front *front,
                    const struct front_place *place, struct supervisor_probe *it, int64_t now_us) {
    struct text answer;
    if (it->has_answered)
        return;
    if (it->probe.descriptor >= 0) {
        int r = probe_receive(&it->probe, &it->received, &answer);
        if (r == 0 && now_us - it->probe.begun_us < supervisor->watchdog_us / RETRIES)
            return;
        if (r > 0)
            it->has_answered = is_good_answer(supervisor, service, answer);
        else
            snprintf(supervisor->why_late, sizeof supervisor->why_late, "%s",
                     r == 0 ? "a request is not answered" : "a connection is closed");
        end_probe(it);
        if (r >= 0) /* the next step begins another */
            return;
    }
    begin(supervisor, service, front, place, it, now_us);
}

/* ---- feeding ---- */

static void feed(struct supervisor *supervisor, int64_t now_us) {
    supervisor_report(supervisor, "WATCHDOG=1");
    if (supervisor->is_late)
        log_line(supervisor->log, LOG_INFO,
                 "scoring requests succeed again; the supervisor's watchdog is fed");
    supervisor->is_late = false;
    supervisor->fed_us = now_us;
    for (size_t i = 0; i < FRONT_PLACES_MAX; i++)
        supervisor->probes[i].has_answered = false;
}

void supervisor_watch(struct supervisor *supervisor, struct service *service, struct front *front,
                      int64_t now_us) {
    struct front_places places = {.count = 0};
    if (supervisor->request.length == 0) {
        service_write_scoring_probe(service, &supervisor->request);
        supervisor->fed_us = now_us;
    }
    front_find_places(front, &places);
    size_t count = places.count > 0 ? places.count : 1;
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        advance(supervisor, service, front, places.count > 0 ? &places.at[i] : NULL,
                &supervisor->probes[i], now_us);
        all &= supervisor->probes[i].has_answered;
    }
    if (all || places.is_full)
        feed(supervisor, now_us);
    else if (!supervisor->is_late &&
             now_us - supervisor->fed_us > supervisor->watchdog_us / LATE_SHARE) {
        supervisor->is_late = true;
        log_line(supervisor->log, LOG_WARNING,
                 "no scoring request of the watchdog has succeeded for %" PRId64
                 " ms (%s): the supervisor will end the process after %" PRId64 " ms",
                 (now_us - supervisor->fed_us) / 1000, supervisor->why_late,
                 supervisor->watchdog_us / 1000);
    }
}
