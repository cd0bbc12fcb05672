/* harrier verify: the command line of batch/verify/verify.h.
 *
 * The archive is folded again from its first record up to the generation's position, and every
 * state, id and count is compared with the tables. It answers whether the tables are what the
 * archive says, not whether the archive is undamaged (harrier archive verify) nor why a decision
 * was made (harrier explain). Nothing is repaired: harrier rebuild makes new tables. */
#include "batch/verify/verify.h"

#include "clients/cli/commands/command.h"
#include "clients/cli/io/beginning.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"

#include <argp.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DIFFERENCES_REPORTED 10

struct options {
    const char *archive, *generation;
    bool json, quiet;
    enum progress_choice progress;
};

/* One archive; the generation is optional. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'g':
        options->generation = value;
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
        if (options->archive)
            one_word_refuse(value, "archive", state);
        options->archive = value;
        return 0;
    case ARGP_KEY_END:
        if (!options->archive)
            argp_error(state, FOLDER_ARCHIVE_MISSING);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"generation", 'g', "DIR", 0,
     "The generation's folder (g-…); default: the current one in " FOLDER_GENERATIONS
     "/ next to the archive",
     0},
    {"json", 'j', NULL, 0, "One JSON object", 0},
    {"quiet", 'q', NULL, 0, "No progress and no report: only the exit status", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc =
        "Folds the archive again up to a generation's position and compares the result with the "
        "generation's tables: every state, every id, and the counts. Changes nothing; a server may "
        "be running."
        "\vThe first differences are reported with the entity's key and the features whose values "
        "differ, the archive's value first. Exit status: 0 the tables equal the archive, 1 they "
        "differ, 65 the archive or the generation is damaged, 66 one of them does not exist or "
        "they do not belong together, 75 interrupted.",
};

/* ---- the report ---- */

/* Receives differences and sums while verify runs; in JSON both are gathered until the end. */
struct reporter {
    struct verify_listener listener; /* first */
    const struct options *options;
    struct progress_bar *bar;
    uint64_t reported;
    struct buffer differences, entities; /* JSON: elements of arrays */
};

/* A key of several fields has the length of each before it (engine.h): "c1+m1". */
static void put_key(struct text key, bool is_compound, struct buffer *out) {
    struct cursor cursor = cursor_of(key.data, key.length);
    if (!is_compound) {
        buffer_append(out, key.data, key.length);
        return;
    }
    while (cursor.at < cursor.end && !cursor.failed) {
        const char *plus = out->length > 0 ? "+" : "";
        struct text part = cursor_text(&cursor, cursor_varint(&cursor));
        buffer_printf(out, "%s%" TEXT_FORMAT, plus, TEXT_ARGS(part));
    }
}

/* The first ten are printed as they are found; all are counted. In JSON they are gathered for the
 * report at the end. */
static void differs(struct verify_listener *self, const struct plan *plan,
                    const struct state_difference *difference) {
    struct reporter *reporter = (struct reporter *)self;
    const struct entity_plan *entity = &plan->entities[difference->entity];
    struct buffer key, features;
    if (reporter->reported++ >= DIFFERENCES_REPORTED || reporter->options->quiet)
        return;
    buffer_init(&key);
    buffer_init(&features);
    put_key(difference->key, memchr(entity->key.data, '+', entity->key.length), &key);
    state_difference_describe(difference, plan, true, &features);
    struct text key_text = {(const char *)key.bytes, key.length};
    struct text features_text = {(const char *)features.bytes, features.length};
    char key_hash[HASH_HEX_SIZE];
    hash_hex(hash_text(difference->key), key_hash);
    if (reporter->options->json) {
        json_begin_object(&reporter->differences, NULL);
        json_add_text(&reporter->differences, "entity", entity->name);
        json_add_text(&reporter->differences, "key", key_text);
        json_add_text(&reporter->differences, "key_hash", text_of(key_hash));
        json_add_text(&reporter->differences, "features", features_text);
        json_end_object(&reporter->differences);
    } else {
        progress_bar_clear(reporter->bar);
        printf("%" TEXT_FORMAT " %" TEXT_FORMAT " (key hash %s): %" TEXT_FORMAT "\n",
               TEXT_ARGS(entity->name), TEXT_ARGS(key_text), key_hash, TEXT_ARGS(features_text));
    }
    buffer_deinit(&features);
    buffer_deinit(&key);
}

/* Called once per entity when all is compared; gathered because other lines come first. */
static void report_entity(struct verify_listener *self, struct text name, uint64_t states,
                          uint64_t differences) {
    struct reporter *reporter = (struct reporter *)self;
    char number[2][QUANTITY_COUNT_SIZE];
    if (reporter->options->json) {
        json_begin_object(&reporter->entities, NULL);
        json_add_text(&reporter->entities, "entity", name);
        json_add_unsigned(&reporter->entities, "states", states);
        json_add_unsigned(&reporter->entities, "different", differences);
        json_end_object(&reporter->entities);
    } else {
        buffer_printf(&reporter->entities, "  %-11" TEXT_FORMAT " %s states, %s different\n",
                      TEXT_ARGS(name), quantity_format_count(states, number[0]),
                      quantity_format_count(differences, number[1]));
    }
}

/* The differences themselves were printed by differs(). */
static void print_text(const struct reporter *reporter, const struct verify_report *report) {
    char id[HASH_HEX_SIZE], number[2][QUANTITY_COUNT_SIZE];
    hash_hex(report->manifest.id, id);
    if (report->states.differences > DIFFERENCES_REPORTED)
        printf("… and %s more\n",
               quantity_format_count(report->states.differences - DIFFERENCES_REPORTED, number[0]));
    printf("generation    %s at position %s\n", id,
           quantity_format_count(report->manifest.place.position, number[0]));
    printf("records       %s, folded in %.1f s, compared in %.1f s\n",
           quantity_format_count(report->records, number[0]), report->fold_seconds,
           report->compare_seconds);
    printf("%.*s", (int)reporter->entities.length, (const char *)reporter->entities.bytes);
    printf("  %-11s %s known, %s different\n", "ids", quantity_format_count(report->ids, number[0]),
           quantity_format_count(report->different_ids, number[1]));
    if (report->states.list_entries > 0 || report->states.are_lists_different)
        printf("  %-11s %s added, %s\n", "lists",
               quantity_format_count(report->states.list_entries, number[0]),
               report->states.are_lists_different ? "different" : "0 different");
    if (report->states.sources > 0 || report->states.are_sources_different)
        printf("  %-11s %s known, %s\n", "sources",
               quantity_format_count(report->states.sources, number[0]),
               report->states.are_sources_different ? "different" : "0 different");
    if (report->states.is_tally_different)
        printf("  the counts of transactions, outcomes or labels differ\n");
    printf("%s\n", verify_found_difference(report) ? "They differ." : "They are equal.");
}

/* The elements were written one by one while verify ran. */
static void add_array(struct buffer *line, const char *key, const struct buffer *elements) {
    json_begin_array(line, key);
    buffer_append(line, elements->bytes, elements->length);
    json_end_array(line);
}

/* "equal" is what the exit status says. */
static void print_json(const struct reporter *reporter, const struct verify_report *report) {
    struct buffer line;
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_bool(&line, "equal", !verify_found_difference(report));
    json_add_hex(&line, "generation_id", report->manifest.id);
    json_add_unsigned(&line, "position", report->manifest.place.position);
    json_add_unsigned(&line, "records", report->records);
    json_add_unsigned(&line, "states", report->states.entities);
    json_add_unsigned(&line, "different_states", report->states.differences);
    json_add_unsigned(&line, "ids", report->ids);
    json_add_unsigned(&line, "different_ids", report->different_ids);
    json_add_bool(&line, "counts_equal", !report->states.is_tally_different);
    json_add_unsigned(&line, "list_entries", report->states.list_entries);
    json_add_bool(&line, "lists_equal", !report->states.are_lists_different);
    json_add_unsigned(&line, "sources", report->states.sources);
    json_add_bool(&line, "sources_equal", !report->states.are_sources_different);
    add_array(&line, "entities", &reporter->entities);
    add_array(&line, "differences", &reporter->differences);
    json_end_object(&line);
    json_print_line(&line);
}

/* ---- where things are ---- */

/* DATA/archive → DATA/generations, or a given generation's folder in its own. */
static char *split(const struct options *options, const char *archive, char **ret_generation) {
    char *path = text_copy(text_of(options->generation ? options->generation : archive));
    char *base = text_copy(text_of(path));
    *ret_generation = options->generation ? text_copy(text_of(basename(base))) : NULL;
    const char *parent = dirname(path);
    char *generations =
        options->generation ? text_copy(text_of(parent)) : folder_in(parent, FOLDER_GENERATIONS);
    free(base);
    free(path);
    return generations;
}

int command_verify(int argc, char **argv) {
    struct options options = {0};
    struct progress_bar bar;
    struct verify_report report;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    char *archive = folder_of_archive(options.archive), *generation;
    beginning_note(options.archive, options.quiet);
    char *generations = split(&options, archive, &generation);
    const struct verify_options verify = {
        .archive = archive, .generations = generations, .generation = generation};
    progress_bar_init(&bar, progress_style_of(options.progress, options.quiet, false), NULL);
    bar.stop = interrupt_watch();
    struct reporter reporter = {
        .listener = {differs, report_entity}, .options = &options, .bar = &bar};
    buffer_init(&reporter.entities);
    buffer_init(&reporter.differences);
    int r = access(archive, F_OK) == 0
                ? verify_run(&verify, &bar.progress, &reporter.listener, &report, &error)
                : error_set(&error, ERROR_NOT_FOUND, "%s: there is no such archive", archive);
    progress_bar_clear(&bar);
    enum exit_status status = r < 0 ? exit_with(&error) : EXIT_STATUS_OK;
    if (r == 0 && verify_found_difference(&report))
        status = EXIT_STATUS_ROWS_FAILED;
    if (r == 0 && !options.quiet)
        (options.json ? print_json : print_text)(&reporter, &report);
    buffer_deinit(&reporter.entities);
    buffer_deinit(&reporter.differences);
    free(generations);
    free(generation);
    free(archive);
    return (int)status;
}
