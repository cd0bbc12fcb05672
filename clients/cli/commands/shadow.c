/* harrier shadow: what is being tried. report: what rules in shadow and shadow policies would
 * have done, by the archive.
 *
 * The figures come from batch/report's shadow report, which reads the archive once; output/
 * prints them. Nothing is evaluated here: what a shadow rule would have changed was recorded with
 * each decision. To try a policy that was not in shadow, use harrier replay. */
#include "batch/report/shadow_report.h"

#include "clients/cli/io/beginning.h"
#include "clients/cli/io/time_option.h"
#include "clients/cli/output/shadow_json.h"
#include "clients/cli/output/shadow_output.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "command.h"
#include "core/base/check.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXAMPLES_DEFAULT 3
#define EXAMPLES_MAX     1000

enum { OPTION_FROM = 256, OPTION_UNTIL, OPTION_EXAMPLES };

/* Without bounds the times are the smallest and the largest there are. */
struct options {
    const char *task, *archive;
    int64_t from_us, until_us;
    uint64_t examples;
    bool json, quiet;
    enum progress_choice progress;
};

/* `report` is the only task so far; it is required so that others can follow. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case OPTION_FROM:
        options->from_us = time_option_parse("from", value, state);
        return 0;
    case OPTION_UNTIL:
        options->until_us = time_option_parse("until", value, state);
        return 0;
    case OPTION_EXAMPLES:
        options->examples = count_option_parse("--examples", value, 0, EXAMPLES_MAX, state);
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            options->task = value;
        else if (state->arg_num == 1)
            options->archive = value;
        else
            one_word_refuse(value, "archive", state);
        return 0;
    case ARGP_KEY_END:
        if (!options->task)
            argp_error(state, "expected report ARCHIVE");
        if (strcmp(options->task, "report") != 0)
            argp_error(state, "there is no \"harrier shadow %s\" (expected report)", options->task);
        if (!options->archive)
            argp_error(state, FOLDER_ARCHIVE_MISSING);
        time_range_check("--from", options->from_us, "--until", options->until_us, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"from", OPTION_FROM, "TIME", 0, "Only transactions with event times from TIME on", 0},
    {"until", OPTION_UNTIL, "TIME", 0, "Only transactions with event times before TIME", 0},
    {"examples", OPTION_EXAMPLES, "N", 0,
     "Show N transactions that each would have decided differently (3)", 0},
    {"json", 'j', NULL, 0, "One JSON object", 0},
    {"quiet", 'q', NULL, 0, "No progress", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "report ARCHIVE",
    .doc =
        "Reports what rules with `mode: shadow` and the policies in the server's option `shadow` "
        "would have done: how often each fired, which verdicts it would have changed and to what, "
        "its precision by the outcomes known now, and the amounts involved. ARCHIVE is "
        "the archive's folder or the server's data folder around it."
        "\vEverything is read from the archive, where the server recorded it; nothing is decided "
        "again. A server may be running; records that it has not synced yet are left out.\n\nExit "
        "status: 0 done, 65 the archive is damaged, 66 there is none, 74 cannot read or write, 75 "
        "interrupted.",
};

static void print_report(const struct shadow_report *report, bool json) {
    struct buffer out;
    buffer_init(&out);
    (json ? shadow_json_format : shadow_output_text)(report, &out);
    fwrite(out.bytes, 1, out.length, stdout);
    buffer_deinit(&out);
}

int command_shadow(int argc, char **argv) {
    struct options options = {
        .from_us = INT64_MIN, .until_us = INT64_MAX, .examples = EXAMPLES_DEFAULT};
    struct progress_bar bar;
    struct shadow_report report;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    char *archive = folder_of_archive(options.archive);
    beginning_note(options.archive, options.quiet);
    const struct shadow_report_options report_options = {.archive = archive,
                                                         .from_us = options.from_us,
                                                         .until_us = options.until_us,
                                                         .examples = (size_t)options.examples};
    progress_bar_init(&bar, progress_style_of(options.progress, options.quiet, false), "records");
    bar.stop = interrupt_watch();
    int r = shadow_report_make(&report_options, &bar.progress, &report, &error);
    progress_bar_clear(&bar);
    free(archive);
    if (r < 0)
        return exit_with(&error);
    print_report(&report, options.json);
    shadow_report_deinit(&report);
    return EXIT_STATUS_OK;
}
