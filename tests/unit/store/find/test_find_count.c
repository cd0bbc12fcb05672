/* Counts of a card whose hash in the index is another card's, too: the newest rows are compared
 * with their records. */
#include "core/base/check.h"
#include "core/store/archive/archive.h"
#include "core/store/find/find.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US   INT64_C(1767225600000000) /* 2026-01-01 */
#define CANDIDATES 400000

struct candidate {
    uint32_t hash;
    unsigned number;
};

static void name_card(unsigned number, char ret_card[32]) {
    snprintf(ret_card, 32, "card-%u", number);
}

static int by_hash(const void *a, const void *b) {
    uint32_t first = ((const struct candidate *)a)->hash;
    uint32_t second = ((const struct candidate *)b)->hash;
    return (first > second) - (first < second);
}

/* Two cards of one hash: among so many there are about twenty pairs. */
static void find_twins(char ret_card[32], char ret_twin[32]) {
    struct candidate *candidates = check_calloc(CANDIDATES, sizeof *candidates);
    size_t i;
    for (unsigned number = 0; number < CANDIDATES; number++) {
        name_card(number, ret_card);
        candidates[number] =
            (struct candidate){find_term_hash(FIELD_CARD, text_of(ret_card)), number};
    }
    qsort(candidates, CANDIDATES, sizeof *candidates, by_hash);
    for (i = 1; i < CANDIDATES && candidates[i].hash != candidates[i - 1].hash; i++) {
    }
    assert_true(i < CANDIDATES);
    name_card(candidates[i].number, ret_card);
    name_card(candidates[i - 1].number, ret_twin);
    free(candidates);
}

static void append(struct archive *archive, const char *card, unsigned count) {
    struct error error;
    for (unsigned i = 0; i < count; i++) {
        char id[48];
        struct record record = {.type = RECORD_TRANSACTION, .receive_time_us = START_US};
        struct transaction *transaction = &record.transaction.transaction;
        snprintf(id, sizeof id, "%s-%u", card, i);
        *transaction = (struct transaction){.id = text_of(id),
                                            .event_time_us = START_US,
                                            .amount_minor = 100,
                                            .currency = TEXT_LITERAL("EUR")};
        transaction->fields[FIELD_CARD] = text_of(card);
        record.transaction.decision =
            (struct decision){.transaction_id = transaction->id, .verdict = VERDICT_APPROVE};
        archive_append(archive, &record);
    }
    assert_int_equal(archive_write(archive, &error), 0);
}

static struct find_tally count(const char *path, const char *card) {
    const struct find_key key = {FIELD_CARD, text_of(card)};
    const struct find_query query = {.keys = &key, .key_count = 1};
    const struct find_options options = {.archive = path, .index = FIND_NO_INDEX};
    struct find *find = find_new(&options);
    struct find_tally tally;
    struct find_page page;
    struct error error;
    find_tally_init(&tally, 0);
    if (find_count(find, &query, NULL, NULL, &tally, &page, &error) < 0)
        fail_msg("%s", error.text);
    find_free(find);
    return tally;
}

static void test_twins(void **state) {
    char *folder = scratch_make();
    char *path = text_copy(text_of(scratch_path(folder, "archive")));
    char card[32], twin[32];
    struct archive_recovery recovery;
    struct archive *archive;
    struct error error;
    (void)state;
    find_twins(card, twin);
    assert_int_equal(archive_open(path, NULL, &archive, &recovery, &error), 0);
    append(archive, card, 30);
    append(archive, twin, 50);
    append(archive, card, 20);
    archive_close(archive);
    struct find_tally tally = count(path, card);
    assert_int_equal(tally.rows, 50);
    assert_int_equal(tally.currencies[0].amount_minor, 5000);
    assert_int_equal(tally.verified, 100);
    assert_int_equal(count(path, twin).rows, 50);
    assert_int_equal(count(path, "card-x").rows, 0);
    free(path);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_twins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
