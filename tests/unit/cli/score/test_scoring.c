/* A whole run, from the bytes of a file to the decisions, against a fake of libharrier. */
#include "clients/cli/io/rejects.h"
#include "clients/cli/score/scoring.h"
#include "tests/unit/cli/fake_client.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static const char three_rows[] = "id,event_time,amount,currency,outcome\n"
                                 "a,2018-04-01T00:00:31Z,1.00,EUR,fraud\n"
                                 "b,2018-04-01T00:00:32Z,200.00,EUR,\n"
                                 "c,2018-04-01T00:00:33Z,3.00,EUR,fraud\n";

struct run {
    struct scoring_options options;
    enum decision_format format;
    uint64_t retry_for_us;
    volatile int stop;
    bool keeps;    /* refused rows */
    bool is_piped; /* the rows come through a pipe */
    struct scoring_counts counts;
    struct error error;
    char decisions[4096];
    char messages[4096];
    char rejects[4096]; /* empty: there is no such file */
};

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void read_text(const char *path, char *ret_text, size_t size) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    ret_text[fread(ret_text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* What goes to stderr meanwhile ends in *ret_messages. */
static int run_file(struct run *run, const char *path, const char *out, const char *kept) {
    struct mapped_file file;
    struct rejects *rejects = NULL;
    struct decision_output output;
    struct progress_bar bar;
    if (mapped_file_open(&file, path, NULL, ROW_FORMAT_GUESS, MAPPED_TRANSACTIONS, &run->error) < 0)
        fail_msg("%s", run->error.text);
    assert_int_equal(
        decision_output_open(&output, out, run->format, run->options.features, &run->error), 0);
    if (run->keeps) {
        assert_int_equal(rejects_open(kept, NULL, &rejects, &run->error), 0);
        assert_int_equal(rejects_begin_file(rejects, file.rows, "rows.csv", &run->error), 0);
    }
    progress_bar_init(&bar, PROGRESS_QUIET, "rows");
    bar.stop = &run->stop;
    struct retry retry = {.address = "fake", .for_us = run->retry_for_us, .bar = &bar};
    struct row_errors diagnostics = {.file = "rows.csv", .bar = &bar, .rejects = rejects};
    const struct scoring_parts parts = {.file = &file,
                                        .output = &output,
                                        .retry = &retry,
                                        .diagnostics = &diagnostics,
                                        .bar = &bar};
    int r = scoring_run(&run->options, &parts, &run->counts, &run->error);
    struct error close_error;
    assert_int_equal(decision_output_close(&output, &close_error), 0);
    assert_int_equal(rejects_close(rejects, &close_error), 0);
    mapped_file_close(&file);
    return r;
}

/* The other end of a pipe. */
struct piping {
    const char *path, *text;
};

static void *write_pipe(void *user) {
    const struct piping *piping = user;
    write_text(piping->path, piping->text);
    return NULL;
}

static int run_text(struct run *run, const char *text) {
    char folder[] = "/tmp/harrier-scoring-XXXXXX", path[64], out[64], messages[64], kept_rows[64];
    struct piping piping = {.path = path, .text = text};
    pthread_t writer;
    assert_non_null(mkdtemp(folder));
    snprintf(kept_rows, sizeof kept_rows, "%s/rejects", folder);
    snprintf(path, sizeof path, "%s/rows.csv", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    snprintf(messages, sizeof messages, "%s/messages", folder);
    if (run->is_piped) {
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(pthread_create(&writer, NULL, write_pipe, &piping), 0);
    } else {
        write_text(path, text);
    }
    fflush(stderr);
    int kept = dup(STDERR_FILENO), to = open(messages, O_CREAT | O_WRONLY, 0600);
    dup2(to, STDERR_FILENO);
    int r = run_file(run, path, out, kept_rows);
    if (run->is_piped)
        pthread_join(writer, NULL);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(to);
    read_text(out, run->decisions, sizeof run->decisions);
    read_text(messages, run->messages, sizeof run->messages);
    if (access(kept_rows, F_OK) == 0) {
        read_text(kept_rows, run->rejects, sizeof run->rejects);
        unlink(kept_rows);
    }
    unlink(path);
    unlink(out);
    unlink(messages);
    rmdir(folder);
    return r;
}

static struct run new_run(void) {
    fake_server_reset();
    return (struct run){.options = {.batch = 2, .in_flight = 1, .deadline_us = 1000000},
                        .format = DECISION_CSV,
                        .retry_for_us = 5000000};
}

static void decisions_and_outcomes_in_file_order(void **state) {
    (void)state;
    struct run run = new_run();
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\noutcomes(a=fraud)\n"
                                           "score(c)\noutcomes(c=fraud)\n");
    assert_string_equal(
        run.decisions,
        "transaction_id,verdict,score,position,duplicate,degraded,server_us,rules,reasons\n"
        "a,approve,0,7,false,false,20,,\n"
        "b,decline,800,7,false,false,20,large,\"amount \"\"large\"\", over 100\"\n"
        "c,approve,0,7,false,false,20,,\n");
    assert_int_equal(run.counts.rows, 3);
    assert_int_equal(run.counts.scored, 3);
    assert_int_equal(run.counts.duplicates, 0);
    assert_int_equal(run.counts.outcomes, 2);
    assert_int_equal(run.counts.verdicts[HARRIER_VERDICT_DECLINE], 1);
    assert_int_equal(run.counts.server_us.count, 3);
    assert_int_equal(run.counts.round_trip_us.count, 2);
    assert_string_equal(run.messages, "");
}

/* Times of outcomes: a's lies between b and c, b's is c's own, c's behind the end. */
static const char timed_rows[] = "id,event_time,amount,currency,outcome,outcome_time\n"
                                 "a,2018-04-01T00:00:10Z,1.00,EUR,fraud,2018-04-01T00:00:25Z\n"
                                 "b,2018-04-01T00:00:20Z,2.00,EUR,legit,2018-04-01T00:00:30Z\n"
                                 "c,2018-04-01T00:00:30Z,3.00,EUR,fraud,2018-04-01T00:00:31Z\n";

static void outcomes_come_at_their_time(void **state) {
    (void)state;
    for (size_t batch = 1; batch <= 4; batch++) {
        struct run run = new_run();
        run.options.batch = batch;
        assert_int_equal(run_text(&run, timed_rows), 0);
        assert_string_equal(fake_server.calls, batch == 1
                                                   ? "score(a)\nscore(b)\n"
                                                     "outcomes(a=fraud b=other)\nscore(c)\n"
                                                   : "score(a b)\n"
                                                     "outcomes(a=fraud b=other)\nscore(c)\n");
        assert_int_equal(run.counts.outcomes, 2);
        assert_int_equal(run.counts.outcomes_waiting, 1);
        assert_int_equal(run.counts.rows, 3);
    }
}

static void outcomes_now_or_not_at_all(void **state) {
    (void)state;
    struct run run = new_run();
    run.options.outcomes = SCORING_OUTCOMES_NOW;
    assert_int_equal(run_text(&run, timed_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\noutcomes(a=fraud b=other)\n"
                                           "score(c)\noutcomes(c=fraud)\n");
    assert_int_equal(run.counts.outcomes_waiting, 0);
    run = new_run();
    run.options.outcomes = SCORING_OUTCOMES_NONE;
    assert_int_equal(run_text(&run, timed_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\nscore(c)\n");
    assert_int_equal(run.counts.outcomes, 0);
}

/* The file's time never goes back: an outcome whose time has passed already comes before the next
 * row, however early that one is. */
static void outcomes_of_an_unsorted_file(void **state) {
    (void)state;
    struct run run = new_run();
    assert_int_equal(run_text(&run, "id,event_time,amount,currency,outcome,outcome_time\n"
                                    "a,2018-04-01T00:00:40Z,1.00,EUR,,\n"
                                    "b,2018-04-01T00:00:10Z,2.00,EUR,fraud,2018-04-01T00:00:20Z\n"
                                    "c,2018-04-01T00:00:15Z,3.00,EUR,,\n"),
                     0);
    assert_string_equal(fake_server.calls, "score(a b)\noutcomes(b=fraud)\nscore(c)\n");
    /* and at the end of the file, when no row comes behind it */
    run = new_run();
    assert_int_equal(run_text(&run, "id,event_time,amount,currency,outcome,outcome_time\n"
                                    "a,2018-04-01T00:00:40Z,1.00,EUR,fraud,2018-04-01T00:00:40Z\n"),
                     0);
    assert_string_equal(fake_server.calls, "score(a)\noutcomes(a=fraud)\n");
}

/* A row that is wrong has no outcome, nor has the message that holds the limit's last row one more.
 */
static void outcomes_of_rows_that_fail(void **state) {
    (void)state;
    struct run run = new_run();
    assert_int_equal(run_text(&run, "id,event_time,amount,currency,outcome,outcome_time\n"
                                    "a,2018-04-01T00:00:10Z,x,EUR,fraud,2018-04-01T00:00:15Z\n"
                                    "b,2018-04-01T00:00:20Z,2.00,EUR,fraud,yesterday\n"
                                    "c,2018-04-01T00:00:30Z,3.00,EUR,fraud,2018-04-01T00:00:35Z\n"
                                    "d,2018-04-01T00:00:40Z,3.00,EUR,,\n"),
                     0);
    assert_string_equal(fake_server.calls, "score(c)\noutcomes(c=fraud)\nscore(d)\n");
    assert_int_equal(run.counts.failed, 2);
    assert_non_null(strstr(run.messages, "outcome_time"));
    run = new_run();
    run.options.limit = 2;
    assert_int_equal(run_text(&run, timed_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\n");
    assert_int_equal(run.counts.outcomes_waiting, 2);
}

/* A row that the server refuses has no outcome to wait for, whether that would be due or not. */
static void outcomes_of_refused_rows(void **state) {
    (void)state;
    struct run run = new_run();
    assert_int_equal(run_text(&run,
                              "id,event_time,amount,currency,outcome,outcome_time\n"
                              "bad1,2018-04-01T00:00:10Z,1.00,EUR,fraud,2018-04-01T00:00:25Z\n"
                              "bad2,2018-04-01T00:00:10Z,1.00,EUR,fraud,2018-05-01T00:00:00Z\n"
                              "c,2018-04-01T00:00:30Z,3.00,EUR,fraud,2018-06-01T00:00:00Z\n"),
                     0);
    assert_string_equal(fake_server.calls, "score(bad1 bad2)\nscore(c)\n");
    assert_int_equal(run.counts.failed, 2);
    assert_int_equal(run.counts.outcomes_waiting, 1);
}

/* The server refuses a payment from the far future, and no outcome is due because of it. */
static void a_wrong_clock_makes_nothing_due(void **state) {
    (void)state;
    struct run run = new_run();
    assert_int_equal(run_text(&run, "id,event_time,amount,currency,outcome,outcome_time\n"
                                    "a,2018-04-01T00:00:10Z,1.00,EUR,fraud,2018-04-01T00:00:25Z\n"
                                    "bad,2218-04-01T00:00:15Z,1.00,EUR,,\n"
                                    "b,2018-04-01T00:00:20Z,1.00,EUR,,\n"
                                    "c,2018-04-01T00:00:25Z,1.00,EUR,,\n"),
                     0);
    assert_string_equal(fake_server.calls, "score(a bad)\nscore(b)\noutcomes(a=fraud)\nscore(c)\n");
}

/* Without a time an outcome cannot wait, and the summary says how many could not. */
static void outcomes_without_a_time(void **state) {
    (void)state;
    static const char rows[] = "id,event_time,amount,currency,outcome,outcome_time\n"
                               "a,2018-04-01T00:00:10Z,1.00,EUR,fraud,2018-04-01T00:00:20Z\n"
                               "b,2018-04-01T00:00:11Z,1.00,EUR,fraud,\n"
                               "c,2018-04-01T00:00:20Z,1.00,EUR,,\n";
    struct run run = new_run();
    assert_int_equal(run_text(&run, rows), 0);
    assert_string_equal(fake_server.calls,
                        "score(a b)\noutcomes(b=fraud)\noutcomes(a=fraud)\nscore(c)\n");
    assert_int_equal(run.counts.outcomes_untimed, 1);
    run = new_run();
    run.options.outcomes = SCORING_OUTCOMES_NOW; /* asked for: nothing to point out */
    assert_int_equal(run_text(&run, rows), 0);
    assert_int_equal(run.counts.outcomes_untimed, 0);
}

/* A run that ended early says nothing of outcomes that it might still have reported; the same again
 * reports them. */
static void due_outcomes_are_not_lost(void **state) {
    (void)state;
    struct run run = new_run();
    run.retry_for_us = 0;
    fake_server.fail_outcomes_next = 1;
    fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
    assert_int_equal(run_text(&run, timed_rows), -ERROR_UNAVAILABLE);
    assert_string_equal(fake_server.calls, "score(a b)\noutcomes(a=fraud b=other)\n");
    assert_int_equal(run.counts.outcomes, 0);
    assert_int_equal(run.counts.outcomes_waiting, 0);
    fake_server.calls[0] = '\0';
    assert_int_equal(run_text(&run, timed_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\noutcomes(a=fraud b=other)\nscore(c)\n");
    assert_int_equal(run.counts.duplicates, 2);
    assert_int_equal(run.counts.outcomes, 2);
    assert_int_equal(run.counts.outcomes_waiting, 1);

    run = new_run();
    run.options.strict = true; /* ends at the wrong row, a's outcome still waiting */
    assert_int_equal(run_text(&run, "id,event_time,amount,currency,outcome,outcome_time\n"
                                    "a,2018-04-01T00:00:10Z,1.00,EUR,fraud,2018-04-01T00:00:25Z\n"
                                    "b,yesterday,1.00,EUR,,\n"),
                     -ERROR_INVALID);
    assert_int_equal(run.counts.outcomes_waiting, 0);
}

/* b's amendment is due before c, with a's outcome; c's never; d's has no time. */
static const char amended_rows[] =
    "id,event_time,outcome,outcome_time,amendment,amendment_amount_minor,amendment_time\n"
    "a,2018-04-01T00:00:10Z,fraud,2018-04-01T00:00:29Z,void,,2018-05-01T00:00:00Z\n"
    "b,2018-04-01T00:00:20Z,,,refund,7,2018-04-01T00:00:30Z\n"
    "c,2018-04-01T00:00:30Z,fraud,,capture,5,2018-05-01T00:00:00Z\n"
    "d,2018-04-01T00:00:31Z,,,void,,\n";

static void amendments_come_at_their_time(void **state) {
    (void)state;
    struct run run = new_run();
    assert_int_equal(run_text(&run, amended_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\noutcomes(a=fraud)\namendments(b=refund)\n"
                                           "score(c d)\noutcomes(c=fraud)\namendments(d=other)\n");
    assert_int_equal(run.counts.amendments, 2);
    assert_int_equal(run.counts.amendments_changed, 2);
    assert_int_equal(run.counts.amendments_untimed, 1);
    assert_int_equal(run.counts.amendments_waiting, 2);
    assert_int_equal(run.counts.outcomes, 2);
    assert_int_equal(run.counts.outcomes_untimed, 1);
    assert_int_equal(run.counts.outcomes_waiting, 0);
    run = new_run();
    run.options.outcomes = SCORING_OUTCOMES_NOW;
    assert_int_equal(run_text(&run, amended_rows), 0);
    assert_string_equal(fake_server.calls,
                        "score(a b)\noutcomes(a=fraud)\namendments(a=other b=refund)\n"
                        "score(c d)\noutcomes(c=fraud)\namendments(c=other d=other)\n");
    assert_int_equal(run.counts.amendments_untimed + run.counts.amendments_waiting, 0);
    run = new_run();
    run.options.outcomes = SCORING_OUTCOMES_NONE;
    assert_int_equal(run_text(&run, amended_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\nscore(c d)\n");
    assert_int_equal(run.counts.amendments + run.counts.amendments_waiting, 0);
    run = new_run();
    run.options.dry_run = true;
    assert_int_equal(run_text(&run, amended_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\nscore(c d)\n");
}

/* Totals: the last one holds, so a transaction's amendments keep the order of their times, equal
 * ones that of the file. */
static void amendments_of_one_transaction_keep_their_order(void **state) {
    (void)state;
    struct run run = new_run();
    assert_int_equal(run_text(&run,
                              "id,event_time,amendment,amendment_amount_minor,amendment_time\n"
                              "a,2018-04-01T00:00:10Z,refund,9,2018-04-01T00:00:22Z\n"
                              "a,2018-04-01T00:00:10Z,capture,9,2018-04-01T00:00:21Z\n"
                              "a,2018-04-01T00:00:10Z,void,,2018-04-01T00:00:22Z\n"
                              "b,2018-04-01T00:00:30Z,,,\n"),
                     0);
    assert_string_equal(fake_server.calls, "score(a a)\nscore(a)\n"
                                           "amendments(a=other a=refund a=other)\nscore(b)\n");
    assert_int_equal(run.counts.duplicates, 2);
}

/* A row without a decision amends nothing; nor does one whose amendment is wrong. */
static void amendments_of_rows_that_fail(void **state) {
    (void)state;
    struct run run = new_run();
    run.keeps = true;
    assert_int_equal(run_text(&run,
                              "id,event_time,amendment,amendment_amount_minor,amendment_time\n"
                              "bad1,2018-04-01T00:00:10Z,void,,2018-04-01T00:00:15Z\n"
                              "bad2,2018-04-01T00:00:10Z,void,,\n"
                              "c,2018-04-01T00:00:20Z,undo,,\n"
                              "d,2018-04-01T00:00:20Z,refund,,\n"
                              "e,2018-04-01T00:00:20Z,void,,yesterday\n"
                              "f,2018-04-01T00:00:30Z,,,\n"),
                     0);
    assert_string_equal(fake_server.calls, "score(bad1 bad2)\nscore(f)\n");
    assert_int_equal(run.counts.failed, 5);
    assert_non_null(strstr(run.rejects, "rows.csv,4,invalid,amendment,"));
    assert_non_null(strstr(run.rejects, "rows.csv,5,invalid,amendment_amount_minor,"));
    assert_non_null(strstr(run.rejects, "rows.csv,6,invalid,amendment_time,"));
    run = new_run(); /* refused itself, its row is kept */
    run.keeps = true;
    fake_server.forgets = true;
    assert_int_equal(run_text(&run, amended_rows), 0);
    assert_int_equal(run.counts.failed, 4);
    assert_non_null(strstr(run.rejects, "refund,7,2018-04-01T00:00:30Z,rows.csv,3,not_found,"));
    assert_non_null(strstr(run.rejects, "void,,,rows.csv,5,not_found,"));
}

#define REJECTED_COLUMNS                                                                           \
    ",harrier.source,harrier.line,harrier.code,harrier.field,harrier.reason,harrier.columns,"      \
    "harrier.raw\n"

/* Refused when read, by the server, and for its outcome: each as it was. */
static void refused_rows_are_kept(void **state) {
    (void)state;
    struct run run = new_run();
    run.keeps = true;
    assert_int_equal(run_text(&run, "id,event_time,note\n"
                                    "bad1,2018-04-01T00:00:31Z,\"x\"\n"
                                    "b,yesterday,\"\"\n"
                                    "c,2018-04-01T00:00:33Z,\n"
                                    "d,2018-04-01T00:00:33Z\n"),
                     0);
    assert_string_equal(run.rejects,
                        "id,event_time,note" REJECTED_COLUMNS
                        "b,yesterday,\"\",rows.csv,3,invalid,event_time,\"event_time: "
                        "\"\"yesterday\"\" is not a time (expected RFC 3339, as "
                        "2018-04-01T00:00:31Z)\",,\n"
                        ",,,rows.csv,5,invalid,,\"2 fields, but the header has 3\","
                        "\"id,event_time,note\","
                        "\"d,2018-04-01T00:00:33Z\"\n"
                        "bad1,2018-04-01T00:00:31Z,\"x\",rows.csv,2,invalid,terminal,terminal: is "
                        "missing,,\n");
    assert_int_equal(run.counts.failed, 3);
    run = new_run();
    run.keeps = true;
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_string_equal(run.rejects, "");
}

/* Their rows are in messages long gone, and in a temporary file. */
static void rows_of_refused_outcomes_are_kept(void **state) {
    (void)state;
    for (size_t batch = 1; batch <= 4; batch++) {
        struct run run = new_run();
        run.keeps = true;
        run.options.batch = batch;
        fake_server.forgets = true;
        assert_int_equal(run_text(&run, timed_rows), 0);
        assert_string_equal(
            run.rejects,
            "id,event_time,amount,currency,outcome,outcome_time" REJECTED_COLUMNS
            "a,2018-04-01T00:00:10Z,1.00,EUR,fraud,2018-04-01T00:00:25Z,rows.csv,2,not_found,"
            "transaction_id,transaction_id is not known,,\n"
            "b,2018-04-01T00:00:20Z,2.00,EUR,legit,2018-04-01T00:00:30Z,rows.csv,3,not_found,"
            "transaction_id,transaction_id is not known,,\n");
        assert_int_equal(run.counts.scored, 3);
        run = new_run(); /* without a time: reported with their message */
        run.keeps = true;
        run.options.batch = batch;
        fake_server.forgets = true;
        assert_int_equal(run_text(&run, three_rows), 0);
        assert_non_null(strstr(run.rejects, "\na,2018-04-01T00:00:31Z,1.00,EUR,fraud,rows.csv,2,"));
        assert_non_null(strstr(run.rejects, "\nc,2018-04-01T00:00:33Z,3.00,EUR,fraud,rows.csv,4,"));
        assert_null(strstr(run.rejects, "\nb,"));
    }
}

/* Long before there are as many as a call may have: their rows are in memory until it is answered.
 */
static void due_outcomes_of_large_rows_go_out_early(void **state) {
    (void)state;
    enum { ROWS = 7, FIELDS = 200, FIELD = 60000 }; /* 12 MB a row */
    struct run run = new_run();
    char *text, *field = malloc(FIELD + 1);
    size_t length;
    FILE *out = open_memstream(&text, &length);
    memset(field, 'x', FIELD);
    field[FIELD] = '\0';
    fputs("id,event_time,outcome,outcome_time", out);
    for (int i = 0; i < FIELDS; i++)
        fprintf(out, ",f%d", i);
    for (int row = 0; row < ROWS; row++) {
        fprintf(out, "\nr%d,2018-04-01T00:00:1%dZ,fraud,2018-04-01T00:01:00Z", row, row);
        for (int i = 0; i < FIELDS; i++)
            fprintf(out, ",%s", field);
    }
    fputs("\nz,2018-04-01T00:02:00Z,,", out);
    for (int i = 0; i < FIELDS; i++)
        fputs(",", out);
    fclose(out);
    run.keeps = true;
    run.options.batch = 1;
    assert_int_equal(run_text(&run, text), 0);
    assert_non_null(strstr(fake_server.calls, "outcomes(r0=fraud r1=fraud r2=fraud r3=fraud "
                                              "r4=fraud r5=fraud)\noutcomes(r6=fraud)\nscore(z)"));
    assert_string_equal(run.rejects, "");
    free(text);
    free(field);
}

/* How many rows of the file begin with an id. */
static size_t count_kept(const struct run *run, const char *id) {
    char begin[16];
    size_t count = 0;
    snprintf(begin, sizeof begin, "\n%s,", id);
    for (const char *at = run->rejects; (at = strstr(at, begin)); at++)
        count++;
    return count;
}

static const char eight_rows[] = "id,event_time,outcome,outcome_time\n"
                                 "a,2018-04-01T00:00:10Z,fraud,2018-04-01T00:00:12Z\n"
                                 "b,2018-04-01T00:00:11Z,fraud,\n"
                                 "c,2018-04-01T00:00:12Z,,\n"
                                 "d,2018-04-01T00:00:13Z,fraud,2018-04-01T00:00:15Z\n"
                                 "e,2018-04-01T00:00:14Z,legit,\n"
                                 "f,2018-04-01T00:00:15Z,,\n"
                                 "g\n"
                                 "h,2018-04-01T00:00:16Z,,\n";

/* The server goes away at its n-th call. Each row of a pipe is then either done, with its outcome
 * if that was due, or kept; once. Which are done shows in what the server was asked before. */
static void rows_of_a_pipe_are_kept_when_the_server_goes(void **state) {
    (void)state;
    for (unsigned calls = 0; calls < 8; calls++) {
        for (size_t batch = 1; batch <= 3; batch++) {
            struct run run = new_run();
            run.keeps = run.is_piped = true;
            run.retry_for_us = 0;
            run.options.batch = batch;
            fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
            fake_server.calls_left = calls + 1;
            int r = run_text(&run, eight_rows);
            assert_int_equal(run.counts.rows, 8);
            assert_true(r == 0 || r == -ERROR_UNAVAILABLE);
            assert_int_equal(run.counts.input_ended, 1);
            for (const char *id = "abcdefh"; *id; id++) {
                char name[2] = {*id}, known[8], outcome[16];
                snprintf(known, sizeof known, " %c ", *id);
                snprintf(outcome, sizeof outcome, "%c=", *id);
                bool is_scored = strstr(fake_server.known, known) != NULL;
                bool is_reported = strstr(fake_server.reported, outcome) != NULL;
                bool is_untimed = *id == 'b' || *id == 'e';
                bool has_outcome = is_untimed || *id == 'a' || *id == 'd';
                bool is_done = is_scored && (is_reported || !has_outcome);
                assert_int_equal(count_kept(&run, name), !is_done);
            }
            assert_non_null(strstr(run.rejects, ",rows.csv,8,invalid,,"));
            assert_int_equal(run.counts.unsent > 0, r < 0);
        }
    }
    struct run run = new_run();
    run.keeps = true;
    run.retry_for_us = 0;
    fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
    fake_server.fail_next = 1;
    assert_int_equal(run_text(&run, three_rows), -ERROR_UNAVAILABLE);
    assert_string_equal(run.rejects, "");
    assert_int_equal(run.counts.unsent, 0);
}

/* A row with both is kept once, whichever of them is open. */
static void rows_with_outcome_and_amendment_are_kept_once(void **state) {
    (void)state;
    static const char rows[] =
        "id,event_time,outcome,outcome_time,amendment,amendment_amount_minor,amendment_time\n"
        "a,2018-04-01T00:00:10Z,fraud,2018-04-01T00:00:12Z,void,,2018-04-01T00:00:12Z\n"
        "b,2018-04-01T00:00:11Z,fraud,,void,,\n"
        "c,2018-04-01T00:00:12Z,fraud,2018-04-01T00:00:14Z,void,,\n"
        "d,2018-04-01T00:00:13Z,fraud,,void,,2018-04-01T00:00:15Z\n"
        "e,2018-04-01T00:00:16Z,,,,,\n";
    for (unsigned calls = 0; calls < 14; calls++) {
        for (size_t batch = 1; batch <= 3; batch++) {
            struct run run = new_run();
            run.keeps = run.is_piped = true;
            run.retry_for_us = 0;
            run.options.batch = batch;
            fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
            fake_server.calls_left = calls + 1;
            run_text(&run, rows);
            for (const char *id = "abcde"; *id; id++) {
                char name[2] = {*id}, known[8], report[8];
                snprintf(known, sizeof known, " %c ", *id);
                snprintf(report, sizeof report, "%c=", *id);
                const char *first = strstr(fake_server.reported, report);
                bool is_reported = first && strstr(first + 1, report); /* both */
                bool is_scored = strstr(fake_server.known, known) != NULL;
                assert_int_equal(count_kept(&run, name),
                                 !(is_scored && (is_reported || *id == 'e')));
            }
        }
    }
}

/* Behind the row that ends a strict run, nothing of a pipe was read, but the messages under way
 * are settled. */
static void a_strict_run_keeps_its_row(void **state) {
    (void)state;
    struct run run = new_run();
    run.keeps = run.is_piped = run.options.strict = true;
    run.options.batch = 3;
    assert_int_equal(run_text(&run, "id,event_time\n"
                                    "a,2018-04-01T00:00:31Z\n"
                                    "bad1,2018-04-01T00:00:32Z\n"
                                    "c,2018-04-01T00:00:33Z\n"
                                    "d,2018-04-01T00:00:34Z\n"),
                     -ERROR_INVALID);
    assert_int_equal(count_kept(&run, "a"), 0);
    assert_int_equal(count_kept(&run, "bad1"), 1);
    assert_int_equal(count_kept(&run, "c"), 1); /* its answer was not looked at */
    assert_int_equal(count_kept(&run, "d"), 1); /* it was read while they were under way */
    assert_int_equal(run.counts.unsent, 2);
}

static void json_lines_of_decisions(void **state) {
    (void)state;
    struct run run = new_run();
    run.format = DECISION_JSONL;
    run.options.features = true;
    run.options.limit = 2;
    fake_server.features = true;
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_string_equal(
        run.decisions,
        "{\"transaction_id\":\"a\",\"verdict\":\"approve\",\"score\":0,\"position\":7,"
        "\"duplicate\":false,\"degraded\":false,\"server_us\":20,\"rule_errors\":0,"
        "\"snapshot_id\":\"0000000000000000\",\"generation_id\":\"0000000000000000\","
        "\"reasons\":[],\"features\":{\"customer.count_1d\":3,\"customer.mean\":0.1,"
        "\"customer.last\":null}}\n"
        "{\"transaction_id\":\"b\",\"verdict\":\"decline\",\"score\":800,\"position\":7,"
        "\"duplicate\":false,\"degraded\":false,\"server_us\":20,\"rule_errors\":0,"
        "\"snapshot_id\":\"0000000000000000\",\"generation_id\":\"0000000000000000\","
        "\"reasons\":[{\"rule\":\"large\",\"text\":\"amount \\\"large\\\", over 100\","
        "\"score\":800,\"verdict\":\"decline\",\"shadow\":false}],\"features\":{"
        "\"customer.count_1d\":3,\"customer.mean\":0.1,\"customer.last\":null}}\n");
}

static void bad_rows_do_not_stop_the_others(void **state) {
    (void)state;
    struct run run = new_run();
    assert_int_equal(run_text(&run, "id,event_time,amount,currency\n"
                                    "a,2018-04-01T00:00:31Z,1.00,EUR\n"
                                    "b,yesterday,1.00,EUR\n"
                                    "c,2018-04-01T00:00:31Z,1.00\n"
                                    "bad1,2018-04-01T00:00:31Z,1.00,EUR\n"
                                    "d,2018-04-01T00:00:31Z,1.005,EUR\n"
                                    "e,2018-04-01T00:00:31Z,1.00,EUR\n"),
                     0);
    assert_string_equal(fake_server.calls, "score(a bad1)\nscore(e)\n");
    assert_int_equal(run.counts.rows, 6);
    assert_int_equal(run.counts.scored, 2);
    assert_int_equal(run.counts.failed, 4);
    assert_non_null(strstr(run.messages, "rows.csv:3: event_time: \"yesterday\" is not a time"));
    assert_non_null(strstr(run.messages, "rows.csv:4: 3 fields, but the header has 4\n"));
    assert_non_null(strstr(run.messages, "rows.csv:5: terminal: is missing\n"));
    assert_non_null(strstr(run.messages, "rows.csv:6: amount: EUR: \"1.005\" has too many"));
}

static void strict_stops_at_the_first(void **state) {
    (void)state;
    struct run run = new_run();
    run.options.strict = true;
    assert_int_equal(run_text(&run, "id,event_time\n"
                                    "a,2018-04-01T00:00:31Z\n"
                                    "b,yesterday\n"
                                    "c,2018-04-01T00:00:31Z\n"),
                     -ERROR_INVALID);
    assert_string_equal(run.error.text, "stopped at line 3 (--strict)");
    assert_string_equal(fake_server.calls, "score(a)\n"); /* what came before is not lost */
    assert_int_equal(run.counts.scored, 1);
    assert_int_equal(run.counts.failed, 1);

    run = new_run();
    run.options.strict = true;
    assert_int_equal(run_text(&run, "id,event_time\n"
                                    "bad1,2018-04-01T00:00:31Z\n"
                                    "a,2018-04-01T00:00:31Z\n"
                                    "b,2018-04-01T00:00:31Z\n"),
                     -ERROR_INVALID);
    assert_string_equal(run.error.text, "stopped at line 2 (--strict)");
    assert_string_equal(fake_server.calls, "score(bad1 a)\n");
}

static void the_same_again_while_the_server_is_away(void **state) {
    (void)state;
    struct run run = new_run();
    fake_server.fail_next = 2;
    fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\nscore(a b)\nscore(a b)\noutcomes(a=fraud)\n"
                                           "score(c)\noutcomes(c=fraud)\n");
    assert_int_equal(run.counts.scored, 3);
    assert_int_equal(run.counts.failed, 0);
    assert_non_null(strstr(run.messages, "fake: the fake says no; trying again for 5.00 s\n"));
    assert_non_null(strstr(run.messages, "fake: answers again after "));
}

static void a_lost_answer_is_asked_for_again(void **state) {
    (void)state;
    struct run run = new_run();
    fake_server.lose_next = 1;
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\nscore(a b)\noutcomes(a=fraud)\n"
                                           "score(c)\noutcomes(c=fraud)\n");
    assert_int_equal(run.counts.scored, 1);
    assert_int_equal(run.counts.duplicates, 2);
    assert_int_equal(run.counts.duplicates_of_retries, 2);
    assert_int_equal(run.counts.outcomes, 2);
}

static void only_what_was_refused_is_sent_again(void **state) {
    (void)state;
    struct run run = new_run();
    run.options.batch = 3;
    fake_server.refuse_from = 1;
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b c)\nscore(b c)\noutcomes(a=fraud c=fraud)\n");
    assert_int_equal(run.counts.scored, 3);
    assert_int_equal(run.counts.duplicates, 0);
}

static void patience_ends(void **state) {
    (void)state;
    struct run run = new_run();
    run.retry_for_us = 120000;
    fake_server.fail_next = 1000;
    fake_server.fail_code = HARRIER_ERROR_DEADLINE;
    assert_int_equal(run_text(&run, three_rows), -ERROR_UNAVAILABLE);
    assert_non_null(strstr(run.error.text, "fake: no answer for "));
    assert_non_null(strstr(run.error.text, "the fake says no"));
    assert_int_equal(run.counts.next_line, 2);
    assert_int_equal(run.counts.scored, 0);
    assert_true(fake_server.fail_next > 990); /* the pauses grow */
}

static void outcomes_are_not_lost_either(void **state) {
    (void)state;
    struct run run = new_run();
    fake_server.fail_outcomes_next = 1;
    fake_server.fail_code = HARRIER_ERROR_DEADLINE;
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\noutcomes(a=fraud)\noutcomes(a=fraud)\n"
                                           "score(c)\noutcomes(c=fraud)\n");
    assert_int_equal(run.counts.outcomes, 2);

    run = new_run();
    run.retry_for_us = 0;
    fake_server.fail_outcomes_next = 1;
    fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
    assert_int_equal(run_text(&run, three_rows), -ERROR_UNAVAILABLE);
    assert_int_equal(run.counts.scored, 2);
    assert_int_equal(run.counts.next_line,
                     2); /* scored, but what it turned out to be is not told */
}

static void a_dry_run_reports_nothing(void **state) {
    (void)state;
    struct run run = new_run();
    run.options.dry_run = true;
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_string_equal(fake_server.calls, "score(a b)\nscore(c)\n");
    assert_int_equal(run.counts.outcomes, 0);
    assert_string_equal(fake_server.known, " ");
}

static void what_is_no_use_is_not_repeated(void **state) {
    (void)state;
    struct run run = new_run();
    fake_server.fail_next = 1;
    fake_server.fail_code = HARRIER_ERROR_UNSUPPORTED;
    assert_int_equal(run_text(&run, three_rows), -ERROR_UNSUPPORTED);
    assert_string_equal(fake_server.calls, "score(a b)\n");
    assert_string_equal(run.error.text, "fake: the fake says no");
    assert_int_equal(run.counts.next_line, 2);
}

static void an_interrupt_ends_the_run(void **state) {
    (void)state;
    struct run run = new_run();
    run.stop = 1;
    assert_int_equal(run_text(&run, three_rows), -ERROR_INTERRUPTED);
    assert_string_equal(fake_server.calls, "");
}

static void unordered_scores_the_same(void **state) {
    (void)state;
    struct run run = new_run();
    run.options.in_flight = 4;
    run.options.batch = 1;
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_int_equal(run.counts.scored, 3);
    assert_int_equal(run.counts.outcomes, 2);
    const char *scored = strstr(fake_server.calls, "score(a)");
    const char *reported = strstr(fake_server.calls, "outcomes(a=fraud)");
    assert_non_null(scored);
    assert_true(reported > scored);
}

static void feature_columns(void **state) {
    (void)state;
    struct run run = new_run();
    run.options.features = true;
    run.options.batch = 1;
    fake_server.features = true;
    strcpy(fake_server.known, " a "); /* a duplicate first: no features to name columns after */
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_string_equal(
        run.decisions,
        "transaction_id,verdict,score,position,duplicate,degraded,server_us,rules,reasons,"
        "customer.count_1d,customer.mean,customer.last\n"
        "a,approve,0,7,true,false,20,,,,,\n"
        "b,decline,800,7,false,false,20,large,\"amount \"\"large\"\", over 100\",3,0.1,\n"
        "c,approve,0,7,false,false,20,,,3,0.1,\n");
    run = new_run();
    run.options.features = true;
    fake_server.features = true;
    strcpy(fake_server.known, " a b c ");
    assert_int_equal(run_text(&run, three_rows), 0);
    assert_string_equal(
        run.decisions,
        "transaction_id,verdict,score,position,duplicate,degraded,server_us,rules,reasons\n"
        "a,approve,0,7,true,false,20,,\n"
        "b,decline,800,7,true,false,20,large,\"amount \"\"large\"\", over 100\"\n"
        "c,approve,0,7,true,false,20,,\n");
}

static void many_bad_rows_are_only_counted(void **state) {
    (void)state;
    struct run run = new_run();
    char rows[2000] = "id,event_time\n";
    for (int i = 0; i < 30; i++)
        strcat(rows, "x,never\n");
    assert_int_equal(run_text(&run, rows), 0);
    assert_int_equal(run.counts.failed, 30);
    assert_non_null(strstr(run.messages, "rows.csv:11: event_time"));
    assert_non_null(strstr(run.messages, "rows.csv:12: more rows failed"));
    assert_null(strstr(run.messages, "rows.csv:13:"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_and_outcomes_in_file_order),
        cmocka_unit_test(outcomes_come_at_their_time),
        cmocka_unit_test(outcomes_now_or_not_at_all),
        cmocka_unit_test(outcomes_of_an_unsorted_file),
        cmocka_unit_test(outcomes_of_rows_that_fail),
        cmocka_unit_test(outcomes_of_refused_rows),
        cmocka_unit_test(a_wrong_clock_makes_nothing_due),
        cmocka_unit_test(outcomes_without_a_time),
        cmocka_unit_test(due_outcomes_are_not_lost),
        cmocka_unit_test(amendments_come_at_their_time),
        cmocka_unit_test(amendments_of_one_transaction_keep_their_order),
        cmocka_unit_test(amendments_of_rows_that_fail),
        cmocka_unit_test(refused_rows_are_kept),
        cmocka_unit_test(rows_of_refused_outcomes_are_kept),
        cmocka_unit_test(due_outcomes_of_large_rows_go_out_early),
        cmocka_unit_test(rows_of_a_pipe_are_kept_when_the_server_goes),
        cmocka_unit_test(rows_with_outcome_and_amendment_are_kept_once),
        cmocka_unit_test(a_strict_run_keeps_its_row),
        cmocka_unit_test(json_lines_of_decisions),
        cmocka_unit_test(bad_rows_do_not_stop_the_others),
        cmocka_unit_test(strict_stops_at_the_first),
        cmocka_unit_test(the_same_again_while_the_server_is_away),
        cmocka_unit_test(a_lost_answer_is_asked_for_again),
        cmocka_unit_test(only_what_was_refused_is_sent_again),
        cmocka_unit_test(patience_ends),
        cmocka_unit_test(outcomes_are_not_lost_either),
        cmocka_unit_test(a_dry_run_reports_nothing),
        cmocka_unit_test(what_is_no_use_is_not_repeated),
        cmocka_unit_test(an_interrupt_ends_the_run),
        cmocka_unit_test(unordered_scores_the_same),
        cmocka_unit_test(feature_columns),
        cmocka_unit_test(many_bad_rows_are_only_counted),
    };
    return cmocka_run_group_tests_name("scoring", tests, NULL, NULL);
}
