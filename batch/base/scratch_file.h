/* Files for the sorts of jobs that only read an archive. */
#pragma once

#include "core/base/error.h"

/* Creates an unlinked file in the system's temporary folder and returns its descriptor; a
 * make_file() of the sorts. user is ignored. */
int scratch_file(void *user, struct error *ret_error);
