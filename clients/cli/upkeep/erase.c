/* harrier erase: the command line of batch/erase/erase.h.
 *
 * Values may be given on the command line, where other users of the machine can see them for as
 * long as the command runs, or in a file or on standard input, a line each. Nothing that is printed
 * has a value in it. */
#include "batch/erase/erase.h"

#include "clients/cli/commands/command.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/priority.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/arena.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/wire/types/transaction.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALUES_MAX     1000000
#define VALUE_BYTE_MAX TRANSACTION_ATTRIBUTE_MAX
#define LINE_MAX_BYTES 2048
#define ALSO_MAX       64

struct options {
    const char *folder, *from;
    struct erase_value *values;
    size_t count, capacity;
    struct text also[ALSO_MAX];
    size_t also_count;
    bool json, quiet, normal_priority;
    enum progress_choice progress;
    struct erase_options erase;
    struct arena arena; /* values of --from */
};

static const char *const priorities[] = {"idle", "normal"};

enum { OPTION_ALSO = 256, OPTION_DRY_RUN, OPTION_FINISH, OPTION_REJECTS, OPTION_PRIORITY };

/* ---- values ---- */

static void add_value(struct options *options, struct erase_value value) {
    if (options->count == options->capacity) {
        options->capacity = options->capacity ? 2 * options->capacity : 16;
        options->values =
            check_reallocarray(options->values, options->capacity, sizeof *options->values);
    }
    options->values[options->count++] = value;
}

/* "customer=C-1": the first = separates. NULL: well; else what is wrong. */
static const char *split(struct text text, struct erase_value *ret_value) {
    const char *equals = memchr(text.data, '=', text.length);
    if (!equals || equals == text.data)
        return "expected ENTITY=VALUE, for example customer=C-1042";
    size_t name = (size_t)(equals - text.data), value = text.length - name - 1;
    if (value == 0)
        return "the value is empty";
    if (value > VALUE_BYTE_MAX)
        return "the value is longer than any field";
    *ret_value = (struct erase_value){.name = {.data = text.data, .length = name},
                                      .value = {.data = equals + 1, .length = value}};
    return NULL;
}

static void take_entity(struct options *options, const char *text, struct argp_state *state) {
    struct erase_value value;
    const char *fault = split(text_of(text), &value);
    if (fault)
        argp_error(state, "--entity: %s", fault);
    add_value(options, value);
}

static int take_line(struct options *options, const char *name, size_t number, struct text line,
                     struct error *ret_error) {
    struct erase_value value;
    while (line.length > 0 && strchr("\r\n", line.data[line.length - 1]))
        line.length--;
    if (line.length == 0)
        return 0;
    const char *fault = split(line, &value);
    if (!fault && options->count == VALUES_MAX)
        fault = "there are too many; 1,000,000 are the limit of one run";
    if (fault)
        return error_set(ret_error, ERROR_INVALID, "%s:%zu: %s", name, number, fault);
    struct text copy = arena_text(&options->arena, line);
    check(copy.data && !split(copy, &value));
    add_value(options, value);
    return 0;
}

static int read_values(struct options *options, struct error *ret_error) {
    bool is_stdin = strcmp(options->from, "-") == 0;
    const char *name = is_stdin ? "standard input" : options->from;
    FILE *file = is_stdin ? stdin : fopen(options->from, "re");
    char *line = NULL;
    size_t size = 0, number = 0;
    ssize_t length;
    int r = 0;
    if (!file)
        return error_set(ret_error, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_SYSTEM,
                         "cannot open %s: %s", name, strerror(errno));
    while (r == 0 && (length = getline(&line, &size, file)) >= 0)
        r = take_line(options, name, ++number,
                      (struct text){.data = line, .length = (size_t)length}, ret_error);
    if (r == 0 && ferror(file))
        r = error_set_errno(ret_error, errno, "cannot read %s", name);
    if (r == 0 && options->count == 0)
        r = error_set(ret_error, ERROR_INVALID, "%s has no values", name);
    free(line);
    if (!is_stdin)
        fclose(file);
    return r;
}

/* ---- options ---- */

static void check_options(const struct options *options, struct argp_state *state) {
    if (!options->folder)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    if (options->erase.finish && (options->count > 0 || options->from || options->erase.dry_run))
        argp_error(state, "--finish takes no values and no --dry-run");
    if (!options->erase.finish && options->count == 0 && !options->from)
        argp_error(state, "whose values? (--entity customer=VALUE, or --from FILE)");
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'e':
        take_entity(options, value, state);
        return 0;
    case 'f':
        options->from = value;
        return 0;
    case OPTION_ALSO:
        if (options->also_count == ALSO_MAX)
            argp_error(state, "--also: at most %d", ALSO_MAX);
        options->also[options->also_count++] = text_of(value);
        return 0;
    case OPTION_REJECTS:
        options->erase.rejects = value;
        return 0;
    case OPTION_DRY_RUN:
        options->erase.dry_run = true;
        return 0;
    case OPTION_FINISH:
        options->erase.finish = true;
        return 0;
    case OPTION_PRIORITY:
        options->normal_priority =
            choice_option_parse("--priority", value, priorities, 2, state) == 1;
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
        if (options->folder)
            argp_error(state, "one folder is enough; values are given with --entity");
        options->folder = value;
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"entity", 'e', "NAME=VALUE", 0,
     "Erase this customer, card, …: the entity's name in the policy, or a field's. May be repeated",
     0},
    {"from", 'f', "FILE", 0, "Erase those of a file, one NAME=VALUE a line; -: standard input", 0},
    {"also", OPTION_ALSO, "NAME", 0,
     "Erase this field of their records, too; of one that is an entity's key only values that "
     "occur with nobody else. May be repeated. Fields that schema.yaml marks personal are always "
     "among them",
     0},
    {"rejects", OPTION_REJECTS, "FILE", 0,
     "The server's file of refused transactions, if it is not in the data folder", 0},
    {"dry-run", OPTION_DRY_RUN, NULL, 0, "Only look and count; change nothing", 0},
    {"finish", OPTION_FINISH, NULL, 0, "Finish an erasure that was interrupted", 0},
    {"priority", OPTION_PRIORITY, "idle|normal", 0,
     "idle (the default): use processor and disk only when no other process needs them", 0},
    {"json", 'j', NULL, 0, "The report as JSON", 0},
    {"quiet", 'q', NULL, 0, "No progress and no report", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "FOLDER",
    .doc =
        "Removes a person's values from an archive and from all that was made of it: the records "
        "are rewritten without them, the tables are built anew, and other files of the data folder "
        "are searched. FOLDER is the server's data folder, or the archive's. A server may be "
        "running."
        "\vThe archive changes in one step, and a run may be killed at any time; --finish, or the "
        "next run, finishes it. Exit status: 0 done, 1 done, but a file or an archived policy "
        "still holds a value (they are named), 64 the command line is wrong, 65 the archive is "
        "damaged, or an entity unknown, 66 no record has any of the values, 69 the server does not "
        "answer, 74 the disk is full or fails, 75 interrupted, or another erasure, rebuild or "
        "sealing is at work.",
};

/* ---- report ---- */

static void print_text(const struct erase_report *report, bool is_dry_run) {
    char count[QUANTITY_COUNT_SIZE], segments[QUANTITY_COUNT_SIZE];
    for (size_t i = 0; i < report->field_count; i++) {
        const struct erase_field_report *field = &report->fields[i];
        printf("%-12s  %" PRIu64 " values in %s records", field->field, field->values,
               quantity_format_count(field->records, count));
        if (field->unseen)
            printf("; %" PRIu64 " asked for and never seen", field->unseen);
        if (field->shared)
            printf("; %" PRIu64 " kept, because others have them, too", field->shared);
        printf("\n");
    }
    if (report->base_states || report->base_texts)
        printf("beginning     %" PRIu64 " states, and %" PRIu64
               " texts in others, in the tables for what a prune has dropped\n",
               report->base_states, report->base_texts);
    if (is_dry_run) {
        printf("nothing was changed; %s segments would be rewritten\n",
               quantity_format_count(report->segments, segments));
        return;
    }
    printf("rewritten     %s records in %s segments\n",
           quantity_format_count(report->records, count),
           quantity_format_count(report->segments, segments));
    if (report->generation_id)
        printf("tables        %016" PRIx64 "\n", report->generation_id);
    printf("removed       %zu files; %zu rows of refused transactions overwritten\n",
           report->files_removed, report->rows_overwritten);
    printf("erasure       %" PRIu64 " at position %" PRIu64 ": %s\n", report->number,
           report->position, report->protocol);
}

static void print_json(const struct erase_report *report, bool is_dry_run) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_bool(&line, "dry_run", is_dry_run);
    json_begin_array(&line, "fields");
    for (size_t i = 0; i < report->field_count; i++) {
        const struct erase_field_report *field = &report->fields[i];
        json_begin_object(&line, NULL);
        json_add_text(&line, "field", text_of(field->field));
        json_add_unsigned(&line, "values", field->values);
        json_add_unsigned(&line, "records", field->records);
        json_add_unsigned(&line, "unseen", field->unseen);
        json_add_unsigned(&line, "kept_shared", field->shared);
        json_end_object(&line);
    }
    json_end_array(&line);
    json_add_unsigned(&line, "records", report->records);
    json_add_unsigned(&line, "segments", report->segments);
    json_add_unsigned(&line, "base_states", report->base_states);
    json_add_unsigned(&line, "base_texts", report->base_texts);
    json_add_unsigned(&line, "number", report->number);
    json_add_unsigned(&line, "position", report->position);
    json_add_hex(&line, "generation", report->generation_id);
    json_add_unsigned(&line, "files_removed", report->files_removed);
    json_add_unsigned(&line, "rows_overwritten", report->rows_overwritten);
    json_add_unsigned(&line, "policies_kept", report->policies_kept);
    json_begin_array(&line, "files_left");
    for (size_t i = 0; i < report->left_count; i++)
        json_add_text(&line, NULL, text_of(report->left[i]));
    json_end_array(&line);
    json_add_text(&line, "protocol", text_of(report->protocol));
    json_add_unsigned(&line, "ms", (uint64_t)(report->seconds * 1000));
    json_end_object(&line);
    json_print_line(&line);
}

static enum exit_status conclude(const struct options *options, const struct erase_report *report) {
    for (size_t i = 0; i < report->left_count; i++)
        fprintf(stderr, "harrier: %s still holds a value\n", report->left[i]);
    if (report->policies_kept)
        fprintf(stderr,
                "harrier: the files of %" PRIu64
                " archived policies hold a value; they stay as they decided. Take it out of the "
                "policy's folder, too\n",
                report->policies_kept);
    if (report->is_nothing && !options->quiet)
        printf("there is nothing to finish\n");
    else if (!options->quiet)
        (options->json ? print_json : print_text)(report, options->erase.dry_run);
    return report->left_count || report->policies_kept ? EXIT_STATUS_ROWS_FAILED : EXIT_STATUS_OK;
}

/* ---- the command ---- */

static const char *user_name(void) {
    static char number[32];
    const struct passwd *user = getpwuid(geteuid());
    snprintf(number, sizeof number, "uid %ld", (long)geteuid());
    return user ? user->pw_name : number;
}

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* "DATA/archive": the tables beside it hold the values, too. NULL: it stands alone. */
static char *folder_around(const char *archive) {
    size_t length = strlen(archive), name = strlen(FOLDER_ARCHIVE);
    while (length > 1 && archive[length - 1] == '/')
        length--;
    if (length < name || strncmp(archive + length - name, FOLDER_ARCHIVE, name) != 0 ||
        (length > name && archive[length - name - 1] != '/'))
        return NULL;
    length -= name;
    char *around = length > 0 ? text_copy((struct text){.data = archive, .length = length})
                              : text_copy(text_of("."));
    char *generations = folder_in(around, FOLDER_GENERATIONS);
    bool is_data = is_folder(generations);
    free(generations);
    if (is_data)
        return around;
    free(around);
    return NULL;
}

static enum exit_status erase(struct options *options) {
    struct progress_bar progress;
    struct erase_report report;
    struct error error;
    char *archive = folder_of_archive(options->folder);
    char *around = strcmp(archive, options->folder) == 0 ? folder_around(archive) : NULL;
    if (around) {
        free(archive);
        options->folder = around;
        archive = folder_of_archive(around);
    }
    bool is_data = strcmp(archive, options->folder) != 0;
    char *generations = is_data ? folder_in(options->folder, FOLDER_GENERATIONS) : NULL;
    options->erase.archive = archive;
    options->erase.data = is_data ? options->folder : NULL;
    options->erase.generations = generations && is_folder(generations) ? generations : NULL;
    options->erase.values = options->values;
    options->erase.value_count = options->count;
    options->erase.also = options->also;
    options->erase.also_count = options->also_count;
    options->erase.source = user_name();
    options->erase.version = HARRIER_VERSION;
    options->erase.now_us = realtime_us();
    if (!options->normal_priority)
        priority_set_idle();
    progress_bar_init(&progress, progress_style_of(options->progress, options->quiet, false), NULL);
    progress.stop = interrupt_watch();
    int r = erase_run(&options->erase, &progress.progress, &report, &error);
    progress_bar_clear(&progress);
    enum exit_status status = r < 0 ? exit_with(&error) : conclude(options, &report);
    erase_report_deinit(&report);
    free(archive);
    free(around);
    free(generations);
    return status;
}

int command_erase(int argc, char **argv) {
    struct options options = {0};
    struct error error;
    arena_init(&options.arena, (size_t)1 << 31);
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    int r = options.from ? read_values(&options, &error) : 0;
    enum exit_status status = r < 0 ? exit_with(&error) : erase(&options);
    free(options.values);
    arena_deinit(&options.arena);
    return status;
}
