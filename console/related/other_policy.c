#include "other_policy.h"

#include "batch/policies/policy_history.h"
#include "batch/verify/explain.h"
#include "clients/c/convert/reply.h"
#include "clients/cli/explain/explain_json.h"
#include "core/base/json_writer.h"
#include "core/store/explain/explain.h"
#include "server/ops/clock.h"

#define LISTED_MOST 100

struct deadline {
    struct progress progress; /* first */
    int64_t ends_us;
    const atomic_bool *stop;
};

static int watch(struct progress *self, const char *stage, uint64_t done, uint64_t total) {
    const struct deadline *deadline = (const struct deadline *)self;
    (void)stage;
    (void)done;
    (void)total;
    return atomic_load(deadline->stop) || clock_monotonic_us(&clock_system) > deadline->ends_us;
}

static int write_reply(const struct explanation *explanation, struct buffer *out,
                       struct error *ret_error) {
    const struct response response = {.call = CALL_EXPLAIN, .explain = explanation};
    struct harrier_reply *reply = reply_new(&response);
    if (!reply)
        return error_set(ret_error, ERROR_TOO_LARGE, "the explanation takes too much memory");
    explain_json_format(reply->explanation, out);
    harrier_reply_free(reply);
    return 0;
}

int other_policy_write(const struct other_policy_job *job, struct buffer *out,
                       struct error *ret_error) {
    struct deadline deadline = {.progress = {.update = watch},
                                .ends_us = clock_monotonic_us(&clock_system) + OTHER_POLICY_US,
                                .stop = job->stop};
    const struct explain_job explain = {.archive = job->archive,
                                        .generations = job->generations,
                                        .id = job->id,
                                        .position = job->position,
                                        .loaded = job->policy,
                                        .threads = OTHER_POLICY_THREADS};
    struct explanation explanation;
    struct arena arena;
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    int r = explain_run(&explain, &deadline.progress, &arena, &explanation, ret_error);
    if (r == -(int)ERROR_INTERRUPTED && !atomic_load(job->stop))
        r = error_set(ret_error, ERROR_DEADLINE,
                      "this takes longer than %d s, as the archive is read from its first record: "
                      "harrier explain --policy gives it on the command line",
                      (int)(OTHER_POLICY_US / 1000000));
    if (r == 0)
        r = write_reply(&explanation, out, ret_error);
    arena_deinit(&arena);
    return r;
}

static bool is_listed(const struct policy_history *history, size_t index) {
    uint64_t id = policy_history_at(history, index)->snapshot_id;
    for (size_t i = index + 1; i < policy_history_count(history); i++)
        if (policy_history_at(history, i)->snapshot_id == id)
            return true;
    return false;
}

int other_policy_list(const char *archive, struct buffer *out, struct error *ret_error) {
    static const char *const uses[] = {[POLICY_LIVE] = "live",
                                       [POLICY_CHALLENGER] = "challenger",
                                       [POLICY_SHADOW] = "shadow",
                                       [POLICY_BUILT] = "built"};
    const struct policy_history_options options = {.archive = archive};
    struct policy_history *history;
    int r = policy_history_open(&options, NULL, &history, ret_error);
    if (r < 0)
        return r;
    json_begin_array(out, "policies");
    for (size_t i = policy_history_count(history), listed = 0; i-- > 0 && listed < LISTED_MOST;) {
        const struct policy_adoption *adoption = policy_history_at(history, i);
        if (is_listed(history, i))
            continue;
        json_begin_object(out, NULL);
        json_add_hex(out, "id", adoption->snapshot_id);
        json_add_text(out, "name", adoption->name);
        json_add_text(out, "use", text_of(uses[adoption->use]));
        json_add_time(out, "since", adoption->receive_time_us);
        json_end_object(out);
        listed++;
    }
    json_end_array(out);
    policy_history_close(history);
    return 0;
}
