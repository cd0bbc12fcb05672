/* All cases are run even after one failed, so that one reload shows everything there is to mend. */
#include "admission.h"

#include "core/engine/trial.h"

#include <stdio.h>
#include <string.h>

static bool is_asked_to_stop(const atomic_bool *stop) {
    return stop && atomic_load(stop);
}

static int refuse(const struct snapshot *snapshot, const struct policy_case *first, size_t failed,
                  struct error *ret_error) {
    error_set(ret_error, ERROR_INVALID, "%" TEXT_FORMAT ":%d: case \"%" TEXT_FORMAT "\" fails",
              TEXT_ARGS(first->file), first->line, TEXT_ARGS(first->name));
    if (failed > 1) {
        size_t length = strlen(ret_error->text);
        snprintf(ret_error->text + length, sizeof ret_error->text - length,
                 ", and %zu more of %zu cases", failed - 1, snapshot->case_count);
    }
    return -ERROR_INVALID;
}

int admission_try(struct snapshot *snapshot, const atomic_bool *stop, struct buffer *messages,
                  struct error *ret_error) {
    struct trial *trial = trial_new(snapshot);
    const struct policy_case *first = NULL;
    struct buffer differences;
    size_t failed = 0, i = 0;
    buffer_init(&differences);
    for (; i < snapshot->case_count && !is_asked_to_stop(stop); i++) {
        const struct policy_case *it = &snapshot->cases[i];
        buffer_clear(&differences);
        if (trial_run(trial, it, &differences))
            continue;
        if (failed++ == 0)
            first = it;
        trial_report(snapshot, it, &differences, messages);
    }
    buffer_deinit(&differences);
    trial_free(trial);
    if (i < snapshot->case_count)
        return error_set(ret_error, ERROR_INTERRUPTED, "the server is shutting down");
    return failed ? refuse(snapshot, first, failed, ret_error) : 0;
}

int admission_load(const char *folder, struct snapshot **ret_snapshot, struct buffer *messages,
                   struct error *ret_error) {
    struct snapshot *snapshot;
    int r = snapshot_load_folder(folder, &snapshot, messages, ret_error);
    if (r < 0)
        return r;
    r = admission_try(snapshot, NULL, messages, ret_error);
    if (r < 0)
        snapshot_unref(snapshot);
    else
        *ret_snapshot = snapshot;
    return r;
}
