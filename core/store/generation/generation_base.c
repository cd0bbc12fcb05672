#include "generation_base.h"

#include "core/store/archive/file.h"
#include "generation_folder.h"
#include "manifest.h"

#include "core/base/folder/folder_next.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *generation_base_root(const char *archive) {
    return name_printf("%s/" ARCHIVE_BASE, archive);
}

static uint64_t choose(const struct archive_begin *begin, uint64_t plan_id) {
    for (size_t i = 0; i < begin->base_count; i++)
        if (begin->bases[i].plan_id == plan_id)
            return begin->bases[i].generation_id;
    return begin->bases[0].generation_id;
}

static int check_place(const struct generation *generation, const struct archive_begin *begin,
                       struct error *ret_error) {
    struct archive_place place = generation_manifest(generation)->place;
    if (place.position == begin->place.position && place.chain == begin->place.chain)
        return 0;
    return error_set(ret_error, ERROR_DAMAGED,
                     "it was built for record %" PRIu64 " of another history", place.position);
}

/* A reader that is overtaken by another prune, or by an erasure, finds its tables gone. */
static bool is_overtaken(const char *archive, const struct archive_begin *begin) {
    struct archive_begin now;
    struct error ignored;
    return archive_begin_look_at(archive, &now, &ignored) == 0 &&
           (now.place.position > begin->place.position || now.base_count != begin->base_count ||
            memcmp(now.bases, begin->bases, sizeof now.bases) != 0);
}

int generation_open_base_of(const char *archive, const struct archive_begin *begin,
                            uint64_t plan_id, bool full, struct generation **ret_generation,
                            struct error *ret_error) {
    char *root = generation_base_root(archive);
    char *folder = generation_folder_format(begin->place.position, choose(begin, plan_id));
    struct generation *generation = NULL;
    int r = generation_open(root, folder, full, &generation, ret_error);
    if (r == 0)
        r = check_place(generation, begin, ret_error);
    if (r == 0)
        *ret_generation = generation;
    else if (is_overtaken(archive, begin))
        r = error_set(ret_error, ERROR_UNAVAILABLE,
                      "%s: it was pruned, or something was erased from it, while it was being "
                      "read: start again",
                      archive);
    else
        error_prefix(ret_error,
                     "%s/%s: these tables stand for the records that a prune has dropped, and "
                     "cannot be built again: restore them from a backup",
                     root, folder);
    if (r < 0)
        generation_close(generation);
    free(root);
    free(folder);
    return r;
}

int generation_open_base(const char *archive, uint64_t plan_id, bool full,
                         struct generation **ret_generation, struct error *ret_error) {
    struct archive_begin begin;
    int r = archive_begin_look_at(archive, &begin, ret_error);
    return r != 0
               ? r
               : generation_open_base_of(archive, &begin, plan_id, full, ret_generation, ret_error);
}

/* ---- owners ---- */

void generation_base_own(const char *archive, uint64_t position, uint64_t generation_id) {
    char *folder = generation_folder_format(position, generation_id);
    char *names[] = {name_printf("%s", folder),
                     name_printf("%s/" MANIFEST_FILE, folder),
                     name_printf("%s/" MANIFEST_TABLES, folder),
                     name_printf("lock"),
                     name_printf(GENERATION_CURRENT),
                     name_printf(".")};
    char *root = generation_base_root(archive);
    struct stat owner, there;
    int directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_known = directory >= 0 && stat(archive, &owner) == 0;
    for (size_t i = 0; i < sizeof names / sizeof(*names); i++) {
        if (is_known && fstatat(directory, names[i], &there, AT_SYMLINK_NOFOLLOW) == 0 &&
            (there.st_uid != owner.st_uid || there.st_gid != owner.st_gid))
            (void)!fchownat(directory, names[i], owner.st_uid, owner.st_gid, AT_SYMLINK_NOFOLLOW);
        free(names[i]);
    }
    if (directory >= 0)
        close(directory);
    free(root);
    free(folder);
}

/* ---- removing ---- */

/* Renamed first, so that a folder with the name of a generation is always whole. */
static int remove_one(int directory, const char *folder, struct error *ret_error) {
    if (renameat(directory, folder, directory, GENERATION_OLD_FOLDER) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot remove", folder);
    return generation_folder_remove(directory, GENERATION_OLD_FOLDER, ret_error);
}

static bool is_named(const struct archive_begin *begin, uint64_t id) {
    for (size_t i = 0; i < begin->base_count; i++)
        if (begin->bases[i].generation_id == id)
            return true;
    return false;
}

static int clean(int directory, const struct archive_begin *begin, bool all, size_t *removed,
                 struct error *ret_error) {
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    if (!folder) {
        int r = error_set_errno(ret_error, errno, "cannot list");
        if (again >= 0)
            close(again);
        return r;
    }
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, ".", &entry, ret_error)) > 0;) {
        uint64_t position, id;
        if (!generation_folder_parse(entry->d_name, &position, &id) ||
            (position == begin->place.position && is_named(begin, id)) ||
            (position > begin->place.position && !all))
            continue;
        r = remove_one(directory, entry->d_name, ret_error);
        *removed += r == 0;
    }
    closedir(folder);
    return r;
}

int generation_base_clean(const char *archive, const struct archive_begin *begin, bool all,
                          size_t *ret_removed, struct error *ret_error) {
    char *root = generation_base_root(archive);
    int directory = -1, lock = -1;
    size_t removed = 0;
    int r = directory_open(root, "folder", &directory, ret_error);
    if (r == 0)
        r = directory_lock(directory, root, "builds tables here", &lock, ret_error);
    if (r == 0)
        r = generation_remove_leftovers(directory, ret_error);
    if (r == 0)
        r = clean(directory, begin, all, &removed, ret_error);
    if (r < 0)
        error_prefix(ret_error, "%s", root);
    else
        *ret_removed = removed;
    if (lock >= 0)
        close(lock);
    if (directory >= 0)
        close(directory);
    free(root);
    return r;
}
