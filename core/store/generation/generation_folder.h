/* The names in a folder of generations, and removing what stands under them. Private to store/.
 *
 *   g-<position, 20 digits>-<id, 16 hex digits>/   a generation
 *   current     symbolic link to the one that is published
 *   .new/       being built, or left by a crash
 *   .current    the next `current`, before it is renamed
 *   .replaced/  a generation on its way out, before its files are removed
 *
 * Names that begin with a dot are never opened as a generation. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define GENERATION_CURRENT    "current"
#define GENERATION_NEW_FOLDER ".new"
#define GENERATION_NEW_LINK   ".current"
#define GENERATION_OLD_FOLDER ".replaced"

/* "g-00000000000000000042-0123456789abcdef"; free() it. */
char *generation_folder_format(uint64_t position, uint64_t id);
/* false: not the name of a generation. */
bool generation_folder_parse(const char *name, uint64_t *ret_position, uint64_t *ret_id);

/* Removes the folder and the files in it, or a link in its place; a missing one is not an error. */
int generation_folder_remove(int directory, const char *name, struct error *ret_error);
/* Removes what a crashed build left. Only for the holder of the folder's lock. */
int generation_remove_leftovers(int directory, struct error *ret_error);

/* XXH3 over the bytes of directory/name, and how many there are. */
int generation_folder_hash_file(int directory, const char *name, uint64_t *ret_size,
                                uint64_t *ret_hash, struct error *ret_error);
