#include "harrier_program.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *harrier_program_find(const struct console_options *options) {
    char own[PATH_MAX], path[PATH_MAX + sizeof "/harrier"];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (options->harrier)
        return realpath(options->harrier, NULL);
    own[length > 0 ? length : 0] = '\0';
    char *name = strrchr(own, '/');
    snprintf(path, sizeof path, "%.*s/harrier", name ? (int)(name - own) : 0, own);
    if (access(path, X_OK) == 0)
        return realpath(path, NULL);
    for (const char *at = getenv("PATH"), *end; at && *at; at = *end ? end + 1 : end) {
        end = at + strcspn(at, ":");
        snprintf(path, sizeof path, "%.*s/harrier", (int)(end - at), at);
        if (access(path, X_OK) == 0)
            return realpath(path, NULL);
    }
    return NULL;
}
