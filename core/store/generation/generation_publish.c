/* Publishing a generation: its folder gets its name, `current` is pointed at it, old ones go. And
 * what earlier runs left behind is removed. */
#include "generation_writer.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/file.h"
#include "generation_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_LINK   ".current"
#define OLD_FOLDER ".replaced"

/* ---------------------------------------------------------------------------------------------
 * Folders */

/* Of a link in its place only the link goes: where it leads is none of ours. */
int generation_remove_folder(int directory, const char *name, struct error *ret_error) {
    int inside = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inside < 0 && (errno == ENOENT || (errno == ENOTDIR && unlinkat(directory, name, 0) == 0)))
        return 0;
    DIR *folder = inside < 0 ? NULL : fdopendir(inside);
    if (!folder) {
        int r = error_set_errno(ret_error, errno, "%s: cannot open", name);
        if (inside >= 0)
            close(inside);
        return r;
    }
    int r = 0;
    struct dirent *entry;
    while (r == 0 && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(inside, entry->d_name, 0) < 0)
            r = error_set_errno(ret_error, errno, "%s/%s: cannot remove", name, entry->d_name);
    closedir(folder);
    if (r == 0 && unlinkat(directory, name, AT_REMOVEDIR) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", name);
    return r;
}

/* What a crashed run left; nobody uses it, for we hold the lock and it was never published. */
int generation_remove_leftovers(int directory, struct error *ret_error) {
    int r = generation_remove_folder(directory, GENERATION_NEW_FOLDER, ret_error);
    if (r == 0)
        r = generation_remove_folder(directory, OLD_FOLDER, ret_error);
    if (r == 0 && unlinkat(directory, NEW_LINK, 0) < 0 && errno != ENOENT)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", NEW_LINK);
    return r;
}

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

/* Is the same generation there already, and whole? Then its manifest is the one that counts. */
static bool is_published(struct generation_writer *writer, const char *folder,
                         struct generation_manifest *ret_manifest) {
    struct generation *there;
    struct error ignored;
    if (generation_open_folder(writer->root, writer->directory, folder, true, &there, &ignored) < 0)
        return false;
    *ret_manifest = *generation_manifest(there);
    generation_close(there);
    return true;
}

/* Whatever is in the way is damaged. A server that has it open keeps it; the name is ours. */
static int move_in(struct generation_writer *writer, const char *folder, struct error *ret_error) {
    if (renameat(writer->directory, folder, writer->directory, OLD_FOLDER) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "%s: cannot move it out of the way", folder);
    if (renameat(writer->directory, GENERATION_NEW_FOLDER, writer->directory, folder) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot publish", folder);
    close(writer->inside);
    writer->inside = -1;
    return generation_remove_folder(writer->directory, OLD_FOLDER, ret_error);
}

static int point_current(struct generation_writer *writer, const char *folder,
                         struct error *ret_error) {
    /* The folder's name is on the disk before anything points to it. */
    int r = directory_sync(writer->directory, ".", ret_error);
    if (r < 0)
        return r;
    if (symlinkat(folder, writer->directory, NEW_LINK) < 0 ||
        renameat(writer->directory, NEW_LINK, writer->directory, GENERATION_CURRENT) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot point it to %s", GENERATION_CURRENT,
                               folder);
    return directory_sync(writer->directory, ".", ret_error);
}

static int move_and_point(struct generation_writer *writer, struct error *ret_error) {
    struct generation_manifest *manifest = &writer->manifest.generation;
    char *folder = manifest_folder(manifest);
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

/* "g-00000000000000000042-0123456789abcdef" */
static bool folder_parse(const char *name, uint64_t *ret_position, uint64_t *ret_id) {
    enum { DIGITS = 20, LENGTH = 2 + DIGITS + 1 + HASH_HEX_SIZE - 1 };
    if (strlen(name) != LENGTH || strncmp(name, "g-", 2) != 0 || name[2 + DIGITS] != '-' ||
        strspn(name + 2, "0123456789") != DIGITS)
        return false;
    *ret_position = strtoull(name + 2, NULL, 10);
    return hash_parse_hex(text_of(name + 2 + DIGITS + 1), ret_id) == 0;
}

struct old_generation {
    uint64_t position, id;
    struct timespec built;
};

/* The newest first: by position, and of the same position by when they were built. */
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
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        struct old_generation found;
        struct stat status;
        if (!folder_parse(entry->d_name, &found.position, &found.id) ||
            found.id == writer->manifest.generation.id ||
            fstatat(writer->directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISDIR(status.st_mode))
            continue;
        found.built = status.st_mtim;
        old = check_reallocarray(old, count + 1, sizeof *old);
        old[count++] = found;
    }
    closedir(folder);
    if (count)
        qsort(old, count, sizeof *old, compare_old);
    *ret_old = old;
    *ret_count = count;
    return 0;
}

/* By renaming first, so that nothing half removed ever bears the name of a generation. */
static int remove_old(struct generation_writer *writer, const struct old_generation *old,
                      struct error *ret_error) {
    const struct generation_manifest named = {.place = {.position = old->position}, .id = old->id};
    char *folder = manifest_folder(&named);
    int r = 0;
    if (renameat(writer->directory, folder, writer->directory, OLD_FOLDER) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", folder);
    if (r == 0)
        r = generation_remove_folder(writer->directory, OLD_FOLDER, ret_error);
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
