/* Loading never fails for the caller: a refused folder keeps its old policy, if it has one.
 *
 * An allocation that fails ends the process (core/base/check.h), which at a start is as good as an
 * error. In a serving process it is not: so a load begins only if there is room for what it may
 * take, with a margin. What other threads take meanwhile is far less. */
#include "candidate.h"

#include "admission.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void candidate_refuse(struct candidate *candidate, const char *reason) {
    snapshot_unref(candidate->loaded);
    candidate->loaded = NULL;
    candidate->result = RELOAD_REFUSED;
    snprintf(candidate->error, sizeof candidate->error, "%.*s", REASON_BYTES - 1, reason);
}

/* ---- room ---- */

#define ROOM_LEAST     (UINT64_C(32) << 20)
#define ROOM_PER_BYTE  40 /* of the folder's files */
#define ROOM_OPEN_MAX  8  /* descriptors of nftw() */
#define ROOM_FILES_MAX (UINT64_C(1) << 40)

static _Thread_local uint64_t folder_bytes; /* nftw() passes nothing on */

/* What loading leaves out counts for nothing: the history in a .git folder outgrows its policy. */
static int add_file(const char *path, const struct stat *status, int type, struct FTW *place) {
    if (place->level > 0 && path[place->base] == '.')
        return type == FTW_D ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
    if (type == FTW_F && folder_bytes < ROOM_FILES_MAX)
        folder_bytes += (uint64_t)status->st_size;
    return FTW_CONTINUE;
}

uint64_t candidate_memory(const char *path) {
    folder_bytes = 0;
    nftw(path, add_file, ROOM_OPEN_MAX, FTW_MOUNT | FTW_ACTIONRETVAL);
    return ROOM_LEAST + folder_bytes * ROOM_PER_BYTE;
}

static bool has_room(const char *path, struct error *ret_error) {
    uint64_t bytes = candidate_memory(path);
    void *volatile room = malloc(bytes); /* a compiler may leave out what nobody uses */
    free(room);
    if (room)
        return true;
    error_set(ret_error, ERROR_SYSTEM,
              "%s: not loaded, as there is too little memory: about %" PRIu64
              " MiB are needed for a moment",
              path, bytes >> 20);
    return false;
}

/* The same snapshot id means the same files: nothing to do, and no cases to run. */
void candidate_load(struct candidate *candidate, const char *path, struct snapshot *in_use) {
    struct snapshot *loaded = NULL;
    struct error error;
    *candidate =
        (struct candidate){.path = text_copy(text_of(path)), .in_use = snapshot_ref(in_use)};
    buffer_init(&candidate->messages);
    if (!has_room(path, &error)) {
        candidate_refuse(candidate, error.text);
        return;
    }
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
