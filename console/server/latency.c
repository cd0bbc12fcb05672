#include "latency.h"

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "core/base/lock_order.h"
#include "server/net/address.h"
#include "server/ops/clock.h"
#include "server/ops/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVERY_S     5
#define SAMPLES     13 /* a minute */
#define BOUNDS_MAX  64
#define ANSWER_MOST ((size_t)4 << 20)
#define PATIENCE_S  2
#define BUCKET      "harrierd_request_duration_seconds_bucket{call=\"score\",le=\""

/* The histogram as it was read once. */
struct sample {
    int64_t at_us; /* monotonic */
    size_t bounds;
    double seconds[BOUNDS_MAX];  /* upper bounds; the last one is infinite */
    uint64_t counts[BOUNDS_MAX]; /* of requests up to the bound */
};

struct latency {
    char *address;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool stopping; /* under the lock, as the rest */
    struct sample samples[SAMPLES];
    size_t count, next;
    char problem[1024];
};

/* ---- asking ---- */

/* Numbers, or localhost: the admin address is hardly ever elsewhere, and a resolver may hang. */
static int parse_address(const char *address, struct sockaddr_storage *ret_where,
                         socklen_t *ret_length, struct error *ret_error) {
    struct sockaddr_in *four = (struct sockaddr_in *)ret_where;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret_where;
    char host[256];
    uint16_t port;
    int r = address_split(address, host, sizeof host, &port, ret_error);
    if (r < 0)
        return r;
    *ret_where = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &four->sin_addr) ==
        1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        *ret_length = sizeof *four;
    } else if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        *ret_length = sizeof *six;
    } else {
        return error_set(ret_error, ERROR_INVALID,
                         "\"%s\" (expected an address in numbers, or localhost)", host);
    }
    return 0;
}

int latency_check(const char *address, struct error *ret_error) {
    struct sockaddr_storage where;
    socklen_t length;
    return parse_address(address, &where, &length, ret_error);
}

static int open_socket(const char *address, struct error *ret_error) {
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_storage where;
    socklen_t length;
    int r = parse_address(address, &where, &length, ret_error);
    if (r < 0)
        return r;
    int descriptor = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s", address);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience,
               sizeof patience); /* connect(), too */
    if (connect(descriptor, (const struct sockaddr *)&where, length) == 0)
        return descriptor;
    int number = errno;
    close(descriptor);
    return error_set_errno(ret_error, number, "%s", address);
}

static int fetch(const char *address, struct buffer *answer, struct error *ret_error) {
    static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
    int descriptor = open_socket(address, ret_error);
    if (descriptor < 0)
        return descriptor;
    ssize_t got = send(descriptor, request, sizeof request - 1, MSG_NOSIGNAL);
    while (got > 0 && answer->length < ANSWER_MOST) {
        uint8_t *room = buffer_reserve(answer, 1 << 16);
        got = recv(descriptor, room, 1 << 16, 0);
        if (got > 0)
            answer->length += (size_t)got;
    }
    int number = errno;
    close(descriptor);
    if (got != 0)
        return error_set_errno(ret_error, got < 0 ? number : EMSGSIZE, "%s", address);
    buffer_append_u8(answer, '\0');
    return 0;
}

/* ---- reading ---- */

static int read_sample(const char *answer, struct sample *ret_sample, struct error *ret_error) {
    const char *at = answer;
    ret_sample->bounds = 0;
    while ((at = strstr(at, BUCKET)) && ret_sample->bounds < BOUNDS_MAX) {
        char *end;
        at += strlen(BUCKET);
        double bound = strtod(at, &end); /* "+Inf", too */
        const char *value = strchr(end, ' ');
        if (end == at || strncmp(end, "\"}", 2) != 0 || !value)
            break;
        ret_sample->seconds[ret_sample->bounds] = bound;
        ret_sample->counts[ret_sample->bounds++] = strtoull(value + 1, NULL, 10);
    }
    if (ret_sample->bounds == 0)
        return error_set(ret_error, ERROR_INVALID, "these are no metrics of harrierd");
    return 0;
}

static void take(struct latency *latency, int r, const struct sample *sample,
                 const struct error *error) {
    pthread_mutex_lock(&latency->lock);
    if (r < 0) {
        latency->count = 0; /* a server that was started again counts from 0 */
        snprintf(latency->problem, sizeof latency->problem, "%s", error->text);
    } else {
        latency->samples[latency->next] = *sample;
        latency->next = (latency->next + 1) % SAMPLES;
        latency->count += latency->count < SAMPLES;
        *latency->problem = '\0';
    }
    pthread_mutex_unlock(&latency->lock);
}

static bool wait_for_next(struct latency *latency) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += EVERY_S;
    pthread_mutex_lock(&latency->lock);
    if (!latency->stopping)
        pthread_cond_timedwait(&latency->woken, &latency->lock, &until);
    bool goes_on = !latency->stopping;
    pthread_mutex_unlock(&latency->lock);
    return goes_on;
}

static void *run(void *user) {
    struct latency *latency = user;
    struct buffer answer;
    struct error error;
    buffer_init(&answer);
    do {
        struct sample sample = {.at_us = clock_monotonic_us(&clock_system)};
        buffer_clear(&answer);
        int r = fetch(latency->address, &answer, &error);
        if (r == 0)
            r = read_sample((const char *)answer.bytes, &sample, &error);
        take(latency, r, &sample, &error);
    } while (wait_for_next(latency));
    buffer_deinit(&answer);
    return NULL;
}

/* ---- writing ---- */

/* Both samples have the same bounds, or the first one is none: then it counts from 0. */
static void write_quantile(const struct sample *first, const struct sample *last, double share,
                           const char *key, struct buffer *out) {
    size_t end = last->bounds - 1;
    uint64_t all = last->counts[end] - first->counts[end];
    size_t i = 0;
    while (i < end && (double)(last->counts[i] - first->counts[i]) < share * (double)all)
        i++;
    if (all == 0 || i == end)
        json_add_number(out, key, "null");
    else
        json_add_unsigned(out, key, (uint64_t)(last->seconds[i] * 1e6 + 0.5));
}

static void write_counted(const struct latency *latency, struct buffer *out) {
    const struct sample *last = &latency->samples[(latency->next + SAMPLES - 1) % SAMPLES];
    const struct sample *first =
        &latency->samples[(latency->next + SAMPLES - latency->count) % SAMPLES];
    size_t end = last->bounds - 1;
    /* Counts that went back are of a server that was started in between. */
    bool is_one = first->bounds == last->bounds && first->counts[end] <= last->counts[end];
    const struct sample none = {.at_us = last->at_us};
    first = is_one ? first : &none;
    json_add_unsigned(out, "requests", last->counts[end] - first->counts[end]);
    json_add_unsigned(out, "seconds", (uint64_t)(last->at_us - first->at_us) / 1000000);
    write_quantile(first, last, 0.5, "p50_us", out);
    write_quantile(first, last, 0.99, "p99_us", out);
}

void latency_write(struct latency *latency, struct buffer *out) {
    if (!latency) {
        json_add_number(out, "latency", "null");
        return;
    }
    pthread_mutex_lock(&latency->lock);
    json_begin_object(out, "latency");
    if (latency->count >= 2)
        write_counted(latency, out);
    else
        json_add_number(out, "requests", "null");
    json_add_text(out, "problem", text_of(latency->problem));
    json_end_object(out);
    pthread_mutex_unlock(&latency->lock);
}

/* ---- beginning and end ---- */

struct latency *latency_open(const char *address) {
    if (!address)
        return NULL;
    struct latency *latency = check_calloc(1, sizeof *latency);
    latency->address = text_copy(text_of(address));
    lock_init(&latency->lock, LOCK_CONSOLE_LATENCY);
    pthread_cond_init(&latency->woken, NULL);
    thread_start(&latency->thread, run, latency);
    return latency;
}

void latency_close(struct latency *latency) {
    if (!latency)
        return;
    pthread_mutex_lock(&latency->lock);
    latency->stopping = true;
    pthread_cond_signal(&latency->woken);
    pthread_mutex_unlock(&latency->lock);
    pthread_join(latency->thread, NULL);
    pthread_cond_destroy(&latency->woken);
    pthread_mutex_destroy(&latency->lock);
    free(latency->address);
    free(latency);
}
