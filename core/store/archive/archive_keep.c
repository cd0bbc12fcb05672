/* Going on after a failure of the disk (archive_options.keeps).
 *
 * A failed sync leaves pages of the file that the kernel considers clean and the disk may lack. So
 * memory has a copy of every byte of the last segment that is not known to be on disk, sync marks
 * included. To mend the file, the same bytes are written again to the same place: that makes the
 * pages dirty once more, and readers never see anything else. Then the file is synced through a
 * descriptor that was opened afterwards, as an older one may still have the old failure to report.
 *
 * Closed segments need no copy: they were synced before the next one began. Only one thread is in
 * here at a time, but a sync may be under way: its descriptor is left alone. */
#include "archive_writer.h"

#include "core/base/check.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EMPTY_KEPT_BYTES ((size_t)4 << 20)

void archive_empty_buffer(struct buffer *buffer) {
    buffer_clear(buffer);
    if (buffer->capacity > EMPTY_KEPT_BYTES)
        buffer_deinit(buffer);
}

static void forget_closing(struct archive *archive) {
    if (archive->unsynced.closing >= 0)
        close(archive->unsynced.closing);
    archive->unsynced.closing = -1;
}

static void restart_at(struct archive *archive, uint64_t offset) {
    archive_empty_buffer(&archive->unsynced.bytes);
    archive->unsynced.offset = offset;
}

void archive_keep_end(struct archive *archive) {
    forget_closing(archive);
    free(archive->unsynced.leftovers);
    buffer_deinit(&archive->unsynced.bytes);
}

void archive_keep_restart(struct archive *archive) {
    forget_closing(archive);
    if (archive->keeps)
        restart_at(archive, archive->written.size);
}

void archive_keep_roll_back(struct archive *archive, bool rotated) {
    struct archive_unsynced *unsynced = &archive->unsynced;
    if (!archive->keeps)
        return;
    if (rotated || archive->written.descriptor < 0)
        restart_at(archive, archive->written.size);
    else
        unsynced->bytes.length = archive->written.size - unsynced->offset;
}

void archive_keep_synced(struct archive *archive, const struct archive_sync *sync) {
    struct archive_unsynced *unsynced = &archive->unsynced;
    if (!archive->keeps || sync->segments != archive->list.count || sync->size <= unsynced->offset)
        return;
    size_t bytes = sync->size - unsynced->offset;
    check(bytes <= unsynced->bytes.length);
    buffer_drop(&unsynced->bytes, bytes);
    if (unsynced->bytes.length == 0)
        archive_empty_buffer(&unsynced->bytes);
    unsynced->offset = sync->size;
}

int archive_open_next_sync(struct archive *archive, struct error *ret_error) {
    if (archive->next_sync >= 0)
        close(archive->next_sync);
    archive->next_sync = -1;
    if (archive->list.count == 0)
        return 0;
    const char *name = archive->list.segments[archive->list.count - 1].name;
    archive->next_sync = openat(archive->directory, name, O_RDWR | O_CLOEXEC);
    if (archive->next_sync < 0)
        return error_set_errno(ret_error, errno, "%s/%s: cannot open the last segment to sync it",
                               archive->path, name);
    return 0;
}

int archive_keep_begin(struct archive *archive, struct error *ret_error) {
    if (archive->keeps)
        restart_at(archive, archive->written.size);
    if (archive->written.descriptor < 0)
        return 0;
    if (fdatasync(archive->written.descriptor) < 0)
        return error_set_errno(ret_error, errno, "%s/%s: cannot sync what an earlier process wrote",
                               archive->path, archive->list.segments[archive->list.count - 1].name);
    return archive_open_next_sync(archive, ret_error);
}

/* The last segment, opened a second time for syncing: a write may move on to the next segment and
 * close its own descriptor. dup() would not do, because Linux reports a failed sync once per open
 * file description, and the writer that closes the segment must see it too. Kept until another
 * segment is the last one. */
int archive_take_next_sync(struct archive *archive, struct error *ret_error) {
    const struct segment *last = &archive->list.segments[archive->list.count - 1];
    bool is_same = archive->syncing >= 0 && archive->syncing_first == last->first &&
                   archive->syncing_day == last->day;
    if (is_same && archive->next_sync < 0)
        return 0;
    int r = archive->next_sync < 0 ? archive_open_next_sync(archive, ret_error) : 0;
    if (r < 0)
        return r;
    if (archive->syncing >= 0)
        close(archive->syncing);
    archive->syncing = archive->next_sync;
    archive->next_sync = -1;
    archive->syncing_first = last->first;
    archive->syncing_day = last->day;
    return 0;
}

int archive_closing_descriptor(const struct archive *archive) {
    return archive->unsynced.closing >= 0 ? archive->unsynced.closing : archive->written.descriptor;
}

void archive_note_failure(struct archive *archive) {
    if (archive->keeps)
        archive->unsynced.is_broken = true;
    else
        archive->failed = true;
}

void archive_note_length(struct archive *archive) {
    archive->unsynced.is_too_long = true;
    archive_note_failure(archive);
}

/* Its name is that of the segment to come, and after midnight not even that: it must go. */
void archive_note_leftover(struct archive *archive, const char *name) {
    struct archive_unsynced *unsynced = &archive->unsynced;
    archive_note_failure(archive);
    if (strcmp(name, ARCHIVE_SPARE) == 0) /* made anew each time */
        return;
    unsynced->leftovers = check_reallocarray(unsynced->leftovers, unsynced->leftover_count + 1,
                                             sizeof *unsynced->leftovers);
    snprintf(unsynced->leftovers[unsynced->leftover_count++], SEGMENT_NAME_SIZE, "%s", name);
}

/* If it came back in a crash, it would begin with a record that the segment before it has by then,
 * or stand behind one that has lost the sync mark which a later one relies on. */
int archive_remove_file(const struct archive *archive, const char *name, struct error *ret_error) {
    char folder[DAY_NAME_SIZE] = ".";
    if (strchr(name, '/'))
        memcpy(folder, name, sizeof folder - 1);
    if (unlinkat(archive->directory, name, 0) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "%s/%s: cannot remove", archive->path, name);
    return directory_sync(archive->directory, folder, ret_error);
}

/* ---- mending ---- */

/* The newest first: at any time those that are left follow each other. */
static int remove_leftovers(struct archive *archive, struct error *ret_error) {
    struct archive_unsynced *unsynced = &archive->unsynced;
    while (unsynced->leftover_count > 0) {
        const char *name = unsynced->leftovers[0];
        int r = archive_remove_file(archive, name, ret_error);
        if (r < 0)
            return r;
        memmove(unsynced->leftovers, unsynced->leftovers + 1,
                --unsynced->leftover_count * sizeof *unsynced->leftovers);
    }
    return 0;
}

static int write_again(struct archive *archive, const char *name, struct error *ret_error) {
    struct archive_unsynced *unsynced = &archive->unsynced;
    if (unsynced->is_too_long &&
        ftruncate(archive->written.descriptor, (off_t)archive->written.size) < 0)
        return error_set_errno(ret_error, errno, "%s/%s: cannot truncate", archive->path, name);
    unsynced->is_too_long = false;
    if (file_write_at(archive->written.descriptor, unsynced->bytes.bytes, unsynced->bytes.length,
                      unsynced->offset) < 0)
        return error_set_errno(ret_error, errno, "%s/%s: byte %" PRIu64 ": cannot write again",
                               archive->path, name, unsynced->offset);
    return 0;
}

int archive_mend(struct archive *archive, struct error *ret_error) {
    struct archive_unsynced *unsynced = &archive->unsynced;
    if (archive->failed)
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "%s: an earlier write or sync failed; the archive must be opened again",
                         archive->path);
    if (!unsynced->is_broken)
        return 0;
    int r = remove_leftovers(archive, ret_error);
    if (r == 0 && archive->written.descriptor >= 0) {
        const char *name = archive->list.segments[archive->list.count - 1].name;
        int closing = openat(archive->directory, name, O_RDWR | O_CLOEXEC);
        if (closing < 0)
            return error_set_errno(ret_error, errno, "%s/%s: cannot open", archive->path, name);
        forget_closing(archive);
        unsynced->closing = closing;
        r = archive_open_next_sync(archive, ret_error);
        if (r == 0)
            r = write_again(archive, name, ret_error);
    }
    if (r < 0)
        return r;
    archive->syncing_first = 0; /* the next sync opens the file anew */
    unsynced->is_broken = false;
    return 0;
}

struct archive_held archive_held(const struct archive *archive) {
    return (struct archive_held){.records = archive->frame_count,
                                 .bytes = archive->pending.length + archive->unsynced.bytes.length,
                                 .is_broken = archive->unsynced.is_broken};
}
