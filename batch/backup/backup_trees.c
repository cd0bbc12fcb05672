/* Files of a point that are no segments: each as its path leads to, or from folders. */
#include "backup_job.h"

#include "core/base/folder/folder_next.h"
#include "core/base/text.h"
#include "core/store/archive/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX  8
#define CONFIG_MAX ((uint64_t)256 << 20) /* bytes of one file of the configuration */

void backup_note(struct backup_job *job, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    job->listener->note(job->listener, text);
}

/* A file that is no segment. */
const struct backup_file *backup_find_file(const struct backup_point *point, const char *path) {
    for (size_t i = point ? backup_point_segments(point) : 0; point && i < point->count; i++)
        if (strcmp(point->files[i].path, path) == 0)
            return &point->files[i];
    return NULL;
}

/* The same version of the file is in the newest point, and still there. */
bool backup_take_again(struct backup_job *job, const struct backup_file *before,
                       struct backup_file *file) {
    if (!before || strcmp(before->source, file->source) != 0 ||
        !backup_store_has(&job->store, before))
        return false;
    file->bytes = before->bytes;
    memcpy(file->sha256, before->sha256, sizeof file->sha256);
    return true;
}

/* An open file, under this path of the point. */
int backup_add_open(struct backup_job *job, int descriptor, const char *shown, const char *path,
                    struct error *ret_error) {
    struct backup_file file = {.path = text_copy(text_of(path))};
    struct stat status;
    int r = fstat(descriptor, &status) < 0
                ? error_set_errno(ret_error, errno, "%s: cannot stat", shown)
                : 0;
    file.mode = r == 0 ? status.st_mode & 0777 : 0;
    if (r == 0)
        r = backup_source_stamp(descriptor, shown, file.source, ret_error);
    if (r == 0 && backup_take_again(job, backup_find_file(job->last, path), &file))
        r = backup_meter_add(&job->meter, file.bytes, ret_error);
    else if (r == 0)
        r = backup_store_put(&job->store, descriptor, shown, &job->meter, &file, ret_error);
    if (r < 0)
        free(file.path);
    else
        backup_point_add(&job->point, file);
    return r;
}

static int add_folder(struct backup_job *job, const struct backup_tree *tree, const char *from,
                      const char *path, int depth, struct error *ret_error) {
    DIR *folder = opendir(from);
    int r = 0;
    if (!folder)
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "%s: cannot open", from);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, from, &entry, ret_error)) > 0;) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lock") == 0)
            continue; /* drafts, and what belongs to a running process */
        char *inner_from = name_printf("%s/%s", from, entry->d_name);
        char *inner_path = name_printf("%s/%s", path, entry->d_name);
        r = backup_add_entry(job, tree, inner_from, inner_path, depth + 1, ret_error);
        free(inner_from);
        free(inner_path);
    }
    closedir(folder);
    return r;
}

/* A secret of the configuration: who may not read everything may not read it. */
static bool is_secret(const struct stat *status) {
    return (status->st_mode & S_IROTH) == 0;
}

static int add_regular(struct backup_job *job, const struct backup_tree *tree, int descriptor,
                       const struct stat *status, const char *from, const char *path,
                       struct error *ret_error) {
    if (tree->is_config && is_secret(status) && !job->options->with_secrets) {
        backup_note(job, "%s: left out, as not everybody may read it; --with-secrets takes it",
                    from);
        job->report.secrets++;
        return 0;
    }
    if (tree->is_config && (uint64_t)status->st_size > CONFIG_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "%s: %jd bytes; expected at most %" PRIu64 " for a file of --config", from,
                         (intmax_t)status->st_size, CONFIG_MAX);
    return backup_add_open(job, descriptor, from, path, ret_error);
}

/* What vanishes meanwhile is not of this point. Links are followed in a configuration only. */
int backup_add_entry(struct backup_job *job, const struct backup_tree *tree, const char *from,
                     const char *path, int depth, struct error *ret_error) {
    struct stat status;
    if (!backup_path_is_safe(path) || depth > DEPTH_MAX) {
        backup_note(job, "%s: left out: its name is too long, too deep or not printable", from);
        return 0;
    }
    int descriptor =
        open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (tree->is_config ? 0 : O_NOFOLLOW));
    if (descriptor < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO))
        return 0;
    if (descriptor < 0 && errno == EACCES && tree->is_config && !job->options->with_secrets) {
        backup_note(job, "%s: left out: this user may not read it", from);
        job->report.secrets++;
        return 0;
    }
    if (descriptor < 0 || fstat(descriptor, &status) < 0) {
        int r = error_set_errno(ret_error, errno, "%s: cannot open", from);
        if (descriptor >= 0)
            close(descriptor);
        return r;
    }
    int r = 0;
    if (S_ISDIR(status.st_mode))
        r = add_folder(job, tree, from, path, depth, ret_error);
    else if (S_ISREG(status.st_mode))
        r = add_regular(job, tree, descriptor, &status, from, path, ret_error);
    close(descriptor);
    return r;
}

int backup_add_trees(struct backup_job *job, struct error *ret_error) {
    static const char *const folders[] = {"nights", "candidates"};
    const struct backup_tree own = {0}, config = {.is_config = true};
    int r = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && r == 0; i++) {
        char *from = name_printf("%s/%s", job->options->data, folders[i]);
        r = add_folder(job, &own, from, folders[i], 0, ret_error);
        free(from);
    }
    if (r == 0 && job->options->config)
        r = add_folder(job, &config, job->options->config, "config", 0, ret_error);
    return r;
}
