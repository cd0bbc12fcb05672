/* The archive: the append-only record of everything that changes state. docs/ARCHIVE.md has the
 * bytes.
 *
 *   PATH/lock                                        held by the one writer
 *   PATH/YYYY-MM-DD/<first position, 20 digits>.seg  by day of receipt (UTC), which never goes back
 *
 * Positions start at 1 and have no gaps. Each record carries a CRC-32C; a running 64-bit chain hash
 * covers all records from the first, so (position, chain) names one history. Sync marks, which have
 * no position, say up to where everything was on disk. Opening for writing examines the end: a bad
 * record after the last sync mark is a torn tail, which is copied to a file beside the segment and
 * cut off; before the mark it is damage, and opening fails with file and offset and changes
 * nothing.
 *
 * Errors name the file and the byte in the segment. Not thread-safe: the owner serialises all
 * calls, except that archive_sync_wait() and archive_make_spare() may run beside others. */
#pragma once

#include "archive_place.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/wire/record/record.h"

#include <stdbool.h>
#include <stdint.h>

struct archive;

struct archive_options {
    uint64_t segment_bytes; /* a segment is closed when it reaches this; 0: 64 MiB */
    /* Records overwrite zeros that are on disk already. A sync then writes the file's data alone,
     * no metadata: it takes less than two thirds of the time and does not wait for the file
     * system's journal. The price is that every byte is written twice, once in the background: see
     * archive_wants_spare(). */
    bool on_zeros;
    /* What is not known to be on disk stays in memory: what was appended and could not be written,
     * and what was written and not synced. See archive_held(). */
    bool keeps;
};

struct archive_recovery {
    uint64_t torn_bytes;  /* cut off the end; 0: the end was whole */
    char torn_file[4096]; /* the file they were copied to */
    uint64_t position;    /* of the last whole record */
};

/* Creates PATH if it is missing. ERROR_EXISTS: another process writes to this archive.
 * ERROR_DAMAGED: see above. ERROR_SYSTEM. */
int archive_open(const char *path, const struct archive_options *options,
                 struct archive **ret_archive, struct archive_recovery *ret_recovery,
                 struct error *ret_error);
/* Writes what is buffered, syncs and closes. It reports no failure: a caller that must know calls
 * archive_write() and the sync functions before. NULL is allowed. */
void archive_close(struct archive *archive);

/* What archive_open() would find, without changing anything: as far as records go and what is
 * behind them. Only while nothing writes to the archive: a write under way looks like a torn end.
 * Errors as archive_open(); ERROR_UNAVAILABLE: something does write. */
struct archive_examination {
    struct archive_place end;
    uint64_t synced;     /* the last record that a sync mark covers */
    int64_t time_us;     /* receive time of the last record; INT64_MIN: there is none */
    uint64_t torn_bytes; /* that archive_open() would cut off */
    bool is_headerless;  /* a segment was just begun: archive_open() would remove it */
    size_t segments;
};
int archive_examine(const char *path, struct archive_examination *ret_examination,
                    struct error *ret_error);

/* Appends one record (at most 80 MiB encoded) in memory: archive_read() sees it at once, other
 * readers after archive_write(). Fills in record->position, and raises record->receive_time_us if
 * needed, so that time never goes back. */
void archive_append(struct archive *archive, struct record *record);

/* The same for a record that another node of a cluster has encoded. place: what this archive is to
 * have behind it. receive_time_us: the record's own. ERROR_DAMAGED: it does not continue this
 * archive there; nothing was appended. */
int archive_append_encoded(struct archive *archive, enum record_type type, struct text payload,
                           int64_t receive_time_us, struct archive_place place,
                           struct error *ret_error);

/* Hands everything appended to the kernel, so that it survives the process. It is all or nothing:
 * on failure the files are as they were before, the appended records are gone, and their positions
 * will be given out again; the owner must drop what it derived from them before it appends more. If
 * the files cannot be restored either (truncating or syncing fails), this and every later call that
 * writes fails with ERROR_UNAVAILABLE until the archive is opened again.
 *
 * Usually one write call. At the end of a segment or a day it also syncs the old segment, which
 * then counts as synced, and starts the new one: some milliseconds. */
int archive_write(struct archive *archive, struct error *ret_error);

/* With `keeps` a failed write takes nothing back: what was appended stays, with its positions, can
 * be read with archive_read(), and is written by the next call that succeeds, in order. A failed
 * sync is not final either: the bytes that it may have lost are in memory and are written again
 * first (Linux reports a failed sync once and then considers the pages clean: a second sync alone
 * would succeed and prove nothing). No call fails for good. Other segments' files, and what other
 * processes read, stay as they were.
 *
 * Like archive_write(), but about so many bytes at most, so that a caller that holds a lock can
 * catch up in steps. Only with `keeps`. */
int archive_write_some(struct archive *archive, size_t bytes, struct error *ret_error);
/* What memory holds with `keeps`; the owner limits it, by refusing to append more. */
struct archive_held {
    uint64_t records; /* appended and not written */
    uint64_t bytes;   /* of these, and of what is written and not known to be on disk */
    bool is_broken;   /* a sync or a write failed and is not made good yet */
};
struct archive_held archive_held(const struct archive *archive);

/* The record that is appended next begins a new segment, so that the one before it is closed once
 * it is written. Nothing may be appended and not written. */
void archive_end_segment(struct archive *archive);
/* Segments may have been replaced by rewritten ones (archive_rewrite.h): reads open them anew. */
void archive_reopen_segments(struct archive *archive);

/* Group commit in three steps, so that the slow one needs no lock:
 *
 *   start   takes what was written so far; 0: nothing new to sync, 1: *ret_sync is filled
 *   wait    fdatasync(); may run in another thread beside appends and writes
 *   finish  must follow wait, whether that succeeded or not
 *
 * After success archive_synced() moves and the sync mark is written. After a failure no one knows
 * what reached the disk, and the archive accepts no more writes, as after a failed archive_write();
 * with `keeps` the next call writes again what may be lost.
 * At most one sync at a time. */
struct archive_sync {
    size_t segments; /* and the file's size then */
    uint64_t size;
    int descriptor; /* the archive's; not the one it writes through, as a write may move on to
                       another segment meanwhile */
    uint64_t position;
    uint64_t chain;
    bool failed;
};
int archive_sync_start(struct archive *archive, struct archive_sync *ret_sync,
                       struct error *ret_error);
int archive_sync_wait(struct archive_sync *sync, struct error *ret_error);
int archive_sync_finish(struct archive *archive, struct archive_sync *sync,
                        struct error *ret_error);

/* With on_zeros: the file of the next segment is filled with zeros beforehand, as PATH/spare. When
 * wants() says that there is none, make() makes it, which takes some tenths of a second; it may run
 * beside other calls in another thread, one at a time. Afterwards the owner calls has(). Without a
 * spare a segment grows with each write, as without on_zeros. */
bool archive_wants_spare(const struct archive *archive);
int archive_make_spare(const struct archive *archive, struct error *ret_error);
void archive_has_spare(struct archive *archive);

/* Cuts off all records after this place, which must be one of the archive's, and keeps a copy of
 * them. Nothing may be appended and not written, and no sync may be under way. ERROR_NOT_FOUND: the
 * archive has another history there, or begins there or later. ERROR_UNSUPPORTED: it is in a sealed
 * segment. ERROR_SYSTEM:
 * the cut may be half done; if it is, nothing can be written, nor cut, until the archive is opened
 * again (ERROR_UNAVAILABLE). */
struct archive_cut_report {
    uint64_t records, bytes;
    char folder[4096]; /* of the copy; "": there was nothing to cut */
};
int archive_cut(struct archive *archive, struct archive_place place,
                struct archive_cut_report *ret_report, struct error *ret_error);

struct archive_place archive_end(const struct archive *archive); /* the last appended record */
uint64_t archive_written(const struct archive *archive);         /* the kernel has it */
uint64_t archive_synced(const struct archive *archive);          /* known to be on disk */
int64_t archive_time(const struct archive *archive);             /* receive time of the last */

/* One record by its position, appended or older, into the arena. ERROR_NOT_FOUND: beyond the last
 * record, or a prune has dropped it, perhaps since the archive was opened. ERROR_DAMAGED,
 * ERROR_SYSTEM. */
int archive_read(struct archive *archive, uint64_t position, struct arena *arena,
                 struct record *ret_record, struct error *ret_error);

/* Files that archive_read() has opened and no longer needs, as a list; NULL: there are none.
 * Sealing removes segments, and closing the last reference to a removed file waits until its blocks
 * are freed, some ten milliseconds. So the owner takes them now and then and closes them in a
 * thread that can wait. Files that are not taken are closed when more come. */
struct segment_file;
struct segment_file *archive_take_unused(struct archive *archive);
void archive_close_unused(struct segment_file *files); /* NULL is allowed */

/* Reading in order, also beside a writer. Takes no lock and changes nothing. A reader belongs to
 * one thread. */
struct archive_reader;

/* after: the place before the first record wanted; {0} is the start, which after a prune is where
 * the archive begins (archive_begin.h): the records that were kept from before come first then.
 * Unless its position is 0, its chain must be the one that this archive has there. ERROR_NOT_FOUND:
 * no such archive, or the place is not one of this archive, or it is in front of where the archive
 * begins. */
int archive_reader_open(const char *path, struct archive_place after,
                        struct archive_reader **ret_reader, struct error *ret_error);
/* The same for a folder that archive_cut() has made: all of it, from its first record on. Such a
 * folder is known by its name, which says where it begins; any other that begins after record 1
 * lacks something. 1: the path leads to no folder of such a name. ERROR_DAMAGED: it begins with
 * another record. */
int archive_reader_open_cut(const char *path, struct archive_reader **ret_reader,
                            struct error *ret_error);
void archive_reader_close(struct archive_reader *reader);

/* 1: *ret_record is the next record, in the arena (the caller resets it). 0: the end, for now: a
 * later call may find more. An incomplete record at the very end counts as the end. ERROR_DAMAGED
 * names file and offset.
 *
 * Beside a writer it sees what is written, synced or not. A failed write is rolled back and its
 * positions are given out again, so anything that is to last reads no further than
 * archive_reader_synced(). */
int archive_reader_next(struct archive_reader *reader, struct arena *arena,
                        struct record *ret_record, struct error *ret_error);

struct archive_place archive_reader_place(const struct archive_reader *reader);
/* The last sync mark in the archive when the reader was opened or renewed: a rebuild reads no
 * further. ERROR_DAMAGED: the last segment is damaged, so the mark is unknown; records before the
 * damage can still be read. */
int archive_reader_synced(const struct archive_reader *reader, struct archive_place *ret_place,
                          struct error *ret_error);
/* Looks for a newer sync mark, for archive_reader_synced(): a program that follows an archive keeps
 * its reader and calls this now and then. It reads only what was written since the last call; the
 * first reads the last segment. ERROR_NOT_FOUND: the folder was replaced. After an error the reader
 * is good for nothing but closing. */
int archive_reader_renew(struct archive_reader *reader, struct error *ret_error);
/* A round of such a program. *reader NULL: it is opened behind `after`; else it is renewed.
 * *ret_end: the last sync mark. On an error it is closed, and *reader is NULL: the next round opens
 * it again. */
int archive_reader_follow(const char *path, struct archive_place after,
                          struct archive_reader **reader, struct archive_place *ret_end,
                          struct error *ret_error);
/* Bytes of segments read, and bytes in all, for progress. */
void archive_reader_extent(const struct archive_reader *reader, uint64_t *ret_done,
                           uint64_t *ret_total);

/* For `harrier inspect`: where the last record was found. Valid until the next call. */
struct archive_frame {
    const char *file; /* relative to the archive */
    uint64_t offset,
        length; /* of the whole frame, in the segment: in a sealed file, once unpacked */
    uint32_t crc;
    uint64_t chain; /* 0: unknown, of a record that a prune has kept */
    struct text payload;
};
const struct archive_frame *archive_reader_frame(const struct archive_reader *reader);
