/* Makes an archive for rebuilds and replays, faster than a server could: transactions of a
 * fictional world similar to `harrier simulate` (cards with habits, few merchants with most
 * payments, stores and online shops), written directly through core/store.
 *
 * usage: make_archive POLICY ARCHIVE TRANSACTIONS CARDS MERCHANTS DAYS [COLUMNS [CSV]]
 *
 * COLUMNS: a folder for the input of the other tools: time_us.i64, card.u32, merchant.u32,
 * amount.i64.
 * CSV: a file of event_time,card,merchant,amount_minor. With it, times strictly increase, so that
 * all tools agree on the order of transactions. */
#include "core/base/check.h"
#include "core/base/digits.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/archive.h"
#include "tests/split_mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US    INT64_C(1767225600000000) /* 2026-01-01 */
#define DAY_US      INT64_C(86400000000)
#define WRITE_EVERY 4096 /* records: fewer, larger writes */

struct columns {
    FILE *time, *card, *merchant, *amount;
};

struct world {
    uint64_t random;
    uint64_t transactions, cards, merchants;
    int64_t span_us;
    uint64_t jitter_us; /* how much later than its position in the order a time may be */
    struct columns columns;
    FILE *csv;
};

static uint64_t next_random(struct world *world) {
    return split_mix(&world->random);
}

static uint64_t below(struct world *world, uint64_t limit) {
    return (uint64_t)(((unsigned __int128)next_random(world) * limit) >> 64);
}

/* limit × u^power for uniform u: low numbers are more frequent. */
static uint64_t skewed(struct world *world, uint64_t limit, int power) {
    double u = (double)(next_random(world) >> 11) * 0x1p-53, x = 1;
    for (int i = 0; i < power; i++)
        x *= u;
    return (uint64_t)(x * (double)limit);
}

/* Scatters consecutive numbers, so that their entities are not neighbours in a sorted table. */
static uint64_t token(uint64_t number) {
    return (number * UINT64_C(0x9e3779b97f4a7c15)) >> 20;
}

/* The texts that a transaction points to. */
struct names {
    char id[32], card[24], customer[24], merchant[24], terminal[24], device[24], ip[24], mcc[8];
};

/* A customer mostly uses one of two devices and one of two addresses. */
static void fill_online(struct world *world, struct transaction *transaction, struct names *names,
                        uint64_t customer) {
    uint64_t device = customer * 2 + (below(world, 5) == 0);
    transaction->fields[FIELD_CHANNEL] =
        below(world, 4) ? TEXT_LITERAL("ecom") : TEXT_LITERAL("app");
    snprintf(names->device, sizeof names->device, "d_%011llx", (unsigned long long)token(device));
    uint32_t ip = (uint32_t)token(customer * 31 + (below(world, 8) == 0)) & 0xffffff;
    snprintf(names->ip, sizeof names->ip, "10.%u.%u.%u", ip >> 16, ip >> 8 & 0xff, ip & 0xff);
    transaction->fields[FIELD_DEVICE] = text_of(names->device);
    transaction->fields[FIELD_IP] = text_of(names->ip);
}

static void fill_in_store(struct world *world, struct transaction *transaction, struct names *names,
                          uint64_t merchant) {
    transaction->fields[FIELD_CHANNEL] =
        below(world, 20) ? TEXT_LITERAL("pos") : TEXT_LITERAL("atm");
    snprintf(names->terminal, sizeof names->terminal, "t_%011llx",
             (unsigned long long)token(merchant * 4 + below(world, 4)));
    transaction->fields[FIELD_TERMINAL] = text_of(names->terminal);
    transaction->has_location = true;
    transaction->latitude_e7 = 480000000 + (int32_t)(merchant % 1000) * 10000;
    transaction->longitude_e7 = 90000000 + (int32_t)(merchant % 777) * 10000;
}

static void write_row(FILE *csv, const struct transaction *transaction) {
    char time[DIGITS_SIZE];
    /* digits_timestamp() omits the fraction of whole seconds; CSV readers want one format. */
    digits_timestamp(transaction->event_time_us / DAY_US * DAY_US, time);
    int64_t us = transaction->event_time_us % DAY_US;
    struct text card = transaction->fields[FIELD_CARD],
                merchant = transaction->fields[FIELD_MERCHANT];
    fprintf(csv, "%.10s %02d:%02d:%02d.%06d,%" TEXT_FORMAT ",%" TEXT_FORMAT ",%lld\n", time,
            (int)(us / 3600000000), (int)(us / 60000000 % 60), (int)(us / 1000000 % 60),
            (int)(us % 1000000), TEXT_ARGS(card), TEXT_ARGS(merchant),
            (long long)transaction->amount_minor);
}

/* The next transaction, also written to the columns and the CSV. Cards and merchants are skewed, so
 * that a few have most of the transactions. */
static struct transaction make_transaction(struct world *world, uint64_t number,
                                           struct names *names) {
    uint64_t card = skewed(world, world->cards, 2), customer = card * 2 / 3;
    uint64_t merchant = skewed(world, world->merchants, 3);
    snprintf(names->id, sizeof names->id, "s%08x-%010llu", 0x5eed, (unsigned long long)number);
    snprintf(names->card, sizeof names->card, "c_%011llx", (unsigned long long)token(card));
    snprintf(names->customer, sizeof names->customer, "u_%011llx",
             (unsigned long long)token(customer));
    snprintf(names->merchant, sizeof names->merchant, "m_%011llx",
             (unsigned long long)token(merchant));
    snprintf(names->mcc, sizeof names->mcc, "%04u", (unsigned)(4000 + merchant % 97 * 13));
    struct transaction transaction = {
        .id = text_of(names->id),
        /* In order, except for the jitter. */
        .event_time_us =
            START_US +
            (int64_t)((double)world->span_us / (double)world->transactions * (double)number) -
            (int64_t)below(world, world->jitter_us),
        .amount_minor = 100 + (int64_t)skewed(world, 50000, 3),
        .currency = TEXT_LITERAL("EUR"),
    };
    transaction.fields[FIELD_CARD] = text_of(names->card);
    transaction.fields[FIELD_CUSTOMER] = text_of(names->customer);
    transaction.fields[FIELD_MERCHANT] = text_of(names->merchant);
    transaction.fields[FIELD_COUNTRY] = TEXT_LITERAL("DE");
    transaction.fields[FIELD_MCC] = text_of(names->mcc);
    if (merchant % 5 < 2)
        fill_online(world, &transaction, names, customer);
    else
        fill_in_store(world, &transaction, names, merchant);
    if (world->columns.time) {
        uint32_t keys[2] = {(uint32_t)card, (uint32_t)merchant};
        fwrite(&transaction.event_time_us, 8, 1, world->columns.time);
        fwrite(&keys[0], 4, 1, world->columns.card);
        fwrite(&keys[1], 4, 1, world->columns.merchant);
        fwrite(&transaction.amount_minor, 8, 1, world->columns.amount);
    }
    if (world->csv)
        write_row(world->csv, &transaction);
    return transaction;
}

static void fail(const struct error *error) {
    fprintf(stderr, "make_archive: %s\n", error->text);
    exit(1);
}

/* The snapshot record that a server would write first; a rebuild takes its policy from it. */
static void append_policy(struct archive *archive, const char *folder) {
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load_folder(folder, &snapshot, &messages, &error) < 0)
        fail(&error);
    struct record record = {.type = RECORD_SNAPSHOT,
                            .receive_time_us = START_US,
                            .snapshot = {.snapshot_id = snapshot->id,
                                         .name = snapshot->name,
                                         .files = snapshot->files,
                                         .file_count = snapshot->file_count}};
    archive_append(archive, &record);
    snapshot_unref(snapshot);
    buffer_deinit(&messages);
}

/* One in two hundred is fraud, reported at once so that nothing has to be remembered. */
static void append_transactions(struct world *world, struct archive *archive) {
    struct error error;
    struct names names;
    for (uint64_t i = 0; i < world->transactions; i++) {
        struct transaction transaction = make_transaction(world, i, &names);
        struct record record = {.type = RECORD_TRANSACTION,
                                .receive_time_us = transaction.event_time_us + 1000,
                                .transaction = {.transaction = transaction,
                                                .decision = {.verdict = VERDICT_APPROVE,
                                                             .score = (uint32_t)below(world, 200),
                                                             .snapshot_id = 1,
                                                             .feature_hash = next_random(world)}}};
        archive_append(archive, &record);
        if (below(world, 200) == 0) {
            struct record outcome = {.type = RECORD_OUTCOME,
                                     .receive_time_us = record.receive_time_us,
                                     .outcome = {.label = LABEL_FRAUD,
                                                 .transaction_position = record.position,
                                                 .transaction = transaction,
                                                 .verdict = VERDICT_APPROVE}};
            archive_append(archive, &outcome);
        }
        if (i % WRITE_EVERY == 0 && archive_write(archive, &error) < 0)
            fail(&error);
    }
    if (archive_write(archive, &error) < 0)
        fail(&error);
}

static FILE *open_new(const char *path) {
    FILE *file = fopen(path, "wb");
    check(file);
    return file;
}

static FILE *open_column(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return open_new(path);
}

static void open_files(struct world *world, const char *columns, const char *csv) {
    if (columns)
        world->columns = (struct columns){
            .time = open_column(columns, "time_us.i64"),
            .card = open_column(columns, "card.u32"),
            .merchant = open_column(columns, "merchant.u32"),
            .amount = open_column(columns, "amount.i64"),
        };
    if (csv) {
        world->csv = open_new(csv);
        fputs("event_time,card,merchant,amount_minor\n", world->csv);
    }
}

static void close_files(struct world *world) {
    FILE *files[] = {world->columns.time, world->columns.card, world->columns.merchant,
                     world->columns.amount, world->csv};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check(!files[i] || fclose(files[i]) == 0);
}

int main(int argc, char **argv) {
    if (argc < 7 || argc > 9) {
        fputs("usage: make_archive POLICY ARCHIVE TRANSACTIONS CARDS MERCHANTS DAYS "
              "[COLUMNS [CSV]]\n",
              stderr);
        return 64;
    }
    struct world world = {.random = 1,
                          .transactions = strtoull(argv[3], NULL, 10),
                          .cards = strtoull(argv[4], NULL, 10),
                          .merchants = strtoull(argv[5], NULL, 10),
                          .span_us = (int64_t)strtoull(argv[6], NULL, 10) * DAY_US,
                          .jitter_us = argc == 9 ? 1 : 2000000};
    open_files(&world, argc > 7 ? argv[7] : NULL, argc > 8 ? argv[8] : NULL);
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    if (archive_open(argv[2], NULL, &archive, &recovery, &error) < 0)
        fail(&error);
    append_policy(archive, argv[1]);
    append_transactions(&world, archive);
    archive_close(archive);
    close_files(&world);
    return 0;
}
