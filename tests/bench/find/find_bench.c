/* How long searches of a day of transactions take: core/store/find, without the network and the
 * command line.
 *
 *   find_bench FOLDER [MILLIONS]
 *
 * Makes FOLDER/archive if it is not there: one day of MILLIONS (10) million transactions of 2
 * million cards, 50,000 merchants, 3 million devices, in the shape that `harrier simulate` gives
 * them; one in ten fires a rule, one in a thousand is reported as fraud and one in fifty as legit,
 * hours later; one in a hundred is amended. Then makes the index, and measures each search with the
 * index read from the disk (its pages and the archive's dropped, a new process's state) and from
 * memory (median of 11). Prints name, tab, milliseconds. */
#include "core/base/check.h"
#include "core/store/archive/archive.h"
#include "core/store/find/find.h"
#include "core/store/find/find_files.h"
#include "tests/split_mix.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_US   (INT64_C(86400) * 1000000)
#define START_US INT64_C(1767225600000000) /* 2026-01-01 */
#define ROUNDS   11

static double now_ms(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

static void require(int r, const struct error *error) {
    if (r >= 0)
        return;
    fprintf(stderr, "find_bench: %s\n", error->text);
    exit(1);
}

/* ---- the day ---- */

struct texts {
    char id[40], card[24], customer[24], merchant[24], device[24], ip[24];
};

static const char *const countries[] = {"DE", "DE", "DE", "FR", "US", "GB", "CH", "IT"};
static const char *const codes[] = {"5411", "5812", "5541", "4829", "5999", "7995"};

static void fill(struct transaction *transaction, struct texts *texts, uint64_t number,
                 uint64_t random) {
    uint64_t card = random % 2000000;
    snprintf(texts->id, sizeof texts->id, "s%08" PRIx64 "-%09" PRIu64, random >> 32, number);
    snprintf(texts->card, sizeof texts->card, "c_%016" PRIx64, card * UINT64_C(0x9e3779b97f4a7c15));
    snprintf(texts->customer, sizeof texts->customer, "u_%08" PRIu64, card / 2);
    snprintf(texts->merchant, sizeof texts->merchant, "m_%05" PRIu64, (random >> 20) % 50000);
    snprintf(texts->device, sizeof texts->device, "d_%08" PRIu64, card * 3 / 2);
    snprintf(texts->ip, sizeof texts->ip, "10.%d.%d.%d", (int)(card >> 16 & 63),
             (int)(card >> 8 & 255), (int)(card & 255));
    *transaction = (struct transaction){.id = text_of(texts->id),
                                        .amount_minor = (int64_t)(random >> 13) % 30000 + 50,
                                        .currency = text_of(random % 20 ? "EUR" : "USD")};
    transaction->fields[FIELD_CARD] = text_of(texts->card);
    transaction->fields[FIELD_CUSTOMER] = text_of(texts->customer);
    transaction->fields[FIELD_MERCHANT] = text_of(texts->merchant);
    transaction->fields[FIELD_DEVICE] = text_of(texts->device);
    transaction->fields[FIELD_IP] = text_of(texts->ip);
    transaction->fields[FIELD_COUNTRY] = text_of(countries[random >> 7 & 7]);
    transaction->fields[FIELD_MCC] = text_of(codes[(random >> 9) % 6]);
    transaction->fields[FIELD_CHANNEL] = text_of(random >> 11 & 1 ? "ecom" : "pos");
    if (random % 5000 == 0)
        transaction->amount_minor *= 100;
}

static struct decision decide(struct reason *reason, uint64_t random) {
    static const char *const names[] = {"unusual_amount", "online_spree", "device_many_cards",
                                        "store_spree", "impossible_travel"};
    unsigned kind = random >> 40 & 1023; /* rare rules at the end */
    unsigned rule = kind < 60 ? 0 : kind < 90 ? 1 : kind < 98 ? 2 : kind < 101 ? 3 : 4;
    unsigned score = kind < 102 ? 100 + rule * 200 : 0;
    *reason = (struct reason){.rule = text_of(names[rule]),
                              .text = TEXT_LITERAL("more than this customer's habit"),
                              .score = (int32_t)score};
    return (struct decision){.verdict = score >= 700   ? VERDICT_DECLINE
                                        : score >= 300 ? VERDICT_REVIEW
                                                       : VERDICT_APPROVE,
                             .score = score,
                             .reasons = reason,
                             .reason_count = kind < 102,
                             .feature_hash = random};
}

static void append_one(struct archive *archive, uint64_t *positions, uint64_t number,
                       uint64_t total, uint64_t *state) {
    uint64_t random = split_mix(state);
    struct transaction transaction;
    struct texts texts;
    struct reason reason;
    struct record record = {.type = RECORD_TRANSACTION};
    fill(&transaction, &texts, number, random);
    record.receive_time_us = START_US + (int64_t)((double)number / (double)total * (double)DAY_US);
    transaction.event_time_us = record.receive_time_us - (int64_t)(random % 2000000);
    record.transaction.transaction = transaction;
    record.transaction.decision = decide(&reason, random);
    record.transaction.decision.transaction_id = transaction.id;
    archive_append(archive, &record);
    positions[number] = record.position;
}

/* About a transaction of the last hours, whose number `back` says. */
static void append_later(struct archive *archive, const uint64_t *positions, uint64_t number,
                         uint64_t random) {
    uint64_t back = (random >> 8) % 2000000;
    bool is_fraud = random % 1000 == 0, is_legit = random % 50 == 1, is_amended = random % 100 == 2;
    if (back > number || !(is_fraud || is_legit || is_amended))
        return;
    struct texts texts;
    struct transaction transaction;
    fill(&transaction, &texts, number - back, random); /* its texts do not matter here */
    struct record record = {.type = is_amended ? RECORD_AMENDMENT : RECORD_OUTCOME};
    if (is_amended)
        record.amendment = (struct amendment_record){
            .transaction_position = positions[number - back],
            .previous = amended_of(&transaction),
            .now = {.is_voided = true, .amount_minor = transaction.amount_minor},
            .transaction = transaction};
    else
        record.outcome = (struct outcome_record){.transaction_position = positions[number - back],
                                                 .label = is_fraud ? LABEL_FRAUD : LABEL_LEGIT,
                                                 .transaction = transaction};
    archive_append(archive, &record);
}

static void make_day(const char *path, uint64_t total) {
    struct archive_recovery recovery;
    struct archive *archive;
    struct error error;
    uint64_t state = 1, *positions = check_calloc(total, sizeof *positions);
    double begun_ms = now_ms();
    require(archive_open(path, NULL, &archive, &recovery, &error), &error);
    for (uint64_t number = 0; number < total; number++) {
        append_one(archive, positions, number, total, &state);
        append_later(archive, positions, number, split_mix(&state));
        if (number % 1024 == 0)
            require(archive_write(archive, &error), &error);
    }
    archive_close(archive);
    free(positions);
    printf("make_archive_ms\t%.0f\n", now_ms() - begun_ms);
}

/* ---- measuring ---- */

/* Bytes of the files below the folder; drops their pages if asked to. */
static uint64_t visit(const char *folder, bool drops) {
    uint64_t bytes = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char path[4096];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (*entry->d_name == '.' || stat(path, &status) < 0)
            continue;
        if (S_ISDIR(status.st_mode)) {
            bytes += visit(path, drops);
            continue;
        }
        bytes += (uint64_t)status.st_size;
        int file = drops ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (file >= 0) {
            fdatasync(file);
            posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
            close(file);
        }
    }
    if (directory)
        closedir(directory);
    return bytes;
}

static int ignore(void *user, const struct find_row *row, struct error *ret_error) {
    (void)row, (void)ret_error;
    ++*(uint64_t *)user;
    return 0;
}

static double measure(struct find *find, const struct find_query *query, uint64_t *ret_rows) {
    const struct find_taker taker = {.take = ignore, .user = ret_rows};
    struct find_page page;
    struct error error;
    double begun_ms = now_ms();
    *ret_rows = 0;
    require(find_run(find, query, &taker, &page, &error), &error);
    return now_ms() - begun_ms;
}

static int by_size(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static void report(const char *path, const char *name, const struct find_query *query) {
    const struct find_options options = {.archive = path, .index = FIND_KEEP_INDEX};
    double times[ROUNDS], cold = 0;
    uint64_t rows;
    char *index = find_files_folder(path);
    for (int i = 0; i < 3; i++) {
        visit(index, true);
        visit(path, true);
        struct find *find = find_new(&options);
        double took = measure(find, query, &rows);
        cold = i == 0 || took < cold ? took : cold;
        find_free(find);
    }
    struct find *find = find_new(&options);
    measure(find, query, &rows);
    for (int i = 0; i < ROUNDS; i++)
        times[i] = measure(find, query, &rows);
    qsort(times, ROUNDS, sizeof *times, by_size);
    printf("%s\t%.1f\tmemory (%.1f to %.1f)\t%.1f\tdisk\t%" PRIu64 " rows\n", name,
           times[ROUNDS / 2], times[0], times[ROUNDS - 1], cold, rows);
    fflush(stdout);
    find_free(find);
    free(index);
}

static void make_index(const char *path, uint64_t total) {
    const struct find_options options = {.archive = path, .index = FIND_KEEP_INDEX};
    struct error error;
    struct find *find = find_new(&options);
    char *index = find_files_folder(path);
    double begun_ms = now_ms();
    int r;
    while ((r = find_make_index(find, &error)) == 1)
        continue;
    require(r, &error);
    printf("make_index_ms\t%.0f\n", now_ms() - begun_ms);
    printf("archive_bytes\t%" PRIu64 "\nindex_bytes\t%" PRIu64
           "\nindex_bytes_per_transaction\t%.1f\n",
           visit(path, false), visit(index, false), (double)visit(index, false) / (double)total);
    find_free(find);
    free(index);
}

/* Searches that end early, and those that must look at the whole day. */
static void report_all(const char *path) {
    static struct find_key card = {.field = FIELD_CARD}, merchant = {.field = FIELD_MERCHANT};
    static char name[24];
    snprintf(name, sizeof name, "c_%016" PRIx64, UINT64_C(77777) * UINT64_C(0x9e3779b97f4a7c15));
    card.value = text_of(name);
    merchant.value = TEXT_LITERAL("m_00042");
    const struct {
        const char *name;
        struct find_query query;
    } searches[] = {
        {"newest", {0}},
        {"hour",
         {.from_us = START_US + DAY_US / 2, .until_us = START_US + DAY_US / 2 + DAY_US / 24}},
        {"declined", {.verdicts = 1u << VERDICT_DECLINE}},
        {"challenged (none)", {.verdicts = 1u << VERDICT_CHALLENGE}},
        {"score 850..1000", {.has_score = true, .score_min = 850, .score_max = 1000}},
        {"score 999..1000 (none)", {.has_score = true, .score_min = 999, .score_max = 1000}},
        {"rule, rare", {.rule = TEXT_LITERAL("impossible_travel")}},
        {"rule, common", {.rule = TEXT_LITERAL("unusual_amount")}},
        {"rule (none)", {.rule = TEXT_LITERAL("absent")}},
        {"amount 29,000.00..",
         {.has_amount = true,
          .amount_min = 2900000,
          .amount_max = 99999999,
          .currency = TEXT_LITERAL("EUR")}},
        {"amount 299.99, USD",
         {.has_amount = true,
          .amount_min = 29999,
          .amount_max = 29999,
          .currency = TEXT_LITERAL("USD")}},
        {"card", {.keys = &card, .key_count = 1}},
        {"merchant", {.keys = &merchant, .key_count = 1}},
        {"merchant, declined",
         {.keys = &merchant, .key_count = 1, .verdicts = 1u << VERDICT_DECLINE}},
        {"outcome fraud", {.labels = 1u << LABEL_FRAUD}},
        {"outcome fraud, approved, score 400..",
         {.labels = 1u << LABEL_FRAUD,
          .verdicts = 1u << VERDICT_APPROVE,
          .has_score = true,
          .score_min = 400,
          .score_max = 1000}},
        {"outcome none", {.labels = 1u << LABEL_NONE}},
        {"outcome none, score 999..1000 (none)",
         {.labels = 1u << LABEL_NONE, .has_score = true, .score_min = 999, .score_max = 1000}},
        {"outcome chargeback (none)", {.labels = 1u << LABEL_CHARGEBACK}},
        {"id", {.id = TEXT_LITERAL("s00000000-000000001")}},
    };
    for (size_t i = 0; i < sizeof searches / sizeof *searches; i++)
        report(path, searches[i].name, &searches[i].query);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: find_bench FOLDER [MILLIONS]\n");
        return 64;
    }
    char path[4096];
    struct stat status;
    double millions = argc > 2 ? strtod(argv[2], NULL) : 10;
    uint64_t total = (uint64_t)(millions * 1e6);
    snprintf(path, sizeof path, "%s/archive", argv[1]);
    mkdir(argv[1], 0750);
    if (stat(path, &status) < 0)
        make_day(path, total);
    make_index(path, total);
    report_all(path);
    return 0;
}
