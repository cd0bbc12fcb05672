/* Loading never fails for the caller: a refused folder keeps its old policy, if it has one. */
#include "candidate.h"

#include "admission.h"

#include <stdio.h>
#include <stdlib.h>

void candidate_refuse(struct candidate *candidate, const char *reason) {
    snapshot_unref(candidate->loaded);
    candidate->loaded = NULL;
    candidate->result = RELOAD_REFUSED;
    snprintf(candidate->error, sizeof candidate->error, "%.*s", REASON_BYTES - 1, reason);
}

/* The same snapshot id means the same files: nothing to do, and no cases to run. */
void candidate_load(struct candidate *candidate, const char *path, struct snapshot *in_use) {
    struct snapshot *loaded = NULL;
    struct error error;
    *candidate =
        (struct candidate){.path = text_copy(text_of(path)), .in_use = snapshot_ref(in_use)};
    buffer_init(&candidate->messages);
    if (snapshot_load_folder(path, &loaded, &candidate->messages, &error) < 0) {
        candidate_refuse(candidate, error.text);
        return;
    }
    bool is_same = in_use && loaded->id == in_use->id;
    candidate->result = is_same ? RELOAD_UNCHANGED : RELOAD_ADOPTED;
    if (is_same)
        snapshot_unref(loaded);
    else
        candidate->loaded = loaded;
}

bool candidate_try(struct candidate *candidate, const atomic_bool *stop) {
    struct error error;
    if (!candidate->loaded)
        return true;
    int r = admission_try(candidate->loaded, stop, &candidate->messages, &error);
    if (r < 0)
        candidate_refuse(candidate, error.text);
    return r != -ERROR_INTERRUPTED;
}

struct snapshot *candidate_snapshot(const struct candidate *candidate) {
    return candidate->loaded ? candidate->loaded : candidate->in_use;
}

void candidate_log_messages(const struct candidate *candidate, struct log *log) {
    log_lines(log, candidate->result == RELOAD_REFUSED ? LOG_ERROR : LOG_WARNING,
              (struct text){.data = (const char *)candidate->messages.bytes,
                            .length = candidate->messages.length});
}

void candidate_deinit(struct candidate *candidate) {
    free(candidate->path);
    snapshot_unref(candidate->loaded);
    snapshot_unref(candidate->in_use);
    buffer_deinit(&candidate->messages);
}
