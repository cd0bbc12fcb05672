#include "sample_files.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "samples"
#define DRAFT  ".draft"
#define FORMAT 2u
/* A file is taken into the new one unless it has this many times its values. Three keeps a series
 * of daily files at four or five, and writes a day of a month about three times. */
#define MERGE_FACTOR 3u

static bool is_below(struct text path, const char *folder) {
    size_t length = strlen(folder);
    return path.length > length && memcmp(path.data, folder, length) == 0;
}

uint64_t sample_inputs(const struct snapshot *snapshot) {
    uint64_t hash = hash64(&(uint8_t){FORMAT}, 1, snapshot->plan.id);
    for (size_t i = 0; i < snapshot->file_count; i++) {
        const struct policy_file *file = &snapshot->files[i];
        if (is_below(file->path, "rules/") || is_below(file->path, "cases/"))
            continue;
        hash = hash64(file->path.data, file->path.length, hash);
        hash = hash64(file->content.data, file->content.length, hash);
    }
    return hash;
}

static void name_of(char kind, uint64_t position, char ret_name[32]) {
    snprintf(ret_name, 32, "%c-%020" PRIu64, kind, position);
}

static bool is_same_place(struct archive_place a, struct archive_place b) {
    return a.position == b.position && a.chain == b.chain;
}

/* ---- a series ---- */

void sample_series_cut(struct sample_series *series, size_t first) {
    while (series->count > first)
        sample_file_close(series->files[--series->count]);
}

void sample_series_close(struct sample_series *series) {
    sample_series_cut(series, 0);
    free(series->files);
    *series = (struct sample_series){0};
}

void sample_series_add(struct sample_series *series, struct sample_file *file) {
    series->files =
        check_reallocarray(series->files, series->count + 1, sizeof(struct sample_file *));
    series->files[series->count++] = file;
}

size_t sample_series_first_merged(const struct sample_series *series, uint64_t values,
                                  size_t files_max) {
    size_t first = series->count;
    uint64_t merged = values > 0 ? values : 1;
    while (first > 0) {
        uint64_t before = sample_file_values(series->files[first - 1]);
        if (before >= MERGE_FACTOR * merged && first < files_max)
            break;
        merged += before;
        first--;
    }
    return first;
}

/* The folder's descriptor; -1: errno says why. */
static int open_folder(const char *generations) {
    char *path = name_printf("%s/%s", generations, FOLDER);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(path);
    return folder;
}

/* The file that ends at this place. */
static int open_file(int folder, char kind, uint64_t inputs, struct archive_place end,
                     struct sample_file **ret_file, struct error *ret_error) {
    char name[32];
    name_of(kind, end.position, name);
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "%s/%s is missing", FOLDER, name);
    struct sample_file *opened;
    int r = sample_file_open(file, &opened, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s", FOLDER, name);
    const struct sample_origin *origin = &opened->origin;
    if (origin->inputs != inputs)
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "%s/%s is of other policy files; only rules and cases may differ", FOLDER,
                      name);
    else if (!is_same_place(origin->to, end) || origin->from.position >= end.position)
        r = error_set(ret_error, ERROR_NOT_FOUND, "%s/%s is of another archive", FOLDER, name);
    if (r < 0)
        sample_file_close(opened);
    else
        *ret_file = opened;
    return r;
}

static void reverse(struct sample_series *series) {
    for (size_t i = 0; i < series->count / 2; i++) {
        struct sample_file *swap = series->files[i];
        series->files[i] = series->files[series->count - 1 - i];
        series->files[series->count - 1 - i] = swap;
    }
}

int sample_series_open(const char *generations, uint64_t inputs, struct archive_place end,
                       struct sample_series *ret_series, struct error *ret_error) {
    struct sample_series series = {0};
    int folder = open_folder(generations), r = 0;
    if (folder < 0 || end.position == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "no earlier rebuild has kept values");
    while (r == 0 && end.position > 0) {
        struct sample_file *file;
        r = open_file(folder, SAMPLE_SERIES_KIND, inputs, end, &file, ret_error);
        if (r == 0) {
            end = file->origin.from;
            sample_series_add(&series, file);
        }
    }
    if (folder >= 0)
        close(folder);
    if (r < 0) {
        sample_series_close(&series);
        return r;
    }
    reverse(&series);
    *ret_series = series;
    return 0;
}

/* ---- the folder ---- */

int sample_draft_open(const char *generations, struct error *ret_error) {
    int parent = open(generations, O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder;
    if (parent < 0)
        return error_set_errno(ret_error, errno, "cannot open %s", generations);
    int r = directory_make(parent, FOLDER, &folder, ret_error);
    close(parent);
    if (r < 0)
        return r;
    int draft = openat(folder, DRAFT, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (draft < 0)
        draft =
            error_set_errno(ret_error, errno, "cannot create %s/%s/%s", generations, FOLDER, DRAFT);
    close(folder);
    return draft;
}

int sample_kept_open(const char *generations, char kind, uint64_t inputs, struct archive_place end,
                     struct sample_file **ret_file, struct error *ret_error) {
    int folder = open_folder(generations);
    if (folder < 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "no earlier rebuild has kept values");
    int r = open_file(folder, kind, inputs, end, ret_file, ret_error);
    close(folder);
    return r;
}

int sample_draft_keep(const char *generations, int draft, char kind, uint64_t position,
                      struct error *ret_error) {
    char name[32];
    int folder = open_folder(generations), r = 0;
    name_of(kind, position, name);
    if (folder < 0 || fsync(draft) < 0 || renameat(folder, DRAFT, folder, name) < 0 ||
        fsync(folder) < 0)
        r = error_set_errno(ret_error, errno, "cannot write %s/%s", FOLDER, name);
    if (folder >= 0)
        close(folder);
    return r;
}

void sample_draft_remove(const char *generations) {
    int folder = open_folder(generations);
    if (folder < 0)
        return;
    unlinkat(folder, DRAFT, 0);
    close(folder);
}

static bool is_kept(const struct sample_series *series, const char *name) {
    for (size_t i = 0; i < series->count; i++) {
        char kept[32];
        name_of(SAMPLE_SERIES_KIND, series->files[i]->origin.to.position, kept);
        if (strcmp(kept, name) == 0)
            return true;
    }
    return false;
}

/* What cannot be listed or removed stays: it is not used. */
void sample_files_retain(const char *generations, uint64_t inputs, struct archive_place end) {
    char *path = name_printf("%s/%s", generations, FOLDER);
    DIR *folder = opendir(path);
    free(path);
    if (!folder)
        return;
    struct sample_series series = {0};
    struct error ignored;
    if (sample_series_open(generations, inputs, end, &series, &ignored) < 0)
        series = (struct sample_series){0};
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char of_end[32];
        name_of(entry->d_name[0], end.position, of_end);
        bool is_other =
            entry->d_name[0] != SAMPLE_SERIES_KIND && strcmp(entry->d_name, of_end) == 0;
        if (entry->d_name[1] == '-' && !is_other && !is_kept(&series, entry->d_name))
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    closedir(folder);
    sample_series_close(&series);
}
