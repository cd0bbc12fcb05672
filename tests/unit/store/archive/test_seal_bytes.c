/* The bytes of a sealed segment: they are kept for years, so they are written down here, too. */
#include "core/store/archive/archive_seal.h"
#include "core/store/archive/segment_file.h"
#include "tests/unit/store/archive_bench.h"

#include "core/base/hash.h"

#include <sys/stat.h>
#include <zstd.h>

#define SECOND_SEGMENT "2026-01-02/00000000000000000004.seg"
#define THIRD_SEGMENT  "2026-01-03/00000000000000000007.seg"

static struct archive_seal_report seal(const char *folder, uint64_t until) {
    struct archive_seal_report report;
    struct error error;
    if (archive_seal(folder, until, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

static void free_text(struct text text) {
    free((char *)(uintptr_t)text.data);
}

/* Nine records, three a day. */
static void fill(const char *folder) {
    struct archive *archive = bench_open(folder, 0, NULL);
    for (unsigned i = 1; i <= 9; i++)
        bench_append(archive, i, START_US + (i - 1) / 3 * DAY_US);
    archive_close(archive);
}

static int set_up(void **state) {
    *state = scratch_make();
    fill(*state);
    return 0;
}

static int set_up_empty(void **state) {
    *state = scratch_make();
    return 0;
}

static int tear_down(void **state) {
    scratch_remove(*state);
    return 0;
}

/* What zstd makes of the file, which knows nothing of seals. */
static struct text unzstd(const char *path) {
    struct text stored = scratch_read(path);
    size_t room = 1u << 20;
    char *bytes = malloc(room);
    size_t length = ZSTD_decompress(bytes, room, stored.data, stored.length);
    if (ZSTD_isError(length))
        fail_msg("%s: %s", path, ZSTD_getErrorName(length));
    free((char *)(uintptr_t)stored.data);
    return (struct text){.data = bytes, .length = length};
}

static void zstd_alone_gives_the_segment_back(void **state) {
    const char *folder = *state;
    const char *names[] = {FIRST_SEGMENT, SECOND_SEGMENT};
    struct text plain[2];
    uint8_t before[SEAL_HASH_SIZE] = {0};
    for (size_t i = 0; i < 2; i++)
        plain[i] = scratch_read(scratch_path(folder, names[i]));
    struct archive_seal_report report = seal(folder, UINT64_MAX);
    assert_int_equal(report.sealed, 2);
    assert_int_equal(report.before, 0);
    assert_int_equal(report.left, 1);
    assert_int_equal(report.position, 6);
    assert_int_equal(report.size, plain[0].length + plain[1].length);
    for (size_t i = 0; i < 2; i++) {
        char name[SEGMENT_FILE_NAME_SIZE];
        struct seal_header header;
        struct error error;
        struct stat status;
        snprintf(name, sizeof name, "%s.zst", names[i]);
        assert_false(scratch_exists(scratch_path(folder, names[i])));
        struct text again = unzstd(scratch_path(folder, name));
        assert_int_equal(again.length, plain[i].length);
        assert_memory_equal(again.data, plain[i].data, again.length);
        struct text stored = scratch_read(scratch_path(folder, name));
        assert_int_equal(
            seal_header_decode((const uint8_t *)stored.data, SEAL_HEADER_SIZE, &header, &error), 0);
        report.stored -= stored.length;
        /* The hash covers the seal before and every byte. */
        struct sha256 *sha = sha256_new();
        sha256_add(sha, before, sizeof before);
        sha256_add(sha, again.data, again.length);
        assert_memory_equal(header.before, before, sizeof before);
        sha256_finish(sha, before);
        assert_memory_equal(header.hash, before, sizeof before);
        assert_int_equal(stat(scratch_path(folder, name), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0640);
        free_text(again);
        free_text(stored);
        free_text(plain[i]);
    }
    assert_int_equal(report.stored, 0);
    assert_true(scratch_exists(scratch_path(folder, THIRD_SEGMENT)));
    report = seal(folder, UINT64_MAX);
    assert_int_equal(report.sealed, 0);
    assert_int_equal(report.before, 2);
    assert_int_equal(report.position, 6);
}

/* The segment of docs/ARCHIVE.md, sealed: these bytes must be readable for ever. They were taken
 * apart by another program, from that page alone. */
static const char golden[] =
    "5e2a4d18f00000004841525345414c1a010000003b59cd3798000000000000006501000000000000"
    "01000000ce972e2d0100000000000000ed42ff3976b10e4e00402046484706004000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000005f0033cfb92e289626d64ee0bcedd728d38c07765aef01f16348a343277d9e03"
    "484152524945521a010000001ebccb2b000000000000000000000000000000000000000000000080"
    "0000000000000000e64f0000000000000000000000000000980000006d0000003153b4fe00000000"
    "000000000000000028b52ffd20982503001405484152524945521a010000001ebccb2b008000e64f"
    "0044cbdfd2100000000100060008808081b184e991031205302e312e30c3fc44ec18fffffffe5359"
    "4e43feffed42ff3976b10e4e0040204648470600070060e04b19060606030267800c57c012";

static size_t golden_bytes(uint8_t *ret_bytes) {
    size_t length = 0;
    for (const char *at = golden; *at; at += 2)
        assert_int_equal(sscanf(at, "%2hhx", &ret_bytes[length++]), 1);
    return length;
}

static void the_bytes_are_these(void **state) {
    const char *folder = *state;
    uint8_t bytes[sizeof golden / 2];
    size_t length = golden_bytes(bytes);
    struct record record = {.type = RECORD_ENGINE,
                            .receive_time_us = START_US,
                            .engine = {.version = TEXT_LITERAL("0.1.0")}};
    struct archive *archive = bench_open(folder, 0, NULL);
    archive_append(archive, &record);
    bench_append(archive, 2, START_US + DAY_US);
    archive_close(archive);
    struct text plain = scratch_read(scratch_path(folder, FIRST_SEGMENT));
    seal(folder, UINT64_MAX);
    /* What the library makes of a block is its own affair; the rest is ours. */
    struct text made = scratch_read(scratch_path(folder, FIRST_SEGMENT ".zst"));
    struct seal_header here, there;
    struct error error;
    assert_int_equal(
        seal_header_decode((const uint8_t *)made.data, SEAL_HEADER_SIZE, &here, &error), 0);
    assert_int_equal(seal_header_decode(bytes, SEAL_HEADER_SIZE, &there, &error), 0);
    here.stored = there.stored;
    here.table_crc = there.table_crc;
    uint8_t encoded[SEAL_HEADER_SIZE_MAX];
    seal_header_encode(&here, encoded);
    assert_memory_equal(encoded, bytes, SEAL_HEADER_SIZE);
    /* And the golden one can be read in its place. */
    scratch_write(scratch_path(folder, FIRST_SEGMENT ".zst"), bytes, length);
    struct text again = unzstd(scratch_path(folder, FIRST_SEGMENT ".zst"));
    assert_int_equal(again.length, plain.length);
    assert_memory_equal(again.data, plain.data, plain.length);
    archive = bench_open(folder, 0, NULL);
    struct arena arena;
    struct record read;
    arena_init(&arena, 1u << 16);
    assert_int_equal(archive_read(archive, 1, &arena, &read, &error), 0);
    assert_same_record(&read, &record);
    archive_close(archive);
    arena_deinit(&arena);
    free_text(made);
    free_text(again);
    free_text(plain);
}

static void headers_come_back(void **state) {
    (void)state;
    struct seal_header header = {.size = 4096,
                                 .stored = SEAL_HEADER_SIZE + 2 * SEAL_ENTRY_SIZE + 50,
                                 .block_count = 2,
                                 .table_crc = 0x12345678,
                                 .end = {.position = 9, .chain = UINT64_C(0x1122334455667788)},
                                 .end_time_us = -7,
                                 .types = UINT64_C(0x8000000000000042)};
    for (size_t i = 0; i < SEAL_HASH_SIZE; i++) {
        header.before[i] = (uint8_t)i;
        header.hash[i] = (uint8_t)(0x80 + i);
    }
    memset(header.segment_header, 0x5a, sizeof header.segment_header);
    uint8_t bytes[SEAL_HEADER_SIZE_MAX];
    seal_header_encode(&header, bytes);
    struct seal_header read;
    struct error error;
    assert_int_equal(seal_header_decode(bytes, SEAL_HEADER_SIZE, &read, &error), 0);
    assert_int_equal(read.size, header.size);
    assert_int_equal(read.stored, header.stored);
    assert_int_equal(read.block_count, 2);
    assert_int_equal(read.table_crc, header.table_crc);
    assert_int_equal(read.end.position, 9);
    assert_int_equal(read.end.chain, header.end.chain);
    assert_int_equal(read.end_time_us, -7);
    assert_true(read.types == header.types);
    assert_memory_equal(read.before, header.before, SEAL_HASH_SIZE);
    assert_memory_equal(read.hash, header.hash, SEAL_HASH_SIZE);
    assert_memory_equal(read.segment_header, header.segment_header, SEGMENT_HEADER_SIZE);
    for (size_t bit = 0; bit < 8 * (size_t)SEAL_HEADER_SIZE; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(seal_header_decode(bytes, SEAL_HEADER_SIZE, &read, &error),
                         -ERROR_DAMAGED);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* More blocks than fit into the file are damage, whatever the checksum says. */
    header.block_count = 5;
    seal_header_encode(&header, bytes);
    assert_int_equal(seal_header_decode(bytes, SEAL_HEADER_SIZE, &read, &error), -ERROR_DAMAGED);
    /* So is what zstd does not pass over. */
    static const size_t skipped[] = {0, 4};
    header.block_count = 2;
    for (size_t i = 0; i < 2; i++) {
        seal_header_encode(&header, bytes);
        bytes[skipped[i]] ^= 1;
        store_u32(bytes + 20, crc32c(crc32c(0, bytes, 20), bytes + 24, SEAL_HEADER_SIZE - 24));
        assert_int_equal(seal_header_decode(bytes, SEAL_HEADER_SIZE, &read, &error),
                         -ERROR_DAMAGED);
        assert_non_null(strstr(error.text, "zstd would not skip"));
    }
    /* A later format is none. */
    header.block_count = 2;
    seal_header_encode(&header, bytes);
    bytes[16] = 3;
    store_u32(bytes + 20, crc32c(crc32c(0, bytes, 20), bytes + 24, SEAL_HEADER_SIZE - 24));
    assert_int_equal(seal_header_decode(bytes, SEAL_HEADER_SIZE, &read, &error),
                     -ERROR_UNSUPPORTED);
    /* That of a rewritten segment is longer: without its end it is damaged. */
    header.is_rewritten = true;
    header.stored += SEAL_HASH_SIZE;
    memset(header.first, 0xa5, sizeof header.first);
    seal_header_encode(&header, bytes);
    assert_int_equal(seal_header_decode(bytes, sizeof bytes, &read, &error), 0);
    assert_true(read.is_rewritten);
    assert_memory_equal(read.first, header.first, SEAL_HASH_SIZE);
    assert_memory_equal(read.hash, header.hash, SEAL_HASH_SIZE);
    assert_int_equal(seal_header_decode(bytes, sizeof bytes - 1, &read, &error), -ERROR_DAMAGED);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(seal_header_decode(bytes, sizeof bytes, &read, &error), -ERROR_DAMAGED);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Whether a table that says this of its blocks' lengths is taken: as seal_table_decode() says. */
static int table_of(const uint32_t *lengths, uint32_t count) {
    struct seal_block blocks[3] = {{0}}, read[3];
    struct seal_header header = {.block_count = count};
    struct buffer table;
    struct error error;
    buffer_init(&table);
    for (uint32_t i = 0; i < count; i++) {
        blocks[i].length = lengths[i];
        blocks[i].stored = 20;
        blocks[i].position_before = i;
        header.size += lengths[i];
    }
    seal_table_encode(blocks, count, &table);
    header.table_crc = crc32c(0, table.bytes, table.length);
    header.stored = SEAL_HEADER_SIZE + table.length + count * 20;
    int r = seal_table_decode(&header, table.bytes, read, &error);
    for (uint32_t i = 0; i < count && r == 0; i++)
        assert_int_equal(read[i].length, lengths[i]);
    buffer_deinit(&table);
    return r;
}

/* zstd itself would take most of these bytes for others of its own. */
static void a_damaged_block_is_never_unpacked(void **state) {
    (void)state;
    static const char text[] = "bytes that do not repeat: 0123456789";
    struct seal_packer *packer = seal_packer_new();
    struct seal_unpacker *unpacker = seal_unpacker_new();
    struct buffer packed;
    struct error error;
    uint8_t bytes[sizeof text];
    buffer_init(&packed);
    seal_pack(packer, text, sizeof text, &packed);
    const struct seal_block block = {.length = sizeof text,
                                     .stored = (uint32_t)packed.length,
                                     .crc = crc32c(0, packed.bytes, packed.length)};
    for (size_t i = 0; i <= packed.length; i++) {
        uint8_t *room = seal_unpacker_room(unpacker, packed.length);
        memcpy(room, packed.bytes, packed.length);
        if (i == packed.length) {
            assert_int_equal(seal_unpack(unpacker, &block, bytes, &error), 0);
            assert_memory_equal(bytes, text, sizeof text);
            break;
        }
        room[i] ^= 1;
        assert_int_equal(seal_unpack(unpacker, &block, bytes, &error), -ERROR_DAMAGED);
        assert_non_null(strstr(error.text, "its checksum does not match"));
    }
    buffer_deinit(&packed);
    seal_unpacker_free(unpacker);
    seal_packer_free(packer);
}

/* A forger computes the right checksums. */
static void tables_are_of_whole_blocks(void **state) {
    (void)state;
    assert_int_equal(table_of((const uint32_t[]){64, 32, 8}, 3), 0);
    assert_int_equal(table_of((const uint32_t[]){SEAL_BLOCK_MAX}, 1), 0);
    assert_int_equal(table_of((const uint32_t[]){SEAL_BLOCK_MAX + 1}, 1), -ERROR_DAMAGED);
    assert_int_equal(table_of((const uint32_t[]){96, 0, 8}, 3), -ERROR_DAMAGED);
    /* The segment's header is in the first one, whole. */
    assert_int_equal(table_of((const uint32_t[]){63, 32, 8}, 3), -ERROR_DAMAGED);
    assert_int_equal(table_of((const uint32_t[]){8, 8, 80}, 3), -ERROR_DAMAGED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_block_is_never_unpacked),
        cmocka_unit_test_setup_teardown(zstd_alone_gives_the_segment_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_bytes_are_these, set_up_empty, tear_down),
        cmocka_unit_test(headers_come_back),
        cmocka_unit_test(tables_are_of_whole_blocks),
    };
    return cmocka_run_group_tests_name("seal_bytes", tests, NULL, NULL);
}
