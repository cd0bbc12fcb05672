/* harrier check: does this policy load, and what is in it? */
#include "command.h"
#include "core/base/hash.h"
#include "core/feature/cost.h"
#include "core/policy/snapshot.h"
#include "exit_status.h"
#include "quantity.h"

#include <argp.h>
#include <stdio.h>

struct options {
    const char *folder;
    int quiet;
};

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'q':
        options->quiet = 1;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "one policy folder at a time");
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
    {"quiet", 'q', NULL, 0, "Print faults and warnings only", 0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "POLICY",
    .doc =
        "Checks the policy in the folder POLICY as a server would load it.\v"
        "For each entity it says what the busiest one can come to: the bytes of its state, and how "
        "many entries of it one decision visits.\n\n"
        "Every fault is printed with its file, line and column. Exit status: 0 it is sound, 78 "
        "it is not, 66 there is no such folder.",
};

static void print_rules(const struct snapshot *snapshot) {
    static const char *const mode_names[] = {
        [RULE_LIVE] = "live", [RULE_SHADOW] = "shadow", [RULE_OFF] = "off"};
    size_t modes[sizeof mode_names / sizeof *mode_names] = {0};
    for (size_t i = 0; i < snapshot->rule_count; i++)
        modes[snapshot->rules[i].mode]++;
    printf("rules      %zu (", snapshot->rule_count);
    for (size_t i = 0; i < sizeof mode_names / sizeof *mode_names; i++)
        printf("%s%zu %s", i ? ", " : "", modes[i], mode_names[i]);
    printf(")\n");
}

static void print_cutoffs(const struct snapshot *snapshot) {
    printf("cut-offs  ");
    int printed = 0;
    for (int verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        if (snapshot->cutoffs[verdict])
            printed += printf("%s %s from %u", printed ? "," : "",
                              verdict_name((enum verdict)verdict), snapshot->cutoffs[verdict]);
    printf("%s\n", printed ? "" : " none: scores alone decide nothing");
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

static void print_summary(const struct snapshot *snapshot) {
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
    for (size_t i = 0; i < snapshot->list_count; i++)
        printf("list       %" TEXT_FORMAT ": %zu entries\n", TEXT_ARGS(snapshot->lists[i].name),
               snapshot->lists[i].count);
    print_rules(snapshot);
    print_cutoffs(snapshot);
}

int command_check(int argc, char **argv) {
    struct options options = {0};
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    buffer_init(&messages);
    int r = snapshot_load_folder(options.folder, &snapshot, &messages, &error);
    if (messages.length)
        fwrite(messages.bytes, 1, messages.length, stderr);
    if (r < 0) {
        /* The messages have all of an invalid policy's faults; others are in the error alone. */
        enum exit_status status = exit_status_of(error.code);
        if (error.code == ERROR_INVALID)
            status = EXIT_STATUS_BAD_POLICY;
        if (messages.length == 0)
            fprintf(stderr, "harrier: %s\n", error.text);
        else
            fprintf(stderr, "harrier: %s does not check\n", options.folder);
        buffer_deinit(&messages);
        return status;
    }
    if (!options.quiet)
        print_summary(snapshot);
    snapshot_unref(snapshot);
    buffer_deinit(&messages);
    return EXIT_STATUS_OK;
}
