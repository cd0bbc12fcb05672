/* What is around a transaction. All of it is read from the archive, beside the server. */
#include "call.h"

#include "clients/cli/terminal/folders.h"
#include "console/policy/checker.h"
#include "console/policy/drafts.h"
#include "console/related/other_policy.h"
#include "console/related/related.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int read_transaction(const struct call *call, const char **ret_id, uint64_t *ret_position,
                            struct error *ret_error) {
    *ret_id = web_query(call->request, "id");
    if (**ret_id == '\0' || strlen(*ret_id) > TRANSACTION_ID_MAX)
        return error_set(ret_error, ERROR_INVALID, "id: expected a transaction's id");
    return web_query_number(call->request, "position", INT64_MAX, 0, ret_position, ret_error);
}

int related_show(struct call *call, struct error *ret_error) {
    char *archive = folder_of_archive(call->console->archive);
    struct related_job job = {.archive = archive, .policies = call->console->policies};
    const char *id;
    int r = read_transaction(call, &id, &job.position, ret_error);
    job.id = text_of(id);
    if (r == 0) {
        struct searches_find taken = searches_take(call->console->searches);
        job.find = taken.find;
        r = related_write(&job, &call->answer->body, ret_error);
        searches_give(call->console->searches, taken);
    }
    free(archive);
    return r;
}

int policies_show(struct call *call, struct error *ret_error) {
    char *archive = folder_of_archive(call->console->archive);
    json_begin_object(&call->answer->body, NULL);
    int r = other_policy_list(archive, &call->answer->body, ret_error);
    if (r == 0)
        r = drafts_list(call->console->sql, call->session.person.name, &call->answer->body,
                        ret_error);
    json_end_object(&call->answer->body);
    free(archive);
    return r;
}

/* Given the archive's folder alone, there are no tables. */
static char *find_generations(const char *folder, const char *archive) {
    struct stat status;
    char *generations = folder_in(folder, FOLDER_GENERATIONS);
    if (strcmp(folder, archive) != 0 && stat(generations, &status) == 0)
        return generations;
    free(generations);
    return NULL;
}

/* One's own draft, or, for those who approve, anybody's. It is loaded elsewhere first: what takes
 * too much time or memory must not do so here. */
static int load_draft(struct call *call, uint64_t number, struct snapshot **ret_policy,
                      struct error *ret_error) {
    struct sql *sql = call->console->sql;
    struct file_set files;
    struct buffer messages;
    struct draft draft;
    int r = draft_find(sql, (int64_t)number, &draft, ret_error);
    if (r == 0 && strcmp(draft.person, call->session.person.name) != 0 &&
        call->session.person.role < ROLE_APPROVER)
        r = error_set(ret_error, ERROR_NOT_FOUND, "there is no such draft of yours");
    if (r == 0)
        r = draft_files(sql, draft.id, &files, ret_error);
    if (r < 0)
        return r;
    buffer_init(&messages);
    r = checker_run(call->console->checker, &files, &messages, ret_error);
    if (r == 0)
        r = snapshot_load(files.files, files.count, ret_policy, &messages, ret_error);
    buffer_deinit(&messages);
    file_set_deinit(&files);
    return r;
}

static int load_other(struct call *call, const char *archive, struct snapshot **ret_policy,
                      struct error *ret_error) {
    uint64_t draft, policy;
    int r = web_query_number(call->request, "draft", INT64_MAX, 0, &draft, ret_error);
    if (r < 0 || draft > 0)
        return r < 0 ? r : load_draft(call, draft, ret_policy, ret_error);
    if (hash_parse_hex(text_of(web_query(call->request, "policy")), &policy) < 0)
        return error_set(ret_error, ERROR_INVALID, "policy: expected the 16 hex digits of an id");
    return policy_cache_get(call->console->policies, archive, policy, ret_policy, ret_error);
}

static int ask_other(struct call *call, struct other_policy_job *job, struct error *ret_error) {
    struct console *console = call->console;
    if (atomic_exchange(&console->is_judging, true))
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "another transaction is being decided again: try it in some seconds");
    int r = load_other(call, job->archive, &job->policy, ret_error);
    if (r == 0)
        r = other_policy_write(job, &call->answer->body, ret_error);
    snapshot_unref(job->policy);
    atomic_store(&console->is_judging, false);
    return r;
}

int other_policy_show(struct call *call, struct error *ret_error) {
    struct other_policy_job job = {.stop = &call->console->is_ending};
    int r = read_transaction(call, &job.id, &job.position, ret_error);
    if (r < 0)
        return r;
    char *archive = folder_of_archive(call->console->archive);
    char *generations = find_generations(call->console->archive, archive);
    job.archive = archive;
    job.generations = generations;
    r = ask_other(call, &job, ret_error);
    free(generations);
    free(archive);
    return r;
}
