/* An archive cut into its segments, so that several threads can read it at once.
 *
 * Each segment's header says which position and chain it continues, so a part is verified by
 * itself: CRCs and chain from its header on, and at its end that it arrives where the next one
 * begins. When all parts have been read, all of it has been, as by one reader. Parts end at the
 * last sync mark there was at opening. Takes no lock and changes nothing.
 *
 * An open struct archive_parts does not change: any thread may use it. A reader is one thread's. */
#pragma once

#include "archive.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive_parts;

/* ERROR_NOT_FOUND: no such archive. ERROR_DAMAGED. With nothing synced there are no parts. */
int archive_parts_open(const char *path, struct archive_parts **ret_parts, struct error *ret_error);
void archive_parts_close(struct archive_parts *parts); /* NULL is allowed */

/* The last sync mark. */
struct archive_place archive_parts_end(const struct archive_parts *parts);
/* In order of their records. */
size_t archive_parts_count(const struct archive_parts *parts);
/* The first part that has a record behind this position; the count when there is none. */
size_t archive_parts_find(const struct archive_parts *parts, uint64_t position);
/* What is known of a part without reading it. */
struct archive_part {
    const char *file;     /* relative to the archive; lives as long as the parts */
    uint64_t first, last; /* positions; last < first: no record */
    uint64_t size;        /* bytes of the segment */
    uint64_t stored;      /* bytes of its file: fewer when it is sealed */
    bool is_sealed;
    uint64_t types;         /* bit n: it has a record of type n; not sealed: may have */
    int64_t end_time_us;    /* when its last record was received, as its seal says */
    int32_t day;            /* since 1970-01-01: its folder's */
    int64_t time_before_us; /* when the record before it was received; INT64_MIN: there is none */
};
struct archive_part archive_parts_part(const struct archive_parts *parts, size_t index);

/* Bytes of the segment, for dividing work and for progress. */
uint64_t archive_parts_size(const struct archive_parts *parts, size_t index);

/* Is this place one of the archive's, at or before its end? Reads one segment at most. 1: it is;
 * 0: the archive has another history there, or is shorter. */
int archive_parts_holds(const struct archive_parts *parts, struct archive_place place,
                        struct error *ret_error);

struct archive_part_reader;

/* A record as it lies in the part. Valid until the next call of archive_part_next(). */
struct archive_part_record {
    enum record_type type;
    uint64_t position;
    struct text payload; /* for archive_part_decode() */
};

/* after: hands out only the records behind this position; those before it are verified all the
 * same. drop_cache: tells the system that the bytes read will not be needed again. */
int archive_part_open(const struct archive_parts *parts, size_t index, uint64_t after,
                      bool drop_cache, struct archive_part_reader **ret_reader,
                      struct error *ret_error);
void archive_part_close(struct archive_part_reader *reader); /* NULL is allowed */

/* Before the first archive_part_next(): transactions are handed out as they lie there, nothing of
 * them is verified, and of the rest only what does not need them. For a reading that another one of
 * the same part follows. When anything is wrong, the one that follows says best what. */
void archive_part_skim(struct archive_part_reader *reader);

/* Has the seal of the part verified too, against that of the part before and, at the end, against
 * its bytes: of one that is not sealed as far as the seals around it tell what it should be. Call
 * it before the first archive_part_next(). Costs about as much as reading. ERROR_DAMAGED. */
int archive_part_hash(struct archive_part_reader *reader, struct error *ret_error);

/* 1: *ret_record is the next one; 0: the end of the part, which is verified now. ERROR_DAMAGED
 * names file and byte. */
int archive_part_next(struct archive_part_reader *reader, struct archive_part_record *ret_record,
                      struct error *ret_error);
/* The record that archive_part_next() gave last, into the arena (the caller resets it). It may
 * point into the payload and is valid as long as that. */
int archive_part_decode(struct archive_part_reader *reader, struct arena *arena,
                        struct record *ret_record, struct error *ret_error);
/* Bytes of the part gone through. */
uint64_t archive_part_offset(const struct archive_part_reader *reader);
