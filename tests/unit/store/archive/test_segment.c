/* The archive's bytes: they are kept for years, so they are written down here, too. */
#include "core/base/hash.h"
#include "core/store/archive/segment.h"
#include "tests/unit/store/archive_bench.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_hex(const void *bytes, size_t length, const char *hex) {
    const uint8_t *at = bytes;
    char *shown = malloc(2 * length + 1);
    for (size_t i = 0; i < length; i++)
        snprintf(shown + 2 * i, 3, "%02x", at[i]);
    assert_string_equal(shown, hex);
    free(shown);
}

static uint64_t bench_chain(const char *folder) {
    struct archive *archive = bench_open(folder, 0, NULL);
    uint64_t chain = archive_end(archive).chain;
    archive_close(archive);
    return chain;
}

/* Computed by another program from docs/ARCHIVE.md alone, which has this segment as its example. */
static void the_bytes_are_these(void **state) {
    (void)state;
    char *folder = scratch_make();
    struct archive *archive = bench_open(folder, 0, NULL);
    struct record record = {.type = RECORD_ENGINE,
                            .receive_time_us = START_US,
                            .engine = {.version = TEXT_LITERAL("0.1.0")}};
    archive_append(archive, &record);
    archive_close(archive);
    struct text bytes = scratch_read(scratch_path(folder, FIRST_SEGMENT));
    assert_int_equal(bytes.length, 64 + 40 + 48);
    /* header */
    assert_hex(bytes.data, 64,
               "48415252494552"
               "1a"
               "01000000"
               "1ebccb2b"
               "0000000000000000"
               "0000000000000000"
               "0000000000000080"
               "0000000000000000"
               "e64f0000"
               "000000000000000000000000");
    /* an engine record, position 1: CRC, length, position, type, zero, payload */
    assert_hex(bytes.data + 64, 40,
               "44cbdfd2"
               "10000000"
               "0100000000000000"
               "0600"
               "000000000000"
               "08808081b184e991031205302e312e30");
    /* the sync mark that closing writes: the same, with the payload magic, chain, time */
    assert_hex(bytes.data + 104, 48,
               "c3fc44ec"
               "18000000"
               "0100000000000000"
               "ffff"
               "000000000000"
               "fffe53594e43feff"
               "ed42ff3976b10e4e"
               "0040204648470600");
    assert_int_equal(bench_chain(folder), 0x4e0eb17639ff42ed);
    free((char *)(uintptr_t)bytes.data);
    scratch_remove(folder);
}

static void headers_come_back(void **state) {
    (void)state;
    const struct segment_header header = {.before = {.position = 41, .chain = 0x1122334455667788},
                                          .time_before_us = -5,
                                          .day = -1,
                                          .epoch = 7};
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    segment_header_encode(&header, bytes);
    struct segment_header read;
    struct error error;
    assert_int_equal(segment_header_decode(bytes, &read, &error), 0);
    assert_int_equal(read.before.position, 41);
    assert_int_equal(read.before.chain, 0x1122334455667788);
    assert_int_equal(read.time_before_us, -5);
    assert_int_equal(read.day, -1);
    assert_int_equal(read.epoch, 7);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 4;
        assert_int_equal(segment_header_decode(bytes, &read, &error), -ERROR_DAMAGED);
        bytes[i] ^= 4;
    }
    /* A later format is not damage. */
    bytes[8] = 3;
    uint32_t crc = crc32c(crc32c(0, bytes, 12), bytes + 16, 48);
    for (int i = 0; i < 4; i++)
        bytes[12 + i] = (uint8_t)(crc >> (8 * i));
    assert_int_equal(segment_header_decode(bytes, &read, &error), -ERROR_UNSUPPORTED);
}

/* A rewritten frame has the chain of the record that was there behind its payload. */
static void rewritten_frames_state_their_chain(void **state) {
    (void)state;
    struct buffer buffer;
    struct frame frame;
    const char *fault;
    buffer_init(&buffer);
    for (size_t length = 0; length < 20; length++) {
        buffer_clear(&buffer);
        frame_begin(&buffer);
        for (size_t i = 0; i < length; i++)
            buffer_append_u8(&buffer, (uint8_t)('a' + i));
        frame_finish_rewritten(&buffer, 0, 1, 42, 0x1122334455667788);
        assert_int_equal(frame_parse(buffer.bytes, buffer.length, &frame, &fault), FRAME_WHOLE);
        assert_true(frame.is_rewritten);
        assert_int_equal(frame.payload.length, length);
        assert_memory_equal(frame.payload.data, "abcdefghijklmnopqrstuvwxyz", length);
        assert_int_equal(frame.size, buffer.length);
        for (uint64_t before = 0; before < 3; before++)
            assert_int_equal(frame_chain(buffer.bytes, before), 0x1122334455667788);
        for (size_t i = 0; i < buffer.length; i++) {
            buffer.bytes[i] ^= 1;
            int r = frame_parse(buffer.bytes, buffer.length, &frame, &fault);
            assert_true(r == FRAME_BAD || r == FRAME_SHORT);
            buffer.bytes[i] ^= 1;
        }
    }
    buffer_deinit(&buffer);
}

static void frames_are_whole_or_not(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    for (size_t length = 0; length < 20; length++) {
        buffer_clear(&buffer);
        frame_begin(&buffer);
        buffer_append(&buffer, "abcdefghijklmnopqrst", length);
        frame_finish(&buffer, 0, RECORD_ENGINE, 17);
        assert_int_equal(buffer.length % 8, 0);
        struct frame frame;
        const char *fault = NULL;
        assert_int_equal(frame_parse(buffer.bytes, buffer.length, &frame, &fault), FRAME_WHOLE);
        assert_int_equal(frame.size, buffer.length);
        assert_int_equal(frame.type, RECORD_ENGINE);
        assert_int_equal(frame.position, 17);
        assert_int_equal(frame.payload.length, length);
        assert_memory_equal(frame.payload.data, "abcdefghijklmnopqrst", length);
        for (size_t cut = 0; cut < buffer.length; cut++)
            assert_int_equal(frame_parse(buffer.bytes, cut, &frame, &fault),
                             cut ? FRAME_SHORT : FRAME_END);
        for (size_t bit = 0; bit < 8 * buffer.length; bit++) {
            buffer.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum frame_status status = frame_parse(buffer.bytes, buffer.length, &frame, &fault);
            assert_true(status == FRAME_BAD || status == FRAME_SHORT);
            buffer.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    buffer_deinit(&buffer);
}

static void zeros_are_the_end(void **state) {
    (void)state;
    const uint8_t zeros[64] = {0};
    struct frame frame;
    const char *fault;
    assert_int_equal(frame_parse(zeros, 0, &frame, &fault), FRAME_END);
    assert_int_equal(frame_parse(zeros, 23, &frame, &fault), FRAME_SHORT);
    assert_int_equal(frame_parse(zeros, 24, &frame, &fault), FRAME_END);
    assert_int_equal(frame_parse(zeros, 64, &frame, &fault), FRAME_END);
}

/* Else memory is taken, and the file read, for any length that damage may have made. */
static void a_length_over_the_limit_is_damage(void **state) {
    (void)state;
    uint8_t header[FRAME_HEADER_SIZE] = {1};
    struct frame frame;
    const char *fault = "";
    store_u32(header + 4, FRAME_PAYLOAD_MAX);
    assert_int_equal(frame_parse(header, sizeof header, &frame, &fault), FRAME_SHORT);
    assert_true(frame.size >= FRAME_PAYLOAD_MAX);
    store_u32(header + 4, FRAME_PAYLOAD_MAX + 1);
    assert_int_equal(frame_parse(header, sizeof header, &frame, &fault), FRAME_BAD);
    assert_string_equal(fault, "its length exceeds the limit");
}

static void marks_are_found_anywhere(void **state) {
    (void)state;
    const struct sync_mark mark = {.place = {.position = 9, .chain = 0xabc}, .time_us = START_US};
    for (size_t before = 0; before < 40; before++) {
        struct buffer buffer;
        buffer_init(&buffer);
        for (size_t i = 0; i < before; i++)
            buffer_append_u8(&buffer, (uint8_t)(0xff ^ i));
        /* The magic alone is no mark. */
        buffer_append(&buffer, "\xff\xfeSYNC\xfe\xff", 8);
        size_t start = buffer.length;
        sync_mark_append(&buffer, &mark);
        buffer_append(&buffer, "behind", 6);
        size_t offset = 0;
        assert_false(sync_mark_search(buffer.bytes, buffer.length, 9, &offset));
        assert_true(sync_mark_search(buffer.bytes, buffer.length, 8, &offset));
        assert_int_equal(offset, start);
        assert_false(sync_mark_search(buffer.bytes, start + SYNC_MARK_SIZE - 1, 8, &offset));
        struct frame frame;
        const char *fault;
        struct sync_mark read;
        assert_int_equal(frame_parse(buffer.bytes + start, buffer.length - start, &frame, &fault),
                         FRAME_WHOLE);
        assert_true(sync_mark_parse(&frame, &read));
        assert_int_equal(read.place.position, 9);
        assert_int_equal(read.place.chain, 0xabc);
        assert_int_equal(read.time_us, START_US);
        buffer.bytes[start + 40] ^= 1;
        assert_false(sync_mark_search(buffer.bytes, buffer.length, 8, &offset));
        buffer_deinit(&buffer);
    }
}

static void days_have_names(void **state) {
    (void)state;
    assert_int_equal(day_of(0), 0);
    assert_int_equal(day_of(DAY_US - 1), 0);
    assert_int_equal(day_of(DAY_US), 1);
    assert_int_equal(day_of(-1), -1);
    assert_int_equal(day_start_us(-1), -DAY_US);
    char name[DAY_NAME_SIZE];
    int32_t day;
    for (int32_t i = -1000; i < 40000; i += 7) {
        day_format(i, name);
        assert_true(day_parse(text_of(name), &day));
        assert_int_equal(day, i);
    }
    day_format(day_of(START_US), name);
    assert_string_equal(name, "2026-01-01");
    const char *wrong[] = {"2026-02-29", "2026-13-01", "2026-1-01",   "2026-01-1",
                           "20260101",   "lock",       "2026-01-011", "-026-01-01",
                           "2026-01-0x", "",           " 2026-01-1",  "2026/01/01"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(day_parse(text_of(wrong[i]), &day));
}

static void only_segments_are_listed(void **state) {
    (void)state;
    char *folder = scratch_make();
    const char *folders[] = {"2026-01-02", "2026-01-01", "2026-01-03", "2026-01-99", "other"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(scratch_path(folder, folders[i]), 0700), 0);
    const char *files[] = {"lock",
                           "2026-01-01/00000000000000000001.seg",
                           "2026-01-02/00000000000000000010.seg",
                           "2026-01-02/00000000000000000009.seg",
                           "2026-01-03/00000000000000000010.seg",
                           "2026-01-02/00000000000000000009.seg.torn-1",
                           "2026-01-02/9.seg",
                           "2026-01-02/00000000000000000000.seg",
                           "2026-01-02/99999999999999999999.seg",
                           "2026-01-99/00000000000000000001.seg",
                           "other/00000000000000000001.seg"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        scratch_write(scratch_path(folder, files[i]), "", 0);
    struct segment_list list = {0};
    struct error error;
    int directory = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(segment_list_scan(&list, directory, INT32_MIN, &error), 0);
    assert_int_equal(list.count, 4);
    assert_string_equal(list.segments[0].name, files[1]);
    assert_string_equal(list.segments[1].name, files[3]);
    assert_string_equal(list.segments[2].name, files[2]);
    assert_string_equal(list.segments[3].name, files[4]);
    assert_int_equal(segment_list_scan(&list, directory, list.segments[3].day, &error), 0);
    assert_int_equal(list.count, 1);
    segment_list_deinit(&list);
    close(directory);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_these),
        cmocka_unit_test(headers_come_back),
        cmocka_unit_test(rewritten_frames_state_their_chain),
        cmocka_unit_test(frames_are_whole_or_not),
        cmocka_unit_test(zeros_are_the_end),
        cmocka_unit_test(a_length_over_the_limit_is_damage),
        cmocka_unit_test(marks_are_found_anywhere),
        cmocka_unit_test(days_have_names),
        cmocka_unit_test(only_segments_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
