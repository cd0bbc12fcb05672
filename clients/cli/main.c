/* harrier: the command line. This file is the table of its subcommands and nothing else.
 *
 * A command is one row here, one prototype in commands/command.h and one file in commands/ or upkeep/. The
 * dispatcher only finds the row, hands over the rest of the line and returns the command's exit
 * status; options common to several commands are in terminal/, not here. */
#include "clients/cli/commands/command.h"
#include "clients/cli/terminal/exit_status.h"
#include "core/base/text.h"

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order of `harrier help`. */
static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} commands[] = {
    {"score", command_score, "send transactions of a file to a server, write its decisions"},
    {"stream", command_stream, "score transactions from Kafka, write the decisions there"},
    {"amend", command_amend, "report what became of transactions' money: void, capture, refund"},
    {"outcome", command_outcome, "report what transactions turned out to be"},
    {"backfill", command_backfill, "bring history that comes late into a running server's archive"},
    {"list", command_list, "add entries to a policy's lists, remove them, show them"},
    {"brake", command_brake, "show the brakes of a server's rules, lift and pull them"},
    {"entity", command_entity, "show the features of one card, customer, … as a server has them"},
    {"status", command_status, "show the state of a server"},
    {"doctor", command_doctor, "look for what is wrong with an installation, and say what to do"},
    {"reload", command_reload, "make a server load its policy again and show the result"},
    {"token", command_token, "create, list and revoke the tokens of a server's clients"},
    {"pseudonym", command_pseudonym, "make the pseudonyms of values that a policy protects"},
    {"simulate", command_simulate, "generate labelled transactions"},
    {"eval", command_eval, "evaluate an expression"},
    {"check", command_check, "check a policy folder"},
    {"test", command_test, "run the test cases of policies"},
    {"policy", command_policy, "show, compare and bring back the policies of an archive"},
    {"zones", command_zones, "list a policy's time zones, add and update them"},
    {"rebuild", command_rebuild, "fold the archive into the tables a server works from"},
    {"night", command_night, "rebuild, verify, report on the day, seal: what a timer runs"},
    {"replay", command_replay, "decide an archive again: what would another policy have done?"},
    {"tune", command_tune,
     "search for better numbers for a policy, test them on later transactions"},
    {"train", command_train,
     "train a model of a policy on an archive, test it on later transactions"},
    {"find", command_find, "find transactions of an archive, or a server's, the newest first"},
    {"explain", command_explain, "show why a transaction was decided as it was"},
    {"shadow", command_shadow, "report what shadow rules and policies would have done"},
    {"verify", command_verify, "compare a generation's tables with the archive"},
    {"import", command_import, "import history into an archive that no server has open"},
    {"export", command_export,
     "write an archive's transactions and decisions as CSV or JSON lines"},
    {"backup", command_backup, "back up a data folder beside its server, or read a backup back"},
    {"restore", command_restore, "restore a data folder from a backup, up to any record or time"},
    {"archive", command_archive, "list, verify, seal or prune an archive's segments"},
    {"erase", command_erase, "remove a person's values from an archive and what was made of it"},
    {"inspect", command_inspect, "print an archive's records (read-only)"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* To standard output when asked for, to standard error when the line was wrong. */
static void print_usage(FILE *to) {
    fprintf(to, "Usage: harrier COMMAND [OPTION…] [ARGUMENT…]\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].about);
    fprintf(to, "  %-10s %s\n\n", "help", "show this text, or a command's: harrier help COMMAND");
    fprintf(to, "harrier COMMAND --help lists the options of a command, harrier --version shows "
                "the version.\n"
                "Exit status: 0 done, 1 some rows failed, 64 and above as in sysexits.h.\n");
}

static enum exit_status unknown_command(const char *name) {
    const char *nearest = NULL;
    size_t best = 3; /* farther than two edits is another word */
    for (size_t i = 0; i < COMMANDS; i++) {
        size_t distance = text_distance(text_of(name), text_of(commands[i].name));
        if (distance < best) {
            best = distance;
            nearest = commands[i].name;
        }
    }
    fprintf(stderr, "harrier: there is no command \"%s\"", name);
    if (nearest)
        fprintf(stderr, "; did you mean \"%s\"?", nearest);
    fprintf(stderr, "\nharrier help lists the commands.\n");
    return EXIT_STATUS_USAGE;
}

/* argp prints argv[0] in front of its messages, so it becomes "harrier NAME". `title` only has to
 * live until the command returns. */
static int run_command(const struct command *command, int argc, char **argv) {
    char title[64];
    snprintf(title, sizeof title, "harrier %s", command->name);
    argv[0] = title;
    return command->run(argc, argv);
}

/* Runs the command with --help instead of keeping a second copy of its text; argp then ends the
 * process. */
static int help(int argc, char **argv) {
    if (argc < 2) {
        print_usage(stdout);
        return EXIT_STATUS_OK;
    }
    const struct command *command = find_command(argv[1]);
    if (!command)
        return unknown_command(argv[1]);
    char option[] = "--help";
    char *line[] = {NULL, option, NULL};
    return run_command(command, 2, line);
}

static int run(int argc, char **argv) {
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_STATUS_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
        strcmp(name, "-?") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts(argp_program_version);
        return EXIT_STATUS_OK;
    }
    const struct command *command = find_command(name);
    if (!command)
        return unknown_command(name);
    return run_command(command, argc - 1, argv + 1);
}

int main(int argc, char **argv) {
    argp_program_version = "harrier " HARRIER_VERSION;
    signal(SIGPIPE, SIG_IGN); /* a reader that went away shows as a failed write */
    signal(SIGXFSZ, SIG_IGN); /* over a file-size limit: a failed write says so */
    return (int)exit_after_output((enum exit_status)run(argc, argv));
}
