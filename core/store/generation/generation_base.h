/* The tables of the place where a pruned archive begins (core/store/archive/archive_begin.h): they
 * stand for all records that are gone, and nothing can build them again. They are a generation like
 * others, in a folder of the archive. */
#pragma once

#include "core/store/archive/archive_begin.h"
#include "generation.h"

/* PATH/base; free() it. */
char *generation_base_root(const char *archive);

/* The one with the states of these features, else the first one; plan_id 0: the first one. 1: the
 * archive begins with record 1, and there is none. full: as for generation_open(). ERROR_DAMAGED,
 * ERROR_UNSUPPORTED: it cannot be used, and must be restored from a backup. */
int generation_open_base(const char *archive, uint64_t plan_id, bool full,
                         struct generation **ret_generation, struct error *ret_error);
/* The same for a beginning that the caller has looked at, which is not record 1. */
int generation_open_base_of(const char *archive, const struct archive_begin *begin,
                            uint64_t plan_id, bool full, struct generation **ret_generation,
                            struct error *ret_error);

/* Gives the tables to whom the archive belongs to, as far as this process may: a server must be
 * able to read them. */
void generation_base_own(const char *archive, uint64_t position, uint64_t generation_id);

/* Removes the tables of beginnings that this one has replaced. all: also those that were built for
 * later ones, which did not come to be. *ret_removed: folders. */
int generation_base_clean(const char *archive, const struct archive_begin *begin, bool all,
                          size_t *ret_removed, struct error *ret_error);
