#include "folder_next.h"

#include "core/base/error.h"

#include <errno.h>
#include <stddef.h>

int folder_next(DIR *folder, const char *name, const struct dirent **ret_entry,
                struct error *ret_error) {
    errno = 0;
    const struct dirent *entry = readdir(folder);
    if (!entry)
        return errno ? error_set_errno(ret_error, errno, "%s: cannot list", name) : 0;
    *ret_entry = entry;
    return 1;
}
