#include "check_report.h"

#include "file_set.h"

#include "core/base/json_writer.h"
#include "core/engine/trial.h"
#include "core/policy/analysis/snapshot_check.h"
#include "core/policy/eval/function.h"
#include "server/ops/clock.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define CPU_S          20
#define MEMORY_BYTES   ((rlim_t)2 << 30)
#define CASES_SHOWN    2000
#define DIFFERENCE_MAX 4096u /* bytes of a case's differences that are shown */

/* ---- diagnostics ---- */

struct report {
    struct diagnostic_sink sink; /* first */
    struct buffer *out;
    size_t errors;
};

static void take_diagnostic(struct diagnostic_sink *self, const struct diagnostic_view *found) {
    struct report *report = (struct report *)self;
    struct buffer *out = report->out;
    report->errors += !found->warning;
    json_begin_object(out, NULL);
    json_add_text(out, "severity", text_of(found->warning ? "warning" : "error"));
    json_add_text(out, "file", found->path);
    json_add_unsigned(out, "line", found->at.line);
    json_add_unsigned(out, "column", found->at.column);
    json_add_unsigned(out, "length", found->at.length ? found->at.length : 1);
    json_add_text(out, "message", found->text);
    json_end_object(out);
}

/* ---- rules ---- */

static const char *const mode_names[] = {
    [RULE_LIVE] = "live", [RULE_SHADOW] = "shadow", [RULE_OFF] = "off"};

static void add_rules(struct buffer *out, const struct snapshot *snapshot) {
    json_begin_array(out, "rules");
    for (size_t i = 0; i < snapshot->rule_count; i++) {
        const struct rule *rule = &snapshot->rules[i];
        json_begin_object(out, NULL);
        json_add_text(out, "name", rule->name);
        json_add_text(out, "about", rule->about);
        json_add_text(out, "mode", text_of(mode_names[rule->mode]));
        if (rule->verdict != VERDICT_NONE)
            json_add_text(out, "verdict", text_of(verdict_name(rule->verdict)));
        json_add_signed(out, "score", rule->score);
        if (rule->group != SIZE_MAX)
            json_add_text(out, "group", snapshot->groups[rule->group].name);
        json_add_text(out, "file", rule->file);
        json_add_signed(out, "line", rule->line);
        json_end_object(out);
    }
    json_end_array(out);
}

/* ---- cases ---- */

/* At most DIFFERENCE_MAX bytes, and no half character. */
static struct text cut(struct text text) {
    if (text.length <= DIFFERENCE_MAX)
        return text;
    text.length = DIFFERENCE_MAX;
    while (text.length > 0 && !text_begins_character(text.data[text.length]))
        text.length--;
    return text;
}

static void add_case(struct buffer *out, const struct snapshot *snapshot,
                     const struct policy_case *it, bool passed, struct text differences) {
    json_begin_object(out, NULL);
    json_add_text(out, "name", it->name);
    if (it->rule != SIZE_MAX)
        json_add_text(out, "rule", snapshot->rules[it->rule].name);
    json_add_text(out, "file", it->file);
    json_add_signed(out, "line", it->line);
    json_add_bool(out, "passed", passed);
    if (!passed)
        json_add_text(out, "differences", cut(differences));
    json_end_object(out);
}

/* Returns how many failed. Beyond CASES_SHOWN, those that pass are only counted. */
static size_t add_cases(struct buffer *out, struct snapshot *snapshot) {
    struct trial *trial = trial_new(snapshot);
    struct buffer differences;
    size_t failed = 0;
    buffer_init(&differences);
    json_begin_array(out, "cases");
    for (size_t i = 0; i < snapshot->case_count; i++) {
        buffer_clear(&differences);
        bool passed = trial_run(trial, &snapshot->cases[i], &differences);
        failed += !passed;
        if (i < CASES_SHOWN || (!passed && failed < CASES_SHOWN))
            add_case(out, snapshot, &snapshot->cases[i], passed, buffer_text(&differences));
    }
    json_end_array(out);
    json_add_unsigned(out, "case_count", snapshot->case_count);
    json_add_unsigned(out, "failed", failed);
    buffer_deinit(&differences);
    trial_free(trial);
    return failed;
}

/* ---- names ---- */

static const char *kind_of(const struct snapshot *snapshot, size_t slot) {
    if (slot < snapshot->schema.field_count)
        return "field";
    if (slot >= snapshot->first_threshold)
        return slot >= snapshot->first_list ? "list" : "threshold";
    if (slot >= snapshot->first_model)
        return "model";
    return slot >= snapshot->first_computed ? "value" : "feature";
}

static void add_name(struct buffer *out, const char *kind, struct text name) {
    json_begin_object(out, NULL);
    json_add_text(out, "name", name);
    json_add_text(out, "kind", text_of(kind));
    json_end_object(out);
}

/* What begins with a letter or names an entity's feature; the others are internal. */
static void add_names(struct buffer *out, const struct snapshot *snapshot) {
    json_begin_array(out, "names");
    for (size_t i = 0; i < snapshot->first_threshold; i++)
        if (snapshot->slot_names[i].length > 0)
            add_name(out, kind_of(snapshot, i), snapshot->slot_names[i]);
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        add_name(out, "threshold", snapshot->thresholds[i].name);
    for (size_t i = 0; i < snapshot->list_count; i++)
        add_name(out, "list", snapshot->lists[i].name);
    for (size_t i = 0; i < snapshot->rule_count; i++)
        add_name(out, "rule", snapshot->rules[i].name);
    for (size_t i = 0; i < snapshot->group_count; i++)
        add_name(out, "group", snapshot->groups[i].name);
    json_end_array(out);
}

/* "text.startsWith(text) → bool", one of each combination of types. */
static void add_functions(struct buffer *out) {
    const struct function *function;
    struct buffer line;
    buffer_init(&line);
    json_begin_array(out, "functions");
    for (size_t i = 0; (function = function_at(i)); i++) {
        if (function->form == FUNCTION_OPERATOR)
            continue;
        size_t first = function->form == FUNCTION_METHOD ? 1 : 0;
        buffer_clear(&line);
        if (first)
            buffer_printf(&line, "%s.", type_code_name(function->parameters[0]).string);
        buffer_printf(&line, "%s(", function->name);
        for (size_t j = first; j < function->parameter_count; j++)
            buffer_printf(&line, "%s%s", j > first ? ", " : "",
                          type_code_name(function->parameters[j]).string);
        buffer_printf(&line, ") → %s", type_code_name(function->result).string);
        json_begin_object(out, NULL);
        json_add_text(out, "name", text_of(function->name));
        json_add_bool(out, "method", first > 0);
        json_add_text(out, "about", buffer_text(&line));
        json_end_object(out);
    }
    json_end_array(out);
    buffer_deinit(&line);
}

/* ---- the command ---- */

/* On failure there are errors among the diagnostics, or *ret_error says more than they do. */
static int check_files(const struct file_set *files, struct report *report,
                       struct snapshot **ret_snapshot, struct error *ret_error) {
    struct buffer messages;
    buffer_init(&messages);
    json_begin_array(report->out, "diagnostics");
    int r = snapshot_check(files->files, files->count, clock_wall_us(&clock_system), &report->sink,
                           ret_snapshot, &messages, ret_error);
    json_end_array(report->out);
    buffer_deinit(&messages);
    return r;
}

static void add_policy(struct buffer *out, struct snapshot *snapshot) {
    json_add_text(out, "policy", snapshot->name);
    add_rules(out, snapshot);
    add_names(out, snapshot);
    size_t failed = add_cases(out, snapshot);
    json_add_bool(out, "sound", failed == 0);
}

static int write_report(const char *folder, struct buffer *out, struct error *ret_error) {
    struct report report = {.sink = {.take = take_diagnostic}, .out = out};
    struct snapshot *snapshot;
    struct file_set files;
    struct error error;
    char hash[POLICY_HASH_SIZE];
    int r = file_set_read(folder, &files, ret_error);
    if (r < 0)
        return r;
    file_set_hash(&files, hash);
    json_begin_object(out, NULL);
    json_add_text(out, "hash", text_of(hash));
    if (check_files(&files, &report, &snapshot, &error) == 0) {
        add_policy(out, snapshot);
        snapshot_unref(snapshot);
    } else {
        json_add_bool(out, "sound", false);
        json_add_text(out, "error", text_of(report.errors > 0 ? "" : error.text));
    }
    add_functions(out);
    json_end_object(out);
    file_set_deinit(&files);
    return 0;
}

/* AddressSanitizer and ThreadSanitizer reserve more address space than any limit. */
static void set_limits(void) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const struct rlimit memory = {.rlim_cur = MEMORY_BYTES, .rlim_max = MEMORY_BYTES};
    setrlimit(RLIMIT_AS, &memory);
#endif
    const struct rlimit cpu = {.rlim_cur = CPU_S, .rlim_max = CPU_S + 1};
    const struct rlimit none = {0};
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &none); /* a pipe has no size */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int check_policy_main(const char *folder) {
    struct buffer out;
    struct error error;
    set_limits();
    buffer_init(&out);
    int r = write_report(folder, &out, &error);
    if (r < 0) {
        json_begin_object(&out, NULL);
        json_add_bool(&out, "sound", false);
        json_add_text(&out, "error", text_of(error.text));
        json_end_object(&out);
    }
    bool is_written = fwrite(out.bytes, 1, out.length, stdout) == out.length && fflush(stdout) == 0;
    buffer_deinit(&out);
    return is_written ? 0 : 74;
}
