/* Not a file beside the input: a job that only reads must not write where the archive or the
 * generations are. tmpfile() does not look at TMPDIR. */
#include "scratch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int scratch_file(void *user, struct error *ret_error) {
    const char *folder = getenv("TMPDIR");
    (void)user;
    int unnamed = folder && *folder ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
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
