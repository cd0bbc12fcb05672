/* What the scenarios of both fronts share: a front of the scheme under test, a handler that does
 * what a request's first letter says, and a thread that answers later. The client writes SP itself
 * (raw_client.h).
 *
 * Where nng's library differs by design, a scenario is left out for it, or says what nng does
 * instead:
 *
 *   hops            nng lets through one hop less
 *   half-closing    nng closes the connection when the client ends its side; so does libevent's TLS
 *   back-pressure   with nng one client that takes no answers holds up all others: its answers keep
 *                   every context
 *   limits          nng has no limit on connections, on memory for all of them, on slots for one of
 *                   them, on idle ones or on those that stall
 *   descriptors     what nng does without any is its own business
 *   storms over ipc nng before 1.6 loses its listener, and the watchdog opens it again */
#pragma once

#include "late_clock.h"
#include "raw_client.h"
#include "server/front/front.h"
#include "server/ops/metrics.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>

#define SLOTS     8
#define BYTES_MAX 20000 /* more than a piece of memory has at first */
#define ID        UINT32_C(0x80000000)

extern const char *scheme; /* tcp, ipc, tls+tcp, nng+tcp or nng+ipc */
extern bool is_nng, is_tls;

struct front_bench {
    char folder[64], address[96];
    const char *addresses[1];
    char cert[96], key[96];
    struct ssl_ctx_st *tls;
    struct log log;
    struct metric_set *metrics;
    struct late_clock clock;
    struct front_settings settings;
    struct front *front;
    pthread_mutex_t lock;
    pthread_t answerer;
    bool ending, releasing; /* under the lock */
    struct front_request *held[SLOTS], *later[SLOTS];
    size_t held_count, later_count;
    atomic_size_t served;
};

/* The handler answers "+" and the request; "b70000" with so many bytes; "h" only when the bench
 * releases it; "l" a little later, from another thread, the last first. */

void front_bench_open(struct front_bench *bench);
void front_bench_reopen(struct front_bench *bench);
/* Until that many requests with an "h" have come. */
void front_bench_await_held(struct front_bench *bench, size_t count);
/* Answers the one that was handed over as the index-th. */
void front_bench_release(struct front_bench *bench, size_t index);
void front_bench_release_all(struct front_bench *bench);

/* Connected, with the greetings exchanged, and without. */
struct raw_client front_bench_dial(struct front_bench *bench);
struct raw_client front_bench_knock(struct front_bench *bench);
/* nng before 1.6 loses its ipc listener when a client goes at once; the watchdog brings it back. */
bool front_bench_may_go_deaf(void);
void front_bench_expect_alive(struct front_bench *bench);
/* Waits until so many connections have ended so: the other side sees the end before it is counted.
 */
void front_bench_expect_ending(struct front_bench *bench, enum ending ending, int64_t count);

/* ---- which scenarios, for whom ---- */

enum scope {
    ALL,
    OURS = 1, /* not the library's: see the top */
    PLAIN = 2,
    IPC = 4,
};

struct scenario {
    int scope;
    struct CMUnitTest test;
};

int front_bench_setup(void **state);
int front_bench_teardown(void **state);
#define SCENARIO(scope, name)                                                                      \
    { scope, cmocka_unit_test_setup_teardown(name, front_bench_setup, front_bench_teardown) }

#define SCENARIOS_MAX 32
/* main() of a program with the scheme as its argument. */
int front_bench_run(int argc, char **argv, const struct scenario *scenarios, size_t count);
