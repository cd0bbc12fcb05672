/* The server's own rate in messages of 100: transactions of a file through libharrier, IN_FLIGHT
 * messages in flight. For tests/cluster/stream_rate.py, which compares it with the same
 * transactions through Kafka.
 *
 * FILE has messages Transaction of harrier.proto, each behind its length (4 bytes, little-endian).
 * All are read before the clock starts. Prints transactions a second.
 *
 * usage: batches ADDRESS FILE */
#include "clients/c/harrier.h"
#include "clients/cli/score/outgoing.h"
#include "core/base/check.h"
#include "core/wire/message/message_item.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH           100
#define IN_FLIGHT       4
#define ARENA_BYTES_MAX ((size_t)8 << 30)

static atomic_size_t decided;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct text whole_file(const char *path) {
    FILE *file = fopen(path, "rb");
    check(file && fseek(file, 0, SEEK_END) == 0);
    size_t length = (size_t)ftell(file);
    rewind(file);
    char *bytes = check_malloc(length);
    check(fread(bytes, 1, length, file) == length);
    fclose(file);
    return (struct text){.data = bytes, .length = length};
}

/* libharrier wants texts with a NUL behind them. */
static void terminate(struct arena *arena, struct text *text) {
    *text = arena_text(arena, *text);
    check(text->data);
}

static size_t read_all(struct text bytes, struct arena *arena,
                       struct harrier_transaction **ret_transactions) {
    size_t count = 0, room = 0;
    for (size_t at = 0; at < bytes.length;) {
        uint32_t length;
        struct transaction transaction;
        struct error error;
        memcpy(&length, bytes.data + at, sizeof length);
        if (message_decode_transaction(bytes.data + at + sizeof length, length, arena, &transaction,
                                       &error) < 0)
            check_failed(__FILE__, __LINE__, __func__, error.text);
        terminate(arena, &transaction.id);
        terminate(arena, &transaction.currency);
        for (size_t i = 0; i < FIELD_COUNT; i++)
            terminate(arena, &transaction.fields[i]);
        if (count == room) {
            room = room ? 2 * room : 1024;
            *ret_transactions =
                check_reallocarray(*ret_transactions, room, sizeof **ret_transactions);
        }
        check(outgoing_transaction(&transaction, arena, &(*ret_transactions)[count++]));
        at += sizeof length + length;
    }
    return count;
}

static void on_answer(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    (void)user;
    if (error)
        check_failed(__FILE__, __LINE__, __func__, error->message);
    for (size_t i = 0; i < reply->result_count; i++)
        check(reply->results[i].error_code == HARRIER_OK);
    atomic_fetch_add(&decided, reply->result_count);
    harrier_reply_free(reply);
}

int main(int argc, char **argv) {
    struct arena arena;
    struct harrier_transaction *transactions = NULL;
    struct harrier_client *client;
    struct harrier_error error;
    if (argc != 3) {
        fprintf(stderr, "usage: batches ADDRESS FILE\n");
        return 64;
    }
    arena_init(&arena, ARENA_BYTES_MAX);
    size_t count = read_all(whole_file(argv[2]), &arena, &transactions);
    const struct harrier_options options = {.address = argv[1], .in_flight_max = IN_FLIGHT};
    const struct harrier_score_options score = {.deadline_us = 10000000};
    if (harrier_client_new(&options, &client, &error) < 0)
        check_failed(__FILE__, __LINE__, __func__, error.message);
    double begun = now();
    for (size_t at = 0; at < count; at += BATCH) {
        harrier_wait(client, IN_FLIGHT - 1);
        size_t size = count - at < BATCH ? count - at : BATCH;
        if (harrier_score_submit(client, transactions + at, size, &score, on_answer, NULL, &error) <
            0)
            check_failed(__FILE__, __LINE__, __func__, error.message);
    }
    harrier_drain(client);
    printf("%.0f\n", (double)atomic_load(&decided) / (now() - begun));
    harrier_client_free(client);
    return 0;
}
