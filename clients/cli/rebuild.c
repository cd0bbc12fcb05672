/* harrier rebuild: the command line of batch/rebuild.h. */
#include "batch/rebuild.h"

#include "command.h"
#include "core/base/hash.h"
#include "exit_status.h"
#include "folders.h"
#include "interrupt.h"
#include "progress_bar.h"
#include "quantity.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct options {
    const char *data, *policy;
    bool force, quiet;
};

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'd':
        options->data = value;
        return 0;
    case 'p':
        options->policy = value;
        return 0;
    case 'f':
        options->force = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case ARGP_KEY_END:
        if (!options->data)
            argp_error(state, "which data folder? (--data DIR)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"data", 'd', "DIR", 0,
     "The server's data folder: it holds " FOLDER_ARCHIVE "/, and " FOLDER_GENERATIONS
     "/ is made in it",
     0},
    {"policy", 'p', "DIR", 0,
     "Build with this policy's features, instead of those of the last policy "
     "in the archive",
     0},
    {"force", 'f', NULL, 0, "Build even when the current tables are what would be built", 0},
    {"quiet", 'q', NULL, 0, "No progress and no report", 0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "--data DIR",
    .doc =
        "Folds the archive, up to its last sync mark, into a fresh generation of tables, verifies "
        "it and makes it the current one.\v"
        "A server may run meanwhile; it reads the new tables at its next start. Exit status: 0 "
        "done or nothing to do, 65 the archive is damaged, 66 there is nothing to build from, 75 "
        "interrupted or another rebuild is at work, 78 the policy does not check.",
};

static void print_generation(const struct rebuild_report *report) {
    char id[HASH_HEX_SIZE], number[QUANTITY_COUNT_SIZE];
    hash_hex(report->manifest.id, id);
    printf("generation    %s\n", id);
    printf("position      %s\n", quantity_format_count(report->manifest.place.position, number));
    printf("entities      %s\n", quantity_format_count(report->manifest.states, number));
    printf("transactions  %s\n", quantity_format_count(report->tally.transactions, number));
    printf("outcomes      %s\n", quantity_format_count(report->tally.outcomes, number));
}

static void print_report(const struct rebuild_report *report) {
    double total = 0;
    if (report->up_to_date) {
        printf("The current generation holds all of this already; --force builds it again.\n");
        print_generation(report);
        return;
    }
    print_generation(report);
    printf("seconds      ");
    for (int phase = 0; phase < REBUILD_PHASE_COUNT; phase++) {
        printf(" %s %.2f,", rebuild_phase_name((enum rebuild_phase)phase), report->seconds[phase]);
        total += report->seconds[phase];
    }
    printf(" total %.2f\n", total);
}

int command_rebuild(int argc, char **argv) {
    struct options options = {0};
    struct progress_bar bar;
    struct rebuild_report report;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    char *archive = folder_in(options.data, FOLDER_ARCHIVE);
    char *generations = folder_in(options.data, FOLDER_GENERATIONS);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct rebuild_options rebuild = {
        .archive = archive,
        .generations = generations,
        .policy = options.policy,
        .force = options.force,
        .version = HARRIER_VERSION,
        .now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
    };
    progress_bar_init(&bar, progress_style_of(options.quiet, false), NULL);
    bar.stop = interrupt_watch();
    int r = rebuild_run(&rebuild, &bar.progress, &report, &error);
    progress_bar_clear(&bar);
    free(archive);
    free(generations);
    if (r < 0) {
        enum exit_status status = exit_with(&error);
        return error.code == ERROR_INVALID ? EXIT_STATUS_BAD_POLICY : status;
    }
    if (!options.quiet)
        print_report(&report);
    return EXIT_STATUS_OK;
}
