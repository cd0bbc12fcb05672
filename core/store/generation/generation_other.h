/* Going on without the current generation, because it is damaged. Private to store/. */
#pragma once

#include "generation.h"

/* Opens the newest of the others in root that is whole: all of it is read against its hashes.
 * ERROR_NOT_FOUND: there is none. */
int generation_open_other(const char *root, struct generation **ret_generation,
                          struct error *ret_error);
