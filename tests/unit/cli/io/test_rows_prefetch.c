/* Rows that a thread reads ahead: the same as read one by one, whatever the pace of either side. */
#include "clients/cli/io/rows_prefetch.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS 3000 /* more than all batches hold */

static char folder[64];

static const char *path_of(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int setup(void **state) {
    (void)state;
    strcpy(folder, "/tmp/harrier-ahead-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    return 0;
}

/* Of every hundred rows one has an amount that is none. */
static bool is_bad(unsigned row) {
    return row % 100 == 42;
}

static void write_row(FILE *out, unsigned row) {
    fprintf(out, "t%u,2026-01-01T00:00:%02uZ,%s,EUR,c%u\n", row, row % 60,
            is_bad(row) ? "none" : "12.50", row % 10);
}

static void write_rows(const char *name, unsigned count) {
    FILE *out = fopen(path_of(name), "w");
    assert_non_null(out);
    fputs("id,event_time,amount,currency,card\n", out);
    for (unsigned i = 0; i < count; i++)
        write_row(out, i);
    fclose(out);
}

static void open_file(struct mapped_file *file, const char *path) {
    struct error error;
    if (mapped_file_open(file, path, NULL, ROW_FORMAT_CSV, MAPPED_TRANSACTIONS, &error) < 0)
        fail_msg("%s", error.text);
}

static void expect_row(const struct prefetched_row *row, unsigned number) {
    char id[16];
    snprintf(id, sizeof id, "t%u", number);
    assert_int_equal(row->original.line, number + 2);
    if (is_bad(number)) {
        assert_non_null(row->error);
        assert_non_null(strstr(row->error->text, "amount"));
        return;
    }
    assert_null(row->error);
    assert_true(text_is(row->row.transaction.id, id));
    assert_int_equal(row->row.transaction.amount_minor, 1250);
    assert_int_equal(row->row.transaction.event_time_us,
                     INT64_C(1767225600000000) + number % 60 * INT64_C(1000000));
}

/* slow: pauses now and then, so that the thread waits for us; else we wait for it. */
static void read_all(bool slow) {
    static const int stop = 0;
    struct mapped_file file;
    const struct prefetched_row *row;
    struct error error;
    uint64_t done, total, before = 0;
    open_file(&file, path_of("rows.csv"));
    struct rows_prefetch *ahead = rows_prefetch_start(&file, true);
    for (unsigned i = 0; i < ROWS; i++) {
        assert_int_equal(rows_prefetch_next(ahead, &stop, &row, &error), 1);
        expect_row(row, i);
        rows_prefetch_extent(ahead, &done, &total);
        assert_true(done >= before && done <= total);
        before = done;
        if (slow && i % 300 == 0)
            usleep(2000);
    }
    assert_int_equal(rows_prefetch_next(ahead, &stop, &row, &error), 0);
    assert_int_equal(rows_prefetch_next(ahead, &stop, &row, &error), 0); /* and stays so */
    rows_prefetch_extent(ahead, &done, &total);
    assert_int_equal(done, total);
    rows_prefetch_stop(ahead);
    mapped_file_close(&file);
}

static void all_rows_in_their_order(void **state) {
    (void)state;
    write_rows("rows.csv", ROWS);
    read_all(false);
    read_all(true);
}

static void stopped_at_any_point(void **state) {
    (void)state;
    static const int stop = 0;
    write_rows("rows.csv", ROWS);
    for (unsigned taken = 0; taken < 2000; taken += 97) {
        struct mapped_file file;
        const struct prefetched_row *row;
        struct error error;
        open_file(&file, path_of("rows.csv"));
        struct rows_prefetch *ahead = rows_prefetch_start(&file, true);
        for (unsigned i = 0; i < taken; i++) {
            assert_int_equal(rows_prefetch_next(ahead, &stop, &row, &error), 1);
            expect_row(row, i);
        }
        rows_prefetch_stop(ahead);
        mapped_file_close(&file);
    }
    rows_prefetch_stop(NULL);
}

static void a_file_without_rows(void **state) {
    (void)state;
    static const int stop = 0;
    struct mapped_file file;
    const struct prefetched_row *row;
    struct error error;
    write_rows("none.csv", 0);
    open_file(&file, path_of("none.csv"));
    struct rows_prefetch *ahead = rows_prefetch_start(&file, true);
    assert_int_equal(rows_prefetch_next(ahead, &stop, &row, &error), 0);
    rows_prefetch_stop(ahead);
    mapped_file_close(&file);
}

/* ---- a pipe: whoever writes it takes their time ---- */

struct writer {
    char path[128];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned allowed; /* rows */
    bool closed;
};

static void *write_pipe(void *user) {
    struct writer *writer = user;
    FILE *out = fopen(writer->path, "w");
    assert_non_null(out);
    fputs("id,event_time,amount,currency,card\n", out);
    fflush(out);
    for (unsigned i = 0;; i++) {
        pthread_mutex_lock(&writer->lock);
        while (writer->allowed == i && !writer->closed)
            pthread_cond_wait(&writer->changed, &writer->lock);
        bool is_end = writer->allowed == i;
        pthread_mutex_unlock(&writer->lock);
        if (is_end)
            break;
        write_row(out, i);
        fflush(out);
    }
    fclose(out);
    return NULL;
}

static void allow(struct writer *writer, unsigned rows, bool closed) {
    pthread_mutex_lock(&writer->lock);
    writer->allowed = rows;
    writer->closed = closed;
    pthread_cond_signal(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}

/* Each row comes although the next one is not written before it was taken. */
static void rows_of_a_pipe_are_not_held_back(void **state) {
    (void)state;
    static const int stop = 0;
    struct writer writer = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .allowed = 2};
    struct mapped_file file;
    const struct prefetched_row *row;
    struct error error;
    strcpy(writer.path, path_of("pipe"));
    assert_int_equal(mkfifo(writer.path, 0600), 0);
    assert_int_equal(pthread_create(&writer.thread, NULL, write_pipe, &writer), 0);
    open_file(&file, writer.path);
    struct rows_prefetch *ahead = rows_prefetch_start(&file, true);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(rows_prefetch_next(ahead, &stop, &row, &error), 1);
        expect_row(row, i);
        /* A reader of lines may look one ahead to know where a row ends. */
        allow(&writer, i + 3, false);
    }
    /* Nothing more comes: only being told to stop ends the wait. */
    const int stopped = 1;
    while (rows_prefetch_next(ahead, &stopped, &row, &error) == 1)
        continue;
    assert_int_equal(error.code, ERROR_INTERRUPTED);
    usleep(50000);             /* by now it reads, and there is nothing */
    rows_prefetch_stop(ahead); /* which ends that all the same */
    allow(&writer, 22, true);
    pthread_join(writer.thread, NULL);
    mapped_file_close(&file); /* last: nobody writes into a pipe without a reader */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_rows_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_at_any_point, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_without_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_of_a_pipe_are_not_held_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
