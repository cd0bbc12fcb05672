/* The policy in its folder: does it pass `harrier check`, and is it the one that decides? */
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/engine/trial.h"
#include "core/policy/analysis/snapshot_check.h"
#include "core/policy/load/snapshot.h"
#include "doctor_checks.h"

#include <stdio.h>
#include <string.h>

struct counts {
    struct diagnostic_sink sink; /* first */
    size_t errors, warnings;
};

static void take(struct diagnostic_sink *self, const struct diagnostic_view *diagnostic) {
    struct counts *counts = (struct counts *)self;
    if (diagnostic->warning)
        counts->warnings++;
    else
        counts->errors++;
}

static int load(const char *path, int64_t now_us, struct counts *counts,
                struct snapshot **ret_snapshot, struct buffer *messages, struct error *ret_error) {
    struct policy_folder *folder;
    size_t count;
    int r = policy_folder_read(path, &folder, ret_error);
    if (r < 0)
        return r;
    const struct policy_file *files = policy_folder_files(folder, &count);
    r = snapshot_check(files, count, now_us, &counts->sink, ret_snapshot, messages, ret_error);
    policy_folder_free(folder);
    return r;
}

/* Its first line. */
static int line_length(const struct buffer *messages) {
    const char *text = (const char *)messages->bytes;
    const char *end = messages->length > 0 ? memchr(text, '\n', messages->length) : NULL;
    return end ? (int)(end - text) : (int)messages->length;
}

static void judge(struct doctor *doctor, const char *path, struct snapshot *snapshot,
                  const struct counts *counts, const struct buffer *messages) {
    struct buffer failures;
    char id[HASH_HEX_SIZE], running[HASH_HEX_SIZE];
    buffer_init(&failures);
    size_t failed = trial_run_all(snapshot, &failures);
    hash_hex(snapshot->id, id);
    hash_hex(doctor->status.snapshot_id, running);
    if (failed > 0)
        doctor_bad(doctor, "harrier test says why; a server refuses the policy",
                   "%s: %zu of %zu cases fail: %.*s", path, failed, snapshot->case_count,
                   line_length(&failures), (const char *)failures.bytes);
    else if (doctor->status.is_known && doctor->status.snapshot_id != snapshot->id)
        doctor_warn(doctor, "harrier reload puts the folder in force, or says why not",
                    "%s has snapshot %s, but the server decides by %s", path, id, running);
    else if (counts->warnings > 0)
        doctor_warn(doctor, "harrier check lists them", "%s: %zu warnings, the first: %.*s", path,
                    counts->warnings, line_length(messages), (const char *)messages->bytes);
    else
        doctor_good(doctor, "%s: snapshot %s, %zu cases pass%s", path, id, snapshot->case_count,
                    doctor->status.is_known ? ", in force" : "");
    buffer_deinit(&failures);
}

void check_policy(struct doctor *doctor) {
    const char *path = doctor_option(doctor, "policy");
    struct counts counts = {.sink = {.take = take}};
    struct snapshot *snapshot = NULL;
    struct buffer messages;
    struct error error;
    if (!path || !*path)
        return;
    buffer_init(&messages);
    if (load(path, doctor->now_us, &counts, &snapshot, &messages, &error) == 0)
        judge(doctor, path, snapshot, &counts, &messages);
    else if (messages.length > 0)
        doctor_bad(doctor, "harrier check lists them; a server refuses the policy",
                   "%s: %zu errors, the first: %.*s", path, counts.errors, line_length(&messages),
                   (const char *)messages.bytes);
    else
        doctor_bad(doctor, "correct the option policy, or the folder", "%s", error.text);
    snapshot_unref(snapshot);
    buffer_deinit(&messages);
}
