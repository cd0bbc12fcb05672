/* Files without a name, for jobs that must not write beside what they read. */
#pragma once

#include "core/base/error.h"

/* Creates an unlinked file in the folder of TMPDIR, or the system's temporary one, and returns its
 * descriptor; a make_file() of the sorts. user is ignored. */
int scratch_file(void *user, struct error *ret_error);
/* The same in a folder, also where its file system knows no files without a name. */
int scratch_file_in(const char *folder, struct error *ret_error);
