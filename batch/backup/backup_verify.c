#include "backup_verify.h"

#include "backup_store.h"

#include "core/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verification {
    struct backup_store store;
    struct backup_points points;
    const struct backup_file **files; /* of all points, by name, each once */
    size_t count;
    struct backup_meter meter;
    struct backup_verify_listener *listener;
    struct backup_verify_report report;
};

static int compare_files(const void *a, const void *b) {
    const struct backup_file *left = *(const struct backup_file *const *)a;
    const struct backup_file *right = *(const struct backup_file *const *)b;
    int r = strcmp(left->path, right->path);
    return r ? r : strcmp(left->sha256, right->sha256);
}

static void list_files(struct verification *verification) {
    const struct backup_points *points = &verification->points;
    size_t all = 0;
    for (size_t i = 0; i < points->count; i++)
        all += points->points[i].count;
    verification->files = check_calloc(all + 1, sizeof *verification->files);
    for (size_t i = 0, at = 0; i < points->count; i++)
        for (size_t j = 0; j < points->points[i].count; j++)
            verification->files[at++] = &points->points[i].files[j];
    if (all > 0)
        qsort(verification->files, all, sizeof *verification->files, compare_files);
    for (size_t i = 0; i < all; i++) {
        const struct backup_file *file = verification->files[i];
        if (i > 0 && compare_files(&verification->files[verification->count - 1], &file) == 0)
            continue;
        verification->files[verification->count++] = file;
        verification->meter.total += file->bytes;
    }
}

static void report_damage(struct verification *verification, const struct error *damage) {
    verification->listener->damaged(verification->listener, damage);
    verification->report.damaged++;
}

static int verify_file(struct verification *verification, const struct backup_file *file,
                       struct error *ret_error) {
    char name[BACKUP_NAME_SIZE], sha256[BACKUP_HEX_SIZE];
    struct error damage = {0};
    uint64_t bytes;
    backup_store_name(file, name);
    const char *folder = verification->store.path;
    int descriptor = openat(verification->store.directory, name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        error_set_errno(&damage, errno, "%s/%s: cannot open", folder, name);
        report_damage(verification, &damage);
        return 0;
    }
    int r =
        backup_hash_copy(descriptor, name, -1, NULL, &verification->meter, &bytes, sha256, &damage);
    close(descriptor);
    if (r == -ERROR_INTERRUPTED) {
        *ret_error = damage;
        return r;
    }
    if (r == 0 && bytes != file->bytes)
        r = error_set(&damage, ERROR_DAMAGED,
                      "%s/%s: %" PRIu64 " bytes; its manifest says %" PRIu64, folder, name, bytes,
                      file->bytes);
    else if (r == 0 && strcmp(sha256, file->sha256) != 0)
        r = error_set(&damage, ERROR_DAMAGED, "%s/%s: its SHA-256 is %s, not that in its name",
                      folder, name, sha256);
    if (r < 0)
        report_damage(verification, &damage);
    verification->report.files++;
    verification->report.bytes += file->bytes;
    return 0;
}

static int run(struct verification *verification, struct error *ret_error) {
    int r = backup_points_load(verification->store.directory, &verification->points, ret_error);
    if (r == 0 && verification->points.count == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "there is no point in it: no backup was completed");
    if (r < 0)
        return error_prefix(ret_error, "%s", verification->store.path);
    const struct backup_points *points = &verification->points;
    list_files(verification);
    for (size_t i = 0; i < verification->count && r == 0; i++)
        r = verify_file(verification, verification->files[i], ret_error);
    verification->report.points = points->count;
    verification->report.position = points->points[points->count - 1].place.position;
    verification->report.made_us = points->points[points->count - 1].made_us;
    return r;
}

int backup_verify_run(const char *folder, struct progress *progress,
                      struct backup_verify_listener *listener,
                      struct backup_verify_report *ret_report, struct error *ret_error) {
    struct verification verification = {.meter = {.progress = progress, .stage = "verify"},
                                        .listener = listener};
    int r = backup_store_open(folder, &verification.store, ret_error);
    if (r < 0)
        return r;
    r = run(&verification, ret_error);
    if (r == 0)
        *ret_report = verification.report;
    free(verification.files);
    backup_points_deinit(&verification.points);
    backup_store_close(&verification.store);
    return r;
}
