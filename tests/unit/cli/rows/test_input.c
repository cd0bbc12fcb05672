/* Files and compression: every way of cutting the bytes gives the same text. */
#include "clients/cli/rows/input.h"
#include "core/base/buffer.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

static char path[] = "/tmp/harrier-input-XXXXXX";

static int make_file(void **state) {
    (void)state;
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static void write_file(const void *bytes, size_t length) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

/* Reads all of it; the last result goes to *ret_r. */
static struct buffer read_all(struct input *input, int *ret_r, struct error *ret_error) {
    struct buffer all;
    struct text chunk;
    buffer_init(&all);
    while ((*ret_r = input_bytes(input)->read(input_bytes(input), &chunk, ret_error)) > 0) {
        assert_true(chunk.length > 0);
        buffer_append(&all, chunk.data, chunk.length);
    }
    return all;
}

static void expect_content(const char *content, size_t length) {
    struct input *input;
    struct error error;
    int r;
    if (input_open(path, &input, &error) < 0)
        fail_msg("%s", error.text);
    struct buffer all = read_all(input, &r, &error);
    assert_int_equal(r, 0);
    assert_int_equal(all.length, length);
    if (length)
        assert_memory_equal(all.bytes, content, length);
    uint64_t done, total;
    input_extent(input, &done, &total);
    assert_int_equal(done, total);
    buffer_deinit(&all);
    input_close(input);
}

static void plain_files(void **state) {
    (void)state;
    write_file("", 0);
    expect_content("", 0);
    write_file("a", 1);
    expect_content("a", 1);
    size_t size = 1000000;
    char *large = malloc(size);
    for (size_t i = 0; i < size; i++)
        large[i] = (char)(i * 7 % 251);
    write_file(large, size);
    expect_content(large, size);
    free(large);
}

static void compressed_files(void **state) {
    (void)state;
    size_t size = 3000000, bound = ZSTD_compressBound(size);
    char *plain = malloc(size), *packed = malloc(2 * bound);
    uint32_t seed = 1;
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525 + 1013904223;
        plain[i] = (char)('a' + (seed >> 28));
    }
    /* Two frames, one behind the other, as `cat a.zst b.zst` makes them. */
    size_t half = size / 2;
    size_t first = ZSTD_compress(packed, bound, plain, half, 3);
    size_t second = ZSTD_compress(packed + first, bound, plain + half, size - half, 3);
    write_file(packed, first + second);
    expect_content(plain, size);
    size_t empty = ZSTD_compress(packed, bound, plain, 0, 3);
    write_file(packed, empty);
    expect_content("", 0);
    free(plain);
    free(packed);
}

static void damaged_files(void **state) {
    (void)state;
    char plain[5000], packed[6000];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (char)(i * i % 97);
    size_t length = ZSTD_compress(packed, sizeof packed, plain, sizeof plain, 3);
    struct input *input;
    struct error error;
    int r;
    write_file(packed, length - 5);
    assert_int_equal(input_open(path, &input, &error), 0);
    struct buffer all = read_all(input, &r, &error);
    assert_int_equal(r, -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "ends in the middle of its compressed data"));
    buffer_deinit(&all);
    input_close(input);
    memset(packed + 6, 0xff, 20);
    write_file(packed, length);
    assert_int_equal(input_open(path, &input, &error), 0);
    all = read_all(input, &r, &error);
    assert_int_equal(r, -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "is damaged zstd data"));
    buffer_deinit(&all);
    input_close(input);
}

static void what_is_not_read(void **state) {
    (void)state;
    struct input *input;
    struct error error;
    write_file("\x1f\x8b\x08\x00more", 8);
    assert_int_equal(input_open(path, &input, &error), -ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "is gzip-compressed; only zstd is read directly: zcat "));
    assert_int_equal(input_open("/nonexistent/file", &input, &error), -ERROR_NOT_FOUND);
    assert_string_equal(error.text, "there is no file /nonexistent/file");
    assert_int_equal(input_open("/tmp", &input, &error), -ERROR_NOT_FOUND);
    assert_string_equal(error.text, "/tmp is a folder, not a file");
}

/* A pipe that gives the magic number byte by byte. */
static void pipes(void **state) {
    (void)state;
    int ends[2];
    char packed[200];
    size_t length = ZSTD_compress(packed, sizeof packed, "hello", 5, 3);
    assert_int_equal(pipe(ends), 0);
    int kept = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (size_t i = 0; i < length; i++) {
            if (write(ends[1], packed + i, 1) != 1)
                _exit(1);
            usleep(1000);
        }
        _exit(0);
    }
    close(ends[1]);
    struct input *input;
    struct error error;
    int r;
    assert_int_equal(input_open("-", &input, &error), 0);
    assert_string_equal(input_name(input), "stdin");
    struct buffer all = read_all(input, &r, &error);
    assert_int_equal(r, 0);
    assert_int_equal(all.length, 5);
    assert_memory_equal(all.bytes, "hello", 5);
    uint64_t done, total;
    input_extent(input, &done, &total);
    assert_int_equal(done, length);
    assert_int_equal(total, 0);
    buffer_deinit(&all);
    input_close(input);
    dup2(kept, STDIN_FILENO);
    close(kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files),   cmocka_unit_test(compressed_files),
        cmocka_unit_test(damaged_files), cmocka_unit_test(what_is_not_read),
        cmocka_unit_test(pipes),
    };
    return cmocka_run_group_tests_name("input", tests, make_file, remove_file);
}
