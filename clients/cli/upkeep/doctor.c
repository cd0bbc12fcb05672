/* harrier doctor: what is wrong with an installation, and what to do. The checks are in
 * clients/cli/doctor/; this file has the options and the exit status. */
#include "clients/cli/commands/command.h"
#include "clients/cli/doctor/doctor_run.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/option_value.h"

#include <argp.h>
#include <string.h>

enum { OPTION_CONFIG = 256, OPTION_HARRIERD, OPTION_CONSOLE, OPTION_ROOT, OPTION_NO_WRITE };

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct doctor_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->server;
        return 0;
    case OPTION_CONFIG:
        options->config = value;
        return 0;
    case OPTION_HARRIERD:
        options->program = value;
        return 0;
    case OPTION_CONSOLE:
        options->console = value;
        return 0;
    case OPTION_ROOT:
        options->root = value;
        return 0;
    case OPTION_NO_WRITE:
        options->no_write = true;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            one_word_refuse(value, "data folder", state);
        options->data = value;
        return 0;
    case ARGP_KEY_END:
        if (options->data && options->config)
            argp_error(state, "--config and a data folder: expected one of them (the configuration "
                              "names its data folder)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Doctor:", 1},
    {"config", OPTION_CONFIG, "FILE", 0,
     "The server's configuration (/etc/harrier/harrierd.conf, if there is one)", 0},
    {"json", 'j', NULL, 0, "One JSON object", 0},
    {"no-write", OPTION_NO_WRITE, NULL, 0,
     "Do not measure the disk, for which a temporary file is written", 0},
    {"console", OPTION_CONSOLE, "FOLDER", 0, "Also look at the console's data folder", 0},
    {"harrierd", OPTION_HARRIERD, "PROGRAM", 0,
     "The server's program, which is asked for its options (beside this one, or in PATH)", 0},
    {"root", OPTION_ROOT, "FOLDER", 0,
     "Read /proc and /sys below FOLDER: those of the host, in a container", 0},
    {0},
};

static const struct argp_child children[] = {{&server_options_once_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .children = children,
    .args_doc = "[DATA-DIR]",
    .doc = "Looks at the machine, the configuration, the server and what it has stored, and prints "
           "a line for each check: good, warning or bad, what it saw, and what to do."
           "\vWithout DATA-DIR, the configuration says where the data is, and is checked, too. "
           "It changes nothing but a temporary file in the data folder, to measure the disk. Some "
           "checks need root or the server's user.\n\n"
           "Exit status: 0 all is good, 1 there are warnings, 2 something is bad.",
};

int command_doctor(int argc, char **argv) {
    struct doctor_options options = {.root = ""};
    struct doctor doctor = {.options = &options};
    server_options_init(&options.server);
    const char *otherwise = options.server.address;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    options.is_server_named = options.server.address != otherwise;
    options.quiet = options.server.quiet;
    doctor_run(&doctor);
    return doctor.counts[DOCTOR_BAD] > 0       ? EXIT_STATUS_ALERTS
           : doctor.counts[DOCTOR_WARNING] > 0 ? EXIT_STATUS_ROWS_FAILED
                                               : EXIT_STATUS_OK;
}
