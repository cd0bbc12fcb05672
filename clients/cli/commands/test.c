/* harrier test: does the policy decide what its cases expect?
 *
 * Each policy folder is loaded as a server would load it; then its cases are run one by one
 * (core/policy trial), each with a history of its own. Failures are printed as they come; JUnit
 * XML is written at the end, for CI systems. A policy that does not load does not keep the others
 * from being run. Warnings are harrier check's business. */
#include "clients/cli/io/draft_file.h"
#include "clients/cli/output/junit.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "command.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/engine/trial.h"
#include "core/policy/load/snapshot.h"

#include <argp.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

/* The array is on the heap, its strings are argv's. */
struct options {
    const char **policies;
    size_t policy_count;
    const char *pattern;
    const char *junit;
    bool json, verbose;
};

enum { OPTION_JUNIT = 256, OPTION_JSON };

/* Any number of policies; the array grows with each. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'c':
        options->pattern = value;
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case OPTION_JUNIT:
        options->junit = value;
        return 0;
    case OPTION_JSON:
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        options->policies = check_reallocarray(options->policies, options->policy_count + 1,
                                               sizeof *options->policies);
        options->policies[options->policy_count++] = value;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which policy folder?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"case", 'c', "PATTERN", 0,
     "Run only cases whose RULE/NAME (or FILE/NAME) contains PATTERN, or matches it if it has *, ? "
     "or [",
     0},
    {"verbose", 'v', NULL, 0, "Also list the cases that pass", 0},
    {"json", OPTION_JSON, NULL, 0, "One line of JSON per case on standard output", 0},
    {"junit", OPTION_JUNIT, "FILE", 0, "Also write JUnit XML to FILE, for CI systems", 0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "POLICY…",
    .doc = "Runs the cases of policies: histories and transactions with the decisions they are "
           "expected to get.\v"
           "Cases are written next to the rules and in cases/NAME.yaml (docs/POLICY.md, Cases).\n\n"
           "Exit status: 0 all pass, 1 some fail, 66 there is no such folder or no such case, 78 "
           "a policy is invalid.",
};

/* Of the whole run, over all policies. JUnit is filled in any case and written only if asked for.
 */
struct session {
    const struct options *options;
    struct junit junit;
    struct buffer differences; /* of the case at hand */
    struct buffer line;
    size_t run, failed;
    enum exit_status status; /* of the first policy that could not be loaded; OK: none */
};

/* "card_testing/the fifth", "cases/night.yaml/a quiet night" */
static struct text group_of(const struct snapshot *snapshot, const struct policy_case *it) {
    return it->rule == SIZE_MAX ? it->file : snapshot->rules[it->rule].name;
}

/* A pattern with wildcards must match all of RULE/NAME, one without may be anywhere in it. */
static bool is_wanted(const struct session *session, const struct snapshot *snapshot,
                      const struct policy_case *it) {
    const char *pattern = session->options->pattern;
    if (!pattern)
        return true;
    struct text group = group_of(snapshot, it);
    struct buffer id;
    buffer_init(&id);
    buffer_printf(&id, "%" TEXT_FORMAT "/%" TEXT_FORMAT, TEXT_ARGS(group), TEXT_ARGS(it->name));
    buffer_append_u8(&id, '\0');
    const char *name = (const char *)id.bytes;
    bool wanted =
        strpbrk(pattern, "*?[") ? fnmatch(pattern, name, 0) == 0 : strstr(name, pattern) != NULL;
    buffer_deinit(&id);
    return wanted;
}

/* Passing cases are printed with --verbose only. The path begins with the folder as it was given,
 * so that an editor can open it. */
static void report_text(struct session *session, const struct snapshot *snapshot,
                        const char *folder, const struct policy_case *it, bool passed) {
    struct buffer *line = &session->line;
    buffer_clear(line);
    if (!passed) {
        buffer_printf(line, "%s/", folder);
        trial_report(snapshot, it, &session->differences, line);
    } else if (session->options->verbose) {
        struct text group = group_of(snapshot, it);
        buffer_printf(line, "ok %s/%" TEXT_FORMAT ":%d: %" TEXT_FORMAT "/%" TEXT_FORMAT "\n",
                      folder, TEXT_ARGS(it->file), it->line, TEXT_ARGS(group), TEXT_ARGS(it->name));
    }
    if (line->length > 0)
        fwrite(line->bytes, 1, line->length, stdout);
}

/* The differences, line by line. */
static void add_differences(struct buffer *json, const struct buffer *differences) {
    const char *at = (const char *)differences->bytes, *end = at + differences->length;
    json_begin_array(json, "differences");
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        json_add_text(json, NULL, (struct text){.data = at, .length = (size_t)(newline - at)});
        at = newline + 1;
    }
    json_end_array(json);
}

/* "verdict" and "score" are missing when there is no decision. */
static void report_json(struct session *session, const struct snapshot *snapshot,
                        const struct trial *trial, const struct policy_case *it, bool passed,
                        uint64_t us) {
    struct buffer *line = &session->line;
    const struct decision *decision = trial_decision(trial);
    buffer_clear(line);
    json_begin_object(line, NULL);
    json_add_text(line, "policy", snapshot->name);
    json_add_text(line, "file", it->file);
    json_add_signed(line, "line", it->line);
    if (it->rule != SIZE_MAX)
        json_add_text(line, "rule", snapshot->rules[it->rule].name);
    json_add_text(line, "case", it->name);
    json_add_bool(line, "passed", passed);
    json_add_unsigned(line, "us", us);
    if (decision) {
        json_add_text(line, "verdict", text_of(verdict_name(decision->verdict)));
        json_add_unsigned(line, "score", decision->score);
    }
    add_differences(line, &session->differences);
    json_end_object(line);
    buffer_append_u8(line, '\n');
    fwrite(line->bytes, 1, line->length, stdout);
}

/* The class is POLICY.RULE: CI systems group by it. */
static void add_junit(struct session *session, const struct snapshot *snapshot,
                      const struct policy_case *it, uint64_t us) {
    struct buffer class_name;
    struct text group = group_of(snapshot, it);
    buffer_init(&class_name);
    buffer_printf(&class_name, "%" TEXT_FORMAT ".%" TEXT_FORMAT, TEXT_ARGS(snapshot->name),
                  TEXT_ARGS(group));
    struct junit_case one = {
        .class_name = {.data = (const char *)class_name.bytes, .length = class_name.length},
        .name = it->name,
        .file = it->file,
        .line = it->line,
        .us = us};
    junit_add(&session->junit, &one,
              (struct text){.data = (const char *)session->differences.bytes,
                            .length = session->differences.length});
    buffer_deinit(&class_name);
}

/* The time is that of the whole case, its history included. */
static void run_case(struct session *session, const struct snapshot *snapshot, const char *folder,
                     struct trial *trial, const struct policy_case *it) {
    uint64_t start_us = monotonic_us();
    buffer_clear(&session->differences);
    bool passed = trial_run(trial, it, &session->differences);
    uint64_t us = monotonic_us() - start_us;
    session->run++;
    session->failed += !passed;
    if (session->options->json)
        report_json(session, snapshot, trial, it, passed, us);
    else
        report_text(session, snapshot, folder, it, passed);
    add_junit(session, snapshot, it, us);
}

/* One trial is used for all cases of a policy: it resets itself between them. */
static void run_policy(struct session *session, struct snapshot *snapshot, const char *folder) {
    struct trial *trial = trial_new(snapshot);
    junit_begin_suite(&session->junit, snapshot->name);
    for (size_t i = 0; i < snapshot->case_count; i++)
        if (is_wanted(session, snapshot, &snapshot->cases[i]))
            run_case(session, snapshot, folder, trial, &snapshot->cases[i]);
    junit_end_suite(&session->junit);
    trial_free(trial);
}

/* A policy that cannot be loaded is a suite with one error. */
static void note_unloadable(struct session *session, const char *folder,
                            const struct buffer *messages, const struct error *error) {
    struct junit_case one = {.class_name = text_of(folder), .name = TEXT_LITERAL("load")};
    struct text what = text_of(error->text);
    one.file = text_of(folder);
    if (messages->length)
        what = (struct text){.data = (const char *)messages->bytes, .length = messages->length};
    junit_begin_suite(&session->junit, text_of(folder));
    junit_add_error(&session->junit, &one, what);
    junit_end_suite(&session->junit);
    if (messages->length) {
        fwrite(messages->bytes, 1, messages->length, stderr);
        fprintf(stderr, "harrier: %s fails the check\n", folder);
    } else {
        fprintf(stderr, "harrier: %s\n", error->text);
    }
    if (session->status == EXIT_STATUS_OK)
        session->status =
            error->code == ERROR_INVALID ? EXIT_STATUS_BAD_POLICY : exit_status_of(error->code);
}

/* Owns the snapshot for the time of its cases. */
static void load_and_run(struct session *session, const char *folder) {
    struct snapshot *snapshot;
    struct buffer messages; /* warnings are for harrier check */
    struct error error;
    buffer_init(&messages);
    if (snapshot_load_folder(folder, &snapshot, &messages, &error) < 0) {
        note_unloadable(session, folder, &messages, &error);
    } else {
        run_policy(session, snapshot, folder);
        snapshot_unref(snapshot);
    }
    buffer_deinit(&messages);
}

/* Written as a draft and renamed: a CI system never reads half a document. */
static enum exit_status write_junit(const struct session *session) {
    struct draft_file draft;
    struct buffer document;
    struct error error;
    if (!session->options->junit)
        return EXIT_STATUS_OK;
    int r = draft_file_open(&draft, session->options->junit, &error);
    if (r == 0) {
        buffer_init(&document);
        junit_write(&session->junit, &document);
        fwrite(document.bytes, 1, document.length, draft.file);
        buffer_deinit(&document);
        r = draft_file_publish(&draft, &error);
    }
    return r < 0 ? exit_with(&error) : EXIT_STATUS_OK;
}

/* What decides the status, in this order: a file that could not be written, a policy that did not
 * load, no case at all, failed cases. */
static enum exit_status conclude(const struct session *session) {
    enum exit_status written = write_junit(session);
    const struct options *options = session->options;
    if (written != EXIT_STATUS_OK)
        return written;
    if (session->run > 0)
        fprintf(stderr, "%zu case%s, %zu failed\n", session->run, session->run == 1 ? "" : "s",
                session->failed);
    if (session->status != EXIT_STATUS_OK)
        return session->status;
    if (session->run == 0) {
        if (options->pattern)
            fprintf(stderr, "harrier: no case matches \"%s\"\n", options->pattern);
        else
            fprintf(stderr, "harrier: %s has no cases\n", options->policies[0]);
        return EXIT_STATUS_NO_INPUT;
    }
    return session->failed ? EXIT_STATUS_ROWS_FAILED : EXIT_STATUS_OK;
}

int command_test(int argc, char **argv) {
    struct options options = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    struct session session = {.options = &options};
    junit_init(&session.junit);
    buffer_init(&session.differences);
    buffer_init(&session.line);
    for (size_t i = 0; i < options.policy_count; i++)
        load_and_run(&session, options.policies[i]);
    enum exit_status status = conclude(&session);
    junit_deinit(&session.junit);
    buffer_deinit(&session.differences);
    buffer_deinit(&session.line);
    free(options.policies);
    return (int)status;
}
