/* An archive whose folder is not the one that was there when the console started: the sandbox knows
 * that one alone, and the system says no more than that permission is denied. */
#pragma once

#include "core/base/error.h"

/* Says what to do, if r < 0 and *error is about a file below `archive`, the archive's folder or the
 * data folder around it, and the sandbox hides that. Returns r. */
int archive_explain_hidden(const char *archive, int r, struct error *error);
