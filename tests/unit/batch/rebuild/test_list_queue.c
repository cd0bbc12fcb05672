/* List changes and numbers of sources, of segments that are read in any order and by several
 * threads, come to their tables in the order of their positions. */
#include "batch/rebuild/list_queue.h"
#include "tests/unit/unit.h"

#include <pthread.h>

enum { JOBS = 40, CHANGES = 50, VALUES = 30, THREADS = 4 };

static char values[VALUES][8];

/* Every job changes the same few entries: only the order tells what is there in the end. */
static struct record change_at(size_t position) {
    if (position % 4 == 0)
        return (struct record){
            .type = RECORD_TRANSACTION,
            .position = position,
            .receive_time_us = (int64_t)position,
            .transaction.transaction = {.source = text_of(values[position % 7]),
                                        .sequence = position * 7 % 3000 / (1 + position % 7)}};
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

struct tables {
    struct list_table *lists;
    struct source_table *sources;
};

static struct tables tables_new(void) {
    return (struct tables){.lists = list_table_new(), .sources = source_table_new()};
}

static void tables_free(struct tables tables) {
    list_table_free(tables.lists);
    source_table_free(tables.sources);
}

static struct tables expected_tables(void) {
    struct tables tables = tables_new();
    for (size_t i = 1; i <= JOBS * CHANGES; i++) {
        struct record record = change_at(i);
        if (record.type == RECORD_TRANSACTION)
            source_table_add(tables.sources, &record.transaction.transaction,
                             record.receive_time_us);
        else
            list_table_apply(tables.lists, &record);
    }
    return tables;
}

static void assert_equal(struct tables tables, struct tables expected) {
    assert_true(list_table_hash(tables.lists) == list_table_hash(expected.lists));
    assert_int_equal(list_table_entries(tables.lists), list_table_entries(expected.lists));
    assert_true(source_table_hash(tables.sources) == source_table_hash(expected.sources));
    assert_int_equal(source_table_count(tables.sources), 7);
}

static void do_job(struct list_queue *queue, size_t job) {
    struct error error;
    for (size_t i = 1; i <= CHANGES; i++) {
        struct record record = change_at(job * CHANGES + i);
        list_parcel_take(list_queue_parcel(queue, job), &record);
    }
    if (list_queue_finish(queue, job, &error) < 0)
        fail_msg("%s", error.text);
}

static void in_any_order(void **state) {
    (void)state;
    struct tables expected = expected_tables();
    for (size_t step = 1; step < JOBS; step += 2) { /* odd, and not 5: all jobs are met */
        if (step % 5 == 0)
            continue;
        struct tables tables = tables_new();
        struct list_queue *queue = list_queue_new(tables.lists, tables.sources, JOBS);
        for (size_t i = 0; i < JOBS; i++)
            do_job(queue, (i * step + 17) % JOBS);
        assert_equal(tables, expected);
        list_queue_free(queue);
        tables_free(tables);
    }
    tables_free(expected);
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
    struct tables expected = expected_tables(), tables = tables_new();
    struct list_queue *queue = list_queue_new(tables.lists, tables.sources, JOBS);
    struct worker workers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.queue = queue, .first = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    assert_equal(tables, expected);
    list_queue_free(queue);
    tables_free(tables);
    tables_free(expected);
}

static void what_is_not_finished_is_not_applied(void **state) {
    (void)state;
    struct tables tables = tables_new();
    struct list_queue *queue = list_queue_new(tables.lists, tables.sources, 2);
    struct record record = change_at(1);
    list_parcel_take(list_queue_parcel(queue, 0), &record); /* its reading was interrupted */
    do_job(queue, 1);
    assert_int_equal(list_table_entries(tables.lists), 0);
    assert_int_equal(source_table_count(tables.sources), 0);
    list_queue_free(queue);
    list_queue_free(list_queue_new(tables.lists, tables.sources, 0));
    tables_free(tables);
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
