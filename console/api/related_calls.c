/* What is around a transaction. All of it is read from the archive, beside the server. */
#include "call.h"

#include "clients/cli/terminal/folders.h"
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
    if (r == 0)
        r = related_write(&job, &call->answer->body, ret_error);
    free(archive);
    return r;
}

int policies_show(struct call *call, struct error *ret_error) {
    char *archive = folder_of_archive(call->console->archive);
    json_begin_object(&call->answer->body, NULL);
    int r = other_policy_list(archive, &call->answer->body, ret_error);
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

static int ask_other(struct call *call, struct other_policy_job *job, uint64_t policy,
                     struct error *ret_error) {
    struct console *console = call->console;
    if (atomic_exchange(&console->is_judging, true))
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "another transaction is being decided again: try it in some seconds");
    int r = policy_cache_get(console->policies, job->archive, policy, &job->policy, ret_error);
    if (r == 0)
        r = other_policy_write(job, &call->answer->body, ret_error);
    snapshot_unref(job->policy);
    atomic_store(&console->is_judging, false);
    return r;
}

int other_policy_show(struct call *call, struct error *ret_error) {
    struct other_policy_job job = {.stop = &call->console->is_ending};
    uint64_t policy;
    int r = read_transaction(call, &job.id, &job.position, ret_error);
    if (r == 0 && hash_parse_hex(text_of(web_query(call->request, "policy")), &policy) < 0)
        r = error_set(ret_error, ERROR_INVALID, "policy: expected the 16 hex digits of an id");
    if (r < 0)
        return r;
    char *archive = folder_of_archive(call->console->archive);
    char *generations = find_generations(call->console->archive, archive);
    job.archive = archive;
    job.generations = generations;
    r = ask_other(call, &job, policy, ret_error);
    free(generations);
    free(archive);
    return r;
}
