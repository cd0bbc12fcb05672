/* The slices of an archive, from files of the index or made from its records. They stay for later
 * searches, as long as they are still true of the archive. One thread at a time. */
#pragma once

#include "core/store/archive/archive_parts.h"
#include "find_image.h"

#include <stdatomic.h>
#include <stdbool.h>

struct find_slice {
    struct find_image *image;
    bool is_file;    /* it came from a file, or is in one by now */
    bool is_piece;   /* of the end of a segment that grows: a file will have it with others */
    bool is_damaged; /* some bytes of it are: it is dropped, and made again */
};

struct find_slices {
    char *folder;         /* of the files; NULL: none are read or written */
    bool writes;          /* files are written, too */
    bool distrusts;       /* files are not read: too many are damaged */
    uint64_t slice_bytes; /* of a segment; a slice ends after it. So memory has a limit, too */
    /* The end of a segment that grows stays in memory until it is this long: in pieces, so that a
     * search makes only what is new. */
    uint64_t tail_bytes;
    bool drop_cache;
    const atomic_bool *stop;                      /* NULL: never */
    int (*report)(void *user, uint64_t position); /* struct find_build's */
    void *user;
    struct find_slice *items; /* by position */
    size_t count, capacity;
    uint64_t made, read; /* slices made of records, and read from files, so far */
    bool cannot_write;   /* the last attempt failed: */
    struct error write_error;
};

void find_slices_deinit(struct find_slices *slices);
/* Before a search for transactions before this position: drops what is damaged, or beyond the end
 * of the archive. Of slices that are in no file, only what the search needs of them stays, so that
 * many searches do not fill the memory. */
void find_slices_begin(struct find_slices *slices, const struct archive_parts *parts,
                       uint64_t before);
/* Drops slices whose files somebody has removed, so that they are made again. Searches look only
 * whether the folder is there: it may have been removed and begun anew in the middle of making it.
 */
void find_slices_check_files(struct find_slices *slices);
/* The slice has been searched, or needs not be: what is in no file gives back most of its memory.
 * Not the end of the archive. */
void find_slices_done(struct find_slices *slices, size_t index, const struct archive_parts *parts);

/* All slices of the part: *ret_first is the index of the first one; those of later parts move.
 * is_patient false: none is made; then *ret_count may be too small, and 1 is returned.
 * ERROR_DAMAGED, ERROR_INTERRUPTED, ERROR_SYSTEM. */
int find_slices_take(struct find_slices *slices, const struct archive_parts *parts, size_t part,
                     bool is_patient, size_t *ret_first, size_t *ret_count,
                     struct error *ret_error);

/* Drops the pieces of a part that are to be one file by now; take the part again, then. false:
 * there are none, or they are still too short. first, count: as they were taken. */
bool find_slices_drop_due(struct find_slices *slices, const struct archive_parts *parts,
                          size_t part, size_t first, size_t count);

/* Where an opening of the archive may begin to look for its end: the end of the newest slice. Those
 * that are at hand come before those of files. */
struct archive_parts_hint find_slices_hint(const struct find_slices *slices);

/* find_image_at(), which marks the slice when it is damaged. */
const void *find_slice_at(struct find_slice *slice, enum find_section section, size_t first,
                          size_t count, size_t size);
