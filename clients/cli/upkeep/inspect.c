/* harrier inspect: records of an archive as text or JSON, or counts over all of them. Reads only;
 * a server may write meanwhile.
 *
 * Records are read in order from the first: --from skips, it does not seek. The counts
 * (output/archive_census.h) are made from the records alone, so that they can be held against
 * what a server or a rebuild reports. Checksums are verified on the way, but for damage `harrier
 * archive verify` is the tool: this one stops at the first. */
#include "clients/cli/commands/command.h"
#include "clients/cli/io/beginning.h"
#include "clients/cli/output/archive_census.h"
#include "clients/cli/output/record_text.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Room for the largest record that an archive can hold, decoded. */
#define RECORD_BYTES_MAX (160u << 20)

/* from and limit are 0 when they were not given: positions begin at 1. */
struct options {
    const char *archive;
    uint64_t from, limit;
    enum record_type type; /* 0: all */
    bool json, count, frames, quiet;
    enum progress_choice progress;
};

/* The names are those that the output prints. */
static enum record_type parse_type(const char *name, struct argp_state *state) {
    for (enum record_type type = RECORD_TRANSACTION; type < RECORD_TYPE_COUNT; type++)
        if (strcmp(record_type_name(type), name) == 0)
            return type;
    char names[256] = "";
    for (enum record_type type = RECORD_TRANSACTION; type < RECORD_TYPE_COUNT; type++) {
        strcat(names, " ");
        strcat(names, record_type_name(type));
    }
    argp_error(state, "--type: unknown type \"%s\" (expected one of%s)", name, names);
    return RECORD_TYPE_COUNT;
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'f':
        options->from = count_option_parse("--from", value, 1, UINT64_MAX, state);
        return 0;
    case 'n':
        options->limit = count_option_parse("--limit", value, 1, UINT64_MAX, state);
        return 0;
    case 't':
        options->type = parse_type(value, state);
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case 'c':
        options->count = true;
        return 0;
    case 'F':
        options->frames = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            one_word_refuse(value, "archive", state);
        options->archive = value;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, FOLDER_ARCHIVE_MISSING);
        return 0;
    case ARGP_KEY_END:
        if (options->count && (options->from || options->limit || options->type || options->frames))
            argp_error(
                state,
                "--count counts the whole archive: it cannot be combined with --from, --limit, "
                "--type or --frames");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"from", 'f', "POSITION", 0, "Start at this position", 0},
    {"limit", 'n', "N", 0, "Print at most N records", 0},
    {"type", 't', "TYPE", 0, "Only records of this type: transaction, outcome, snapshot, …", 0},
    {"json", 'j', NULL, 0, "One JSON object per line", 0},
    {"frames", 'F', NULL, 0,
     "Also print where each record is stored: file, offset, length, checksum", 0},
    {"count", 'c', NULL, 0, "Print counts over the whole archive instead of records", 0},
    {"quiet", 'q', NULL, 0, "No progress", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc =
        "Prints the records of an archive, one per line. ARCHIVE is the archive's folder or the "
        "server's data folder around it, or a folder in archive/cut with the records that a node "
        "of a cluster has cut off. The archive is only read; a server may be writing.\v"
        "--count prints the numbers of transactions, outcomes, transactions by current label and "
        "segments, the last sync mark, the last position and its chain hash. Exit status: 65 "
        "the archive is damaged (the message says where), 66 there is none.",
};

/* The arena holds one record at a time and is reset before the next. */
struct inspection {
    const struct options *options;
    struct archive_reader *reader;
    struct arena arena;
    struct buffer line;
    struct progress_bar bar;
    uint64_t before; /* position before the first record */
    uint64_t printed;
};

/* 1: the reader of the output has closed it (`| head`), which is not a failure. */
static int write_failed(struct error *ret_error) {
    return errno == EPIPE ? 1 : error_set_errno(ret_error, errno, "cannot write to stdout");
}

/* text and JSON share the buffer; a line is written whole, so that output into a pipe is never
 * cut within one. */
static int print_record(struct inspection *inspection, const struct record *record,
                        struct error *ret_error) {
    const struct archive_frame *frame =
        inspection->options->frames ? archive_reader_frame(inspection->reader) : NULL;
    buffer_clear(&inspection->line);
    if (inspection->options->json)
        record_json(record, frame, &inspection->line);
    else
        record_text(record, frame, &inspection->line);
    buffer_append_u8(&inspection->line, '\n');
    if (fwrite(inspection->line.bytes, 1, inspection->line.length, stdout) !=
        inspection->line.length)
        return write_failed(ret_error);
    inspection->printed++;
    return 0;
}

/* --limit counts what passes this, not what is read. */
static bool is_asked_for(const struct options *options, const struct record *record) {
    return record->position >= options->from &&
           (options->type == 0 || record->type == options->type);
}

/* Stops as soon as the limit is reached: `--limit 1` must not read a whole archive. */
static int print_records(struct inspection *inspection, struct error *ret_error) {
    const struct options *options = inspection->options;
    while (options->limit == 0 || inspection->printed < options->limit) {
        struct record record;
        arena_reset(&inspection->arena);
        int r = archive_reader_next(inspection->reader, &inspection->arena, &record, ret_error);
        if (r <= 0)
            return r;
        if (!is_asked_for(options, &record))
            continue;
        r = print_record(inspection, &record, ret_error);
        if (r != 0)
            return r;
    }
    return 0;
}

/* The bar and the interrupt are looked every 4,096 records. */
static int count_records(struct inspection *inspection, struct archive_census *census,
                         struct error *ret_error) {
    const volatile int *stop = interrupt_watch();
    for (;;) {
        struct record record;
        arena_reset(&inspection->arena);
        int r = archive_reader_next(inspection->reader, &inspection->arena, &record, ret_error);
        if (r <= 0)
            return r;
        if (record.position <= inspection->before) /* kept by a prune */
            continue;
        r = archive_census_add(census, &record, archive_reader_frame(inspection->reader)->file,
                               ret_error);
        if (r < 0)
            return r;
        if (record.position % 4096 == 0) {
            uint64_t done, total;
            archive_reader_extent(inspection->reader, &done, &total);
            progress_bar_update(&inspection->bar, "counting", done, total, record.position, NULL);
            if (*stop)
                return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        }
    }
}

/* Where the last sync mark is cannot be seen in the records: the reader is asked at the end. */
static int count(struct inspection *inspection, struct error *ret_error) {
    struct archive_census census;
    archive_census_init(&census, inspection->before);
    int r = count_records(inspection, &census, ret_error);
    progress_bar_clear(&inspection->bar);
    if (r == 0)
        r = archive_reader_synced(inspection->reader, &census.synced, ret_error);
    if (r == 0) {
        census.end = archive_reader_place(inspection->reader);
        archive_census_print(&census, inspection->options->json, stdout);
    }
    archive_census_deinit(&census);
    return r;
}

/* A folder of what a node of a cluster has cut off begins later than at record 1. */
static int open_folder(const char *folder, struct archive_reader **ret_reader,
                       struct error *ret_error) {
    int r = archive_reader_open_cut(folder, ret_reader, ret_error);
    return r == 1 ? archive_reader_open(folder, (struct archive_place){0}, ret_reader, ret_error)
                  : r;
}

int command_inspect(int argc, char **argv) {
    struct options options = {0};
    struct inspection inspection = {.options = &options};
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    char *folder = folder_of_archive(options.archive);
    int r = open_folder(folder, &inspection.reader, &error);
    free(folder);
    if (r < 0)
        return exit_with(&error);
    inspection.before = archive_reader_place(inspection.reader).position;
    beginning_note(options.archive, options.quiet);
    arena_init(&inspection.arena, RECORD_BYTES_MAX);
    buffer_init(&inspection.line);
    progress_bar_init(&inspection.bar, progress_style_of(options.progress, options.quiet, false),
                      "records");
    r = options.count ? count(&inspection, &error) : print_records(&inspection, &error);
    /* A server's first write is a record, so this is some other folder. */
    if (r == 0 && archive_reader_place(inspection.reader).position == inspection.before)
        r = error_set(&error, ERROR_NOT_FOUND, "there are no records in %s: is it an archive?",
                      options.archive);
    if (r == 0 && fflush(stdout) != 0)
        r = write_failed(&error);
    archive_reader_close(inspection.reader);
    buffer_deinit(&inspection.line);
    arena_deinit(&inspection.arena);
    return r < 0 ? (int)exit_with(&error) : EXIT_STATUS_OK;
}
