/* The archive: the append-only record of all that changes state. docs/ARCHIVE.md has the bytes.
 *
 *   PATH/lock                        held by the one writer
 *   PATH/YYYY-MM-DD/<first position, 20 digits>.seg    by day of receipt (UTC), which never goes
 * back
 *
 * Positions start at 1 and have no gaps. Each record carries a CRC-32C; a running 64-bit chain hash
 * covers all records from the first, so that (position, chain) names one history. Sync marks, which
 * have no position, say up to where everything was on disk. Opening for writing looks at the end: a
 * bad record behind the last sync mark is a torn tail, which is moved aside into a file beside the
 * segment and cut; before it, it is damage, and opening fails with file and offset, touching
 * nothing.
 *
 * Not thread-safe; the owner serialises. Only archive_sync_wait() may run beside other calls. */
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
    /* Records go over zeros that are on the disk already, so that a sync has nothing to tell of the
     * file but its bytes: less than two thirds of the time, and nobody else's journal to wait for.
     * It costs a second write of all, in the background: see archive_wants_spare(). */
    bool on_zeros;
};

struct archive_recovery {
    uint64_t torn_bytes;  /* cut from the end; 0: the end was whole */
    char torn_file[4096]; /* where they were kept */
    uint64_t position;    /* of the last whole record */
};

/* Makes PATH when it is missing. ERROR_EXISTS: another process writes here. ERROR_DAMAGED. */
int archive_open(const char *path, const struct archive_options *options,
                 struct archive **ret_archive, struct archive_recovery *ret_recovery,
                 struct error *ret_error);
/* Writes what is buffered, syncs, closes. Whoever wants to know that it succeeded writes and syncs
 * before. NULL is allowed. */
void archive_close(struct archive *archive);

/* Puts one record (encoded at most 80 MiB) behind the others, in memory: visible to archive_read()
 * at once, to others after archive_write(). Fills record->position and, so that time never goes
 * back, may raise record->receive_time_us. */
void archive_append(struct archive *archive, struct record *record);

/* Hands everything appended to the kernel: it then survives the process. On failure the files are
 * as they were before, the appended records are gone and their positions will be given again; a
 * further append is allowed only after the owner has thrown away what it made of them. When even
 * that cannot be had (the file cannot be cut back, a sync failed), this and every further call that
 * writes fails with ERROR_UNAVAILABLE until the archive is opened again.
 *
 * Mostly one write call. At the end of a segment or a day it also syncs the old segment, which then
 * counts as synced, and begins the new one: some milliseconds. */
int archive_write(struct archive *archive, struct error *ret_error);

/* Group commit in three steps, so that the slow one needs no lock:
 *   start:  takes what was written so far (0: nothing new to sync; 1: *ret_sync is filled)
 *   wait:   fdatasync; may run in another thread beside appends and writes
 *   finish: to be called after wait whether it succeeded or not; after success archive_synced()
 * moves and the sync mark is written; after a failure the archive is as good as closed (see
 *           archive_write()): nobody knows what reached the disk. At most one sync at a time. */
struct archive_sync {
    int descriptor; /* the archive's, but not that which it writes through: it may go on to another
                       segment meanwhile */
    uint64_t position;
    uint64_t chain;
    bool failed;
};
int archive_sync_start(struct archive *archive, struct archive_sync *ret_sync,
                       struct error *ret_error);
int archive_sync_wait(struct archive_sync *sync, struct error *ret_error);
int archive_sync_finish(struct archive *archive, struct archive_sync *sync,
                        struct error *ret_error);

/* With on_zeros: the next segment's file is made of zeros ahead, PATH/spare. Is there none? Then
 * make() makes it, which takes some tenths of a second; it may run beside other calls in another
 * thread, one at a time. Afterwards the owner says that it is there. Without one a segment grows
 * with each write, as others do. */
bool archive_wants_spare(const struct archive *archive);
int archive_make_spare(const struct archive *archive, struct error *ret_error);
void archive_has_spare(struct archive *archive);

struct archive_place archive_end(const struct archive *archive); /* the last appended record */
uint64_t archive_synced(const struct archive *archive);          /* known to be on disk */
int64_t archive_time(const struct archive *archive);             /* receive time of the last */

/* One record by its position, appended or older. ERROR_NOT_FOUND, ERROR_DAMAGED. */
int archive_read(struct archive *archive, uint64_t position, struct arena *arena,
                 struct record *ret_record, struct error *ret_error);

/* Files that archive_read() had open and that are not needed any more, first of a list; NULL: there
 * are none. Sealing removes segments, and whoever closes the last reference to one waits until it
 * is freed, some ten milliseconds. So the owner takes them now and then and closes them where
 * nobody waits, in any thread; what is not taken is closed when more come. */
struct segment_file;
struct segment_file *archive_take_unused(struct archive *archive);
void archive_close_unused(struct segment_file *files); /* NULL is allowed */

/* Reading in order, also while somebody writes; takes no lock and changes nothing. */
struct archive_reader;

/* after.position: the record before the first one wanted; when it is not 0, its chain must be the
 * archive's own (ERROR_NOT_FOUND: this position or chain is not of this archive). */
int archive_reader_open(const char *path, struct archive_place after,
                        struct archive_reader **ret_reader, struct error *ret_error);
void archive_reader_close(struct archive_reader *reader);

/* 1: *ret_record is the next record, in the arena (the caller resets it); 0: the end, for now:
 * calling again later may find more. An incomplete record at the very end counts as the end.
 * ERROR_DAMAGED names file and offset.
 *
 * Beside a writer it sees what is written, synced or not. A write that fails is taken back, and its
 * positions are given again: whatever is to last goes no further than archive_reader_synced(). */
int archive_reader_next(struct archive_reader *reader, struct arena *arena,
                        struct record *ret_record, struct error *ret_error);

struct archive_place archive_reader_place(const struct archive_reader *reader);
/* The last sync mark in the archive when the reader was opened: no rebuild reads beyond it.
 * ERROR_DAMAGED: the last segment is damaged, so nobody knows; what is before the damage can be
 * read all the same. */
int archive_reader_synced(const struct archive_reader *reader, struct archive_place *ret_place,
                          struct error *ret_error);
/* Bytes read and bytes there are, for progress. */
void archive_reader_extent(const struct archive_reader *reader, uint64_t *ret_done,
                           uint64_t *ret_total);

/* For harrier inspect and docs: where the last record was found. Valid until the next call. */
struct archive_frame {
    const char *file; /* relative to the archive */
    uint64_t offset,
        length; /* of the whole frame, in the segment: in a sealed file, once unpacked */
    uint32_t crc;
    uint64_t chain;
    struct text payload;
};
const struct archive_frame *archive_reader_frame(const struct archive_reader *reader);
