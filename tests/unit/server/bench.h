/* A service on a folder of its own, driven through bytes as a front would, with a clock that stands
 * still until a test moves it. */
#pragma once

#include "core/base/arena.h"
#include "core/wire/message/message.h"
#include "server/base/service.h"
#include "server/ops/metrics.h"

#include <stdatomic.h>

#define BENCH_WAIT_MS  120000 /* how long a test waits for what must come: catches a hang only */
#define BENCH_START_US INT64_C(1767225600000000) /* 2026-01-01 */
#define BENCH_SECOND   INT64_C(1000000)

struct bench_clock {
    struct clock clock; /* first */
    _Atomic int64_t wall_us, monotonic_us;
    _Atomic int64_t tick_us; /* the monotonic clock goes on by so much at each reading */
};

struct bench {
    char folder[64]; /* data folder; the policy is in FOLDER/policy */
    char path[6][128];
    struct bench_clock clock;
    struct log log;
    struct metric_set *metrics;
    struct service_settings settings; /* to be changed before bench_open() */
    struct service *service;          /* NULL: not open */
    struct arena arena;               /* of responses; until bench_deinit() */
    struct front *front;
    uint32_t deadline_us; /* of the next requests */
    int64_t arrived_ago_us;
};

/* A new folder with the policy of bench.c in it. */
void bench_init(struct bench *bench);
void bench_deinit(struct bench *bench); /* closes, and removes the folder */
/* The same for a test whose state it is. */
int bench_setup(void **state);
int bench_teardown(void **state);

/* Opens and waits until it is no longer starting; fails the test when it is not ready then. */
void bench_open(struct bench *bench);
int bench_try_open(struct bench *bench, struct error *ret_error);
void bench_close(struct bench *bench);
/* Waits for a state, some seconds at most. */
void bench_await(struct bench *bench, enum service_state state);

/* Writes a file of the policy, content and all. */
void bench_write_policy(struct bench *bench, const char *name, const char *content);
/* The rule `many` (three of a card within an hour) gives this score; 400 at first. */
void bench_write_rules(struct bench *bench, int score);

/* Publishes the current generation again without the state of the card c7: whole, but wrong, as a
 * defect of a rebuild would make it. */
void bench_publish_with_a_hole(struct bench *bench);
/* The same with all states, but it counts one outcome too many, and a source that sent nothing. */
void bench_publish_with_wrong_counts(struct bench *bench);

/* Bytes in, bytes out: waits for the answer and decodes it. */
struct response bench_send(struct bench *bench, const void *bytes, size_t length);
struct response bench_call(struct bench *bench, const struct request *request);
/* The same for requests that come together. */
#define BENCH_CALLS_MAX 64
void bench_call_all(struct bench *bench, const struct request *requests, size_t count,
                    struct response *ret_responses);
/* And in two steps, with a look between them at who has got its answer. */
struct bench_questions *bench_ask_all(struct bench *bench, const struct request *requests,
                                      size_t count);
bool bench_is_answered(struct bench_questions *asked, size_t index);
/* Waits for what is not there yet, and frees. */
void bench_take_answers(struct bench_questions *asked, struct response *ret_responses);

struct transaction bench_transaction(const char *id, int64_t seconds, const char *card,
                                     int64_t amount_minor);
/* Scores one; the result. */
struct score_result bench_score(struct bench *bench, struct transaction transaction);
struct outcome_result bench_report(struct bench *bench, const char *id, enum label label);
struct status_response bench_status(struct bench *bench); /* with state_hash */
