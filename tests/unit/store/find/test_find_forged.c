/* Files of the index whose checksums are right, but whose content no build writes: searches and
 * counts refuse them, and make them again. */
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive.h"
#include "core/store/find/find.h"
#include "core/store/find/find_files.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US  INT64_C(1767225600000000) /* 2026-01-01 */
#define ROWS      30
#define SUM_CHUNK ((size_t)16 << 10) /* of what one checksum covers */

static const struct find_key key_card = {FIELD_CARD, TEXT_LITERAL("card")};
static const struct find_query by_card = {.keys = &key_card, .key_count = 1};
static const struct find_query by_nothing = {.limit = 100};

struct scene {
    char *folder, *path;
    char file[600]; /* of the index: there is one */
    struct text image;
};

static void append_all(struct archive *archive) {
    struct error error;
    struct archive_sync sync;
    for (unsigned i = 0; i < ROWS; i++) {
        char id[16];
        struct record record = {.type = RECORD_TRANSACTION, .receive_time_us = START_US + i};
        struct transaction *transaction = &record.transaction.transaction;
        snprintf(id, sizeof id, "t%u", i);
        *transaction = (struct transaction){.id = text_of(id),
                                            .event_time_us = START_US + i,
                                            .amount_minor = 100 + i,
                                            .currency = TEXT_LITERAL("EUR")};
        transaction->fields[FIELD_CARD] = TEXT_LITERAL("card");
        record.transaction.decision =
            (struct decision){.transaction_id = transaction->id, .verdict = VERDICT_APPROVE};
        archive_append(archive, &record);
    }
    assert_int_equal(archive_write(archive, &error), 0);
    if (archive_sync_start(archive, &sync, &error) == 1) {
        assert_int_equal(archive_sync_wait(&sync, &error), 0);
        assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
    }
}

static void open_scene(struct scene *scene) {
    struct archive_recovery recovery;
    struct archive *archive;
    struct error error;
    scene->folder = scratch_make();
    scene->path = text_copy(text_of(scratch_path(scene->folder, "archive")));
    assert_int_equal(archive_open(scene->path, NULL, &archive, &recovery, &error), 0);
    append_all(archive);
    archive_close(archive);
    const struct find_options options = {
        .archive = scene->path, .index = FIND_KEEP_INDEX, .tail_bytes = 1};
    struct find *find = find_new(&options);
    assert_int_equal(find_make_index(find, &error), 1);
    find_free(find);
    char *place = find_files_folder(scene->path);
    snprintf(scene->file, sizeof scene->file, "%s/%020llu.find", place,
             (unsigned long long)find_files_last(place));
    free(place);
    scene->image = scratch_read(scene->file);
}

static void close_scene(struct scene *scene) {
    free((char *)(uintptr_t)scene->image.data);
    free(scene->path);
    scratch_remove(scene->folder);
}

/* As find_image.c lays them out. */
static void correct_sums(uint8_t *bytes, size_t size) {
    struct find_header *header = (struct find_header *)(void *)bytes;
    size_t data = (size_t)header->sections[0].offset;
    for (size_t at = data, i = 0; at < size; at += SUM_CHUNK, i++) {
        size_t left = size - at;
        store_u32(bytes + sizeof *header + 4 * i,
                  (uint32_t)hash64(bytes + at, left < SUM_CHUNK ? left : SUM_CHUNK, 0));
    }
    header->checksum = 0;
    header->checksum = hash64(bytes, data, 0);
}

struct forgery {
    const char *what;
    enum find_section section;
    unsigned index;
    uint32_t value;
    bool is_scale; /* instead: where the times of the header begin */
    int64_t least;
    uint64_t until; /* instead: the position that a slice of another archive ends with */
};

static void forge(const struct scene *scene, const struct forgery *forgery) {
    size_t size = scene->image.length;
    uint8_t *bytes = check_malloc(size);
    memcpy(bytes, scene->image.data, size);
    struct find_header *header = (struct find_header *)(void *)bytes;
    assert_int_equal(header->rows, ROWS);
    if (forgery->is_scale)
        header->event.least = forgery->least;
    else if (forgery->until > 0) {
        header->from.chain++; /* it does not fit */
        header->until.position = forgery->until;
    } else
        store_u32(bytes + header->sections[forgery->section].offset + (size_t)4 * forgery->index,
                  forgery->value);
    correct_sums(bytes, size);
    scratch_write(scene->file, bytes, size);
    free(bytes);
}

static int take(void *user, const struct find_row *row, struct error *ret_error) {
    uint64_t *last = user;
    (void)ret_error;
    assert_true(*last == 0 || row->record->position < *last);
    *last = row->record->position;
    return 0;
}

static void assert_finds_all(const struct scene *scene, const struct find_query *query,
                             enum find_index index, bool is_held, const char *what) {
    const struct find_options options = {.archive = scene->path, .index = index, .tail_bytes = 1};
    struct find *find = find_new(&options);
    uint64_t last = 0, end;
    const struct find_taker taker = {.take = take, .user = &last};
    struct find_page page;
    struct error error;
    if (is_held && find_hold(find, &end, &error) < 0)
        fail_msg("%s: %s", what, error.text);
    if (find_run(find, query, &taker, &page, &error) < 0)
        fail_msg("%s: %s", what, error.text);
    if (page.rows != ROWS)
        fail_msg("%s: %u rows", what, (unsigned)page.rows);
    find_free(find);
}

static void assert_counts_all(const struct scene *scene, const struct find_query *query,
                              enum find_index index, const char *what) {
    const struct find_options options = {.archive = scene->path, .index = index, .tail_bytes = 1};
    struct find *find = find_new(&options);
    struct find_query all = *query;
    struct find_tally tally;
    struct find_page page;
    struct error error;
    all.limit = FIND_LIMIT_MAX;
    find_tally_init(&tally, START_US);
    if (find_count(find, &all, NULL, NULL, &tally, &page, &error) < 0)
        fail_msg("%s: %s", what, error.text);
    if (tally.rows != ROWS || page.made != 1 || tally.first_us != START_US)
        fail_msg("%s: counts %u, made %u", what, (unsigned)tally.rows, (unsigned)page.made);
    find_free(find);
}

/* Without a search before. */
static void assert_makes_index(const struct scene *scene, const char *what) {
    const struct find_options options = {
        .archive = scene->path, .index = FIND_KEEP_INDEX, .tail_bytes = 1};
    struct find *find = find_new(&options);
    struct error error;
    if (find_make_index(find, &error) < 0)
        fail_msg("%s: %s", what, error.text);
    find_free(find);
}

static void test_forged(void **state) {
    const enum find_section rows = find_term_rows(FIELD_CARD);
    const struct forgery forgeries[] = {
        {.what = "the last row is not there", .section = rows, .index = 29, .value = 1000},
        {.what = "a row is not there", .section = rows, .index = 10, .value = UINT32_MAX},
        {.what = "the first row comes again", .section = rows, .index = 0, .value = 5},
        {.what = "a row comes late", .section = rows, .index = 20, .value = 3},
        {.what = "all rows after the last", .section = rows, .index = 29, .value = 0},
        {.what = "positions fall", .section = SECTION_POSITION, .index = 20, .value = 3},
        {.what = "a later position", .section = SECTION_POSITION, .index = 29, .value = 1000},
        {.what = "times out of range", .is_scale = true, .least = INT64_MAX},
        {.what = "times before 1970", .is_scale = true, .least = INT64_MIN},
        {.what = "another archive's end", .until = 1000},
    };
    struct scene scene;
    (void)state;
    open_scene(&scene);
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++)
        for (int index = FIND_READ_INDEX; index <= FIND_KEEP_INDEX; index++)
            for (int keyed = 0; keyed < 2; keyed++) {
                const struct forgery *forgery = &forgeries[i];
                const struct find_query *query = keyed ? &by_card : &by_nothing;
                if (!keyed && forgery->section == rows)
                    continue; /* it does not look there */
                forge(&scene, forgery);
                if (index == FIND_KEEP_INDEX)
                    assert_makes_index(&scene, forgery->what);
                forge(&scene, forgery);
                assert_finds_all(&scene, query, (enum find_index)index, false, forgery->what);
                forge(&scene, forgery);
                assert_finds_all(&scene, query, (enum find_index)index, true, forgery->what);
                forge(&scene, forgery);
                assert_counts_all(&scene, query, (enum find_index)index, forgery->what);
                if (index == FIND_KEEP_INDEX) { /* by now the file is good */
                    struct text made = scratch_read(scene.file);
                    assert_true(text_equal(made, scene.image));
                    free((char *)(uintptr_t)made.data);
                }
            }
    close_scene(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
