/* The files of the index, one for each slice: INDEX/<position of its first record>.find. All of
 * them can be removed at any time. */
#pragma once

#include "core/base/error.h"
#include "find_image.h"

/* Of the archive at this path: index beside a folder archive, else PATH.index; on the heap. */
char *find_files_folder(const char *archive);

/* NULL: there is none that can be used. */
struct find_image *find_files_load(const char *folder, uint64_t first);
/* Written beside its place, then renamed. 1: another process is writing; nothing was done. */
int find_files_publish(const char *folder, uint64_t first, const struct find_image *image,
                       struct error *ret_error);
/* Is the folder there, and the file in it? */
bool find_files_exist(const char *folder);
bool find_files_has(const char *folder, uint64_t first);
/* The greatest `first` of a file; 0: there is none. */
uint64_t find_files_last(const char *folder);
void find_files_remove(const char *folder, uint64_t first);

/* Removes the files of records up to this position, which a prune has dropped. Without a folder
 * there is nothing to do. ERROR_SYSTEM. */
int find_files_remove_before(const char *folder, uint64_t position, struct error *ret_error);
