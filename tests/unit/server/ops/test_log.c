/* Lines of the log, in both formats. What is JSON is read by jansson, which takes no invalid UTF-8
 * and no control characters. */
#include "server/ops/log.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
    struct log log;
    int end; /* of the pipe that the log writes to */
    char line[65536];
};

static void begin(struct bench *bench, enum log_format format) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    bench->end = ends[0];
    log_init(&bench->log, ends[1], LOG_INFO);
    log_set_format(&bench->log, format);
}

static void end(struct bench *bench) {
    close(bench->log.descriptor);
    close(bench->end);
}

/* What the last call wrote: one line, without its end. NULL: nothing. */
static const char *line(struct bench *bench) {
    ssize_t got = read(bench->end, bench->line, sizeof bench->line - 1);
    if (got < 0 && errno == EAGAIN)
        return NULL;
    assert_true(got > 0);
    assert_int_equal(bench->line[got - 1], '\n');
    bench->line[got - 1] = '\0';
    assert_int_equal(strlen(bench->line), got - 1);
    assert_null(strchr(bench->line, '\n'));
    return bench->line;
}

/* The line as an object; to be freed. */
static json_t *object(struct bench *bench) {
    json_error_t error;
    const char *text = line(bench);
    assert_non_null(text);
    assert_true(strlen(text) < PIPE_BUF);
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!object)
        fail_msg("%s in: %s", error.text, text);
    assert_true(json_is_object(object));
    return object;
}

static const char *text_in(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static void text_is_one_line_with_time_and_level(void **state) {
    (void)state;
    struct bench bench;
    int length, year;
    begin(&bench, LOG_FORMAT_TEXT);
    log_line_with(&bench.log, LOG_WARNING, LOG_FIELDS(log_field_unsigned("position", 7)),
                  "at %d\nand\rmore", 7);
    assert_int_equal(sscanf(line(&bench), "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ %n", &year, &length),
                     1);
    assert_true(year >= 2025);
    assert_string_equal(bench.line + length, "warning at 7 and more");
    end(&bench);
}

static void json_has_the_fields(void **state) {
    (void)state;
    struct bench bench;
    int year, length = 0;
    begin(&bench, LOG_FORMAT_JSON);
    log_line_with(&bench.log, LOG_ERROR,
                  LOG_FIELDS(log_field_unsigned("position", UINT64_C(9007199254740993)),
                             log_field_signed("status", -3), log_field_string("file", "/a \"b\""),
                             log_field_text("nothing", (struct text){0})),
                  "at %d\nand more", 7);
    json_t *read = object(&bench);
    assert_string_equal(text_in(read, "message"), "at 7\nand more");
    assert_string_equal(text_in(read, "level"), "error");
    assert_string_equal(text_in(read, "file"), "/a \"b\"");
    assert_int_equal(json_integer_value(json_object_get(read, "position")),
                     INT64_C(9007199254740993));
    assert_int_equal(json_integer_value(json_object_get(read, "status")), -3);
    assert_int_equal(json_object_size(read), 6);
    assert_int_equal(
        sscanf(text_in(read, "time"), "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*6dZ%n", &year, &length), 1);
    assert_int_equal(length, 27);
    json_decref(read);
    end(&bench);
}

/* Lengths around the limits, and every byte. */
static void json_is_valid_whatever_is_logged(void **state) {
    (void)state;
    struct bench bench;
    uint64_t rng = asked_seed(20261127);
    static char message[6000], field[6000];
    begin(&bench, LOG_FORMAT_JSON);
    for (uint64_t step = 0, steps = asked_steps(4000); step < steps; step++) {
        size_t length = split_mix(&rng) % (step % 2 ? sizeof message : 64);
        unsigned kind = (unsigned)(split_mix(&rng) % 4);
        for (size_t i = 0; i < length; i++) {
            static const char pieces[] = "\xe2\x82\xac\xf0\x9f\x99\x82\xc3\xa9";
            unsigned char byte = (unsigned char)split_mix(&rng);
            if (kind == 1)
                byte = byte % 32; /* each needs six bytes */
            else if (kind == 2)
                byte = (unsigned char)pieces[i % (sizeof pieces - 1)];
            else if (kind == 3)
                byte = 0x80 | byte;
            message[i] = byte ? (char)byte : 'x';
            field[i] = (char)byte; /* a NUL may be in it */
        }
        message[length] = '\0';
        const struct text text = {field, length};
        log_line_with(&bench.log, LOG_INFO,
                      LOG_FIELDS(log_field_text("a", text), log_field_text("b", text),
                                 log_field_text("c", text), log_field_text("d", text),
                                 log_field_unsigned("step", step)),
                      "%s", message);
        json_t *read = object(&bench);
        assert_string_equal(text_in(read, "level"), "info");
        if (length < 40) { /* nothing is cut */
            assert_null(json_object_get(read, "cut"));
            assert_int_equal(json_integer_value(json_object_get(read, "step")), step);
            if (kind == 1 || (kind == 2 && length % 9 == 0))
                assert_string_equal(text_in(read, "message"), message);
        }
        if (length > 256) /* a field's texts, at least */
            assert_true(json_is_true(json_object_get(read, "cut")));
        json_decref(read);
    }
    end(&bench);
}

static void level_and_format_change_at_any_time(void **state) {
    (void)state;
    struct bench bench;
    begin(&bench, LOG_FORMAT_TEXT);
    log_line(&bench.log, LOG_DEBUG, "not shown");
    assert_null(line(&bench));
    log_set_level(&bench.log, LOG_DEBUG);
    log_set_format(&bench.log, LOG_FORMAT_JSON);
    log_line(&bench.log, LOG_DEBUG, "shown");
    json_t *read = object(&bench);
    assert_string_equal(text_in(read, "message"), "shown");
    assert_string_equal(text_in(read, "level"), "debug");
    json_decref(read);
    log_set_level(&bench.log, LOG_ERROR);
    log_line(&bench.log, LOG_WARNING, "not shown");
    assert_null(line(&bench));
    end(&bench);
}

/* Only if the stream that systemd connected is the one that lines go to. */
static void the_journal_gets_priorities(void **state) {
    (void)state;
    struct bench bench;
    struct stat status;
    char stream[64];
    begin(&bench, LOG_FORMAT_JSON);
    fstat(bench.log.descriptor, &status);
    static const char *const others[] = {NULL, "", "8", "x:y", "1:2"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        log_use_journal(&bench.log, others[i]);
        log_line(&bench.log, LOG_ERROR, "x");
        assert_int_equal(*line(&bench), '{');
    }
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    log_use_journal(&bench.log, stream);
    static const char *const begins[] = {"<3>{\"time\":", "<4>{\"time\":", "<6>{\"time\":"};
    for (enum log_level level = LOG_ERROR; level <= LOG_INFO; level++) {
        log_line(&bench.log, level, "x");
        assert_memory_equal(line(&bench), begins[level], strlen(begins[level]));
    }
    log_set_format(&bench.log, LOG_FORMAT_TEXT);
    log_line(&bench.log, LOG_WARNING, "x");
    assert_memory_equal(line(&bench), "<4>2", 4);
    end(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_one_line_with_time_and_level),
        cmocka_unit_test(json_has_the_fields),
        cmocka_unit_test(json_is_valid_whatever_is_logged),
        cmocka_unit_test(level_and_format_change_at_any_time),
        cmocka_unit_test(the_journal_gets_priorities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
