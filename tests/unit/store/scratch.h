/* Folders for tests, and looking at what is in them. In memory where the machine allows it: these
 * tests sync thousands of times. */
#pragma once

#include "core/base/text.h"
#include "tests/unit/unit.h"

/* A new, empty folder; scratch_remove() it, which also frees the name. */
char *scratch_make(void);
void scratch_remove(char *folder);

/* A hash over the names and bytes of everything below the folder. */
uint64_t scratch_fingerprint(const char *folder);

/* folder/name, valid until the next but seven call */
const char *scratch_path(const char *folder, const char *name);

/* A whole file; free(.data). */
struct text scratch_read(const char *path);
/* Makes or replaces it. */
void scratch_write(const char *path, const void *bytes, size_t length);
bool scratch_exists(const char *path);
