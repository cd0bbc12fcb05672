/* The table is written last, once all else is known: its values are computed while they are
 * written. */
#include "rebuild_baselines.h"

#include "batch/thresholds/sample_compute.h"
#include "rebuild_job.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool rebuild_has_baselines(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        if (snapshot->thresholds[i].groups_in_tables)
            return true;
    return false;
}

static int put_computed(void *user, uint64_t hash, struct text key, double value,
                        struct error *ret_error) {
    struct rebuild *rebuild = user;
    int r = generation_writer_baseline(rebuild->writer, hash, key, value, ret_error);
    if (r == 0 && ++rebuild->report.baselines % REBUILD_STEP == 0)
        r = rebuild_progress(rebuild, REBUILD_VERIFY, 0, 0, ret_error);
    return r;
}

/* Opens the generation that a server adopted last: its thresholds are those in force.
 * *ret_generation NULL: it is not there. */
static int open_adopted(const struct rebuild *rebuild, struct generation **ret_generation,
                        struct error *ret_error) {
    struct generation *generation = NULL;
    struct error ignored;
    char suffix[32];
    size_t length = (size_t)snprintf(suffix, sizeof suffix, "-%016" PRIx64, rebuild->adopted_id);
    const char *root =
        rebuild->options->adopted_in ? rebuild->options->adopted_in : rebuild->options->generations;
    DIR *folder = opendir(root);
    int r = 0;
    if (!folder && errno != ENOENT)
        return error_set_errno(ret_error, errno, "%s: cannot list", root);
    for (const struct dirent *entry; folder && !generation && r >= 0 &&
                                     (r = folder_next(folder, root, &entry, ret_error)) > 0;) {
        size_t name = strlen(entry->d_name);
        if (strncmp(entry->d_name, "g-", 2) == 0 && name > length &&
            strcmp(entry->d_name + name - length, suffix) == 0 &&
            generation_open(root, entry->d_name, false, &generation, &ignored) < 0)
            generation = NULL;
    }
    if (folder)
        closedir(folder);
    if (r < 0)
        return r;
    *ret_generation = generation;
    return 0;
}

static void warn_of_missing(struct rebuild *rebuild) {
    snprintf(rebuild->report.warning, sizeof rebuild->report.warning,
             "the tables %016" PRIx64 ", which a server adopted last, are gone: thresholds with "
             "\"groups: many\" have no groups until a rebuild without --keep-thresholds",
             rebuild->adopted_id);
}

/* Thresholds are kept: so are these. */
static int put_adopted(struct rebuild *rebuild, struct error *ret_error) {
    uint64_t hash;
    struct text key;
    double value;
    struct generation *generation;
    int r = open_adopted(rebuild, &generation, ret_error);
    if (r < 0)
        return r;
    if (!generation) {
        if (rebuild->adopted_id && rebuild_has_baselines(rebuild->snapshot))
            warn_of_missing(rebuild);
        return 0;
    }
    struct generation_cursor *cursor = generation_cursor_open_baselines(generation);
    while (r == 0 && cursor && generation_cursor_next_baseline(cursor, &hash, &key, &value))
        r = put_computed(rebuild, hash, key, value, ret_error);
    generation_cursor_close(cursor);
    generation_close(generation);
    return r;
}

int rebuild_put_baselines(void *user, struct generation_writer *writer, struct error *ret_error) {
    struct rebuild *rebuild = user;
    check(writer == rebuild->writer);
    if (rebuild->options->keep_thresholds)
        return put_adopted(rebuild, ret_error);
    struct rebuild_elsewhere *elsewhere = rebuild->options->elsewhere;
    if (elsewhere)
        return elsewhere->baselines(elsewhere, put_computed, rebuild, ret_error);
    const struct sample_values sample = {
        .snapshot = rebuild->snapshot,
        .newest_us = rebuild->report.tally.newest_event_time_us,
        .files = rebuild->samples.files,
        .file_count = rebuild->samples.count,
        .memory_bytes = (size_t)rebuild->options->memory_bytes,
    };
    return sample_compute_baselines(&sample, put_computed, rebuild, ret_error);
}
