#include "generation_other.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/base/text.h"
#include "generation_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct names {
    char **of;
    size_t count;
};

/* Names have their positions in a fixed number of digits: the newest first. */
static int newer_first(const void *a, const void *b) {
    return strcmp(*(char *const *)b, *(char *const *)a);
}

static int list(const char *root, const char *current, struct names *names,
                struct error *ret_error) {
    DIR *folder = opendir(root);
    int r = 0;
    if (!folder) /* nor does it have another generation, if it is missing */
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "%s: cannot list", root);
    uint64_t position, id;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, root, &entry, ret_error)) > 0;) {
        if (!generation_folder_parse(entry->d_name, &position, &id) ||
            strcmp(entry->d_name, current) == 0)
            continue;
        names->of = check_reallocarray(names->of, names->count + 1, sizeof *names->of);
        names->of[names->count++] = text_copy(text_of(entry->d_name));
    }
    closedir(folder);
    if (names->count > 0)
        qsort(names->of, names->count, sizeof *names->of, newer_first);
    return r;
}

int generation_open_other(const char *root, struct generation **ret_generation,
                          struct error *ret_error) {
    struct names names = {0};
    char current[256] = "", path[4096];
    struct error ignored;
    snprintf(path, sizeof path, "%s/" GENERATION_CURRENT, root);
    ssize_t length = readlink(path, current, sizeof current - 1);
    current[length > 0 ? length : 0] = '\0';
    int listed = list(root, current, &names, ret_error);
    int r = -ERROR_NOT_FOUND;
    for (size_t i = 0; i < names.count; i++) {
        if (listed == 0 && r < 0) /* why one is not whole is of no interest here */
            r = generation_open(root, names.of[i], true, ret_generation, &ignored);
        free(names.of[i]);
    }
    free(names.of);
    if (listed < 0 || r == 0)
        return listed;
    return error_set(ret_error, ERROR_NOT_FOUND, "%s: no other generation is whole", root);
}
