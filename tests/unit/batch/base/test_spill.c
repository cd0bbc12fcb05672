/* Spill: what was put into a stream is read from it, in the order in which it was put, whether it
 * fitted into memory or not. */
#include "batch/base/spill.h"
#include "core/base/check.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STREAMS 5
#define WRITERS 3
#define BLOCK   4096u
#define PIECES  4000u /* of each writer */

/* A piece: who put it, and its number; then as many bytes as the number says. */
struct piece {
    uint32_t writer, number;
};

static size_t padding(uint32_t number) {
    return number * 7919 % 90;
}

/* user: counts them; NULL: it fails. */
static int make_file(void *user, struct error *ret_error) {
    char path[] = "/tmp/harrier-test-spill-XXXXXX";
    if (!user)
        return error_set(ret_error, ERROR_SYSTEM, "there is no room for files");
    int file = mkstemp(path);
    if (file < 0)
        return error_set(ret_error, ERROR_SYSTEM, "no file");
    unlink(path);
    ++*(unsigned *)user;
    return file;
}

static void put(struct spill_writer *writer, struct piece piece) {
    struct error error;
    size_t size = sizeof piece + padding(piece.number);
    struct spill_open *open = spill_room(writer, piece.number % STREAMS, size + 100, &error);
    assert_non_null(open);
    memcpy(open->at, &piece, sizeof piece);
    memset(open->at + sizeof piece, (int)piece.number & 0xff, padding(piece.number));
    /* A note lives as long as its block. */
    assert_int_equal(open->note == 0, open->at == open->bytes);
    open->note = 1 + piece.number;
    spill_put(open, size);
}

/* Writers take turns: piece by piece, but each turn is one writer's, and they come in no order. */
static void fill(struct spill *spill) {
    struct spill_writer *writers[WRITERS];
    struct error error;
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = spill_writer_open(spill);
        spill_set_sequence(writers[i], WRITERS - i);
    }
    for (uint32_t number = 0; number < PIECES; number++)
        for (uint32_t i = 0; i < WRITERS; i++)
            put(writers[i], (struct piece){.writer = i, .number = number});
    for (uint32_t i = 0; i < WRITERS; i++)
        assert_int_equal(spill_writer_close(writers[i], &error), 0);
}

/* The pieces of one block; *next: the one that is expected. */
static void expect_pieces(const uint8_t *at, size_t length, struct piece *next) {
    const uint8_t *end = at + length;
    while (at < end) {
        struct piece piece;
        memcpy(&piece, at, sizeof piece);
        at += sizeof piece;
        assert_int_equal(piece.writer, next->writer);
        assert_int_equal(piece.number, next->number);
        for (size_t i = 0; i < padding(piece.number); i++)
            assert_int_equal(at[i], piece.number & 0xff);
        at += padding(piece.number);
        next->number += STREAMS;
        if (next->number >= PIECES)
            *next = (struct piece){.writer = piece.writer - 1, .number = piece.number % STREAMS};
    }
}

static void expect_stream(struct spill *spill, uint32_t stream) {
    const struct spill_block *blocks;
    size_t count = spill_blocks(spill, stream, &blocks);
    uint8_t *copy = check_malloc(BLOCK);
    struct piece next = {.writer = WRITERS - 1, .number = stream};
    struct error error;
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = blocks[i].bytes;
        if (!at)
            assert_int_equal(spill_read(spill, &blocks[i], copy, &error), 0);
        expect_pieces(at ? at : copy, blocks[i].length, &next);
        bytes += blocks[i].length;
    }
    assert_int_equal(bytes, spill_bytes(spill, stream));
    assert_int_equal(next.writer, UINT32_MAX); /* all of the first writer's were there */
    free(copy);
}

static void expect_all(size_t limit_bytes, bool in_file) {
    unsigned files = 0;
    const struct spill_options options = {.streams = STREAMS,
                                          .writers = WRITERS,
                                          .block_bytes = BLOCK,
                                          .limit_bytes = limit_bytes,
                                          .make_file = make_file,
                                          .user = &files};
    struct spill *spill = spill_new(&options);
    fill(spill);
    assert_int_equal(files, in_file);
    assert_int_equal(spill_file_bytes(spill) > 0, in_file);
    for (uint32_t stream = 0; stream < STREAMS; stream++) {
        expect_stream(spill, stream);
        spill_forget(spill, stream);
        assert_int_equal(spill_bytes(spill, stream), 0);
    }
    spill_free(spill);
}

static void all_is_read_in_order(void **state) {
    (void)state;
    expect_all((size_t)1 << 30, false);
    expect_all(400000, true); /* some of it fits */
    expect_all(0, true);
}

static void a_file_that_cannot_be_made_is_told(void **state) {
    (void)state;
    struct error error;
    const struct spill_options options = {
        .streams = 1, .writers = 1, .block_bytes = BLOCK, .make_file = make_file};
    struct spill *spill = spill_new(&options);
    struct spill_writer *writer = spill_writer_open(spill);
    struct spill_open *open = spill_room(writer, 0, BLOCK, &error);
    assert_non_null(open);
    memset(open->at, 1, BLOCK);
    spill_put(open, BLOCK);
    assert_null(spill_room(writer, 0, 1, &error));
    assert_string_equal(error.text, "there is no room for files");
    spill_writer_abandon(writer);
    spill_free(spill);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_read_in_order),
        cmocka_unit_test(a_file_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests_name("spill", tests, NULL, NULL);
}
