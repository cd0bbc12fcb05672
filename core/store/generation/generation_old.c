#include "generation_old.h"

#include "core/store/archive/file.h"
#include "generation_folder.h"

#include "core/base/folder/folder_next.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int remove_one(int directory, const char *name, struct error *ret_error) {
    if (renameat(directory, name, directory, GENERATION_OLD_FOLDER) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot remove", name);
    return generation_folder_remove(directory, GENERATION_OLD_FOLDER, ret_error);
}

static int remove_others(int directory, size_t *removed, struct error *ret_error) {
    char current[256] = "";
    ssize_t length = readlinkat(directory, GENERATION_CURRENT, current, sizeof current - 1);
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    int r = generation_remove_leftovers(directory, ret_error);
    if (!folder)
        return r < 0 ? r : error_set_errno(ret_error, errno, "cannot list");
    current[length > 0 ? length : 0] = '\0';
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, ".", &entry, ret_error)) > 0;) {
        uint64_t position, id;
        if (!generation_folder_parse(entry->d_name, &position, &id) ||
            strcmp(entry->d_name, current) == 0)
            continue;
        r = remove_one(directory, entry->d_name, ret_error);
        *removed += r == 0;
    }
    closedir(folder);
    return r < 0 ? r : directory_sync(directory, ".", ret_error);
}

int generation_remove_others(const char *root, size_t *ret_removed, struct error *ret_error) {
    int directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), lock;
    size_t removed = 0;
    if (directory < 0 && errno == ENOENT) {
        *ret_removed = 0;
        return 0;
    }
    int r = directory < 0 ? error_set_errno(ret_error, errno, "cannot open")
                          : directory_lock(directory, root, "builds tables here", &lock, ret_error);
    if (r == 0) {
        r = remove_others(directory, &removed, ret_error);
        close(lock);
    }
    if (directory >= 0)
        close(directory);
    if (r < 0)
        return error_prefix(ret_error, "%s", root);
    *ret_removed = removed;
    return 0;
}
