/* The archive's writer in memory, shared by the files that make it up: archive_open.c (recovery),
 * archive_append.c (append, write, sync), archive_read.c (one record by position) and
 * archive_zeros.c (zeros ahead of the records). Private to store/. */
#pragma once

#include "archive.h"
#include "archive_begin.h"
#include "segment_file.h"
#include "segment_walk.h"

/* Where the records of a segment are: the offset of every INDEX_STRIDE-th, recorded when a read
 * first walks over it. A sealed segment has a table of its own and needs no index. */
#define INDEX_STRIDE 64

struct segment_index {
    struct segment_file *file; /* NULL: not open */
    uint64_t first;            /* position of the segment's first record */
    uint64_t *offsets;         /* of positions first, first + INDEX_STRIDE, … */
    size_t count, capacity;
    uint64_t next_position, next_offset; /* where the walk continues; offset 0: not started */
};

/* An appended record that is not written yet. Its frame ends where the next one starts. */
struct pending_frame {
    size_t start; /* in archive->pending */
    uint64_t chain;
    int64_t time_us;
};

/* The state of the files, as of the last write that succeeded: what a failed one is rolled back to.
 */
struct archive_written {
    int descriptor; /* of the last segment, read and write; -1: the next record starts one */
    uint64_t size;  /* bytes of it */
    struct archive_place place;
    int64_t time_us; /* receive time of that record; INT64_MIN: none */
    uint64_t synced;
    size_t segment_count;
};

/* With `keeps`: what is needed to go on after a failure of the disk. archive_keep.c */
struct archive_unsynced {
    struct buffer bytes; /* the last segment's, from `offset` to its end: on disk or not */
    uint64_t offset;
    int closing;      /* a descriptor that has seen no failed sync; -1: the writer's own */
    bool is_broken;   /* the disk may lack these bytes: write them again */
    bool is_too_long; /* the file may be longer than `written` says */
    char (*leftovers)[SEGMENT_NAME_SIZE]; /* new segments that could not be removed, newest first */
    size_t leftover_count;
};

struct archive {
    char *path;
    int directory, lock;
    uint64_t segment_bytes;
    bool on_zeros, has_spare, keeps;
    struct archive_unsynced unsynced;
    struct archive_begin begin; /* where it began when it was opened */
    bool ends_segment;          /* the next record begins a new one */
    struct segment_list list;
    struct segment_index *indexes; /* parallel to list */
    size_t index_count;            /* of indexes that are initialised */
    size_t index_open;             /* of them with a file */
    struct segment_file *unused;   /* that had one of these and wait to be closed */
    /* What archive_read() read last, so that a read nearby needs no system call: bytes of one
     * segment, valid until something is written. */
    struct frame_window window;
    size_t window_segment;    /* in list */
    uint64_t window_position; /* the last one that was written then */
    struct archive_written written;
    struct archive_place end; /* of the last appended */
    int64_t time_us;
    int syncing; /* a descriptor of the segment that was synced last; -1: none. Which one it is: */
    uint64_t syncing_first;
    int32_t syncing_day;
    int next_sync; /* one of the last segment that takes its place with the next sync; -1: none */
    struct buffer pending;
    struct pending_frame *frames;
    size_t frame_count, frame_capacity;
    bool failed; /* the files may differ from `written`: no more writes until it is opened again */
};

/* On opening. Fills the last segment with zeros after its end, as far as opening may take its time
 * for it; where the next record starts a segment, makes the spare. If it fails, the archive works
 * without. archive_zeros.c */
void archive_zero_fill(struct archive *archive);
/* Opens the spare, if has_spare; < 0: errno says why there is none. The caller renames it. */
int archive_open_spare(struct archive *archive);
void archive_remove_spare(struct archive *archive);
#define ARCHIVE_SPARE "spare"

/* ---- archive_keep.c; all but begin(), *_next_sync(), note_*(), remove_file() and mend() do
 * nothing without `keeps` ---- */

/* After recovery: what is in the last segment must be on disk, as no copy of it is in memory, and
 * no later sync would hear of a failure that was reported to another before. */
int archive_keep_begin(struct archive *archive, struct error *ret_error);
void archive_keep_end(struct archive *archive);
/* A new segment has begun; all before it is on disk. */
void archive_keep_restart(struct archive *archive);
/* written is what it was before a write that failed. rotated: its segment was closed meanwhile, and
 * so synced. */
void archive_keep_roll_back(struct archive *archive, bool rotated);
/* A sync has succeeded. */
void archive_keep_synced(struct archive *archive, const struct archive_sync *sync);
/* Opens the last segment for the next syncs. It must be called before anything is written that they
 * are to make durable: sealing syncs the segment, too, and a failure that it was told of is not
 * told to descriptors that are opened afterwards. */
int archive_open_next_sync(struct archive *archive, struct error *ret_error);
/* Makes that descriptor archive->syncing. No sync is under way. */
int archive_take_next_sync(struct archive *archive, struct error *ret_error);
/* What a closing segment is synced through. */
int archive_closing_descriptor(const struct archive *archive);
/* What is on disk is not what memory says. Without `keeps` that is final: `failed`. */
void archive_note_failure(struct archive *archive);
void archive_note_length(struct archive *archive); /* ftruncate() failed */
/* Removes a segment that was just begun, or the spare that was to be one, for good; also if it is
 * not there any more. */
int archive_remove_file(const struct archive *archive, const char *name, struct error *ret_error);
void archive_note_leftover(struct archive *archive, const char *name); /* it could not be removed */
/* Brings the files to what memory says, after a failure. Without one it does nothing. */
int archive_mend(struct archive *archive, struct error *ret_error);
/* Clears it, and gives its memory back if a large record passed through. */
void archive_empty_buffer(struct buffer *buffer);

/* Finds the end, copies a torn tail aside and cuts it off, fills list, written, end and time_us. On
 * failure nothing was changed. archive_open.c */
int archive_recover(struct archive *archive, struct archive_recovery *ret_recovery,
                    struct error *ret_error);

/* On closing the archive: frees all indexes. archive_read.c */
void archive_forget_indexes(struct archive *archive);
/* Moves the files of all indexes to `unused`, so that a removed segment stops taking space: see
 * archive_take_unused(). */
void archive_close_indexes(struct archive *archive);
