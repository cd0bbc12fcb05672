/* harrier check: does this policy load, what is in it, what is odd about it, and does it decide
 * what its cases expect?
 *
 *   1. read the folder, compile it, collect all faults and warnings (core/policy);
 *   2. run the cases it brings along (core/policy trial);
 *   3. print a summary, or everything as one JSON object.
 *
 * Needs neither server nor archive. Faults go to standard error in any case; the JSON repeats
 * them for editors. Costs are worst cases computed from the policy, not measurements. */
#include "core/base/check.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/quantity.h"
#include "command.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/engine/trial.h"
#include "core/feature/state/cost.h"
#include "core/policy/analysis/snapshot_check.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lists/brake.h"
#include "core/policy/load/latency.h"
#include "core/policy/load/snapshot.h"
#include "core/policy/source/diagnostic.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* now_us is the time as of which the policy is checked. */
struct options {
    const char *folder;
    int64_t now_us;
    bool quiet, strict, json;
};

enum { OPTION_STRICT = 256, OPTION_JSON, OPTION_DATE };

/* The default of --date. The checker takes the time as a parameter, so that a test can choose it.
 */
static int64_t today_us(void) {
    return (int64_t)time(NULL) * CALENDAR_SECOND_US;
}

/* A day or a full timestamp will do for --date; both mean midnight or that moment, UTC. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'q':
        options->quiet = true;
        return 0;
    case OPTION_STRICT:
        options->strict = true;
        return 0;
    case OPTION_JSON:
        options->json = true;
        return 0;
    case OPTION_DATE:
        if (calendar_parse_date(text_of(value), &options->now_us) < 0 &&
            calendar_parse_timestamp(text_of(value), &options->now_us) < 0)
            argp_error(state, "--date: \"%s\" is not a date; expected for example 2026-01-31",
                       value);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            one_word_refuse(value, "policy folder", state);
        options->folder = value;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which policy folder?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"quiet", 'q', NULL, 0, "Print only faults, warnings and failed cases", 0},
    {"strict", OPTION_STRICT, NULL, 0, "Treat warnings as failures", 0},
    {"json", OPTION_JSON, NULL, 0, "One JSON object on standard output", 0},
    {"date", OPTION_DATE, "DATE", 0,
     "Check as on DATE: rules that ended before it are over (today)", 0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "POLICY",
    .doc = "Checks the policy in the folder POLICY as a server would load it, warns about "
           "suspicious parts, and runs its cases.\v"
           "For each entity it reports the worst case: the bytes of the state of the busiest one, "
           "and how many of its entries one decision visits. Then it reports how long a decision "
           "can take at worst.\n\n"
           "Every fault is printed with its file, line and column. Exit status: 0 it is sound, 78 "
           "it is not, or a case fails, or with --strict there are warnings; 66 there is no such "
           "folder, 74 cannot write.",
};

/* What is found. */
struct findings {
    struct diagnostic_sink sink; /* first */
    struct buffer messages;
    struct buffer diagnostics; /* the same as elements of a JSON array */
    size_t errors, warnings;
    struct buffer failures; /* of cases */
    size_t failed;
};

/* ------------------------------------------------------------------------------------------------
 * The summary */

static const char *const mode_names[] = {
    [RULE_LIVE] = "live", [RULE_SHADOW] = "shadow", [RULE_OFF] = "off"};
#define MODES (sizeof mode_names / sizeof *mode_names)

/* Rules by mode; the array is indexed by enum rule_mode. */
static void count_modes(const struct snapshot *snapshot, size_t ret_modes[MODES]) {
    for (size_t i = 0; i < MODES; i++)
        ret_modes[i] = 0;
    for (size_t i = 0; i < snapshot->rule_count; i++)
        ret_modes[snapshot->rules[i].mode]++;
}

/* Rules that are off are counted, too: they were compiled and checked like the others. */
static void print_rules(const struct snapshot *snapshot) {
    size_t modes[MODES];
    count_modes(snapshot, modes);
    printf("rules      %zu (", snapshot->rule_count);
    for (size_t i = 0; i < MODES; i++)
        printf("%s%zu %s", i ? ", " : "", modes[i], mode_names[i]);
    printf(")\n");
}

static void print_limit(const char *of, struct text name, const struct brake_limit *at_most) {
    struct buffer text;
    if (at_most->share_e6 == 0)
        return;
    buffer_init(&text);
    brake_put_limit(&text, at_most->share_e6, at_most->per_us);
    printf("brake      %s%" TEXT_FORMAT ": at most %" TEXT_FORMAT "\n", of, TEXT_ARGS(name),
           TEXT_ARGS(buffer_text(&text)));
    buffer_deinit(&text);
}

/* What pulls a brake. */
static void print_limits(const struct snapshot *snapshot) {
    print_limit("the policy", (struct text){0}, &snapshot->at_most);
    for (size_t i = 0; i < snapshot->rule_count; i++)
        print_limit("rule ", snapshot->rules[i].name, &snapshot->rules[i].at_most);
}

/* A verdict without a cut-off is reached by rules only, so it is left out. */
static void print_cutoffs(const struct snapshot *snapshot) {
    printf("cut-offs  ");
    int printed = 0;
    for (int verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        if (snapshot->cutoffs[verdict])
            printed += printf("%s %s from %u", printed ? "," : "",
                              verdict_name((enum verdict)verdict), snapshot->cutoffs[verdict]);
    printf("%s\n", printed ? "" : " none: scores alone decide nothing");
}

static void print_model(const struct policy_model *model) {
    const struct model_shape *shape = model_shape(model->model);
    printf("model      %" TEXT_FORMAT ": ", TEXT_ARGS(model->name));
    if (shape->is_linear)
        printf("linear, %zu inputs", shape->input_count);
    else
        printf("%zu trees, %zu inputs", shape->tree_count, shape->input_count);
    if (shape->output_count > 1)
        printf(", %zu classes", shape->output_count);
    printf("%s\n", model->reference ? ", compared with its training" : "");
}

/* What the busiest entity can come to: the memory of its state, and what a decision goes through
 * there. */
static void print_features(const struct snapshot *snapshot) {
    const struct plan *plan = &snapshot->plan;
    printf("features   %zu\n", snapshot->feature_count);
    if (plan->entity_count > 0)
        printf("  %-20s %8s  %13s  %15s  %s\n", "entity", "features", "bytes at most",
               "entries at most", "key");
    for (size_t i = 0; i < plan->entity_count; i++) {
        const struct entity_plan *entity = &plan->entities[i];
        struct plan_cost cost = entity_plan_cost(entity);
        char bytes[QUANTITY_BYTES_SIZE], entries[QUANTITY_COUNT_SIZE];
        printf("  %-20" TEXT_FORMAT " %8zu  %13s  %15s  %" TEXT_FORMAT "\n",
               TEXT_ARGS(entity->name), entity->feature_count,
               quantity_format_bytes(cost.bytes, bytes),
               quantity_format_count(cost.entries, entries), TEXT_ARGS(entity->key));
    }
}

/* The most expensive parts of a decision that the text shows; the JSON has all of them. */
#define DEAREST_MAX 8 /* lines */

/* latency_items() sorts by cost; its sum is the worst case of one decision. Entries are counted
 * for entities only. */
static void print_latency(const struct snapshot *snapshot) {
    size_t count = latency_item_count(snapshot);
    struct latency_item *items = check_calloc(count + 1, sizeof *items);
    latency_items(snapshot, items);
    printf("at worst   a decision takes %.1f us", (double)latency_ns(snapshot) / 1e3);
    if (snapshot->latency_budget_us)
        printf(" of %llu us", (unsigned long long)snapshot->latency_budget_us);
    printf("; the most expensive parts are\n  %-14s %-32s %10s  %8s  %10s\n", "", "", "us", "steps",
           "entries");
    for (size_t i = 0; i < count && i < DEAREST_MAX; i++) {
        char entries[QUANTITY_COUNT_SIZE], steps[QUANTITY_COUNT_SIZE];
        printf("  %-14s %-32" TEXT_FORMAT " %10.1f  %8s  %10s\n", latency_kind_name(items[i].kind),
               TEXT_ARGS(items[i].name), (double)items[i].ns / 1e3,
               quantity_format_count(items[i].steps, steps),
               items[i].kind == LATENCY_ENTITY ? quantity_format_count(items[i].entries, entries)
                                               : "");
    }
    free(items);
}

/* Widths are those of the widest label, so that values line up. */
static void print_summary(const struct snapshot *snapshot, const struct findings *findings) {
    char id[HASH_HEX_SIZE];
    hash_hex(snapshot->id, id);
    printf("policy     %" TEXT_FORMAT " (snapshot %s)\n", TEXT_ARGS(snapshot->name), id);
    if (snapshot->about.length)
        printf("           %" TEXT_FORMAT "\n", TEXT_ARGS(snapshot->about));
    printf("files      %zu\n", snapshot->file_count);
    printf("fields     %zu, base currency %.3s\n", snapshot->schema.field_count,
           snapshot->schema.base_currency);
    print_features(snapshot);
    if (snapshot->computed_count)
        printf("computed   %zu\n", snapshot->computed_count);
    for (size_t i = 0; i < snapshot->model_count; i++)
        print_model(&snapshot->models[i]);
    for (size_t i = 0; i < snapshot->list_count; i++)
        printf("list       %" TEXT_FORMAT ": %zu entries\n", TEXT_ARGS(snapshot->lists[i].name),
               snapshot->lists[i].count);
    for (size_t i = 0; i < snapshot->zones.count; i++) {
        hash_hex(snapshot->zones.zones[i].hash, id);
        printf("zone       %" TEXT_FORMAT ": rules %s\n", TEXT_ARGS(snapshot->zones.zones[i].name),
               id);
    }
    print_rules(snapshot);
    print_limits(snapshot);
    print_cutoffs(snapshot);
    print_latency(snapshot);
    printf("cases      %zu, %zu failed\n", snapshot->case_count, findings->failed);
}

/* ------------------------------------------------------------------------------------------------
 * JSON */

/* Called once per fault or warning, in the order of the files. `length` is in characters and at
 * least one, so that an editor has something to underline. */
static void take_diagnostic(struct diagnostic_sink *self,
                            const struct diagnostic_view *diagnostic) {
    struct findings *findings = (struct findings *)self;
    struct buffer *json = &findings->diagnostics;
    if (diagnostic->warning)
        findings->warnings++;
    else
        findings->errors++;
    json_begin_object(json, NULL);
    json_add_text(json, "severity", text_of(diagnostic->warning ? "warning" : "error"));
    json_add_text(json, "file", diagnostic->path);
    if (diagnostic->at.line > 0) {
        json_add_unsigned(json, "line", diagnostic->at.line);
        json_add_unsigned(json, "column", diagnostic->at.column);
        json_add_unsigned(json, "length", diagnostic->at.length ? diagnostic->at.length : 1);
    }
    json_add_text(json, "message", diagnostic->text);
    json_end_object(json);
}

/* Nanoseconds as integers: figures that a script compares must not depend on formatting. */
static void add_latency(struct buffer *json, const struct snapshot *snapshot) {
    size_t count = latency_item_count(snapshot);
    struct latency_item *items = check_calloc(count + 1, sizeof *items);
    latency_items(snapshot, items);
    json_begin_object(json, "latency");
    json_add_unsigned(json, "worst_ns", latency_ns(snapshot));
    if (snapshot->latency_budget_us)
        json_add_unsigned(json, "budget_us", snapshot->latency_budget_us);
    json_begin_array(json, "items");
    for (size_t i = 0; i < count; i++) {
        json_begin_object(json, NULL);
        json_add_text(json, "kind", text_of(latency_kind_name(items[i].kind)));
        json_add_text(json, "name", items[i].name);
        json_add_unsigned(json, "ns", items[i].ns);
        json_add_unsigned(json, "steps", items[i].steps);
        if (items[i].kind == LATENCY_ENTITY)
            json_add_unsigned(json, "entries", items[i].entries);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
    free(items);
}

static void add_limit(struct buffer *json, struct text rule, uint64_t definition,
                      const struct brake_limit *at_most) {
    struct buffer text;
    if (at_most->share_e6 == 0)
        return;
    buffer_init(&text);
    brake_put_limit(&text, at_most->share_e6, at_most->per_us);
    json_begin_object(json, NULL);
    if (rule.length > 0)
        json_add_text(json, "rule", rule);
    json_add_hex(json, "definition", definition);
    json_add_text(json, "at_most", buffer_text(&text));
    json_end_object(json);
    buffer_deinit(&text);
}

/* Without a rule it is the policy's. */
static void add_limits(struct buffer *json, const struct snapshot *snapshot) {
    json_begin_array(json, "brakes");
    add_limit(json, (struct text){0}, snapshot->definition, &snapshot->at_most);
    for (size_t i = 0; i < snapshot->rule_count; i++)
        add_limit(json, snapshot->rules[i].name, snapshot->rules[i].definition,
                  &snapshot->rules[i].at_most);
    json_end_array(json);
}

/* Present only if the policy loaded. "failures" holds the same text as standard error. */
static void add_snapshot(struct buffer *json, const struct snapshot *snapshot,
                         const struct findings *findings) {
    size_t modes[MODES];
    count_modes(snapshot, modes);
    json_add_text(json, "policy", snapshot->name);
    json_add_hex(json, "snapshot", snapshot->id);
    json_add_unsigned(json, "files", snapshot->file_count);
    json_add_unsigned(json, "features", snapshot->feature_count);
    json_begin_object(json, "rules");
    for (size_t i = 0; i < MODES; i++)
        json_add_unsigned(json, mode_names[i], modes[i]);
    json_end_object(json);
    add_limits(json, snapshot);
    json_begin_object(json, "cases");
    json_add_unsigned(json, "run", snapshot->case_count);
    json_add_unsigned(json, "failed", findings->failed);
    json_add_text(json, "failures",
                  (struct text){.data = (const char *)findings->failures.bytes,
                                .length = findings->failures.length});
    json_end_object(json);
    add_latency(json, snapshot);
}

/* "sound" is what the exit status says; "faults" has warnings as well, told apart by their
 * severity. */
static void print_json(const struct snapshot *snapshot, const struct findings *findings,
                       bool is_sound) {
    struct buffer json;
    buffer_init(&json);
    json_begin_object(&json, NULL);
    json_add_bool(&json, "sound", is_sound);
    if (snapshot)
        add_snapshot(&json, snapshot, findings);
    json_begin_array(&json, "faults");
    buffer_append(&json, findings->diagnostics.bytes, findings->diagnostics.length);
    json_end_array(&json);
    json_end_object(&json);
    buffer_append_u8(&json, '\n');
    fwrite(json.bytes, 1, json.length, stdout);
    buffer_deinit(&json);
}

/* ------------------------------------------------------------------------------------------------
 * The command */

static void put(const struct buffer *buffer, FILE *file) {
    if (buffer->length > 0)
        fwrite(buffer->bytes, 1, buffer->length, file);
}

/* The folder's bytes can go when the check is over: the snapshot has copies of what it keeps. */
static int load(const struct options *options, struct findings *findings,
                struct snapshot **ret_snapshot, struct error *ret_error) {
    struct policy_folder *folder;
    size_t count;
    int r = policy_folder_read(options->folder, &folder, ret_error);
    if (r < 0)
        return r;
    const struct policy_file *files = policy_folder_files(folder, &count);
    r = snapshot_check(files, count, options->now_us, &findings->sink, ret_snapshot,
                       &findings->messages, ret_error);
    policy_folder_free(folder);
    return r;
}

/* The messages have all of an invalid policy's faults; others are in the error alone. */
static enum exit_status report_unloadable(const struct options *options,
                                          const struct findings *findings,
                                          const struct error *error) {
    if (findings->messages.length == 0)
        fprintf(stderr, "harrier: %s\n", error->text);
    else
        fprintf(stderr, "harrier: %s fails the check\n", options->folder);
    if (options->json && findings->errors > 0)
        print_json(NULL, findings, false);
    return error->code == ERROR_INVALID ? EXIT_STATUS_BAD_POLICY : exit_status_of(error->code);
}

/* With --strict a warning fails the check, but the summary is printed all the same. */
static enum exit_status report_loaded(const struct options *options, struct findings *findings,
                                      struct snapshot *snapshot) {
    findings->failed = trial_run_all(snapshot, &findings->failures);
    put(&findings->failures, stderr);
    bool is_sound = findings->failed == 0 && !(options->strict && findings->warnings > 0);
    if (options->json)
        print_json(snapshot, findings, is_sound);
    else if (!options->quiet)
        print_summary(snapshot, findings);
    if (findings->failed > 0)
        fprintf(stderr, "harrier: %s fails the check: %zu of %zu cases fail\n", options->folder,
                findings->failed, snapshot->case_count);
    else if (!is_sound)
        fprintf(stderr, "harrier: %s fails the check: %zu warnings\n", options->folder,
                findings->warnings);
    return is_sound ? EXIT_STATUS_OK : EXIT_STATUS_BAD_POLICY;
}

int command_check(int argc, char **argv) {
    struct options options = {.now_us = today_us()};
    struct findings findings = {.sink = {.take = take_diagnostic}};
    struct snapshot *snapshot = NULL;
    struct error error;
    enum exit_status status;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    buffer_init(&findings.messages);
    buffer_init(&findings.diagnostics);
    buffer_init(&findings.failures);

    int r = load(&options, &findings, &snapshot, &error);
    put(&findings.messages, stderr);
    if (r < 0)
        status = report_unloadable(&options, &findings, &error);
    else
        status = report_loaded(&options, &findings, snapshot);
    snapshot_unref(snapshot);
    buffer_deinit(&findings.messages);
    buffer_deinit(&findings.diagnostics);
    buffer_deinit(&findings.failures);
    return (int)status;
}
