/* The throughput of harrierd over libharrier, and the cost of answers that wait for the disk. All
 * kinds take turns in one run, so that other load on the machine affects all of them alike:
 *
 *   pipelined   single-transaction messages on one connection, IN_FLIGHT in flight
 *   batches     messages of 100 transactions, BATCHES_IN_FLIGHT in flight
 *   written, synced    single-transaction messages, MANY_IN_FLIGHT in flight, and one in flight
 *   fdatasync   a record's bytes appended to a file in FOLDER, and synced
 *   sequential  as many bytes as a transaction takes in the first server's archive, in bare writes
 *               of MANY_IN_FLIGHT records, without and with a sync after each write
 *
 * Both servers first get WARM_BATCHES batches of payments. Each payment has its own id and is made
 * before the clock starts. With one in flight the servers and the bare fdatasync take turns call by
 * call. After a table it prints a line of name, tab and value for each figure and round.
 *
 * usage: rates WRITTEN SYNCED ARCHIVE FOLDER [ROUNDS]
 *
 * WRITTEN and SYNCED are the addresses of two servers with these durabilities; ARCHIVE is the
 * archive of the first. */
#include "clients/c/harrier.h"
#include "core/base/check.h"
#include "payments.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define IN_FLIGHT         64
#define MANY_IN_FLIGHT    256
#define BATCHES_IN_FLIGHT 4
#define BATCH             100
#define SINGLES           60000 /* a round */
#define BATCHES           1500
#define WARM_BATCHES      3000
#define CALLS             500 /* a round, to each server, with one in flight */
#define RECORD_BYTES      400
#define ROUNDS_DEFAULT    7
#define ROUNDS_MAX        50

enum figure {
    PIPELINED,
    BATCHED,
    MANY_WRITTEN,
    MANY_SYNCED,
    ONE_WRITTEN,
    ONE_SYNCED,
    FDATASYNC,
    SEQUENTIAL,
    SEQUENTIAL_SYNCED,
    FIGURE_COUNT
};
static const struct {
    const char *name, *what;
} figures[FIGURE_COUNT] = {
    [PIPELINED] = {"pipelined_rate", "libharrier pipelined, single transactions/s"},
    [BATCHED] = {"batch_rate", "libharrier, 100 a message, transactions/s"},
    [MANY_WRITTEN] = {"written_rate", "256 in flight, written, transactions/s"},
    [MANY_SYNCED] = {"synced_rate", "256 in flight, synced, transactions/s"},
    [ONE_WRITTEN] = {"written_p50", "one in flight, written, p50 (us)"},
    [ONE_SYNCED] = {"synced_p50", "one in flight, synced, p50 (us)"},
    [FDATASYNC] = {"fdatasync_p50", "a bare fdatasync, p50 (us)"},
    [SEQUENTIAL] = {"sequential_rate", "the archive's bytes written, transactions/s"},
    [SEQUENTIAL_SYNCED] = {"sequential_synced_rate", "and synced, 256 at a time, transactions/s"},
};

static _Noreturn void die(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* ---- payments ---- */

#define PAYMENTS ((size_t)WARM_BATCHES * BATCH) /* room: the most that are needed at once */

/* One a second, which is about twelve a month for each card. */
static const struct payers payers = {
    .cards = 200000, .customers = 150000, .merchants = 4000, .devices = 250000, .step_us = 1000000};
static struct payment *payments;
static struct harrier_transaction *transactions;
static char (*ids)[48]; /* different in each run, so that servers see no duplicates */
static uint64_t made, run;
static uint64_t written_count; /* transactions that the first server has decided */

/* Relies on the NUL at the end of a payment's texts. */
static void make_payments(size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct transaction *t = &payments[i].transaction;
        make_payment(&payments[i], &payers, made);
        snprintf(ids[i], sizeof ids[i], "r%llx-%llx", (unsigned long long)run,
                 (unsigned long long)made++);
        transactions[i] = (struct harrier_transaction){
            .id = ids[i],
            .event_time_us = t->event_time_us,
            .amount_minor = t->amount_minor,
            .currency = t->currency.data,
            .card = t->fields[FIELD_CARD].data,
            .customer = t->fields[FIELD_CUSTOMER].data,
            .merchant = t->fields[FIELD_MERCHANT].data,
            .device = t->fields[FIELD_DEVICE].data,
            .ip = t->fields[FIELD_IP].data,
            .email = t->fields[FIELD_EMAIL].data,
            .country = t->fields[FIELD_COUNTRY].data,
            .mcc = t->fields[FIELD_MCC].data,
            .channel = t->fields[FIELD_CHANNEL].data,
        };
    }
}

/* ---- many in flight ---- */

struct flow {
    struct harrier_client *client;
    size_t size, left, next; /* transactions per message; messages not sent yet; first
                                transaction of the next message */
    atomic_size_t decided;
};

static void send_next(struct flow *flow);

static void take(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    struct flow *flow = user;
    if (error) {
        fprintf(stderr, "rates: %s\n", error->message);
        exit(1);
    }
    for (size_t i = 0; i < reply->result_count; i++)
        if (reply->results[i].error_code == HARRIER_OK && !reply->results[i].decision.duplicate)
            atomic_fetch_add_explicit(&flow->decided, 1, memory_order_relaxed);
    harrier_reply_free(reply);
    send_next(flow);
}

/* Only called from the client's callbacks, which are serialized. */
static void send_next(struct flow *flow) {
    struct harrier_error error;
    if (flow->left == 0)
        return;
    flow->left--;
    size_t first = flow->next;
    flow->next += flow->size;
    if (harrier_score_submit(flow->client, &transactions[first], flow->size, NULL, take, flow,
                             &error) < 0) {
        fprintf(stderr, "rates: %s\n", error.message);
        exit(1);
    }
}

struct start {
    struct flow *flow;
    size_t in_flight;
};

/* The callback of the first message sends the others in flight, so that only one thread sends. */
static void start_all(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    struct start *start = user;
    for (size_t i = 1; i < start->in_flight; i++)
        send_next(start->flow);
    take(reply, error, start->flow);
}

/* Returns transactions a second. */
static double flow(struct harrier_client *client, size_t messages, size_t size, size_t in_flight) {
    struct harrier_error error;
    make_payments(messages * size);
    struct flow flow = {.client = client, .size = size, .left = messages - 1, .next = size};
    struct start start = {&flow, in_flight};
    int64_t began = now_ns();
    if (harrier_score_submit(client, transactions, size, NULL, start_all, &start, &error) < 0) {
        fprintf(stderr, "rates: %s\n", error.message);
        exit(1);
    }
    harrier_drain(client);
    double seconds = (double)(now_ns() - began) / 1e9;
    if (atomic_load(&flow.decided) != messages * size) {
        fprintf(stderr, "rates: %zu of %zu were decided\n", atomic_load(&flow.decided),
                messages * size);
        exit(1);
    }
    return (double)(messages * size) / seconds;
}

/* ---- one in flight ---- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

static double time_one(struct harrier_client *client,
                       const struct harrier_transaction *transaction) {
    struct harrier_reply *reply;
    struct harrier_error error;
    int64_t began = now_ns();
    if (harrier_score(client, transaction, 1, NULL, &reply, &error) < 0) {
        fprintf(stderr, "rates: %s\n", error.message);
        exit(1);
    }
    double took = (double)(now_ns() - began) / 1e3;
    check(reply->result_count == 1 && reply->results[0].error_code == HARRIER_OK);
    harrier_reply_free(reply);
    return took;
}

static double time_fdatasync(int descriptor) {
    char record[RECORD_BYTES];
    memset(record, 'x', sizeof record);
    if (write(descriptor, record, sizeof record) != sizeof record)
        die("write");
    int64_t began = now_ns();
    if (fdatasync(descriptor) != 0)
        die("fdatasync");
    return (double)(now_ns() - began) / 1e3;
}

/* Medians, in microseconds. */
static void one_by_one(struct harrier_client *written, struct harrier_client *synced,
                       int descriptor, double values[FIGURE_COUNT]) {
    static double on_written[CALLS], on_synced[CALLS], alone[CALLS];
    make_payments((size_t)2 * CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        on_written[i] = time_one(written, &transactions[2 * i]);
        on_synced[i] = time_one(synced, &transactions[2 * i + 1]);
        alone[i] = time_fdatasync(descriptor);
    }
    values[ONE_WRITTEN] = median(on_written, CALLS);
    values[ONE_SYNCED] = median(on_synced, CALLS);
    values[FDATASYNC] = median(alone, CALLS);
}

/* ---- bare writes of the archive's bytes ---- */

static uint64_t segment_bytes;

static int add_segment(const char *path, const struct stat *stat, int type, struct FTW *ftw) {
    const char *name = path + ftw->base, *dot = strrchr(name, '.');
    if (type == FTW_F && dot && strcmp(dot, ".seg") == 0)
        segment_bytes += (uint64_t)stat->st_size;
    return 0;
}

/* Bytes of the archive per transaction. With durability `written`, segments are not padded. */
static size_t record_bytes(const char *archive) {
    segment_bytes = 0;
    if (nftw(archive, add_segment, 16, FTW_PHYS) != 0 || segment_bytes == 0) {
        fprintf(stderr, "rates: %s: no segments of an archive\n", archive);
        exit(1);
    }
    return (size_t)(segment_bytes / written_count);
}

/* Returns transactions a second. Leaves the file empty. */
static double sequential(int descriptor, size_t bytes, bool synced) {
    size_t length = bytes * MANY_IN_FLIGHT;
    char *records = check_malloc(length);
    for (size_t i = 0; i < length; i++)
        records[i] = (char)(i * 31 >> 3);
    int64_t began = now_ns();
    for (size_t done = 0; done < SINGLES; done += MANY_IN_FLIGHT)
        if (write(descriptor, records, length) != (ssize_t)length ||
            (synced && fdatasync(descriptor) != 0))
            die("write");
    double seconds = (double)(now_ns() - began) / 1e9;
    free(records);
    if (ftruncate(descriptor, 0) != 0 || lseek(descriptor, 0, SEEK_SET) != 0)
        die("ftruncate");
    return (double)((SINGLES + MANY_IN_FLIGHT - 1) / MANY_IN_FLIGHT * MANY_IN_FLIGHT) / seconds;
}

/* A file without a name, which is removed when the program ends. */
static int open_file(const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s/rates-XXXXXX", folder);
    int descriptor = mkstemp(path);
    if (descriptor < 0 || unlink(path) != 0)
        die(path);
    return descriptor;
}

/* ---- rounds ---- */

static struct harrier_client *connect_to(const char *address) {
    const struct harrier_options options = {
        .address = address, .deadline_us = 10000000, .in_flight_max = MANY_IN_FLIGHT + 1};
    struct harrier_client *client;
    struct harrier_error error;
    if (harrier_client_new(&options, &client, &error) < 0) {
        fprintf(stderr, "rates: %s: %s\n", address, error.message);
        exit(1);
    }
    return client;
}

static void measure(struct harrier_client *written, struct harrier_client *synced,
                    const char *archive, int descriptor, double values[FIGURE_COUNT]) {
    values[PIPELINED] = flow(written, SINGLES, 1, IN_FLIGHT);
    values[BATCHED] = flow(written, BATCHES, BATCH, BATCHES_IN_FLIGHT);
    values[MANY_WRITTEN] = flow(written, SINGLES, 1, MANY_IN_FLIGHT);
    values[MANY_SYNCED] = flow(synced, SINGLES, 1, MANY_IN_FLIGHT);
    one_by_one(written, synced, descriptor, values);
    written_count += (uint64_t)2 * SINGLES + (uint64_t)BATCHES * BATCH + CALLS;
    size_t bytes = record_bytes(archive);
    values[SEQUENTIAL] = sequential(descriptor, bytes, false);
    values[SEQUENTIAL_SYNCED] = sequential(descriptor, bytes, true);
}

static void print(double (*rounds)[FIGURE_COUNT], size_t count) {
    double column[ROUNDS_MAX];
    for (size_t round = 0; round < count; round++) {
        for (int i = 0; i < FIGURE_COUNT; i++)
            printf("%s\t%.1f\n", figures[i].name, rounds[round][i]);
        printf("synced_added_fdatasyncs\t%.3f\n",
               (rounds[round][ONE_SYNCED] - rounds[round][ONE_WRITTEN]) / rounds[round][FDATASYNC]);
    }
    printf("%-46s %12s %12s %12s\n", "", "median", "min", "max");
    for (int i = 0; i < FIGURE_COUNT; i++) {
        for (size_t round = 0; round < count; round++)
            column[round] = rounds[round][i];
        double middle = median(column, count);
        printf("%-46s %12.1f %12.1f %12.1f\n", figures[i].what, middle, column[0],
               column[count - 1]);
    }
}

int main(int argc, char **argv) {
    static double rounds[ROUNDS_MAX + 1][FIGURE_COUNT];
    long count = argc > 5 ? atol(argv[5]) : ROUNDS_DEFAULT;
    if (argc < 5 || argc > 6 || count < 1 || count > ROUNDS_MAX) {
        fprintf(stderr, "usage: rates WRITTEN SYNCED ARCHIVE FOLDER [ROUNDS]\n");
        return 64;
    }
    run = (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
    payments = check_calloc(PAYMENTS, sizeof *payments);
    transactions = check_calloc(PAYMENTS, sizeof *transactions);
    ids = check_calloc(PAYMENTS, sizeof *ids);
    struct harrier_client *written = connect_to(argv[1]), *synced = connect_to(argv[2]);
    int descriptor = open_file(argv[4]);
    flow(written, WARM_BATCHES, BATCH, BATCHES_IN_FLIGHT);
    flow(synced, WARM_BATCHES, BATCH, BATCHES_IN_FLIGHT);
    written_count = (uint64_t)WARM_BATCHES * BATCH;
    for (long round = 0; round <= count; round++) /* the first is a warm-up */
        measure(written, synced, argv[3], descriptor, rounds[round]);
    print(rounds + 1, (size_t)count);
    harrier_client_free(written);
    harrier_client_free(synced);
    close(descriptor);
    free(ids);
    free(transactions);
    free(payments);
    return 0;
}
