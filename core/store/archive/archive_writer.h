/* The archive's writer in memory, shared by its three files: archive_open.c (recovery),
 * archive_append.c (append, write, sync) and archive_read.c (one record by position). Private to
 * store/. */
#pragma once

#include "archive.h"
#include "segment_file.h"
#include "segment_walk.h"

/* Where the records of a segment are: an offset for every INDEX_STRIDE-th, found when first needed.
 * A sealed one has a table of its own. */
#define INDEX_STRIDE 64

struct segment_index {
    struct segment_file *file; /* NULL: not open */
    uint64_t first;            /* position of the segment's first record */
    uint64_t *offsets;         /* of positions first, first + INDEX_STRIDE, … */
    size_t count, capacity;
    uint64_t next_position, next_offset; /* how far it has come; 0: nowhere yet */
};

/* An appended record that is not written yet. Its frame runs to the next one's start. */
struct pending_frame {
    size_t start; /* in archive->pending */
    uint64_t chain;
    int64_t time_us;
};

/* What a failed write goes back to. */
struct archive_written {
    int descriptor; /* of the last segment, read and write; -1: the next record begins one */
    uint64_t size;  /* bytes of it */
    struct archive_place place;
    int64_t time_us; /* receive time of that record; INT64_MIN: none */
    uint64_t synced;
    size_t segment_count;
};

struct archive {
    char *path;
    int directory, lock;
    uint64_t segment_bytes;
    bool on_zeros, has_spare;
    struct segment_list list;
    struct segment_index *indexes; /* parallel to list */
    size_t index_count;            /* of indexes that are initialised */
    size_t index_open;             /* of them with a file */
    struct segment_file *unused;   /* that had one of these and wait to be closed */
    /* What archive_read() read last, for reading on from there: bytes of one segment, good as long
     * as nothing is written. */
    struct frame_window window;
    size_t window_segment;    /* in list */
    uint64_t window_position; /* the last one that was written then */
    struct archive_written written;
    struct archive_place end; /* of the last appended */
    int64_t time_us;
    int syncing; /* a descriptor of the segment that was synced last; -1: none was. That one is: */
    uint64_t syncing_first;
    int32_t syncing_day;
    struct buffer pending;
    struct pending_frame *frames;
    size_t frame_count, frame_capacity;
    bool failed; /* the file may not be as we think: nothing more until it is opened again */
};

/* On opening. The last segment's bytes from where it ends, so far as nobody has to wait long for
 * it, become zeros on the disk; where the next record begins a segment, the spare is made. What
 * cannot be had is done without. archive_zeros.c */
void archive_zero_fill(struct archive *archive);
/* The spare, with has_spare; < 0: errno says why there is none. Its name is the caller's to change.
 */
int archive_open_spare(struct archive *archive);
void archive_remove_spare(struct archive *archive);
#define ARCHIVE_SPARE "spare"

/* Finds the end, moves a torn tail aside, fills list, written, end and time_us. archive_open.c */
int archive_recover(struct archive *archive, struct archive_recovery *ret_recovery,
                    struct error *ret_error);

/* On closing the archive. archive_read.c */
void archive_forget_indexes(struct archive *archive);
/* They let go of their files, so that none that has been removed meanwhile goes on taking room: see
 * archive_take_unused(). */
void archive_close_indexes(struct archive *archive);
