/* List changes of segments that are read in any order, and by several threads, come to the table in
 * the order of their positions. */
#include "batch/rebuild/list_queue.h"
#include "tests/unit/unit.h"

#include <pthread.h>

enum { JOBS = 40, CHANGES = 50, VALUES = 30, THREADS = 4 };

static char values[VALUES][8];

/* Every job changes the same few entries: only the order tells what is there in the end. */
static struct record change_at(size_t position) {
    if (position % 5 == 0)
        return (struct record){.type = RECORD_BRAKE,
                               .position = position,
                               .receive_time_us = (int64_t)position,
                               .brake = {.rule = text_of(values[position * 7 % VALUES]),
                                         .definition = position % 2,
                                         .lifted = position % 3 == 0}};
    return (struct record){.type = RECORD_LIST_CHANGE,
                           .position = position,
                           .receive_time_us = (int64_t)position,
                           .list_change = {.list = TEXT_LITERAL("l"),
                                           .entry = text_of(values[position * 7 % VALUES]),
                                           .removed = position % 3 == 0}};
}

static struct list_table *expected_table(void) {
    struct list_table *table = list_table_new();
    for (size_t i = 1; i <= JOBS * CHANGES; i++) {
        struct record record = change_at(i);
        list_table_apply(table, &record);
    }
    return table;
}

static void do_job(struct list_queue *queue, size_t job) {
    struct error error;
    for (size_t i = 1; i <= CHANGES; i++) {
        struct record record = change_at(job * CHANGES + i);
        list_queue_put(queue, job, &record);
    }
    if (list_queue_finish(queue, job, &error) < 0)
        fail_msg("%s", error.text);
}

static void in_any_order(void **state) {
    (void)state;
    struct list_table *expected = expected_table();
    for (size_t step = 1; step < JOBS; step += 2) { /* odd, and not 5: all jobs are met */
        if (step % 5 == 0)
            continue;
        struct list_table *table = list_table_new();
        struct list_queue *queue = list_queue_new(table, JOBS);
        for (size_t i = 0; i < JOBS; i++)
            do_job(queue, (i * step + 17) % JOBS);
        assert_true(list_table_hash(table) == list_table_hash(expected));
        assert_int_equal(list_table_entries(table), list_table_entries(expected));
        list_queue_free(queue);
        list_table_free(table);
    }
    list_table_free(expected);
}

struct worker {
    pthread_t thread;
    struct list_queue *queue;
    size_t first;
};

static void *work(void *user) {
    struct worker *worker = user;
    for (size_t job = worker->first; job < JOBS; job += THREADS)
        do_job(worker->queue, job);
    return NULL;
}

static void by_several_threads(void **state) {
    (void)state;
    struct list_table *expected = expected_table(), *table = list_table_new();
    struct list_queue *queue = list_queue_new(table, JOBS);
    struct worker workers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.queue = queue, .first = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    assert_true(list_table_hash(table) == list_table_hash(expected));
    list_queue_free(queue);
    list_table_free(table);
    list_table_free(expected);
}

static void what_is_not_finished_is_not_applied(void **state) {
    (void)state;
    struct list_table *table = list_table_new();
    struct list_queue *queue = list_queue_new(table, 2);
    struct record record = change_at(1);
    list_queue_put(queue, 0, &record); /* its reading was interrupted */
    do_job(queue, 1);
    assert_int_equal(list_table_entries(table), 0);
    list_queue_free(queue);
    list_queue_free(list_queue_new(table, 0));
    list_table_free(table);
}

int main(void) {
    for (size_t i = 0; i < VALUES; i++)
        snprintf(values[i], sizeof values[i], "v%zu", i);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_any_order),
        cmocka_unit_test(by_several_threads),
        cmocka_unit_test(what_is_not_finished_is_not_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
