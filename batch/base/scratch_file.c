/* Not a file beside the input: a job that only reads must not write where the archive or the
 * generations are. tmpfile() does not look at TMPDIR. */
#include "scratch_file.h"

#include "core/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_unnamed(const char *folder) {
    return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* NFS, FUSE, and older overlay file systems, on which containers are, have no O_TMPFILE. */
int scratch_file_in(const char *folder, struct error *ret_error) {
    int file = open_unnamed(folder);
    if (file >= 0)
        return file;
    size_t length = strlen(folder) + sizeof "/.scratch-XXXXXX";
    char *path = check_malloc(length);
    snprintf(path, length, "%s/.scratch-XXXXXX", folder);
    file = mkostemp(path, O_CLOEXEC);
    if (file < 0)
        file = error_set_errno(ret_error, errno, "%s: cannot create a temporary file", folder);
    else
        unlink(path);
    free(path);
    return file;
}

int scratch_file(void *user, struct error *ret_error) {
    const char *folder = getenv("TMPDIR");
    (void)user;
    int unnamed = folder && *folder ? open_unnamed(folder) : -1;
    if (unnamed >= 0)
        return unnamed;
    FILE *file = tmpfile();
    if (!file)
        return error_set_errno(ret_error, errno, "cannot create a temporary file");
    int descriptor = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
    int failure = errno;
    fclose(file);
    if (descriptor < 0)
        return error_set_errno(ret_error, failure, "cannot create a temporary file");
    return descriptor;
}
