#include "hidden.h"

#include "server/sandbox/sandbox.h"

#include <string.h>

int archive_explain_hidden(const char *archive, int r, struct error *error) {
    if (r >= 0 || error->code != ERROR_SYSTEM ||
        strncmp(error->text, archive, strlen(archive)) != 0 || !sandbox_hides(archive))
        return r;
    return error_set(error, ERROR_SYSTEM,
                     "%s is not the folder that was there when the console started, and its "
                     "sandbox does not let it be read: restart the console",
                     archive);
}
