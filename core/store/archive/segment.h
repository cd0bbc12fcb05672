/* The bytes of an archive's segments, and which segments there are. Private to store/.
 *
 *   segment   header (64 bytes), then frames, each aligned to 8 bytes from the start of the file
 *   frame     header (24 bytes), payload, zeros up to a multiple of 8
 *
 * A frame holds a record or is a sync mark. A frame header of zeros, with nothing but zeros after
 * it, is the end of what was written. docs/ARCHIVE.md has every field; all integers are
 * little-endian. */
#pragma once

#include "archive_place.h"
#include "core/base/buffer.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_FORMAT 1
/* Of a segment that an erasure has rewritten, whose header has an epoch: it may have rewritten
 * frames, which versions that read format 1 alone would take for damage. */
#define SEGMENT_FORMAT_REWRITTEN 2
#define SEGMENT_HEADER_SIZE      64
#define SEGMENT_NAME_SIZE        36 /* "2026-11-21/00000000000000000001.seg" and a NUL */

#define FRAME_HEADER_SIZE 24
/* Snapshot records are the largest: a policy's files are at most 64 MiB together. */
#define FRAME_PAYLOAD_MAX (80u << 20)

#define FRAME_TYPE_SYNC 0xffff /* the others are enum record_type */
#define SYNC_MARK_SIZE  (FRAME_HEADER_SIZE + 24)

/* A rewritten frame: the record is what an erasure has left of another one. The last bytes of its
 * length are the chain there, which the record that was there gave: so the frames after it, and all
 * that refers to their chains, stay as they are. */
#define FRAME_FLAG_REWRITTEN 1
#define FRAME_CHAIN_SIZE     8

struct segment_header {
    struct archive_place before; /* of the record before the first one */
    int64_t time_before_us;      /* its receive time; INT64_MIN when there is none */
    int32_t day;                 /* days since 1970-01-01; also the folder's name */
    uint64_t epoch;              /* of the erasure that rewrote it last; 0: none did */
};

void segment_header_encode(const struct segment_header *header, uint8_t bytes[SEGMENT_HEADER_SIZE]);
/* ERROR_DAMAGED, ERROR_UNSUPPORTED */
int segment_header_decode(const uint8_t bytes[SEGMENT_HEADER_SIZE],
                          struct segment_header *ret_header, struct error *ret_error);

struct frame {
    uint64_t offset; /* in the segment */
    size_t size;     /* header, payload and padding */
    uint32_t crc;
    uint16_t type;
    uint64_t position;   /* of a record; of a sync mark: the last record known to be on disk */
    struct text payload; /* without the chain of a rewritten one */
    bool is_rewritten;
};

enum frame_status {
    FRAME_WHOLE,
    FRAME_END,   /* a header of zeros, or no byte at all */
    FRAME_SHORT, /* valid so far, but the bytes end before the frame does */
    FRAME_BAD,   /* contradicts itself: length, checksum or padding */
};

/* Parses the frame at the start of bytes. FRAME_SHORT: *ret_frame has .size, or 0 while that is
 * unknown. FRAME_BAD: *ret_fault says why, a literal. The payload points into bytes. Does not fill
 * .offset. */
enum frame_status frame_parse(const uint8_t *bytes, size_t length, struct frame *ret_frame,
                              const char **ret_fault);

/* The same, except that the checksum and padding of frames of trusted_type are not verified. */
enum frame_status frame_parse_trusting(const uint8_t *bytes, size_t length, uint16_t trusted_type,
                                       struct frame *ret_frame, const char **ret_fault);

/* In two steps, so that the payload is encoded in place: begin reserves the header, the caller
 * appends the payload, finish pads it and fills in the header. start: buffer->length before begin.
 */
void frame_begin(struct buffer *buffer);
void frame_finish(struct buffer *buffer, size_t start, uint16_t type, uint64_t position);
/* The same for a rewritten record; chain: after it, as it was. */
void frame_finish_rewritten(struct buffer *buffer, size_t start, uint16_t type, uint64_t position,
                            uint64_t chain);
/* The chain after the frame at bytes: XXH3 over its header and payload with the chain before as the
 * seed. The padding is not part of it. Of a rewritten one: what it says. */
uint64_t frame_chain(const uint8_t *bytes, uint64_t chain_before);

struct sync_mark {
    struct archive_place place; /* everything up to this record was on disk */
    int64_t time_us;            /* receive time of the last record written by then */
};

void sync_mark_append(struct buffer *buffer, const struct sync_mark *mark);
/* false: the frame is not a sync mark, or is malformed */
bool sync_mark_parse(const struct frame *frame, struct sync_mark *ret_mark);
bool bytes_are_zero(const uint8_t *bytes, size_t length);
/* Is there a sync mark in these bytes, at any offset, for a position after this one? It need not be
 * aligned: after damage the frames before it are unreadable. */
bool sync_mark_search(const uint8_t *bytes, size_t length, uint64_t position, size_t *ret_offset);

/* Days since 1970-01-01, rounded down */
int32_t day_of(int64_t time_us);
int64_t day_start_us(int32_t day);
/* "2026-11-21" and a NUL; parsing is false unless it is exactly such a date */
#define DAY_NAME_SIZE 11
void day_format(int32_t day, char ret_name[DAY_NAME_SIZE]);
bool day_parse(struct text name, int32_t *ret_day);

struct segment {
    uint64_t first; /* position of its first record, whether it is there yet or not */
    int32_t day;
    char name[SEGMENT_NAME_SIZE]; /* relative to the archive */
};

/* In the order of the records. An empty segment has the same `first` as the next one. */
struct segment_list {
    struct segment *segments;
    size_t count, capacity;
};

void segment_list_deinit(struct segment_list *list);
void segment_list_add(struct segment_list *list, int32_t day, uint64_t first);
/* Replaces the list by the segments in the folder from from_day on, plain or sealed
 * (segment_file.h). Other files are ignored. */
int segment_list_scan(struct segment_list *list, int directory, int32_t from_day,
                      struct error *ret_error);
/* Drops the segments in front of where the archive begins (archive_begin.h), whose files may still
 * be there. Look where it begins after the scan: a prune moves the beginning before it removes
 * files, so a list that lacks some of them is never taken for a damaged one. */
void segment_list_begin(struct segment_list *list, struct archive_place begin);
