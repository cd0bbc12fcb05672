/* Asking a server to append an erasure's record. A thread plays the server. */
#include "batch/erase/erase_archive.h"

#include "core/store/ingest/erasure_request.h"
#include "tests/unit/store/archive_bench.h"

#include <pthread.h>
#include <unistd.h>

struct server {
    char *path;
    struct archive *archive;
    uint64_t position; /* of the record that answers */
};

static const struct erased_key key = {.field = TEXT_LITERAL("card"), .hash = 7};
static const struct erasure_record erasure = {
    .number = 1, .keys = &key, .key_count = 1, .source = TEXT_LITERAL("test")};

static uint64_t append(struct archive *archive) {
    struct record record = {
        .type = RECORD_ERASURE, .receive_time_us = START_US, .erasure = erasure};
    archive_append(archive, &record);
    bench_write(archive);
    return record.position;
}

/* The earlier record is on disk, and seen, before the request is taken. */
static void *serve(void *user) {
    struct server *server = user;
    while (!erasure_request_exists(server->path))
        usleep(1000);
    bench_sync(server->archive);
    usleep(200000);
    erasure_request_remove(server->path);
    server->position = append(server->archive);
    bench_sync(server->archive);
    return NULL;
}

/* Of an asker that was killed, under the same number: not synced yet when this one looked. */
static void anothers_record_is_no_answer(void **state) {
    struct server server = {.path = scratch_make()};
    struct erase_writer writer = {.path = server.path, .now_us = START_US, .patience = 120};
    struct error error;
    pthread_t thread;
    uint64_t position = 0;
    (void)state;
    server.archive = bench_open(server.path, 1u << 20, NULL);
    bench_append(server.archive, 1, START_US);
    bench_write(server.archive);
    bench_sync(server.archive);
    uint64_t before = append(server.archive);
    assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
    if (erase_writer_append(&writer, &erasure, &position, &error) < 0)
        fail_msg("%s", error.text);
    pthread_join(thread, NULL);
    assert_true(position != before);
    assert_int_equal(position, server.position);
    archive_close(server.archive);
    scratch_remove(server.path);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(anothers_record_is_no_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
