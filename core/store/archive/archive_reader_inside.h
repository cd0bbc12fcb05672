/* A reader of an archive. Private to archive_reader.c and archive_reader_follow.c, which says where
 * the archive ends by now. */
#pragma once

#include "archive.h"
#include "archive_begin.h"
#include "segment_file.h"
#include "segment_walk.h"

#include <stddef.h>
#include <stdint.h>

struct archive_reader {
    char *path;
    int directory;
    struct archive_begin begin;
    struct buffer kept; /* what a prune has kept: returned before the first record */
    size_t kept_offset; /* returned up to here */
    struct segment_list list;
    size_t current;            /* in list, when there is a file */
    struct segment_file *file; /* of the current segment; NULL: none was there yet */
    struct segment_walk walk;
    struct archive_place synced;
    struct error synced_error; /* code 0: synced is known */
    uint64_t passed_bytes;     /* of segments read since opening */
    uint64_t total_bytes;
    struct archive_frame frame;
    /* Of archive_reader_renew(): where it stopped looking for sync marks. file NULL: nowhere yet.
     */
    struct {
        struct segment_file *file;
        struct segment_walk walk;
        uint64_t first;
        int32_t day;
    } marks;
};

void archive_reader_leave_marks(struct archive_reader *reader);
/* Looks for new segments. The current one keeps its place in the list. 1: there is one after the
 * current one. */
int archive_reader_look_for_more(struct archive_reader *reader, struct error *ret_error);
