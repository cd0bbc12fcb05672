/* The run over a file, with reports of the test's own: which rows a call has, and what is kept. No
 * server is asked, since sending is the test's, too. */
#include "clients/cli/score/report_run.h"
#include "clients/cli/terminal/exit_status.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* A row "refused" is refused, "" has nothing to report. */
static struct {
    size_t calls, sent, largest; /* so far; of one call */
    size_t away_from;            /* the server is away from this call on; 0: it never is */
    size_t row_bytes;            /* what a row takes of the arena, whatever becomes of it */
    char last[16];
} seen;

struct fake_report {
    const char *id;
};

static int take(void *reports, size_t at, const struct mapping *mapping, const struct row *row,
                struct arena *arena, const char *source, struct text *ret_field,
                struct error *ret_error) {
    struct fake_report *fake = reports;
    const struct cell *outcome = &row->cells[mapping->outcome.column];
    const struct cell *id = &row->cells[mapping->id.column];
    (void)source;
    if (seen.row_bytes > 0 && !arena_alloc(arena, seen.row_bytes))
        return error_set(ret_error, ERROR_TOO_LARGE, "no room");
    if (outcome->kind == CELL_ABSENT)
        return 0;
    if (text_is(outcome->text, "refused")) {
        *ret_field = arena_text(arena, TEXT_LITERAL("outcome"));
        return error_set(ret_error, ERROR_INVALID, "refused by the test");
    }
    fake[at].id = arena_text(arena, id->text).data;
    return 1;
}

static bool is_empty(const struct mapping *mapping, const struct row *row) {
    return row->cells[mapping->outcome.column].kind == CELL_ABSENT;
}

static int send_all(struct report_sender *sender, void *reports, struct row_original *rows,
                    size_t *count, struct error *ret_error) {
    const struct fake_report *fake = reports;
    (void)rows;
    assert_in_range(*count, 1, REPORTS_MAX);
    seen.calls++;
    if (seen.away_from && seen.calls >= seen.away_from)
        return error_set(ret_error, ERROR_UNAVAILABLE, "away");
    seen.sent += *count;
    seen.largest = *count > seen.largest ? *count : seen.largest;
    snprintf(seen.last, sizeof seen.last, "%s", fake[*count - 1].id);
    sender->outcomes.accepted += *count;
    *count = 0;
    return 0;
}

static const struct report_kind kind = {.command = "test",
                                        .purpose = MAPPED_OUTCOMES,
                                        .take = take,
                                        .is_empty = is_empty,
                                        .send = send_all};

struct run {
    char folder[64], path[80], rejects[80];
    bool is_piped;
    FILE *text; /* what the file is to have */
    char *bytes;
    size_t length;
    char *kept; /* the file of --rejects; NULL: there is none */
};

static void begin(struct run *run, bool is_piped) {
    memset(&seen, 0, sizeof seen);
    memset(run, 0, sizeof *run);
    strcpy(run->folder, "/tmp/harrier-report-XXXXXX");
    assert_non_null(mkdtemp(run->folder));
    snprintf(run->path, sizeof run->path, "%s/rows.csv", run->folder);
    snprintf(run->rejects, sizeof run->rejects, "%s/rejects.csv", run->folder);
    run->is_piped = is_piped;
    run->text = open_memstream(&run->bytes, &run->length);
    fputs("id,outcome\n", run->text);
}

static void *write_rows(void *user) {
    const struct run *run = user;
    FILE *file = fopen(run->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(run->bytes, 1, run->length, file), run->length);
    fclose(file);
    return NULL;
}

static char *read_all(const char *path) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    if (file && getdelim(&text, &size, '\0', file) < 0)
        fail_msg("%s is empty", path);
    if (file)
        fclose(file);
    return text;
}

static int run_rows(struct run *run) {
    static struct fake_report reports[REPORTS_MAX];
    struct report_run_options options = {
        .words = {run->path}, .word_count = 1, .rejects = run->rejects};
    pthread_t writer;
    server_options_init(&options.server);
    options.server.quiet = true;
    fclose(run->text);
    if (run->is_piped) {
        assert_int_equal(mkfifo(run->path, 0600), 0);
        assert_int_equal(pthread_create(&writer, NULL, write_rows, run), 0);
    } else {
        write_rows(run);
    }
    fflush(stderr);
    int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDERR_FILENO);
    int status = report_run_file(&kind, &options, reports);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(nowhere);
    if (run->is_piped)
        pthread_join(writer, NULL);
    run->kept = read_all(run->rejects);
    return status;
}

static void end(struct run *run) {
    free(run->bytes);
    free(run->kept);
    unlink(run->rejects);
    unlink(run->path);
    rmdir(run->folder);
}

static size_t count_kept(const struct run *run, const char *words) {
    size_t count = 0;
    for (const char *at = run->kept; at && (at = strstr(at, words)); at++)
        count++;
    return count;
}

static void calls_are_full(void **state) {
    (void)state;
    struct run run;
    begin(&run, false);
    for (int i = 0; i < 2 * REPORTS_MAX + 500; i++)
        fprintf(run.text, "t%d,fraud\nu%d,\n", i, i);
    assert_int_equal(run_rows(&run), EXIT_STATUS_OK);
    assert_int_equal(seen.calls, 3);
    assert_int_equal(seen.largest, REPORTS_MAX);
    assert_int_equal(seen.sent, 2 * REPORTS_MAX + 500);
    assert_string_equal(seen.last, "t2499");
    assert_null(run.kept);
    end(&run);
    begin(&run, false);
    fputs("u1,\n", run.text);
    assert_int_equal(run_rows(&run), EXIT_STATUS_OK);
    assert_int_equal(seen.calls, 0); /* nothing to report, nobody to ask */
    end(&run);
}

static void refused_rows_do_not_stop_the_others(void **state) {
    (void)state;
    struct run run;
    begin(&run, false);
    fputs("a,fraud\nb,refused\nc,fraud,too many\nd,fraud\n", run.text);
    assert_int_equal(run_rows(&run), EXIT_STATUS_ROWS_FAILED);
    assert_int_equal(seen.sent, 2);
    assert_int_equal(count_kept(&run, "\nb,refused,"), 1);
    assert_int_equal(count_kept(&run, ",invalid,outcome,refused by the test,,\n"), 1);
    assert_int_equal(count_kept(&run, "\"c,fraud,too many\""), 1);
    assert_int_equal(count_kept(&run, "\n"), 3);
    end(&run);
}

/* Neither those with nothing to report nor refused ones, however many there are. */
static void rows_in_no_call_take_no_room(void **state) {
    (void)state;
    struct run run;
    begin(&run, false);
    seen.row_bytes = (size_t)48 << 20;
    for (int i = 0; i < 20; i++)
        fprintf(run.text, "u%d,\nv%d,refused\n", i, i);
    fputs("t,fraud\n", run.text);
    assert_int_equal(run_rows(&run), EXIT_STATUS_ROWS_FAILED);
    assert_int_equal(count_kept(&run, "refused by the test"), 20);
    assert_int_equal(count_kept(&run, "no room"), 0);
    assert_int_equal(seen.sent, 1);
    end(&run);
}

/* Long before there are as many as a call may have. */
static void large_rows_go_out_early(void **state) {
    (void)state;
    struct run run;
    begin(&run, false);
    seen.row_bytes = (size_t)48 << 20;
    for (int i = 0; i < 21; i++)
        fprintf(run.text, "t%d,fraud\n", i);
    assert_int_equal(run_rows(&run), EXIT_STATUS_OK);
    assert_int_equal(seen.largest, 2);
    assert_int_equal(seen.sent, 21);
    end(&run);
}

/* A pipe cannot be read again: what is not sent, to its end, is kept. */
static void the_server_goes_away(void **state) {
    (void)state;
    for (int is_piped = 0; is_piped < 2; is_piped++) {
        struct run run;
        begin(&run, is_piped);
        seen.away_from = 2;
        for (int i = 0; i < 2 * REPORTS_MAX + 500; i++)
            fprintf(run.text, "t%d,fraud\nu%d,\n", i, i);
        fputs("junk\n", run.text);
        assert_int_equal(run_rows(&run), EXIT_STATUS_UNAVAILABLE);
        assert_int_equal(seen.calls, 2);
        assert_int_equal(seen.sent, REPORTS_MAX);
        if (is_piped) {
            assert_int_equal(count_kept(&run, ",unavailable,"), REPORTS_MAX + 500);
            assert_int_equal(count_kept(&run, "\nt999,"), 0);
            assert_int_equal(count_kept(&run, "\nt1000,"), 1);
            assert_int_equal(count_kept(&run, "\nt2499,"), 1);
            assert_int_equal(count_kept(&run, "\nu"), 0);
            assert_int_equal(count_kept(&run, ",junk\n"), 1);
        } else {
            assert_null(run.kept); /* the same command reads it again */
        }
        end(&run);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_full),
        cmocka_unit_test(refused_rows_do_not_stop_the_others),
        cmocka_unit_test(rows_in_no_call_take_no_room),
        cmocka_unit_test(large_rows_go_out_early),
        cmocka_unit_test(the_server_goes_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
