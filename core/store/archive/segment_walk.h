/* Going through a segment frame by frame, with every check that the format allows, and judging what
 * it means when it goes no further. Recovery and readers share it. Private to store/. */
#pragma once

#include "core/wire/record/record.h"
#include "segment_file.h"

struct sha256;

/* A piece of a segment in memory, in which frames are looked at: of a sealed one a whole block. */
struct frame_window {
    struct segment_file *file; /* somebody else's */
    uint64_t start;            /* offset of bytes[0] in the segment */
    uint16_t trusted_type;     /* frame_parse_trusting()'s; FRAME_TRUST_NONE: all are proved */
    size_t chunk;              /* how much is read at once of one that is not sealed */
    struct buffer bytes;
    struct seal_unpacker *unpacker; /* NULL until it is needed */
    struct sha256 *hash;            /* NULL: not asked for */
    uint64_t hashed;                /* so many bytes of the segment */
};

#define FRAME_TRUST_NONE 0 /* no record has this type */

/* Chunk for reading on: so little that it is still in the processor's second cache when its frames
 * are proved and copied. */
#define WINDOW_SEQUENTIAL (128u << 10)
#define WINDOW_RANDOM     (32u << 10) /* for reading here and there */

void frame_window_init(struct frame_window *window, struct segment_file *file, size_t chunk);
void frame_window_deinit(struct frame_window *window);
/* Forgets what was read and asks for the file's size again. */
int frame_window_refresh(struct frame_window *window, struct error *ret_error);
/* enum frame_status of the frame at offset, or < 0 when the file cannot be read. The frame is valid
 * until the next call. */
int frame_window_look(struct frame_window *window, uint64_t offset, struct frame *ret_frame,
                      const char **ret_fault, struct error *ret_error);

/* Has all bytes of the segment hashed as they are read, from the first to the last, behind those of
 * the seal before: call it before anything else is looked at. */
int frame_window_hash(struct frame_window *window, const uint8_t before[SEAL_HASH_SIZE],
                      struct error *ret_error);
/* The hash, which ends. false: not all of the segment was read. */
bool frame_window_hash_finish(struct frame_window *window, uint8_t ret_hash[SEAL_HASH_SIZE]);

struct segment_walk {
    struct frame_window window;
    uint64_t offset;            /* where the next frame begins */
    struct archive_place place; /* of the last record seen */
    struct archive_place
        synced;           /* the furthest that a sync mark seen, or the header, vouches for */
    uint64_t last_offset; /* of the last record seen; 0: none in this segment */
    bool contradicted;    /* a sync mark names another history than these records are */
};

/* header: of the segment that the file is. */
int segment_walk_init(struct segment_walk *walk, struct segment_file *file,
                      const struct segment_header *header, struct error *ret_error);
void segment_walk_deinit(struct segment_walk *walk);
/* Records of this type are not proved: neither their checksums are looked at nor, as those behind
 * continue them, the chain of any; walk->place and synced have none. For whoever goes through the
 * same segment once more. Before the first step. */
void segment_walk_skim(struct segment_walk *walk, enum record_type type);

/* FRAME_WHOLE: *ret_frame is the next record and the walk stands behind it; sync marks are checked
 * and passed over. Else *ret_frame is nothing and the walk goes no further: FRAME_END, FRAME_SHORT,
 * FRAME_BAD with *ret_fault, or < 0. After frame_window_refresh() the same place may be looked at
 * again. */
int segment_walk_next(struct segment_walk *walk, struct frame *ret_frame, const char **ret_fault,
                      struct error *ret_error);

/* What lies behind the place where a walk ended. */
enum tail {
    TAIL_CLEAN,   /* nothing, or zeros */
    TAIL_TORN,    /* bytes that nothing vouches for: they may not have reached the disk whole */
    TAIL_DAMAGED, /* a sync mark behind it says that what is missing here was on the disk */
};

/* enum tail, or < 0. TAIL_DAMAGED: *ret_mark is the offset of that sync mark. A sealed segment was
 * on the disk whole: nothing in it is torn, and its end vouches for all of it. */
int segment_walk_judge(struct segment_walk *walk, uint64_t *ret_mark, struct error *ret_error);

/* Goes on to the end, so that ->synced is the last sync mark there is. ERROR_DAMAGED when something
 * that was on the disk lies behind where the frames end: then an older mark must not pass for the
 * last one. Its writer may be at work, so what looks damaged is looked at again as long as there is
 * more to see. The message does not name the file. */
int segment_walk_finish(struct segment_walk *walk, struct error *ret_error);
/* The last sync mark in this file, by a walk of its own. The message names the file. */
int segment_walk_find_synced(struct segment_file *file, const struct segment_header *header,
                             struct archive_place *ret_synced, struct error *ret_error);
