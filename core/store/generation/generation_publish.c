/* Publishing a generation: the folder gets its name, `current` is pointed to it, old ones are
 * removed.
 *
 * The order is what makes a crash harmless: content and manifest are on disk before the folder has
 * its name, the name is on disk before the link points to it, and the link is replaced by rename().
 * What is removed is first renamed to a name that no one opens. */
#include "generation_publish.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/store/archive/file.h"
#include "generation_folder.h"
#include "generation_writer_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------
 * Publication */

static int write_manifest(struct generation_writer *writer, struct error *ret_error) {
    char *bytes = manifest_format(&writer->manifest);
    int r = file_create(writer->inside, MANIFEST_FILE, bytes, strlen(bytes), ret_error);
    free(bytes);
    if (r == 0)
        r = directory_sync(writer->inside, ".", ret_error);
    return r;
}

/* Is the same generation there already, and whole? Then it stays and its manifest counts: it has
 * the time when it was first built. */
static bool is_published(struct generation_writer *writer, const char *folder,
                         struct generation_manifest *ret_manifest) {
    struct generation *there;
    struct error ignored;
    if (generation_open(writer->root, folder, true, &there, &ignored) < 0)
        return false;
    *ret_manifest = *generation_manifest(there);
    generation_close(there);
    return true;
}

/* A folder that is in the way is damaged (is_published() says so). A server that has it open keeps
 * it. */
static int move_in(struct generation_writer *writer, const char *folder, struct error *ret_error) {
    if (renameat(writer->directory, folder, writer->directory, GENERATION_OLD_FOLDER) < 0 &&
        errno != ENOENT)
        return error_set_errno(ret_error, errno, "%s: cannot move it out of the way", folder);
    if (renameat(writer->directory, GENERATION_NEW_FOLDER, writer->directory, folder) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot publish", folder);
    close(writer->inside);
    writer->inside = -1;
    return generation_folder_remove(writer->directory, GENERATION_OLD_FOLDER, ret_error);
}

static int point_current(struct generation_writer *writer, const char *folder,
                         struct error *ret_error) {
    /* The folder's name is on the disk before anything points to it. */
    int r = directory_sync(writer->directory, ".", ret_error);
    if (r < 0)
        return r;
    if (symlinkat(folder, writer->directory, GENERATION_NEW_LINK) < 0 ||
        renameat(writer->directory, GENERATION_NEW_LINK, writer->directory, GENERATION_CURRENT) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot link it to %s", GENERATION_CURRENT,
                               folder);
    return directory_sync(writer->directory, ".", ret_error);
}

static int move_and_point(struct generation_writer *writer, struct error *ret_error) {
    struct generation_manifest *manifest = &writer->manifest.generation;
    char *folder = generation_folder_format(manifest->place.position, manifest->id);
    int r = 0;
    if (!is_published(writer, folder, manifest)) {
        r = write_manifest(writer, ret_error);
        if (r == 0)
            r = move_in(writer, folder, ret_error);
    }
    if (r == 0)
        r = point_current(writer, folder, ret_error);
    free(folder);
    return r;
}

int generation_writer_publish(struct generation_writer *writer,
                              struct generation_manifest *ret_manifest, struct error *ret_error) {
    check(writer->stage == STAGE_FINISHED);
    for (size_t i = 0; i < generation_writer_checks(writer); i++)
        check(writer->checked[i]);
    int r = move_and_point(writer, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", writer->root);
    writer->stage = STAGE_PUBLISHED;
    *ret_manifest = writer->manifest.generation;
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Old ones */

struct old_generation {
    uint64_t position, id;
    struct timespec built;
};

/* The newest first: by position, at the same position by when they were built. */
static int compare_old(const void *left, const void *right) {
    const struct old_generation *a = left, *b = right;
    if (a->position != b->position)
        return a->position > b->position ? -1 : 1;
    if (a->built.tv_sec != b->built.tv_sec)
        return a->built.tv_sec > b->built.tv_sec ? -1 : 1;
    return (a->built.tv_nsec < b->built.tv_nsec) - (a->built.tv_nsec > b->built.tv_nsec);
}

static int list_old(struct generation_writer *writer, struct old_generation **ret_old,
                    size_t *ret_count, struct error *ret_error) {
    int again = openat(writer->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    if (!folder)
        return error_set_errno(ret_error, errno, "%s: cannot list", writer->root);
    struct old_generation *old = NULL;
    size_t count = 0;
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, writer->root, &entry, ret_error)) > 0;) {
        struct old_generation found;
        struct stat status;
        if (!generation_folder_parse(entry->d_name, &found.position, &found.id) ||
            found.id == writer->manifest.generation.id ||
            fstatat(writer->directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISDIR(status.st_mode))
            continue;
        found.built = status.st_mtim;
        old = check_reallocarray(old, count + 1, sizeof *old);
        old[count++] = found;
    }
    closedir(folder);
    if (r < 0) {
        free(old);
        return r;
    }
    if (count)
        qsort(old, count, sizeof *old, compare_old);
    *ret_old = old;
    *ret_count = count;
    return 0;
}

/* Renames first, so that a folder with the name of a generation is always whole. */
static int remove_old(struct generation_writer *writer, const struct old_generation *old,
                      struct error *ret_error) {
    char *folder = generation_folder_format(old->position, old->id);
    int r = 0;
    if (renameat(writer->directory, folder, writer->directory, GENERATION_OLD_FOLDER) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", folder);
    if (r == 0)
        r = generation_folder_remove(writer->directory, GENERATION_OLD_FOLDER, ret_error);
    free(folder);
    return r;
}

int generation_writer_retain(struct generation_writer *writer, size_t keep, uint64_t protected_id,
                             size_t *ret_removed, struct error *ret_error) {
    check(writer->stage == STAGE_PUBLISHED && keep > 0);
    struct old_generation *old = NULL;
    size_t count = 0, removed = 0;
    int r = list_old(writer, &old, &count, ret_error);
    if (r < 0)
        return r;
    for (size_t i = keep - 1; i < count && r == 0; i++) {
        if (old[i].id == protected_id)
            continue;
        r = remove_old(writer, &old[i], ret_error);
        removed += r == 0;
    }
    free(old);
    *ret_removed = removed;
    return r < 0 ? error_prefix(ret_error, "%s", writer->root) : 0;
}
