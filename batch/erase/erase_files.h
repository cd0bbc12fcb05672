/* What else holds the values beside the archive's segments: files that were made of them, and files
 * that quote them. */
#pragma once

#include "erase_keys.h"

struct erase_files {
    const struct erase_keys *keys;
    const char *archive, *generations; /* folders; generations NULL: none */
    const char *data;                  /* folder around them; NULL: none */
    const char *rejects;               /* a file of refused transactions elsewhere; NULL: none */
    /* What was done, and what could not be. */
    size_t removed, rows;
    char **left; /* paths of files that still hold a value */
    size_t left_count;
};

/* Before the tables are built anew: what they would be made of otherwise. */
int erase_files_derived(struct erase_files *files, struct error *ret_error);
/* Afterwards: older generations; then all other files of the data folder are searched. Copies of
 * torn ends, cut records and segments in quarantine that hold a value are removed, rows of refused
 * transactions overwritten. Sealed segments in quarantine cannot be searched, and are left. */
int erase_files_rest(struct erase_files *files, struct error *ret_error);
void erase_files_deinit(struct erase_files *files);
