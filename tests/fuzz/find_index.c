/* Target: the index of `harrier find`, whose files lie beside the archive.
 *
 *   input  u8 the search; u8 bit 0: the checksums are corrected; then changes of the index that
 *          was made of the archive: u16 place, u8 kind (a byte, 4 or 8 bytes in its place, a bit,
 *          cut off there), u32 value
 *
 * A forged index, whose checksums are right, may hide transactions, but never shows one twice, nor
 * one that the search does not ask for; with a damaged one the search finds what it finds without.
 */
#include "common/target.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive.h"
#include "core/store/find/find.h"
#include "core/store/find/find_files.h"
#include "tests/unit/store/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TRANSACTIONS 40
#define START_US     INT64_C(1767225600000000)
#define CHANGES_MAX  8
#define CHANGE_BYTES 7
#define SUM_CHUNK    ((size_t)16 << 10) /* of what one checksum covers */

struct model {
    uint64_t position;
    int64_t event_us, amount_minor;
    unsigned card, currency, score;
    enum verdict verdict;
    enum label label;
    bool has_rule;
};

static const char *const currencies[] = {"EUR", "JPY"};
static const struct find_key key_card = {.field = FIELD_CARD, .value = TEXT_LITERAL("card-1")};
static const struct find_query searches[] = {
    {.limit = 100},
    {.keys = &key_card, .key_count = 1},
    {.has_score = true, .score_min = 300, .score_max = 600, .verdicts = 1u << VERDICT_DECLINE},
    {.from_us = START_US + 5000000, .until_us = START_US + 30000000},
    {.has_amount = true, .amount_min = 500, .amount_max = 5000, .currency = TEXT_LITERAL("JPY")},
    {.labels = 1u << LABEL_FRAUD},
    {.labels = 1u << LABEL_NONE | 1u << LABEL_LEGIT, .limit = 3},
    {.rule = TEXT_LITERAL("many"), .keys = &key_card, .key_count = 1},
    {.id = TEXT_LITERAL("t7")},
    {.received_from_us = START_US + 10000000, .rule = TEXT_LITERAL("many"), .shadow = true},
};
#define SEARCHES (sizeof searches / sizeof *searches)

static struct model models[TRANSACTIONS];
static char *folder;
static const char *archive_path;
static char index_file[512];
static struct text image; /* as it was made */
static size_t expected[SEARCHES];

static struct record transaction_record(unsigned i, char texts[2][32], struct reason *reason) {
    struct model *model = &models[i];
    *model = (struct model){.event_us = START_US + (int64_t)i * 1000000,
                            .amount_minor = (int64_t)i * i * 37 % 6000,
                            .card = i % 5,
                            .currency = i % 3 == 0,
                            .score = i * 37 % 1001,
                            .verdict = (enum verdict)(VERDICT_APPROVE + i % 4),
                            .has_rule = i % 4 == 1};
    snprintf(texts[0], 32, "t%u", i);
    snprintf(texts[1], 32, "card-%u", model->card);
    *reason = (struct reason){.rule = TEXT_LITERAL("many"), .text = TEXT_LITERAL("so")};
    struct record record = {.type = RECORD_TRANSACTION, .receive_time_us = model->event_us};
    record.transaction.transaction =
        (struct transaction){.id = text_of(texts[0]),
                             .event_time_us = model->event_us,
                             .amount_minor = model->amount_minor,
                             .currency = text_of(currencies[model->currency])};
    record.transaction.transaction.fields[FIELD_CARD] = text_of(texts[1]);
    record.transaction.decision = (struct decision){.transaction_id = text_of(texts[0]),
                                                    .verdict = model->verdict,
                                                    .score = model->score,
                                                    .reasons = reason,
                                                    .reason_count = model->has_rule};
    return record;
}

static void append_outcome(struct archive *archive, unsigned i) {
    char id[32];
    struct model *model = &models[i];
    snprintf(id, sizeof id, "t%u", i);
    model->label = i % 3 == 0 ? LABEL_FRAUD : LABEL_LEGIT;
    struct record record = {.type = RECORD_OUTCOME,
                            .receive_time_us = START_US + (int64_t)(i + 3) * 1000000,
                            .outcome = {.known_time_us = START_US + 90000000,
                                        .label = model->label,
                                        .transaction_position = model->position,
                                        .transaction = {.id = text_of(id)}}};
    archive_append(archive, &record);
}

static void make_archive(void) {
    const struct archive_options options = {0};
    struct archive_recovery recovery;
    struct archive_sync sync;
    struct archive *archive;
    struct error error;
    property(archive_open(archive_path, &options, &archive, &recovery, &error) == 0, "%s",
             error.text);
    for (unsigned i = 0; i < TRANSACTIONS; i++) {
        char texts[2][32];
        struct reason reason;
        struct record record = transaction_record(i, texts, &reason);
        archive_append(archive, &record);
        models[i].position = record.position;
        if (i % 5 == 4)
            append_outcome(archive, i - 3);
    }
    property(archive_write(archive, &error) == 0, "%s", error.text);
    if (archive_sync_start(archive, &sync, &error) == 1)
        property(archive_sync_wait(&sync, &error) == 0 &&
                     archive_sync_finish(archive, &sync, &error) == 0,
                 "%s", error.text);
    archive_close(archive);
}

static bool matches(const struct find_query *query, const struct model *model, unsigned number) {
    char id[32];
    snprintf(id, sizeof id, "t%u", number);
    return (query->from_us == 0 || model->event_us >= query->from_us) &&
           (query->until_us == 0 || model->event_us < query->until_us) &&
           (query->received_from_us == 0 || model->event_us >= query->received_from_us) &&
           (query->verdicts == 0 || query->verdicts >> model->verdict & 1) &&
           (!query->has_score ||
            (model->score >= query->score_min && model->score <= query->score_max)) &&
           (!query->has_amount || (model->amount_minor >= query->amount_min &&
                                   model->amount_minor <= query->amount_max)) &&
           (query->currency.length == 0 ||
            text_equal(query->currency, text_of(currencies[model->currency]))) &&
           (query->rule.length == 0 || model->has_rule) &&
           (query->key_count == 0 || model->card == 1) &&
           (query->id.length == 0 || text_equal(query->id, text_of(id)));
}

struct found {
    const struct find_query *query;
    uint64_t last;
    size_t count;
};

static int take(void *user, const struct find_row *row, struct error *ret_error) {
    struct found *found = user;
    (void)ret_error;
    uint64_t position = row->record->position;
    unsigned i = 0;
    while (i < TRANSACTIONS && models[i].position != position)
        i++;
    property(i < TRANSACTIONS, "a transaction that there is not");
    property(found->last == 0 || position < found->last, "positions do not fall");
    /* What became of it is known from the index alone, so a forged one may be wrong about that. */
    property(matches(found->query, &models[i], i), "transaction %u is not asked for", i);
    found->last = position;
    found->count++;
    return 0;
}

static size_t search(size_t number, enum find_index index) {
    const struct find_options options = {.archive = archive_path, .index = index, .tail_bytes = 1};
    struct find *find = find_new(&options);
    struct found found = {.query = &searches[number]};
    const struct find_taker taker = {.take = take, .user = &found};
    struct find_page page;
    struct error error;
    int r = find_run(find, found.query, &taker, &page, &error);
    property(r == 0, "search %zu: %s", number, error.text);
    property(page.rows == found.count, "rows");
    size_t count = found.count; /* of the first page */
    if (index == FIND_READ_INDEX && page.cursor[0]) {
        struct find_query next = *found.query;
        next.cursor = text_of(page.cursor);
        property(find_run(find, &next, &taker, &page, &error) == 0, "%s", error.text);
    }
    find_free(find);
    return count;
}

static void count(size_t number, struct error *ret_error) {
    const struct find_options options = {
        .archive = archive_path, .index = FIND_READ_INDEX, .tail_bytes = 1};
    struct find *find = find_new(&options);
    struct find_query query = searches[number];
    struct find_tally tally;
    struct find_page page;
    query.limit = FIND_LIMIT_MAX;
    find_tally_init(&tally, START_US);
    property(find_count(find, &query, NULL, NULL, &tally, &page, ret_error) == 0, "%s",
             ret_error->text);
    find_free(find);
}

static void clean_up(void) {
    scratch_remove(folder);
}

void target_start(void) {
    struct error error;
    folder = scratch_make();
    atexit(clean_up);
    archive_path = text_copy(text_of(scratch_path(folder, "archive")));
    make_archive();
    const struct find_options options = {
        .archive = archive_path, .index = FIND_KEEP_INDEX, .tail_bytes = 1};
    struct find *find = find_new(&options);
    property(find_make_index(find, &error) >= 0, "%s", error.text);
    find_free(find);
    for (size_t i = 0; i < SEARCHES; i++)
        expected[i] = search(i, FIND_KEEP_INDEX);
    char *place = find_files_folder(archive_path);
    snprintf(index_file, sizeof index_file, "%s/%020llu.find", place,
             (unsigned long long)find_files_last(place));
    free(place);
    property(scratch_exists(index_file), "%s is not there", index_file);
    image = scratch_read(index_file);
    for (size_t i = 0; i < SEARCHES; i++)
        property(search(i, FIND_NO_INDEX) == expected[i], "without the index");
}

/* As find_image.c lays them out. */
static void fix(uint8_t *bytes, size_t size) {
    struct find_header *header = (struct find_header *)(void *)bytes;
    if (size < sizeof *header)
        return;
    uint64_t data = header->sections[0].offset;
    if (data < sizeof *header || data > size)
        return;
    for (size_t at = (size_t)data, i = 0; at < size; at += SUM_CHUNK, i++) {
        size_t left = size - at, place = sizeof *header + 4 * i;
        if (place + 4 <= data)
            store_u32(bytes + place,
                      (uint32_t)hash64(bytes + at, left < SUM_CHUNK ? left : SUM_CHUNK, 0));
    }
    header->checksum = 0;
    header->checksum = hash64(bytes, (size_t)data, 0);
}

static uint32_t take_bytes(struct cursor *cursor, unsigned count) {
    uint32_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint32_t)cursor_u8(cursor) << 8 * i;
    return value;
}

static size_t change(uint8_t *bytes, size_t size, struct cursor *cursor) {
    size_t at = take_bytes(cursor, 2);
    uint8_t kind = cursor_u8(cursor);
    uint64_t value = take_bytes(cursor, 4);
    at = at < size ? at : at % (size ? size : 1);
    size_t width = (size_t[]){1, 4, 8, 1, 0}[kind % 5], left = size - at;
    if (kind % 5 == 4)
        return at;
    if (kind % 5 == 3)
        bytes[at] ^= (uint8_t)(1u << value % 8);
    else
        memcpy(bytes + at, &value, width < left ? width : left);
    return size;
}

bool target_run(const uint8_t *bytes, size_t size) {
    struct cursor cursor = cursor_of(bytes, size);
    size_t number = cursor_u8(&cursor) % SEARCHES, length = image.length;
    bool is_fixed = cursor_u8(&cursor) & 1;
    struct error error;
    uint8_t *changed = check_malloc(length + 8);
    memcpy(changed, image.data, length);
    for (int i = 0; i < CHANGES_MAX && cursor_left(&cursor) >= CHANGE_BYTES; i++)
        length = change(changed, length, &cursor);
    if (is_fixed)
        fix(changed, length);
    bool is_same = length == image.length && memcmp(changed, image.data, length) == 0;
    scratch_write(index_file, changed, length);
    free(changed);
    size_t found = search(number, FIND_READ_INDEX);
    if (is_same || !is_fixed)
        property(found == expected[number], "search %zu finds %zu; expected %zu", number, found,
                 expected[number]);
    count(number, &error);
    return true;
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    /* Each number of the header and of the sections, too small and too large. */
    static const uint32_t values[] = {0, 1, 0xffffffff, 100};
    for (unsigned number = 0; number < SEARCHES; number++) {
        const uint8_t plain[] = {(uint8_t)number, 1};
        seeds->add(seeds, plain, sizeof plain);
    }
    for (size_t at = 0; at + 8 <= image.length; at += at < sizeof(struct find_header) ? 8 : 64)
        for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
            uint8_t seed[9] = {(uint8_t)((at / 8 + i) % SEARCHES), i != 3, (uint8_t)at,
                               (uint8_t)(at >> 8), i % 2 ? 1 : 2};
            store_u32(seed + 5, values[i]);
            seeds->add(seeds, seed, sizeof seed);
        }
}
