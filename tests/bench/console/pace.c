/* Sends payments to harrierd at a steady pace, whatever the answers take: each one's time counts
 * from the moment at which it was due, so that a server that stalls is charged for all that it
 * delayed.
 *
 * usage: pace ADDRESS PER_SECOND SECONDS PREFIX
 *
 * Prints one line of JSON: how many were answered, how many failed, and the time in microseconds
 * within which half, 99 % and 99.9 % of them were answered. */
#include "clients/c/harrier.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEADLINE_US UINT64_C(10000000)
#define CARDS       20000
#define MERCHANTS   500
#define IN_FLIGHT   10000

struct payment {
    int64_t due_ns, took_ns; /* took_ns -1: it failed */
};

static int64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void on_answer(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    struct payment *payment = user;
    bool is_good = !error && reply->result_count == 1 && reply->results[0].error_code == HARRIER_OK;
    payment->took_ns = is_good ? now_ns(CLOCK_MONOTONIC) - payment->due_ns : -1;
    harrier_reply_free(reply);
}

/* A generator of its own: the same payments in every round but for their ids. */
static uint64_t next_random(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static void sleep_until(int64_t at_ns) {
    const struct timespec until = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
        ;
}

static void submit(struct harrier_client *client, struct payment *payment, const char *prefix,
                   size_t number, uint64_t *random) {
    static const struct harrier_score_options options = {.deadline_us = DEADLINE_US};
    char id[96], card[32], merchant[32];
    struct harrier_error error;
    snprintf(id, sizeof id, "%s-%zu", prefix, number);
    snprintf(card, sizeof card, "c%" PRIu64, next_random(random) % CARDS);
    snprintf(merchant, sizeof merchant, "m%" PRIu64, next_random(random) % MERCHANTS);
    const struct harrier_transaction transaction = {
        .id = id,
        .event_time_us = now_ns(CLOCK_REALTIME) / 1000,
        .amount_minor = (int64_t)(next_random(random) % 100000) + 1,
        .currency = "EUR",
        .card = card,
        .merchant = merchant,
    };
    if (harrier_score_submit(client, &transaction, 1, &options, on_answer, payment, &error) < 0)
        payment->took_ns = -1;
}

static int compare(const void *a, const void *b) {
    const struct payment *first = a, *second = b;
    return (first->took_ns > second->took_ns) - (first->took_ns < second->took_ns);
}

static void print(struct payment *payments, size_t count) {
    size_t failed = 0;
    qsort(payments, count, sizeof *payments, compare);
    while (failed < count && payments[failed].took_ns < 0)
        failed++;
    size_t good = count - failed;
    const struct payment *first = payments + failed;
    if (good == 0) {
        printf("{\"answered\": 0, \"failed\": %zu}\n", failed);
        return;
    }
    printf("{\"answered\": %zu, \"failed\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"p999_us\": %.1f}\n",
           good, failed, (double)first[good / 2].took_ns / 1e3,
           (double)first[good * 99 / 100].took_ns / 1e3,
           (double)first[good * 999 / 1000].took_ns / 1e3);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fputs("usage: pace ADDRESS PER_SECOND SECONDS PREFIX\n", stderr);
        return 64;
    }
    const size_t rate = strtoul(argv[2], NULL, 10), count = rate * strtoul(argv[3], NULL, 10);
    const struct harrier_options options = {.address = argv[1], .in_flight_max = IN_FLIGHT};
    struct harrier_client *client;
    struct harrier_error error;
    uint64_t random = 1;
    if (count == 0 || harrier_client_new(&options, &client, &error) < 0) {
        fprintf(stderr, "pace: %s\n", count == 0 ? "expected numbers" : error.message);
        return 64;
    }
    struct payment *payments = check_calloc(count, sizeof *payments);
    const int64_t start_ns = now_ns(CLOCK_MONOTONIC) + 100000000;
    for (size_t i = 0; i < count; i++) {
        payments[i].due_ns = start_ns + (int64_t)(i * 1000000000 / rate);
        if (payments[i].due_ns > now_ns(CLOCK_MONOTONIC))
            sleep_until(payments[i].due_ns);
        submit(client, &payments[i], argv[4], i, &random);
    }
    harrier_drain(client);
    print(payments, count);
    harrier_client_free(client);
    free(payments);
    return 0;
}
