/* harrier replay: the command line of batch/replay.h. */
#include "batch/replay.h"

#include "batch/audit.h"
#include "command.h"
#include "core/base/buffer.h"
#include "decision_output.h"
#include "draft_file.h"
#include "exit_status.h"
#include "folders.h"
#include "interrupt.h"
#include "progress_bar.h"
#include "quantity.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_DEFAULT 10

enum { OPTION_FEATURES = 256, OPTION_RECORDED, OPTION_LIST };

struct options {
    const char *archive, *policy, *features;
    bool recorded, quiet;
    uint64_t listed; /* differences and refusals told one by one, each */
};

static void check_options(const struct options *options, struct argp_state *state) {
    if (!options->archive)
        argp_error(state, "which archive?");
    if (options->recorded && options->policy)
        argp_error(state, "--recorded is about the policies that decided: not with --policy");
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'p':
        options->policy = value;
        return 0;
    case OPTION_FEATURES:
        options->features = value;
        return 0;
    case OPTION_RECORDED:
        options->recorded = true;
        return 0;
    case OPTION_LIST:
        if (!quantity_parse_count(value, 0, UINT64_MAX, &options->listed))
            argp_error(state, "--list: \"%s\" is no number", value);
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "one archive at a time");
        options->archive = value;
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"policy", 'p', "DIR", 0,
     "Decide everything with this policy, instead of with those that decided then", 0},
    {"features", OPTION_FEATURES, "FILE", 0,
     "Write each transaction's feature values, score, verdict and outcome as CSV (- is standard "
     "output)",
     0},
    {"recorded", OPTION_RECORDED, NULL, 0, "Compare each decision with the archived one", 0},
    {"list", OPTION_LIST, "N", 0, "Tell the first N differences one by one (10)", 0},
    {"quiet", 'q', NULL, 0, "No progress and no summary", 0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc =
        "Decides every transaction of an archive again, in the archive's order, each on what was "
        "known before it. ARCHIVE is its folder, or a server's data folder."
        "\vA server may run meanwhile; what it has not synced yet is left out. Interrupted or "
        "failed, it leaves FILE as it was.\n\nExit status: 0 done (with --recorded: no "
        "difference), 1 some decisions differ or some transactions were refused by the policy, 65 "
        "the archive is damaged, 66 there is nothing to replay, 74 cannot read or write, 75 "
        "interrupted, 78 the policy does not check.",
};

/* ---- what the rows go into ---- */

struct session {
    const struct options *options;
    struct progress_bar *bar; /* wiped before anything is told */
    struct draft_file draft;
    struct decision_output output;
    FILE *to; /* where differences and the summary go */
    struct buffer line;
    uint64_t different, refused; /* transactions */
};

/* Its place and id; the caller prints the rest of the line. */
static void tell_where(struct session *session, const struct record *record) {
    progress_bar_clear(session->bar);
    fprintf(session->to, "position %" PRIu64 "  %" TEXT_FORMAT ": ", record->position,
            TEXT_ARGS(record->transaction.transaction.id));
}

static void take_refusal(struct session *session, const struct replay_row *row) {
    if (session->refused++ >= session->options->listed)
        return;
    tell_where(session, row->record);
    fprintf(session->to, "refused: %" TEXT_FORMAT "%s%s\n", TEXT_ARGS(row->refused_field),
            row->refused_field.length ? ": " : "", row->refusal->text);
}

static void compare(struct session *session, const struct replay_row *row) {
    const struct decision *archived = &row->record->transaction.decision;
    unsigned differences = audit_compare(archived, row->decision);
    if (differences == 0 || session->different++ >= session->options->listed)
        return;
    buffer_clear(&session->line);
    audit_describe(archived, row->decision, differences, &session->line);
    tell_where(session, row->record);
    fprintf(session->to, "%.*s\n", (int)session->line.length, (const char *)session->line.bytes);
}

static int take_row(void *user, const struct replay_row *row, struct error *ret_error) {
    struct session *session = user;
    if (!row->decision) {
        take_refusal(session, row);
        return 0;
    }
    if (session->options->recorded)
        compare(session, row);
    if (!session->options->features)
        return 0;
    return decision_output_add_replayed(&session->output, row->decision,
                                        row->record->transaction.transaction.event_time_us,
                                        row->outcome, ret_error);
}

static void take_contradiction(void *user, uint64_t position, const char *what) {
    struct session *session = user;
    if (!session->options->recorded)
        return;
    progress_bar_clear(session->bar);
    fprintf(session->to, "position %" PRIu64 ": %s\n", position, what);
}

/* ---- the summary ---- */

static void print_count(FILE *to, const char *what, uint64_t count) {
    char number[QUANTITY_COUNT_SIZE];
    fprintf(to, "%-14s%14s\n", what, quantity_format_count(count, number));
}

static void print_verdicts(FILE *to, const struct replay_report *report) {
    char derived[QUANTITY_COUNT_SIZE], archived[QUANTITY_COUNT_SIZE];
    fprintf(to, "\n%-14s%14s%14s\n", "verdict", "replayed", "archived");
    for (int verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        fprintf(to, "%-14s%14s%14s\n", verdict_name((enum verdict)verdict),
                quantity_format_count(report->verdicts[verdict], derived),
                quantity_format_count(report->archived_verdicts[verdict], archived));
}

static void print_seconds(FILE *to, const struct replay_report *report) {
    char number[QUANTITY_COUNT_SIZE];
    double seconds = report->replay_seconds > 0 ? report->replay_seconds : 1e-9;
    fprintf(to, "\nseconds       scan %.2f, replay %.2f (%s transactions/s)\n",
            report->scan_seconds, report->replay_seconds,
            quantity_format_count((uint64_t)((double)report->transactions / seconds), number));
}

static void print_verdict_on_differences(const struct session *session,
                                         const struct replay_report *report) {
    uint64_t found = session->different + report->refused + report->contradictions;
    char number[QUANTITY_COUNT_SIZE];
    FILE *to = session->to;
    if (found == 0)
        fprintf(to, "\nEvery decision is the archived one.\n");
    else
        fprintf(to, "\n%s difference%s.\n", quantity_format_count(found, number),
                found == 1 ? "" : "s");
    if (found > 0 && report->foreign_versions > 0)
        fprintf(to, "Some were decided by another version than this one (" HARRIER_VERSION
                    "); `harrier inspect --type engine` tells which, from where.\n");
}

static void print_summary(const struct session *session, const struct replay_report *report) {
    FILE *to = session->to;
    print_count(to, "transactions", report->transactions);
    print_count(to, "outcomes", report->outcomes);
    print_count(to, "policies", report->snapshots);
    print_count(to, "generations", report->generations);
    if (report->refused > 0)
        print_count(to, "refused", report->refused);
    print_verdicts(to, report);
    print_seconds(to, report);
    if (session->options->recorded)
        print_verdict_on_differences(session, report);
}

/* ---- the run ---- */

static int open_output(struct session *session, const struct replay *replay,
                       struct error *ret_error) {
    if (!session->options->features)
        return 0;
    int r = draft_file_open(&session->draft, session->options->features, ret_error);
    if (r < 0)
        return r;
    size_t count;
    const struct text *names = replay_feature_names(replay, &count);
    decision_output_open_replayed(&session->output, session->draft.file, session->draft.path, names,
                                  count);
    free((void *)(uintptr_t)names);
    return 0;
}

/* r: how the run went. The file appears only when all of it went well. */
static int close_output(struct session *session, int r, struct error *error) {
    if (!session->draft.file)
        return r;
    struct error close_error;
    int closed = decision_output_close(&session->output, &close_error);
    if (r == 0 && closed < 0) {
        r = closed;
        *error = close_error;
    }
    if (r == 0)
        return draft_file_publish(&session->draft, error);
    draft_file_discard(&session->draft);
    return r;
}

static int run(struct session *session, const struct replay_options *options,
               struct replay_report *ret_report, struct error *ret_error) {
    const struct replay_listener listener = {
        .row = take_row, .contradiction = take_contradiction, .user = session};
    struct replay *replay;
    int r = replay_open(options, &session->bar->progress, &replay, ret_error);
    if (r < 0)
        return r;
    r = open_output(session, replay, ret_error);
    if (r == 0)
        r = replay_run(replay, &listener, &session->bar->progress, ret_report, ret_error);
    r = close_output(session, r, ret_error);
    replay_close(replay);
    return r;
}

static int finish(const struct session *session, int r, const struct replay_report *report,
                  const struct error *error) {
    if (r < 0) {
        enum exit_status status = exit_with(error);
        bool of_policy = session->options->policy && error->code == ERROR_INVALID;
        return of_policy ? EXIT_STATUS_BAD_POLICY : status;
    }
    if (!session->options->quiet)
        print_summary(session, report);
    if (fflush(session->to) != 0 && errno != EPIPE) {
        struct error failure;
        error_set_errno(&failure, errno, "cannot write to stdout");
        return exit_with(&failure);
    }
    bool found = session->different + report->refused > 0 ||
                 (session->options->recorded && report->contradictions > 0);
    return found ? EXIT_STATUS_ROWS_FAILED : EXIT_STATUS_OK;
}

int command_replay(int argc, char **argv) {
    struct options options = {.listed = LISTED_DEFAULT};
    struct progress_bar bar;
    struct replay_report report;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    bool to_stdout = options.features && strcmp(options.features, "-") == 0;
    struct session session = {.options = &options, .bar = &bar, .to = to_stdout ? stderr : stdout};
    buffer_init(&session.line);
    progress_bar_init(&bar, progress_style_of(options.quiet, to_stdout), "records");
    bar.stop = interrupt_watch();
    char *archive = folder_of_archive(options.archive);
    const struct replay_options replay = {.archive = archive,
                                          .policy = options.policy,
                                          .features = options.features != NULL,
                                          .shadows = options.recorded,
                                          .outcomes = options.features != NULL};
    int r = run(&session, &replay, &report, &error);
    progress_bar_clear(&bar);
    free(archive);
    buffer_deinit(&session.line);
    return finish(&session, r, &report, &error);
}
