/* What the writer of generations needs of their reader. Private to store/. */
#pragma once

#include "generation.h"

/* Opens one of root's generations by its folder; directory has root open. As
 * generation_open_current().
 */
int generation_open_folder(const char *root, int directory, const char *folder, bool full,
                           struct generation **ret_generation, struct error *ret_error);

/* XXH3 over the bytes of directory/name, and how many they are. */
int generation_hash_file(int directory, const char *name, uint64_t *ret_size, uint64_t *ret_hash,
                         struct error *ret_error);
