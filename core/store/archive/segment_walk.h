/* Reading a segment frame by frame, with every check that the format allows, and judging what it
 * means when a walk cannot continue. Recovery and readers share it. Private to store/. */
#pragma once

#include "core/wire/record/record.h"
#include "segment_file.h"

struct sha256;

/* A piece of a segment in memory, in which frames are parsed: of a sealed one a whole block. */
struct frame_window {
    struct segment_file *file; /* the caller's */
    uint64_t start;            /* offset of bytes[0] in the segment */
    uint16_t trusted_type;     /* frame_parse_trusting()'s; FRAME_TRUST_NONE: all are proved */
    size_t chunk;              /* how much is read at once of one that is not sealed */
    struct buffer bytes;
    struct seal_unpacker *unpacker; /* NULL until it is needed */
    struct sha256 *hash;            /* NULL: not asked for */
    uint64_t hashed;                /* so many bytes of the segment */
};

#define FRAME_TRUST_NONE 0 /* no record has this type */

/* Chunk for sequential reading: small enough to be in the L2 cache still when its frames are
 * verified and copied. */
#define WINDOW_SEQUENTIAL (128u << 10)
#define WINDOW_RANDOM     (32u << 10) /* for reading here and there */

void frame_window_init(struct frame_window *window, struct segment_file *file, size_t chunk);
void frame_window_deinit(struct frame_window *window);
/* Drops what was read and updates the size of the file. */
int frame_window_refresh(struct frame_window *window, struct error *ret_error);
/* enum frame_status of the frame at offset, or < 0 if the file cannot be read. The frame is valid
 * until the next call. */
int frame_window_look(struct frame_window *window, uint64_t offset, struct frame *ret_frame,
                      const char **ret_fault, struct error *ret_error);

/* Also hashes all bytes of the segment as they are read, from first to last, after the hash of the
 * seal before. Call it before anything is read; reads must then be sequential. */
int frame_window_hash(struct frame_window *window, const uint8_t before[SEAL_HASH_SIZE],
                      struct error *ret_error);
/* Ends hashing and returns the hash. false: not all of the segment was read. */
bool frame_window_hash_finish(struct frame_window *window, uint8_t ret_hash[SEAL_HASH_SIZE]);

struct segment_walk {
    struct frame_window window;
    uint64_t offset;             /* where the next frame begins */
    struct archive_place place;  /* of the last record seen */
    struct archive_place synced; /* the furthest on disk, by the header or a sync mark seen */
    uint64_t last_offset;        /* of the last record seen; 0: none in this segment */
    uint64_t marks[2];           /* offsets of the last two sync marks seen, the last first; or 0 */
    bool contradicted;           /* a sync mark belongs to another history than the records */
};

/* header: of the segment that the file is. */
int segment_walk_init(struct segment_walk *walk, struct segment_file *file,
                      const struct segment_header *header, struct error *ret_error);
void segment_walk_deinit(struct segment_walk *walk);
/* Records of this type are not verified: neither their checksums nor, because later records
 * continue it, the chain of any; walk->place and ->synced then have no chain. For a caller that
 * reads the same segment again. Before the first step. */
void segment_walk_skim(struct segment_walk *walk, enum record_type type);

/* FRAME_WHOLE: *ret_frame is the next record, and the walk is after it; sync marks are checked and
 * skipped. Else *ret_frame means nothing and the walk stays where it is: FRAME_END, FRAME_SHORT,
 * FRAME_BAD with *ret_fault, or < 0. After frame_window_refresh() the same place may be tried
 * again. */
int segment_walk_next(struct segment_walk *walk, struct frame *ret_frame, const char **ret_fault,
                      struct error *ret_error);

/* What is after the place where a walk ended. */
enum tail {
    TAIL_CLEAN,   /* nothing, or zeros */
    TAIL_TORN,    /* bytes that were never synced: a crash may have left them incomplete */
    TAIL_DAMAGED, /* a later sync mark says that what is missing here was on disk */
};

/* enum tail, or < 0. TAIL_DAMAGED: *ret_mark is the offset of that sync mark. A sealed segment was
 * on disk whole, so in one anything that is missing is damage. */
int segment_walk_judge(struct segment_walk *walk, uint64_t *ret_mark, struct error *ret_error);

/* Walks to the end, so that ->synced is the last sync mark in the segment. ERROR_DAMAGED: something
 * that was on disk is unreadable, and an older mark must not pass for the last one. Its writer may
 * be at work, so apparent damage is read again as long as there is progress. The message does not
 * name the file. */
int segment_walk_finish(struct segment_walk *walk, struct error *ret_error);
/* The last sync mark in this file, by a walk of its own. The message names the file. */
int segment_walk_find_synced(struct segment_file *file, const struct segment_header *header,
                             struct archive_place *ret_synced, struct error *ret_error);
