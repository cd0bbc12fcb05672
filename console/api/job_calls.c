/* Jobs: backtests and tunings, as commands of `harrier` (jobs/jobs.h), and what they came to. */
#include "rule_calls.h"

#include "batch/base/machine.h"
#include "clients/cli/io/timestamp.h"
#include "clients/cli/terminal/folders.h"
#include "console/database/audit.h"
#include "console/jobs/job_files.h"
#include "console/jobs/job_result.h"
#include "console/jobs/jobs.h"
#include "console/policy/drafts.h"
#include "core/base/json_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define JOBS_MOST      200
#define CHANGES_MOST   200
#define CHANGES_LISTED 5000 /* of a backtest, chosen by their ids where there are more */
#define VALUE_MOST     256  /* bytes of an option */
#define RULES_MOST     8192

/* ---- what was asked for ---- */

struct order {
    struct call *call;
    struct buffer commands;
    json_t *request; /* what is kept of the form */
    int64_t draft;   /* the policy that it is about is this draft; -1: one of the archive */
};

static void add_word(struct order *order, const char *name, const char *value) {
    buffer_printf(&order->commands, "%s%s\n", name, value);
}

/* A word of a command is a line: no value may have a line break. */
static int check_value(const char *name, const char *value, struct error *ret_error) {
    for (const char *at = value; *at; at++)
        if ((unsigned char)*at < ' ')
            return error_set(ret_error, ERROR_INVALID, "%s: has a control character", name);
    return 0;
}

/* A member that may be missing: "". What is there is kept in the request. */
static int read_value(struct order *order, const char *name, size_t most, const char **ret_value,
                      struct error *ret_error) {
    const json_t *value = json_object_get(order->call->body, name);
    *ret_value = "";
    if (!value || json_is_null(value))
        return 0;
    int r = call_text(order->call, name, most, ret_value, ret_error);
    if (r == 0)
        r = check_value(name, *ret_value, ret_error);
    if (r == 0 && **ret_value)
        json_object_set_new(order->request, name, json_string(*ret_value));
    return r;
}

static int add_option(struct order *order, const char *member, const char *option, size_t most,
                      struct error *ret_error) {
    const char *value;
    int r = read_value(order, member, most, &value, ret_error);
    if (r == 0 && *value)
        add_word(order, option, value);
    return r;
}

static int read_time(struct order *order, const char *name, const char **ret_value,
                     struct error *ret_error) {
    static const struct timestamp_format format = {.kind = TIMESTAMP_RFC3339};
    int64_t at_us;
    int r = read_value(order, name, VALUE_MOST, ret_value, ret_error);
    if (r == 0 && **ret_value)
        r = timestamp_parse(text_of(*ret_value), &format, &at_us, ret_error);
    return r < 0 ? error_prefix(ret_error, "%s", name) : 0;
}

static int add_time(struct order *order, const char *member, const char *option,
                    struct error *ret_error) {
    const char *value;
    int r = read_time(order, member, &value, ret_error);
    if (r == 0 && *value)
        add_word(order, option, value);
    return r;
}

/* "2026-01-01T00:00:00Z..2026-01-08T00:00:00Z" of two members, both required. */
static int add_range(struct order *order, const char *from, const char *until, const char *option,
                     struct error *ret_error) {
    const char *first, *last;
    char range[2 * VALUE_MOST + 3];
    int r = read_time(order, from, &first, ret_error);
    if (r == 0)
        r = read_time(order, until, &last, ret_error);
    if (r == 0 && (!*first || !*last))
        r = error_set(ret_error, ERROR_INVALID, "%s: expected a time", *first ? until : from);
    if (r < 0)
        return r;
    snprintf(range, sizeof range, "%s..%s", first, last);
    add_word(order, option, range);
    return 0;
}

static int add_archive(struct order *order, struct error *ret_error) {
    char *archive = folder_of_archive(order->call->console->archive);
    char *whole = realpath(archive, NULL);
    int number = errno;
    int r = 0;
    if (whole && !strchr(whole, '\n'))
        add_word(order, "", whole);
    else
        r = error_set_errno(ret_error, whole ? EINVAL : number, "the archive %s", archive);
    free(whole);
    free(archive);
    return r;
}

/* "current", "previous", or the first digits of an id. */
static bool is_archived_policy(const char *name) {
    size_t digits = strspn(name, "0123456789abcdef");
    return strcmp(name, "current") == 0 || strcmp(name, "previous") == 0 ||
           (digits >= 4 && digits <= 16 && name[digits] == '\0');
}

/* A command of its own puts the policy, as the archive has it, into a folder of the job. */
static int add_archived(struct order *order, const char *name, const char *folder,
                        struct error *ret_error) {
    if (!is_archived_policy(name))
        return error_set(ret_error, ERROR_INVALID,
                         "policy: expected \"current\", \"previous\", or an id's first digits");
    add_word(order, "policy\nexport\n--progress=json", "");
    int r = add_archive(order, ret_error);
    add_word(order, name, "");
    add_word(order, folder, "");
    add_word(order, "", ""); /* the end of the command */
    return r;
}

/* The policy that the job is about. A draft is written into the job's folder when the job is made,
 * so that later changes of it do not count. */
static int add_policy(struct order *order, const char **ret_folder, struct error *ret_error) {
    const json_t *draft = json_object_get(order->call->body, "draft");
    const char *name;
    uint64_t id;
    order->draft = -1;
    int r = read_value(order, "policy", VALUE_MOST, &name, ret_error);
    if (r == 0 && draft && *name)
        r = error_set(ret_error, ERROR_INVALID, "policy and draft: expected one of them");
    if (r < 0)
        return r;
    if (!draft) {
        *ret_folder = "policy";
        return add_archived(order, name, "policy", ret_error);
    }
    r = call_number(order->call, "draft", &id, ret_error);
    if (r == 0)
        r = call_draft_check(order->call, (int64_t)id, ret_error);
    if (r < 0)
        return r;
    order->draft = (int64_t)id;
    json_object_set_new(order->request, "draft", json_integer((json_int_t)id));
    *ret_folder = JOB_GIVEN "/policy";
    return 0;
}

/* ---- backtest ---- */

static void add_threads(struct order *order) {
    char number[32];
    size_t half = machine_processors() / 2; /* the other half is the server's */
    snprintf(number, sizeof number, "%zu", half > 0 ? half : 1);
    add_word(order, "--threads=", number);
}

static int add_backtest(struct order *order, struct error *ret_error) {
    const char *policy, *against;
    char listed[32];
    int r = read_value(order, "against", VALUE_MOST, &against, ret_error);
    if (r == 0)
        r = add_policy(order, &policy, ret_error);
    bool has_against = r == 0 && strcmp(against, "served") != 0;
    if (has_against)
        r = add_archived(order, against, "against", ret_error);
    if (r < 0)
        return r;
    add_word(order, "replay\n--policy=", policy);
    if (has_against)
        add_word(order, "--against=against", "");
    snprintf(listed, sizeof listed, "%d", CHANGES_LISTED);
    add_word(order, "--json=" JOB_REPORT "\n--html=" JOB_PAGE "\n--progress=json\n--list=", listed);
    add_threads(order);
    r = add_time(order, "from", "--from=", ret_error);
    if (r == 0)
        r = add_time(order, "to", "--to=", ret_error);
    if (r == 0)
        r = add_option(order, "outcomes_after", "--outcomes-after=", VALUE_MOST, ret_error);
    if (r == 0)
        r = add_option(order, "review_price", "--review-price=", VALUE_MOST, ret_error);
    return r == 0 ? add_archive(order, ret_error) : r;
}

/* ---- tune ---- */

static int add_tune(struct order *order, struct error *ret_error) {
    static const struct {
        const char *member, *option;
        size_t most;
    } options[] = {
        {"budget", "--budget=", VALUE_MOST},
        {"target", "--target=", VALUE_MOST},
        {"max_money_missed", "--max-money-missed=", VALUE_MOST},
        {"catch", "--catch=", VALUE_MOST},
        {"only", "--only=", VALUE_MOST},
        {"rules", "--rules=", RULES_MOST},
        {"outcomes_after", "--outcomes-after=", VALUE_MOST},
    };
    const char *policy;
    int r = add_policy(order, &policy, ret_error);
    if (r < 0)
        return r;
    add_word(order, "tune\n--policy=", policy);
    add_word(order, "--json\n--out=" JOB_TUNED "\n--progress=json", "");
    add_threads(order);
    r = add_range(order, "train_from", "train_until", "--train=", ret_error);
    if (r == 0)
        r = add_range(order, "test_from", "test_until", "--test=", ret_error);
    for (size_t i = 0; i < sizeof options / sizeof *options && r == 0; i++)
        r = add_option(order, options[i].member, options[i].option, options[i].most, ret_error);
    return r == 0 ? add_archive(order, ret_error) : r;
}

/* ---- beginning ---- */

static int note(const struct call *call, int64_t id, const char *before, const char *after,
                struct error *ret_error) {
    char subject[32];
    snprintf(subject, sizeof subject, "job %" PRId64, id);
    const struct audit_entry entry = {.at_us = call->now_us,
                                      .person = call->session.person.name,
                                      .address = call->address,
                                      .action = "job",
                                      .subject = subject,
                                      .before = before,
                                      .after = after};
    return audit_add(call->console->sql, &entry, ret_error);
}

static void answer_id(struct call *call, int64_t id) {
    struct buffer *out = &call->answer->body;
    json_begin_object(out, NULL);
    json_add_signed(out, "id", id);
    json_end_object(out);
}

static int give_draft(void *user, const char *folder, struct error *ret_error) {
    const struct order *order = user;
    char path[JOB_PATH_SIZE];
    if (order->draft < 0)
        return 0;
    if (snprintf(path, sizeof path, "%s/policy", folder) >= (int)sizeof path)
        return error_set(ret_error, ERROR_INVALID, "the path of the data folder is too long");
    if (mkdir(path, 0700) < 0)
        return error_set_errno(ret_error, errno, "cannot create %s", path);
    return draft_write(order->call->console->sql, order->draft, path, ret_error);
}

static int add_job(struct order *order, const struct job_order *job, struct error *ret_error) {
    struct call *call = order->call;
    struct sql *sql = call->console->sql;
    struct jobs *jobs = call->console->jobs;
    int64_t id = 0;
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = jobs_add(jobs, job, give_draft, order, call->now_us, &id, ret_error);
    bool is_made = r == 0;
    if (r == 0)
        r = note(call, id, "", job->request, ret_error);
    struct error end_error;
    int ended = sql_end(sql, r == 0, &end_error);
    if (ended < 0 && r == 0) {
        *ret_error = end_error;
        r = ended;
    }
    if (r < 0 && is_made)
        jobs_forget(jobs, id);
    if (r < 0)
        return r;
    jobs_wake(jobs);
    answer_id(call, id);
    return 0;
}

static int has_jobs(const struct call *call, struct error *ret_error) {
    if (call->console->jobs)
        return 0;
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "this console runs no jobs: its operator starts it with --jobs 1");
}

int jobs_begin(struct call *call, struct error *ret_error) {
    struct order order = {.call = call, .request = json_object()};
    const char *kind;
    buffer_init(&order.commands);
    int r = has_jobs(call, ret_error);
    if (r == 0)
        r = call_text(call, "kind", VALUE_MOST, &kind, ret_error);
    if (r == 0 && strcmp(kind, "backtest") == 0)
        r = add_backtest(&order, ret_error);
    else if (r == 0 && strcmp(kind, "tune") == 0)
        r = add_tune(&order, ret_error);
    else if (r == 0)
        r = error_set(ret_error, ERROR_INVALID, "kind: expected backtest or tune");
    buffer_append_u8(&order.commands, '\0');
    char *request = json_dumps(order.request, JSON_COMPACT);
    const struct job_order job = {.kind = kind,
                                  .person = call->session.person.name,
                                  .request = request,
                                  .commands = (const char *)order.commands.bytes};
    if (r == 0)
        r = add_job(&order, &job, ret_error);
    free(request);
    json_decref(order.request);
    buffer_deinit(&order.commands);
    return r;
}

/* ---- again, cancel ---- */

static int read_id(const struct call *call, int64_t *ret_id, struct error *ret_error) {
    uint64_t id;
    int r = has_jobs(call, ret_error);
    if (r == 0)
        r = call_number(call, "id", &id, ret_error);
    if (r == 0)
        *ret_id = (int64_t)id;
    return r;
}

static int queue_again(const struct call *call, int64_t id, struct error *ret_error) {
    struct job job;
    int r = job_table_find(call->console->sql, id, &job, ret_error);
    if (r < 0)
        return r;
    enum job_state state = job.state;
    job_deinit(&job);
    r = job_table_again(call->console->sql, id, ret_error);
    if (r == 1)
        return error_set(ret_error, ERROR_EXISTS, "it is %s: nothing to begin again",
                         job_state_name(state));
    return r < 0 ? r : note(call, id, job_state_name(state), "queued", ret_error);
}

int jobs_repeat(struct call *call, struct error *ret_error) {
    struct sql *sql = call->console->sql;
    int64_t id;
    int r = read_id(call, &id, ret_error);
    if (r == 0)
        r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = queue_again(call, id, ret_error);
    struct error end_error;
    int ended = sql_end(sql, r == 0, &end_error);
    if (ended < 0 && r == 0) {
        *ret_error = end_error;
        r = ended;
    }
    if (r < 0)
        return r;
    jobs_wake(call->console->jobs);
    answer_id(call, id);
    return 0;
}

int jobs_stop_one(struct call *call, struct error *ret_error) {
    struct sql *sql = call->console->sql;
    int64_t id;
    int r = read_id(call, &id, ret_error);
    if (r == 0)
        r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = jobs_cancel(call->console->jobs, id, call->now_us, ret_error);
    bool runs = r == 1;
    if (r >= 0)
        r = note(call, id, runs ? "running" : "queued", "cancelled", ret_error);
    struct error end_error;
    int ended = sql_end(sql, r == 0, &end_error);
    if (ended < 0 && r == 0) {
        *ret_error = end_error;
        r = ended;
    }
    if (r < 0)
        return r;
    if (runs)
        jobs_end(call->console->jobs, id);
    answer_id(call, id);
    return 0;
}

/* ---- a tuning's policy as a draft ---- */

/* The person's draft of a file becomes the tuned one, if it is what the tuning began from. */
static int put_file(const struct call *call, const struct draft_author *author, int64_t draft,
                    const struct policy_file *from, const struct policy_file *to,
                    struct error *ret_error) {
    struct file_set files = {0};
    struct draft found;
    int64_t revision;
    int r = draft_find(call->console->sql, draft, &found, ret_error);
    if (r == 0)
        r = draft_files(call->console->sql, draft, &files, ret_error);
    if (r < 0)
        return r;
    char *path = text_copy(to->path);
    const struct policy_file *present = file_set_find(&files, to->path);
    if (!present || !from || !text_equal(present->content, from->content))
        r = error_set(ret_error, ERROR_EXISTS,
                      "%s of your draft is not what was tuned: discard the draft, or tune it",
                      path);
    const struct draft_edit edit = {.draft = draft,
                                    .revision = found.revision,
                                    .path = path,
                                    .remove = r == 0 ? present->content.length : 0,
                                    .insert = to->content};
    if (r == 0)
        r = draft_edit(call->console->sql, author, &edit, &revision, ret_error);
    free(path);
    file_set_deinit(&files);
    return r;
}

static int put_files(const struct call *call, const struct file_set *from,
                     const struct file_set *to, int64_t *ret_draft, struct error *ret_error) {
    const struct draft_author author = {
        .person = call->session.person.name, .address = call->address, .now_us = call->now_us};
    int r = draft_begin(call->console->sql, &author, ret_draft, ret_error);
    for (size_t i = 0; i < to->count && r == 0; i++) {
        const struct policy_file *before = file_set_find(from, to->files[i].path);
        if (!before || !text_equal(before->content, to->files[i].content))
            r = put_file(call, &author, *ret_draft, before, &to->files[i], ret_error);
    }
    return r;
}

static int read_policies(const struct call *call, const struct job *job, struct file_set *ret_from,
                         struct file_set *ret_to, struct error *ret_error) {
    const char *folder = jobs_folder(call->console->jobs);
    char from[JOB_PATH_SIZE], to[JOB_PATH_SIZE];
    struct stat status;
    int r = job_files_path(folder, job->id, JOB_GIVEN "/policy", from, ret_error);
    if (r == 0 && stat(from, &status) < 0)
        r = job_files_path(folder, job->id, "policy", from, ret_error);
    if (r == 0)
        r = job_files_path(folder, job->id, JOB_TUNED, to, ret_error);
    if (r == 0 && stat(to, &status) < 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "the job found no better policy");
    if (r == 0)
        r = file_set_read(from, ret_from, ret_error);
    return r == 0 ? file_set_read(to, ret_to, ret_error) : r;
}

int jobs_draft(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct file_set from = {0}, to = {0};
    int64_t id, draft = 0;
    struct job job;
    int r = read_id(call, &id, ret_error);
    if (r == 0)
        r = job_table_find(call->console->sql, id, &job, ret_error);
    if (r < 0)
        return r;
    r = read_policies(call, &job, &from, &to, ret_error);
    job_deinit(&job);
    if (r == 0)
        r = put_files(call, &from, &to, &draft, ret_error);
    file_set_deinit(&from);
    file_set_deinit(&to);
    if (r < 0)
        return r;
    json_begin_object(out, NULL);
    json_add_signed(out, "draft", draft);
    json_end_object(out);
    return 0;
}

/* ---- showing ---- */

int jobs_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    uint64_t before, limit;
    int r = has_jobs(call, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "before", INT64_MAX, 0, &before, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "limit", JOBS_MOST, 100, &limit, ret_error);
    if (r < 0)
        return r;
    json_begin_object(out, NULL);
    json_add_time(out, "now", call->now_us);
    r = job_table_list(call->console->sql, (int64_t)before, (int64_t)limit, jobs_write_progress,
                       call->console->jobs, out, ret_error);
    json_end_object(out);
    return r;
}

static int read_query_id(const struct call *call, int64_t *ret_id, struct error *ret_error) {
    uint64_t id;
    int r = has_jobs(call, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "id", INT64_MAX, 0, &id, ret_error);
    if (r == 0)
        *ret_id = (int64_t)id;
    return r;
}

/* A file of the job of the query; the job must be there, and done. */
static int find_file(const struct call *call, const char *name, char ret_path[JOB_PATH_SIZE],
                     struct job *ret_job, struct error *ret_error) {
    int64_t id;
    int r = read_query_id(call, &id, ret_error);
    if (r == 0)
        r = job_table_find(call->console->sql, id, ret_job, ret_error);
    if (r < 0)
        return r;
    if (ret_job->state != JOB_DONE) {
        r = error_set(ret_error, ERROR_NOT_FOUND, "the job is %s: it has no result",
                      job_state_name(ret_job->state));
        job_deinit(ret_job);
        return r;
    }
    return job_files_path(jobs_folder(call->console->jobs), id, name, ret_path, ret_error);
}

/* One job and, once it is done, its result: `report` of a backtest, `tuning` of a tuning. */
int jobs_result(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    char path[JOB_PATH_SIZE];
    struct job job;
    int64_t id;
    int r = read_query_id(call, &id, ret_error);
    if (r == 0)
        r = job_table_find(call->console->sql, id, &job, ret_error);
    if (r < 0)
        return r;
    bool is_tuning = strcmp(job.kind, "tune") == 0, is_done = job.state == JOB_DONE;
    job_deinit(&job);
    json_begin_object(out, NULL);
    json_add_time(out, "now", call->now_us);
    r = job_table_show(call->console->sql, id, jobs_write_progress, call->console->jobs, out,
                       ret_error);
    if (r == 0)
        r = job_files_path(jobs_folder(call->console->jobs), id,
                           is_tuning ? JOB_OUTPUT : JOB_FIGURES, path, ret_error);
    if (r == 0 && is_done)
        r = job_result_add(path, is_tuning ? "tuning" : "report", out, ret_error);
    json_end_object(out);
    return r;
}

static int read_step(const struct call *call, int *ret_step, struct error *ret_error) {
    const char *value = web_query(call->request, "step");
    *ret_step = strcmp(value, "stricter") == 0 ? 1 : strcmp(value, "milder") == 0 ? -1 : 0;
    if (*value && *ret_step == 0)
        return error_set(ret_error, ERROR_INVALID, "step: expected stricter or milder");
    return 0;
}

int jobs_changes(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct job_changes_query query;
    char path[JOB_PATH_SIZE];
    uint64_t limit;
    struct job job;
    int r = call_verdicts(call, "before", &query.before, ret_error);
    if (r == 0)
        r = call_verdicts(call, "after", &query.after, ret_error);
    if (r == 0)
        r = read_step(call, &query.step, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "at", INT64_MAX, 0, &query.at, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "limit", CHANGES_MOST, 50, &limit, ret_error);
    if (r == 0)
        r = find_file(call, JOB_CHANGES, path, &job, ret_error);
    if (r < 0)
        return r;
    job_deinit(&job);
    query.limit = limit > 0 ? limit : 1;
    json_begin_object(out, NULL);
    r = job_result_changes(path, &query, out, ret_error);
    json_end_object(out);
    return r;
}

/* The replay's own page has its script and its style inside, which the console's policy for pages
 * forbids: it is a file to be saved, never shown as one of ours. */
int jobs_report(struct call *call, struct error *ret_error) {
    char path[JOB_PATH_SIZE];
    struct job job;
    int r = find_file(call, JOB_PAGE, path, &job, ret_error);
    if (r < 0)
        return r;
    job_deinit(&job);
    call->answer->type = "text/html; charset=utf-8";
    call->answer->disposition = "attachment; filename=\"backtest.html\"";
    return job_result_read(path, &call->answer->body, ret_error);
}
