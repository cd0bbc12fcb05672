/* An archive as its segments, so that several threads can read it at once.
 *
 * Each segment's header states the position and chain that it continues, so a part is verified on
 * its own: CRCs and chain from its header on, and that it ends where the next one starts. Once all
 * parts have been read, the whole archive is verified, as by one reader. Parts end at the last sync
 * mark that there was at opening, and in a cluster no later than what is committed on its log.
 * Takes no lock and changes nothing.
 *
 * An open struct archive_parts does not change: any thread may use it. A reader belongs to one
 * thread. */
#pragma once

#include "archive.h"
#include "archive_begin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive_parts;

/* ERROR_NOT_FOUND: no such archive. ERROR_DAMAGED. An archive with nothing synced has no parts. */
int archive_parts_open(const char *path, struct archive_parts **ret_parts, struct error *ret_error);
/* A place that an earlier opening had at or before its end, and the byte of its segment where the
 * next frame begins: the last segment is then read from there, not from its beginning. A hint that
 * does not fit is ignored. */
struct archive_parts_hint {
    uint64_t first; /* of the segment; 0: no hint */
    struct archive_place place;
    uint64_t offset;
};
int archive_parts_open_hinted(const char *path, const struct archive_parts_hint *hint,
                              struct archive_parts **ret_parts, struct error *ret_error);
/* As if the archive ended with this place. UINT64_MAX as its position: with the last sync mark. */
int archive_parts_open_until(const char *path, struct archive_place until,
                             struct archive_parts **ret_parts, struct error *ret_error);
void archive_parts_close(struct archive_parts *parts); /* NULL is allowed */

/* What a part is within its archive, so that another process can read it alone. */
struct archive_part_bounds {
    int32_t day; /* day and first position give the names of its file */
    uint64_t first;
    struct archive_place until; /* where its records end */
    bool is_open;               /* the segment may go on after that */
};
struct archive_part_bounds archive_part_bounds(const struct archive_parts *parts, size_t index);
/* Opens one part as an archive of one. path needs to have no other segment. That the archive has no
 * gap is known to whoever opened all of it. */
int archive_parts_open_one(const char *path, const struct archive_part_bounds *bounds,
                           struct archive_parts **ret_parts, struct error *ret_error);

/* The last sync mark. */
struct archive_place archive_parts_end(const struct archive_parts *parts);
/* Where the archive begins; position 0: with record 1. After a prune the first part is the *head*:
 * it covers everything up to there and has only the records that were kept (archive_begin.h), so
 * positions in it have gaps, and there are no transactions in it. */
const struct archive_begin *archive_parts_begin(const struct archive_parts *parts);
/* In order of their records. */
size_t archive_parts_count(const struct archive_parts *parts);
/* The first part with a record after this position; the count when there is none. */
size_t archive_parts_find(const struct archive_parts *parts, uint64_t position);
/* What is known about a part without reading its records. */
struct archive_part {
    const char *file;     /* relative to the archive; lives as long as the parts */
    uint64_t first, last; /* positions; last < first: no record */
    uint64_t chain;       /* at last */
    uint64_t size;        /* bytes of the segment */
    uint64_t stored;      /* bytes of its file: fewer if it is sealed */
    bool is_sealed;
    bool is_head;        /* see archive_parts_begin() */
    uint64_t types;      /* bit n: it has a record of type n; not sealed: may have */
    int64_t end_time_us; /* when its last record was received; only of a sealed part */
    /* SEAL_HASH_SIZE bytes, with the parts' life: its seal, sealed or restored from a backup since.
     * NULL: it has none, or two parts in a row before it have none, whose content it does not prove
     * then. */
    const uint8_t *seal;
    /* Of a sealed part: the seal that the next one continues; another one if an erasure has
     * rewritten it. */
    const uint8_t *seal_first;
    uint64_t epoch;         /* of the erasure that rewrote it last; 0: none did */
    int32_t day;            /* since 1970-01-01: its folder's */
    int64_t time_before_us; /* when the record before it was received; INT64_MIN: there is none */
};
struct archive_part archive_parts_part(const struct archive_parts *parts, size_t index);

/* Bytes of the segment, for dividing work and for progress. */
uint64_t archive_parts_size(const struct archive_parts *parts, size_t index);

/* The chain at a record. Reads one segment at most. 1; 0: the position is after the end.
 * ERROR_NOT_FOUND: it is in front of where the archive begins. */
int archive_parts_chain(const struct archive_parts *parts, uint64_t position, uint64_t *ret_chain,
                        struct error *ret_error);
/* Is this place one of the archive's, at or before its end? Reads one segment at most. 1: yes; 0:
 * the archive has another history there, or is shorter, or begins later. */
int archive_parts_holds(const struct archive_parts *parts, struct archive_place place,
                        struct error *ret_error);

struct archive_part_reader;

/* A record as stored. Valid until the next call of archive_part_next(). */
struct archive_part_record {
    enum record_type type;
    uint64_t position;
    struct text payload; /* for archive_part_decode() */
};

/* after: returns only the records after this position; those before it are verified all the same.
 * drop_cache: tells the kernel that the pages read will not be needed again, so that a job does not
 * evict those of a server. */
int archive_part_open(const struct archive_parts *parts, size_t index, uint64_t after,
                      bool drop_cache, struct archive_part_reader **ret_reader,
                      struct error *ret_error);
void archive_part_close(struct archive_part_reader *reader); /* NULL is allowed */

/* Before the first archive_part_next(): transactions are returned unverified, and so is the chain
 * of everything. For the first of two passes over the same part; the second one verifies all of it,
 * so a failure of this pass is best reported by the second. */
void archive_part_skim(struct archive_part_reader *reader);

/* Also verifies the seal of the part: that it continues that of the part before, and at the end
 * that its hash is that of the bytes. A part that is not sealed is checked as far as the seals
 * around it say what it should be. Before the first archive_part_next(). Costs about as much as
 * reading. ERROR_DAMAGED. */
int archive_part_hash(struct archive_part_reader *reader, struct error *ret_error);

/* 1: *ret_record is the next one; 0: the end of the part, all of which is verified now.
 * ERROR_DAMAGED names file and byte. */
int archive_part_next(struct archive_part_reader *reader, struct archive_part_record *ret_record,
                      struct error *ret_error);
/* Decodes the record that archive_part_next() returned last, into the arena (the caller resets it).
 * Texts may point into the payload, so it is valid no longer than that. */
int archive_part_decode(struct archive_part_reader *reader, struct arena *arena,
                        struct record *ret_record, struct error *ret_error);
/* Bytes of the part read so far. */
uint64_t archive_part_offset(const struct archive_part_reader *reader);
/* The record that was returned last: its place, and the byte of the part where its frame begins. In
 * the head, there is no chain at a record. */
struct archive_place archive_part_place(const struct archive_part_reader *reader);
uint64_t archive_part_record_offset(const struct archive_part_reader *reader);

/* Continues where an earlier reader of the part was: archive_part_offset() and _place() of that
 * time. Before the first archive_part_next(). Is it another history by now? Then no record follows
 * there, or the last one's chain differs, and archive_part_next() says ERROR_DAMAGED, at the end of
 * the part at the latest. */
int archive_part_resume(struct archive_part_reader *reader, uint64_t offset,
                        struct archive_place place, struct error *ret_error);
/* Instead of archive_part_next(): the record whose frame begins at this byte, with its checksum
 * verified. Records may be asked for in any order; a sealed part is unpacked block by block.
 * ERROR_DAMAGED: it is not there. */
int archive_part_read_at(struct archive_part_reader *reader, uint64_t offset, uint64_t position,
                         struct archive_part_record *ret_record, struct error *ret_error);
