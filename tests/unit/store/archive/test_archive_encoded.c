/* Records that another node has encoded: the archive that they are shipped to has the same bytes as
 * the one that they come from, and takes nothing else. */
#include "tests/unit/store/archive_bench.h"
#include "tests/unit/store/frame_list.h"

#define SEGMENT_BYTES 3000
#define RECORDS       150

/* The one that decides, and the one that follows. */
struct pair {
    char *folders[2];
    struct archive *from, *to;
    struct archive_reader *reader;
    struct arena arena;
    struct record record; /* read last */
};

static int set_up(void **state) {
    struct pair *pair = calloc(1, sizeof *pair);
    struct error error;
    for (int i = 0; i < 2; i++)
        pair->folders[i] = scratch_make();
    pair->from = bench_open(pair->folders[0], SEGMENT_BYTES, NULL);
    pair->to = bench_open(pair->folders[1], SEGMENT_BYTES, NULL);
    arena_init(&pair->arena, 1u << 20);
    assert_int_equal(
        archive_reader_open(pair->folders[0], (struct archive_place){0}, &pair->reader, &error), 0);
    *state = pair;
    return 0;
}

static int tear_down(void **state) {
    struct pair *pair = *state;
    archive_reader_close(pair->reader);
    archive_close(pair->from);
    archive_close(pair->to);
    arena_deinit(&pair->arena);
    for (int i = 0; i < 2; i++)
        scratch_remove(pair->folders[i]);
    free(pair);
    return 0;
}

/* Records of every type, over two days, some of them together. */
static void decide(struct pair *pair, unsigned number) {
    enum record_type type = (enum record_type)(1 + number % (RECORD_TYPE_COUNT - 1));
    arena_reset(&pair->arena);
    struct record record = bench_record(&pair->arena, type, number);
    if (number > RECORDS / 2)
        record.receive_time_us += DAY_US;
    archive_append(pair->from, &record);
    if (number % 7 == 0 || number == RECORDS)
        bench_write(pair->from);
}

/* false: there is none at the moment. */
static bool read_next(struct pair *pair) {
    struct error error;
    arena_reset(&pair->arena);
    int r = archive_reader_next(pair->reader, &pair->arena, &pair->record, &error);
    if (r < 0)
        fail_msg("%s", error.text);
    return r == 1;
}

static int append(struct pair *pair, struct text payload, int64_t time_us,
                  struct archive_place place, struct error *ret_error) {
    return archive_append_encoded(pair->to, pair->record.type, payload, time_us, place, ret_error);
}

static void take(struct pair *pair) {
    struct error error;
    struct archive_place place = archive_reader_place(pair->reader);
    if (append(pair, archive_reader_frame(pair->reader)->payload, pair->record.receive_time_us,
               place, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(archive_end(pair->to).position, place.position);
    assert_int_equal(archive_end(pair->to).chain, place.chain);
    assert_true(archive_time(pair->to) == pair->record.receive_time_us);
}

/* The same frames, and with the same writes the same files. */
static void expect_same(struct pair *pair, bool are_files_same) {
    assert_int_equal(archive_end(pair->from).position, RECORDS);
    assert_int_equal(archive_end(pair->to).position, RECORDS);
    assert_int_equal(archive_end(pair->to).chain, archive_end(pair->from).chain);
    assert_true(archive_time(pair->to) == archive_time(pair->from));
    archive_close(pair->from);
    archive_close(pair->to);
    pair->from = pair->to = NULL;
    struct frame_list lists[2];
    for (int i = 0; i < 2; i++)
        lists[i] = frame_list_read(pair->folders[i]);
    assert_int_equal(lists[0].count, lists[1].count);
    assert_frames_are_of(&lists[1], &lists[0], 0);
    if (are_files_same) {
        assert_true(lists[0].segments > 5);
        assert_int_equal(lists[0].segments, lists[1].segments);
        for (size_t i = 0; i < lists[0].segments; i++) {
            assert_int_equal(lists[0].files[i].length, lists[1].files[i].length);
            assert_memory_equal(lists[0].files[i].data, lists[1].files[i].data,
                                lists[0].files[i].length);
        }
    }
    for (int i = 0; i < 2; i++)
        frame_list_deinit(&lists[i]);
    pair->from = bench_open(pair->folders[0], SEGMENT_BYTES, NULL);
    pair->to = bench_open(pair->folders[1], SEGMENT_BYTES, NULL);
    assert_int_equal(archive_end(pair->to).chain, archive_end(pair->from).chain);
}

static void the_files_are_the_same(void **state) {
    struct pair *pair = *state;
    for (unsigned i = 1; i <= RECORDS; i++) {
        decide(pair, i);
        bool is_some = false;
        for (; read_next(pair); is_some = true)
            take(pair);
        if (is_some)
            bench_write(pair->to);
    }
    expect_same(pair, true);
}

static void and_so_are_the_records_with_other_writes(void **state) {
    struct pair *pair = *state;
    struct record record;
    struct error error;
    for (unsigned i = 1; i <= RECORDS; i++)
        decide(pair, i);
    while (read_next(pair)) {
        take(pair);
        struct record read;
        assert_int_equal(archive_read(pair->to, pair->record.position, &pair->arena, &read, &error),
                         0);
        assert_same_record(&read, &pair->record);
        if (pair->record.position % 11 == 0) {
            bench_write(pair->to);
            if (archive_synced(pair->to) < pair->record.position)
                bench_sync(pair->to);
        }
    }
    bench_write(pair->to);
    for (uint64_t position = 1; position <= RECORDS; position++) {
        struct record other;
        arena_reset(&pair->arena);
        assert_int_equal(archive_read(pair->from, position, &pair->arena, &record, &error), 0);
        assert_int_equal(archive_read(pair->to, position, &pair->arena, &other, &error), 0);
        assert_same_record(&record, &other);
    }
    expect_same(pair, false);
}

/* ---- refused ---- */

static void expect_refused(struct pair *pair, struct text payload, int64_t time_us,
                           struct archive_place place) {
    struct archive_place before = archive_end(pair->to);
    int64_t before_us = archive_time(pair->to);
    struct record record;
    struct error error;
    assert_int_equal(append(pair, payload, time_us, place, &error), -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, pair->folders[1]));
    assert_int_equal(archive_end(pair->to).position, before.position);
    assert_int_equal(archive_end(pair->to).chain, before.chain);
    assert_true(archive_time(pair->to) == before_us);
    assert_int_equal(archive_read(pair->to, before.position + 1, &pair->arena, &record, &error),
                     -ERROR_NOT_FOUND);
}

/* Each record is tried in every wrong way first, with some behind it that are not written yet. */
static void what_does_not_continue_it_is_refused(void **state) {
    struct pair *pair = *state;
    for (unsigned i = 1; i <= RECORDS; i++)
        decide(pair, i);
    while (read_next(pair)) {
        struct archive_place place = archive_reader_place(pair->reader);
        struct text payload = archive_reader_frame(pair->reader)->payload;
        int64_t time_us = pair->record.receive_time_us;
        struct archive_place wrong = place;
        wrong.position++;
        expect_refused(pair, payload, time_us, wrong);
        wrong.position -= 2;
        expect_refused(pair, payload, time_us, wrong);
        wrong = place;
        wrong.chain ^= UINT64_C(1) << place.position % 64;
        expect_refused(pair, payload, time_us, wrong);
        expect_refused(pair, (struct text){payload.data, payload.length - 1}, time_us, place);
        enum record_type type = pair->record.type;
        pair->record.type = type == RECORD_ENGINE ? RECORD_SHADOW : RECORD_ENGINE;
        expect_refused(pair, payload, time_us, place);
        pair->record.type = type;
        if (place.position > 1)
            expect_refused(pair, payload, archive_time(pair->to) - 1, place);
        take(pair);
        expect_refused(pair, payload, time_us, place); /* a second time */
        if (place.position % 13 == 0)
            bench_write(pair->to);
    }
    bench_write(pair->to);
    expect_same(pair, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_files_are_the_same),
        TEST(and_so_are_the_records_with_other_writes),
        TEST(what_does_not_continue_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
