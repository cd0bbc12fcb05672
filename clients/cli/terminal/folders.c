/* A data folder has fixed names inside; a command takes either it or the archive in it. */
#include "folders.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

char *folder_in(const char *data, const char *name) {
    size_t size = strlen(data) + strlen(name) + 2;
    char *path = check_malloc(size);
    snprintf(path, size, "%s/%s", data, name);
    return path;
}

char *folder_of_archive(const char *path) {
    struct stat status;
    char *inner = folder_in(path, FOLDER_ARCHIVE);
    if (stat(inner, &status) == 0 && S_ISDIR(status.st_mode))
        return inner;
    free(inner);
    return text_copy(text_of(path));
}
