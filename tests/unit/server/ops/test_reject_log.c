/* The file of refused transactions against a list of what was added: rotation, the bounded queue, a
 * file that takes no more, and what is there when it is opened. */
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "server/ops/metrics.h"
#include "server/ops/reject_log.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/server/late_clock.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
    char folder[64], path[96], old[100], moved[100], messages[96];
    struct late_clock clock;
    struct log log;
    struct metric_set *metrics;
    struct reject_log_settings settings;
    struct reject_log *reject_log;
    uint64_t added; /* the number of the next row */
};

static int set_up(void **state) {
    struct bench *bench = check_calloc(1, sizeof *bench);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/harrier-reject-log-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof bench->path, "%s/rejects", bench->folder);
    snprintf(bench->old, sizeof bench->old, "%s.1", bench->path);
    snprintf(bench->moved, sizeof bench->moved, "%s.mv", bench->path);
    snprintf(bench->messages, sizeof bench->messages, "%s/messages", bench->folder);
    late_clock_init(&bench->clock);
    log_init(&bench->log, open(bench->messages, O_WRONLY | O_CREAT | O_APPEND, 0600), LOG_INFO);
    bench->metrics = server_metrics_new();
    bench->settings = (struct reject_log_settings){.path = bench->path,
                                                   .size_max = REJECT_LOG_SIZE_MIN,
                                                   .clock = &bench->clock.clock,
                                                   .log = &bench->log,
                                                   .metrics = bench->metrics};
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    reject_log_close(bench->reject_log);
    close(bench->log.descriptor);
    metric_set_free(bench->metrics);
    unlink(bench->path);
    unlink(bench->old);
    unlink(bench->moved);
    unlink(bench->messages);
    assert_int_equal(rmdir(bench->folder), 0);
    free(bench);
    return 0;
}

static void open_log(struct bench *bench) {
    struct error error;
    if (reject_log_open(&bench->settings, &bench->reject_log, &error) < 0)
        fail_msg("%s", error.text);
}

static void close_log(struct bench *bench) {
    reject_log_close(bench->reject_log);
    bench->reject_log = NULL;
}

/* A row with its number as id and a reason of so many bytes. */
static bool add(struct bench *bench, size_t reason_length) {
    char id[24];
    char *reason = check_malloc(reason_length + 1);
    memset(reason, 'r', reason_length);
    snprintf(id, sizeof id, "%" PRIu64, bench->added++);
    struct transaction transaction = {.id = text_of(id), .event_time_us = 1};
    const struct reject reject = {.transaction = &transaction,
                                  .source = TEXT_LITERAL("pos"),
                                  .code = ERROR_INVALID,
                                  .field = TEXT_LITERAL("mcc"),
                                  .reason = {reason, reason_length},
                                  .receive_time_us = 2};
    bool asks = reject_log_add(bench->reject_log, &reject);
    free(reason);
    return asks;
}

/* Appends; a file that is not there is empty. */
static void read_file(const char *path, struct buffer *out) {
    int descriptor = open(path, O_RDONLY);
    ssize_t got;
    while (descriptor >= 0 && (got = read(descriptor, buffer_reserve(out, 65536), 65536)) > 0)
        out->length += (size_t)got;
    if (descriptor >= 0)
        close(descriptor);
}

static off_t size_of(const char *path) {
    struct stat status;
    return stat(path, &status) < 0 ? -1 : status.st_size;
}

/* All are whole rows, and their numbers ascend from the first to the last one added. Returns how
 * many. */
static uint64_t check_rows(const char *path, uint64_t *ret_first, uint64_t *ret_last) {
    struct buffer bytes;
    uint64_t count = 0, number = 0;
    int end = 0;
    buffer_init(&bytes);
    read_file(path, &bytes);
    assert_true(bytes.length == 0 || bytes.bytes[bytes.length - 1] == '\n');
    buffer_append_u8(&bytes, 0);
    for (char *at = (char *)bytes.bytes, *feed; (feed = strchr(at, '\n')); at = feed + 1, count++) {
        *feed = '\0';
        uint64_t before = number;
        assert_int_equal(sscanf(at, "{\"id\":\"%" SCNu64 "\",%n", &number, &end), 1);
        assert_true(end > 0);
        assert_non_null(strstr(at, "\"harrier.source\":\"pos\",\"harrier.code\":\"invalid\","
                                   "\"harrier.field\":\"mcc\",\"harrier.reason\":\"rr"));
        assert_non_null(strstr(at, ",\"harrier.received_time\":\"1970-01-01T00:00:00.000002Z\"}"));
        if (count == 0)
            *ret_first = number;
        else
            assert_true(number > before);
        *ret_last = number;
    }
    buffer_deinit(&bytes);
    return count;
}

static int64_t kept(const struct bench *bench) {
    return metric_value(bench->metrics, REJECTS, REJECT_KEPT);
}
static int64_t dropped(const struct bench *bench) {
    return metric_value(bench->metrics, REJECTS, REJECT_DROPPED);
}

static size_t lines_logged(const struct bench *bench) {
    struct buffer bytes;
    size_t lines = 0;
    buffer_init(&bytes);
    read_file(bench->messages, &bytes);
    for (size_t i = 0; i < bytes.length; i++)
        lines += bytes.bytes[i] == '\n';
    buffer_deinit(&bytes);
    return lines;
}

/* ---- what is kept ---- */

static void the_file_goes_on_after_a_restart(void **state) {
    struct bench *bench = *state;
    uint64_t first, last;
    struct stat status;
    close(open(bench->path, O_WRONLY | O_CREAT, 0644)); /* as a careless touch makes it */
    open_log(bench);
    assert_int_equal(stat(bench->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_true(add(bench, 10));
    assert_false(add(bench, 10)); /* the writer has been asked already */
    assert_int_equal(size_of(bench->path), 0);
    reject_log_write(bench->reject_log);
    assert_true(add(bench, 10));
    close_log(bench); /* writes what waits */
    open_log(bench);
    add(bench, 10);
    close_log(bench);
    assert_int_equal(check_rows(bench->path, &first, &last), 4);
    assert_int_equal(first, 0);
    assert_int_equal(kept(bench), 4);
    assert_int_equal(dropped(bench), 0);
    assert_int_equal(lines_logged(bench), 0);
}

/* By chance: rows of all sizes, written in portions, with restarts. The two files are the newest
 * rows without a gap, and neither is too large. */
static void a_full_file_is_renamed(void **state) {
    struct bench *bench = *state;
    uint64_t random = asked_seed(5), first = 0, last = 0, old_first = 0, old_last = 0;
    open_log(bench);
    for (uint64_t step = asked_steps(400); step > 0; step--) {
        for (uint64_t rows = split_mix(&random) % 8; rows > 0; rows--)
            add(bench, 2 + split_mix(&random) % (split_mix(&random) % 4 ? 3000 : 200000));
        reject_log_write(bench->reject_log);
        assert_true(size_of(bench->path) <= REJECT_LOG_SIZE_MIN);
        assert_true(size_of(bench->old) <= REJECT_LOG_SIZE_MIN);
        if (split_mix(&random) % 16 == 0) {
            close_log(bench);
            open_log(bench);
        }
        uint64_t rows = check_rows(bench->path, &first, &last);
        uint64_t old_rows = check_rows(bench->old, &old_first, &old_last);
        if (rows == 0)
            continue;
        assert_int_equal(rows, last - first + 1);
        assert_int_equal(last, bench->added - 1);
        assert_int_equal(old_rows > 0 ? old_last + 1 : 0, first);
        assert_int_equal(old_rows > 0 ? old_rows : 0, old_rows > 0 ? old_last - old_first + 1 : 0);
    }
    assert_true(old_first > 0); /* rotated more than once */
    assert_int_equal(kept(bench), bench->added);
    assert_int_equal(dropped(bench), 0);
}

static void somebody_may_take_the_file_away(void **state) {
    struct bench *bench = *state;
    uint64_t first, last;
    open_log(bench);
    add(bench, 10);
    reject_log_write(bench->reject_log);
    assert_int_equal(rename(bench->path, bench->moved), 0);
    add(bench, 10);
    reject_log_write(bench->reject_log);
    assert_int_equal(check_rows(bench->moved, &first, &last), 1);
    assert_int_equal(first, 0);
    assert_int_equal(check_rows(bench->path, &first, &last), 1);
    assert_int_equal(first, 1);
    assert_int_equal(unlink(bench->path), 0);
    add(bench, 10);
    reject_log_write(bench->reject_log);
    assert_int_equal(check_rows(bench->path, &first, &last), 1);
    assert_int_equal(first, 2);
    assert_int_equal(kept(bench), 3);
}

/* ---- what is not ---- */

static void the_queue_is_bounded(void **state) {
    struct bench *bench = *state;
    uint64_t first, last;
    bench->settings.size_max = 64 << 20;
    open_log(bench);
    for (int i = 0; i < 300; i++)
        add(bench, 20000);
    int64_t lost = dropped(bench);
    assert_in_range(lost, 300 - (REJECT_LOG_QUEUE_MAX / 20000), 299);
    reject_log_write(bench->reject_log);
    assert_int_equal(kept(bench) + lost, 300);
    assert_int_equal(dropped(bench), lost);
    /* The first ones, and there is room again. */
    assert_int_equal(check_rows(bench->path, &first, &last), kept(bench));
    assert_int_equal(last, kept(bench) - 1);
    add(bench, 20000);
    add(bench, REJECT_LOG_ROW_MAX); /* longer than what is read again */
    reject_log_write(bench->reject_log);
    assert_int_equal(kept(bench) + lost, 301);
    assert_int_equal(dropped(bench), lost + 1);
}

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A limit on files stands for the disk: the write that passes it is cut, and the next one fails. */
static void a_full_disk_is_counted_and_logged_once_a_minute(void **state) {
    struct bench *bench = *state;
    uint64_t first, last;
    signal(SIGXFSZ, SIG_IGN);
    open_log(bench);
    limit_files(50000);
    for (int i = 0; i < 10; i++)
        add(bench, 9000);
    reject_log_write(bench->reject_log);
    assert_int_equal(check_rows(bench->path, &first, &last), 5); /* whole ones */
    assert_int_equal(kept(bench), 5);
    assert_int_equal(dropped(bench), 5);
    for (int i = 0; i < 3; i++) {
        add(bench, 9000);
        reject_log_write(bench->reject_log);
    }
    assert_int_equal(dropped(bench), 8);
    assert_int_equal(lines_logged(bench), 1);
    late_clock_pass(&bench->clock, 61 * INT64_C(1000000));
    add(bench, 9000);
    reject_log_write(bench->reject_log);
    assert_int_equal(dropped(bench), 9);
    assert_int_equal(lines_logged(bench), 2);
    struct buffer messages;
    buffer_init(&messages);
    read_file(bench->messages, &messages);
    buffer_append_u8(&messages, 0);
    assert_non_null(strstr((char *)messages.bytes, "File too large (5 were lost)"));
    assert_non_null(strstr((char *)messages.bytes, "File too large (4 were lost)"));
    buffer_deinit(&messages);
    limit_files(RLIM_INFINITY);
    add(bench, 9000);
    reject_log_write(bench->reject_log);
    assert_int_equal(check_rows(bench->path, &first, &last), 6);
    assert_int_equal(last, bench->added - 1);
}

/* ---- what is there before ---- */

static void write_file(const char *path, const char *bytes, size_t length) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(descriptor, bytes, length), length);
    close(descriptor);
}

/* A crash may leave a part of the last row, of whatever length. */
static void an_incomplete_row_is_cut_off(void **state) {
    struct bench *bench = *state;
    struct buffer whole;
    uint64_t first, last;
    open_log(bench);
    add(bench, 50);
    add(bench, 9000); /* longer than the step in which the end is looked for */
    close_log(bench);
    buffer_init(&whole);
    read_file(bench->path, &whole);
    size_t row = (size_t)((uint8_t *)memchr(whole.bytes, '\n', whole.length) - whole.bytes) + 1;
    for (size_t length = 2; length <= whole.length; length += length < row + 40 ? 1 : 1777) {
        write_file(bench->path, (char *)whole.bytes, length);
        open_log(bench);
        size_t expected = length < row ? 0 : length < whole.length ? row : length;
        assert_int_equal(size_of(bench->path), expected);
        add(bench, 10);
        close_log(bench);
        assert_int_equal(check_rows(bench->path, &first, &last),
                         1 + (length >= row) + (length == whole.length));
    }
    assert_true(lines_logged(bench) > 10);
    buffer_deinit(&whole);
}

static void another_file_is_left_alone(void **state) {
    struct bench *bench = *state;
    static const char *const contents[] = {"listen = tcp://127.0.0.1:7731", "x\n{", "{"};
    struct error error;
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        write_file(bench->path, contents[i], strlen(contents[i]));
        assert_int_equal(reject_log_open(&bench->settings, &bench->reject_log, &error),
                         -ERROR_INVALID);
        assert_int_equal(size_of(bench->path), strlen(contents[i]));
    }
    unlink(bench->path);
    assert_int_equal(mkdir(bench->path, 0700), 0);
    assert_int_equal(reject_log_open(&bench->settings, &bench->reject_log, &error), -ERROR_SYSTEM);
    assert_int_equal(rmdir(bench->path), 0);
    assert_int_equal(mkfifo(bench->path, 0600), 0);
    assert_int_equal(reject_log_open(&bench->settings, &bench->reject_log, &error), -ERROR_INVALID);
    unlink(bench->path);
    struct reject_log *second = NULL;
    open_log(bench);
    assert_int_equal(reject_log_open(&bench->settings, &second, &error), -ERROR_EXISTS);
    assert_null(second);
    assert_non_null(strstr(error.text, bench->path));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_goes_on_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_file_is_renamed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(somebody_may_take_the_file_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_queue_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_counted_and_logged_once_a_minute, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_incomplete_row_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_file_is_left_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
