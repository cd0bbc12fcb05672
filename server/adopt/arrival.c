/* Loading never fails for the caller: a refused folder keeps its old policy, if it has one. */
#include "arrival.h"

#include "admission.h"

#include <stdio.h>
#include <stdlib.h>

/* Drops what was loaded; the policy in use stays. */
static void refuse(struct arrival *arrival, const char *reason) {
    snapshot_unref(arrival->loaded);
    arrival->loaded = NULL;
    arrival->result = RELOAD_REFUSED;
    snprintf(arrival->error, sizeof arrival->error, "%.*s", REASON_BYTES - 1, reason);
}

/* The same snapshot id means the same files: nothing to do, and no cases to run. */
void arrival_load(struct arrival *arrival, const char *path, struct snapshot *in_use) {
    struct snapshot *loaded = NULL;
    struct error error;
    *arrival = (struct arrival){.path = text_copy(text_of(path)), .in_use = snapshot_ref(in_use)};
    buffer_init(&arrival->messages);
    if (snapshot_load_folder(path, &loaded, &arrival->messages, &error) < 0) {
        refuse(arrival, error.text);
        return;
    }
    bool is_same = in_use && loaded->id == in_use->id;
    arrival->result = is_same ? RELOAD_UNCHANGED : RELOAD_ADOPTED;
    if (is_same)
        snapshot_unref(loaded);
    else
        arrival->loaded = loaded;
}

bool arrival_try(struct arrival *arrival, const atomic_bool *stop) {
    struct error error;
    if (!arrival->loaded)
        return true;
    int r = admission_try(arrival->loaded, stop, &arrival->messages, &error);
    if (r < 0)
        refuse(arrival, error.text);
    return r != -ERROR_INTERRUPTED;
}

struct snapshot *arrival_snapshot(const struct arrival *arrival) {
    return arrival->loaded ? arrival->loaded : arrival->in_use;
}

void arrival_log_messages(const struct arrival *arrival, struct log *log) {
    log_lines(log, arrival->result == RELOAD_REFUSED ? LOG_ERROR : LOG_WARNING,
              (struct text){.data = (const char *)arrival->messages.bytes,
                            .length = arrival->messages.length});
}

void arrival_deinit(struct arrival *arrival) {
    free(arrival->path);
    snapshot_unref(arrival->loaded);
    snapshot_unref(arrival->in_use);
    buffer_deinit(&arrival->messages);
}
