/* One word is a file, several are one report: which is meant is decided when all have been
 * counted. */
#include "report_run_options.h"

#include "clients/cli/io/mapped_file.h"
#include "clients/cli/io/rejects.h"

enum { OPTION_MAP = 256, OPTION_FORMAT, OPTION_SOURCE, OPTION_REJECTS };

error_t report_run_parse_option(int key, char *value, struct argp_state *state) {
    struct report_run_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->server;
        return 0;
    case OPTION_MAP:
        options->map = value;
        return 0;
    case OPTION_FORMAT:
        options->format = mapped_file_format_parse(value, state);
        return 0;
    case OPTION_SOURCE:
        options->source = value;
        return 0;
    case OPTION_REJECTS:
        options->rejects = rejects_option_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        if (options->are_files)
            return ARGP_ERR_UNKNOWN; /* all together: ARGP_KEY_ARGS */
        if (state->arg_num >= options->words_max)
            argp_error(state, "%s", options->expected);
        options->words[options->word_count++] = value;
        return 0;
    case ARGP_KEY_ARGS:
        options->files = state->argv + state->next;
        options->file_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "%s",
                   options->are_files ? "which files? (- is standard input)" : options->expected);
        return 0;
    case ARGP_KEY_END:
        if (options->rejects && !report_run_is_file(options))
            argp_error(state, "--rejects needs a FILE of reports");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp_option report_run_arguments[] = {
    {NULL, 0, NULL, 0, "Reports:", 1},
    {"map", OPTION_MAP, "FILE", 0,
     "YAML file that maps columns to fields; without it columns are named after the fields", 0},
    {"format", OPTION_FORMAT, "csv|jsonl", 0,
     "The input's format (default: detected from its first byte)", 0},
    {"source", OPTION_SOURCE, "NAME", 0,
     "Who reports it: chargeback-feed, settlement-feed, analyst:7, …", 0},
    {"rejects", OPTION_REJECTS, "FILE", 0,
     "Keep the rows that are refused here, with the reason; the same command reads FILE to retry "
     "them",
     0},
    {0},
};

const struct argp_child report_run_children[] = {{&server_options_argp, 0, NULL, 0}, {0}};

bool report_run_is_file(const struct report_run_options *options) {
    return options->are_files || options->word_count == 1;
}
