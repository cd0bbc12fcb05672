/* Submitting a draft, deciding about it, and going back to a policy as it was. */
#include "rule_calls.h"

#include "batch/policies/policy_history.h"
#include "clients/cli/terminal/folders.h"
#include "console/jobs/job_files.h"
#include "console/jobs/jobs.h"
#include "console/policy/checker.h"
#include "console/policy/put_in_place.h"
#include "console/policy/submissions.h"
#include "console/policy/versions.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MOST   100
#define HISTORY_MOST 200

/* ---- checking what is submitted ---- */

/* What loads, passes its cases, and gives the same policy when it is in a folder. */
static int check_sound(const struct buffer *report, const struct file_set *files,
                       struct error *ret_error) {
    char hash[POLICY_HASH_SIZE];
    json_t *root = json_loadb((const char *)report->bytes, report->length, 0, NULL);
    const char *found = json_string_value(json_object_get(root, "hash"));
    int r = 0;
    file_set_hash(files, hash);
    if (!json_is_true(json_object_get(root, "sound")))
        r = error_set(ret_error, ERROR_INVALID,
                      "the policy has errors or cases that fail: the server would refuse it");
    else if (!found || strcmp(found, hash) != 0)
        r = error_set(
            ret_error, ERROR_INVALID,
            "the policy has files that it does not use: a file in lists/ or models/ takes "
            "a line in lists.yaml or models.yaml");
    json_decref(root);
    return r;
}

static int check_job(const struct call *call, int64_t id, struct error *ret_error) {
    struct job job;
    int r = call->console->jobs
                ? job_table_find(call->console->sql, id, &job, ret_error)
                : error_set(ret_error, ERROR_UNSUPPORTED, "backtest: this console runs no jobs");
    if (r < 0)
        return r;
    if (strcmp(job.kind, "backtest") != 0 || job.state != JOB_DONE)
        r = error_set(ret_error, ERROR_INVALID,
                      "backtest: job %" PRId64 " (%s, %s) is no backtest that is done", id,
                      job.kind, job_state_name(job.state));
    job_deinit(&job);
    return r;
}

/* Whoever decides reads its figures as those of what was submitted. */
static int check_backtest(const struct call *call, const struct submission_request *request,
                          struct error *ret_error) {
    char path[JOB_PATH_SIZE], hash[POLICY_HASH_SIZE], tested[POLICY_HASH_SIZE] = "";
    struct file_set given;
    struct error missing; /* it was of a policy of the archive */
    if (request->backtest == 0)
        return 0;
    int r = check_job(call, request->backtest, ret_error);
    if (r == 0)
        r = job_files_path(jobs_folder(call->console->jobs), request->backtest, JOB_GIVEN "/policy",
                           path, ret_error);
    if (r < 0)
        return r;
    if (file_set_read(path, &given, &missing) == 0) {
        file_set_hash(&given, tested);
        file_set_deinit(&given);
    }
    file_set_hash(request->files, hash);
    return strcmp(hash, tested) == 0
               ? 0
               : error_set(ret_error, ERROR_INVALID,
                           "backtest: job %" PRId64 " was of another policy than this draft as it "
                           "is now: backtest the draft again, or leave the number out",
                           request->backtest);
}

/* Of the report, what a submission keeps: rules and names can be had from the policy. */
static char *keep_report(const struct buffer *report) {
    static const char *const left_out[] = {"names", "functions"};
    json_t *root = json_loadb((const char *)report->bytes, report->length, 0, NULL);
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        json_object_del(root, left_out[i]);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

static int submit_files(struct call *call, const struct submission_request *request,
                        int64_t *ret_id, struct error *ret_error) {
    const struct draft_author author = call_author(call);
    struct submission_request whole = *request;
    struct buffer report;
    buffer_init(&report);
    int r = checker_run(call->console->checker, request->files, &report, ret_error);
    if (r == 0)
        r = check_sound(&report, request->files, ret_error);
    if (r == 0)
        r = check_backtest(call, request, ret_error);
    if (r == 0) {
        char *text = keep_report(&report);
        whole.report = text;
        r = submission_add(call->console->sql, &author, &whole, ret_id, ret_error);
        free(text);
    }
    buffer_deinit(&report);
    return r;
}

static void answer_id(struct call *call, int64_t id) {
    json_begin_object(&call->answer->body, NULL);
    json_add_signed(&call->answer->body, "submission", id);
    json_end_object(&call->answer->body);
}

/* ---- submitting ---- */

static int load_draft(struct call *call, int64_t draft, struct file_set *base,
                      struct file_set *files, struct error *ret_error) {
    char live[POLICY_HASH_SIZE];
    struct draft found;
    int r = draft == 0 ? error_set(ret_error, ERROR_INVALID, "draft: expected one")
                       : call_draft_check(call, draft, ret_error);
    if (r == 0)
        r = draft_find(call->console->sql, draft, &found, ret_error);
    if (r == 0)
        r = policy_live(call->console->sql, base, ret_error);
    if (r < 0)
        return r;
    file_set_hash(base, live);
    if (strcmp(live, found.base) != 0)
        return error_set(
            ret_error, ERROR_EXISTS,
            "the live policy has changed since this draft began: take over its changes "
            "first");
    return draft_files(call->console->sql, draft, files, ret_error);
}

static int read_words(const struct call *call, const char *member, bool is_needed,
                      const char **ret_text, struct error *ret_error) {
    int r = call_text(call, member, SUBMISSION_TEXT_MAX, ret_text, ret_error);
    if (r == 0 && is_needed && (*ret_text)[strspn(*ret_text, " \t\r\n")] == '\0')
        r = error_set(ret_error, ERROR_INVALID, "%s: say what and why", member);
    return r;
}

int rules_submit(struct call *call, struct error *ret_error) {
    struct submission_request request = {.kind = SUBMISSION_KIND_CHANGE};
    struct file_set base = {0}, files = {0};
    uint64_t draft, backtest = 0;
    int64_t id = 0;
    int r = call_number(call, "draft", &draft, ret_error);
    if (r == 0)
        r = read_words(call, "message", true, &request.message, ret_error);
    if (r == 0 && json_object_get(call->body, "backtest"))
        r = call_number(call, "backtest", &backtest, ret_error);
    if (r == 0)
        r = load_draft(call, (int64_t)draft, &base, &files, ret_error);
    request.base = &base;
    request.files = &files;
    request.backtest = (int64_t)backtest;
    if (r == 0)
        r = submit_files(call, &request, &id, ret_error);
    file_set_deinit(&base);
    file_set_deinit(&files);
    if (r == 0)
        answer_id(call, id);
    return r;
}

/* ---- looking ---- */

int submissions_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    json_begin_object(out, NULL);
    int r = submissions_list(call->console->sql, SHOWN_MOST, out, ret_error);
    json_end_object(out);
    return r;
}

int submission_look(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct file_set base = {0}, files = {0};
    struct submission it;
    uint64_t id;
    int r = web_query_number(call->request, "id", INT64_MAX, 0, &id, ret_error);
    if (r == 0)
        r = submission_find(call->console->sql, (int64_t)id, &it, ret_error);
    if (r == 0)
        r = version_load(call->console->sql, it.base, &base, ret_error);
    if (r == 0)
        r = version_load(call->console->sql, it.version, &files, ret_error);
    if (r == 0) {
        json_begin_object(out, NULL);
        r = submission_show(call->console->sql, (int64_t)id, out, ret_error);
        rules_add_diff(out, &base, &files);
        json_end_object(out);
    }
    file_set_deinit(&base);
    file_set_deinit(&files);
    return r;
}

/* ---- deciding ---- */

/* A person who may decide, but not about this one. */
static int forbidden(struct call *call, int r) {
    if (r == -(int)ERROR_DENIED)
        call->answer->status = 403;
    return r;
}

static int answer_submission(struct call *call, int64_t id, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    json_begin_object(out, NULL);
    int r = submission_show(call->console->sql, id, out, ret_error);
    json_end_object(out);
    return r;
}

int submission_approve(struct call *call, struct error *ret_error) {
    const struct draft_author person = call_author(call);
    const char *hash, *comment;
    uint64_t id;
    int r = call_number(call, "submission", &id, ret_error);
    if (r == 0)
        r = call_text(call, "hash", POLICY_HASH_SIZE, &hash, ret_error);
    if (r == 0)
        r = read_words(call, "comment", false, &comment, ret_error);
    if (r == 0)
        r = placer_approve(call->console->placer, &person, (int64_t)id, hash, comment, ret_error);
    return r < 0 ? forbidden(call, r) : answer_submission(call, (int64_t)id, ret_error);
}

static int close_as(struct call *call, const char *state, bool is_needed, struct error *ret_error) {
    const struct draft_author person = call_author(call);
    const char *comment;
    uint64_t id;
    int r = call_number(call, "submission", &id, ret_error);
    if (r == 0)
        r = read_words(call, "comment", is_needed, &comment, ret_error);
    if (r == 0)
        r = submission_close(call->console->sql, &person, (int64_t)id, state, comment, ret_error);
    return r < 0 ? forbidden(call, r) : answer_submission(call, (int64_t)id, ret_error);
}

int submission_reject(struct call *call, struct error *ret_error) {
    return close_as(call, "rejected", true, ret_error);
}

int submission_withdraw(struct call *call, struct error *ret_error) {
    return close_as(call, "withdrawn", false, ret_error);
}

/* ---- going back ---- */

static int open_history(const struct call *call, struct policy_history **ret_history,
                        struct error *ret_error) {
    char *archive = folder_of_archive(call->console->archive);
    const struct policy_history_options options = {.archive = archive};
    int r = policy_history_open(&options, NULL, ret_history, ret_error);
    free(archive);
    return r;
}

int rules_history(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct policy_history *history;
    size_t shown = 0;
    int r = open_history(call, &history, ret_error);
    if (r < 0)
        return r;
    json_begin_object(out, NULL);
    json_begin_array(out, "policies");
    for (size_t i = policy_history_count(history); i-- > 0 && shown < HISTORY_MOST;) {
        const struct policy_adoption *adoption = policy_history_at(history, i);
        if (adoption->use != POLICY_LIVE)
            continue;
        json_begin_object(out, NULL);
        json_add_unsigned(out, "position", adoption->position);
        json_add_hex(out, "snapshot", adoption->snapshot_id);
        json_add_text(out, "name", adoption->name);
        json_add_time(out, "from", adoption->receive_time_us);
        if (adoption->until_position)
            json_add_time(out, "until", adoption->until_us);
        json_end_object(out);
        shown++;
    }
    json_end_array(out);
    json_end_object(out);
    policy_history_close(history);
    return 0;
}

/* The policy whose adoption has this position. */
static int load_adopted(const struct call *call, uint64_t position, struct file_set *files,
                        struct error *ret_error) {
    struct policy_history *history;
    struct policy_version version;
    const struct policy_adoption *adoption = NULL;
    int r = open_history(call, &history, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < policy_history_count(history); i++)
        if (policy_history_at(history, i)->position == position)
            adoption = policy_history_at(history, i);
    r = adoption ? policy_history_load(history, adoption, &version, ret_error)
                 : error_set(ret_error, ERROR_NOT_FOUND,
                             "no policy was adopted at position %" PRIu64, position);
    if (r == 0) {
        for (size_t i = 0; i < version.file_count; i++)
            file_set_put(files, version.files[i].path, version.files[i].content);
        policy_version_deinit(&version);
    }
    policy_history_close(history);
    return r;
}

static int check_seen(const struct file_set *live, const char *seen, struct error *ret_error) {
    char hash[POLICY_HASH_SIZE];
    file_set_hash(live, hash);
    return strcmp(hash, seen) == 0
               ? 0
               : error_set(ret_error, ERROR_EXISTS,
                           "the live policy has changed meanwhile: load the page again");
}

/* What would change. */
int rules_compare(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct file_set live = {0}, files = {0};
    uint64_t position;
    int r = web_query_number(call->request, "position", INT64_MAX, 0, &position, ret_error);
    if (r == 0)
        r = policy_live(call->console->sql, &live, ret_error);
    if (r == 0)
        r = load_adopted(call, position, &files, ret_error);
    if (r == 0) {
        json_begin_object(out, NULL);
        rules_add_diff(out, &live, &files);
        json_end_object(out);
    }
    file_set_deinit(&live);
    file_set_deinit(&files);
    return r;
}

int rules_roll_back(struct call *call, struct error *ret_error) {
    const struct draft_author person = call_author(call);
    struct submission_request request = {.kind = SUBMISSION_KIND_ROLLBACK};
    struct file_set live = {0}, files = {0};
    char hash[POLICY_HASH_SIZE];
    const char *seen;
    uint64_t position;
    int64_t id = 0;
    int r = call_number(call, "position", &position, ret_error);
    if (r == 0)
        r = call_text(call, "live", POLICY_HASH_SIZE, &seen, ret_error);
    if (r == 0)
        r = read_words(call, "reason", true, &request.message, ret_error);
    if (r == 0)
        r = policy_live(call->console->sql, &live, ret_error);
    if (r == 0)
        r = check_seen(&live, seen, ret_error);
    if (r == 0)
        r = load_adopted(call, position, &files, ret_error);
    request.base = &live;
    request.files = &files;
    if (r == 0)
        r = submit_files(call, &request, &id, ret_error);
    if (r == 0) {
        file_set_hash(&files, hash);
        r = placer_approve(call->console->placer, &person, id, hash, "", ret_error);
        struct error ignored; /* an open one would wait for a second person, who is not needed */
        if (r < 0)
            submission_close(call->console->sql, &person, id, "withdrawn", ret_error->text,
                             &ignored);
    }
    file_set_deinit(&live);
    file_set_deinit(&files);
    return r < 0 ? r : answer_submission(call, id, ret_error);
}
