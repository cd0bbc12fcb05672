#include "archive_epoch.h"

#include "archive_begin.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_LINE "harrier epoch 1\n"
#define BYTES_MAX  (64u << 20)

void archive_epoch_deinit(struct archive_epoch *epoch) {
    free(epoch->names);
    *epoch = (struct archive_epoch){0};
}

/* ---------------------------------------------------------------------------------------------
 * The file */

static void add_name(struct archive_epoch *epoch, const char *name, size_t length) {
    epoch->names = check_reallocarray(epoch->names, epoch->count + 1, sizeof *epoch->names);
    snprintf(epoch->names[epoch->count++], SEGMENT_FILE_NAME_SIZE, "%.*s", (int)length, name);
}

/* "2026-01-01/00000000000000000001.seg.zst" or "begins", and nothing that leads out of the archive.
 */
static bool is_name(const char *line, size_t length) {
    int32_t day;
    if (length == strlen(ARCHIVE_BEGIN_FILE) && memcmp(line, ARCHIVE_BEGIN_FILE, length) == 0)
        return true;
    return length == DAY_NAME_SIZE + 20 + 8 && line[DAY_NAME_SIZE - 1] == '/' &&
           day_parse((struct text){.data = line, .length = DAY_NAME_SIZE - 1}, &day) &&
           strspn(line + DAY_NAME_SIZE, "0123456789") == 20 &&
           memcmp(line + DAY_NAME_SIZE + 20, ".seg.zst", 8) == 0;
}

static bool parse(const char *bytes, size_t length, struct archive_epoch *epoch) {
    const char *at = bytes + sizeof FIRST_LINE - 1, *end = bytes + length;
    char hash[32];
    int read = 0;
    if (length < sizeof FIRST_LINE || memcmp(bytes, FIRST_LINE, sizeof FIRST_LINE - 1) != 0 ||
        sscanf(at, "number %" SCNu64 "%n", &epoch->number, &read) != 1 || at[read] != '\n' ||
        epoch->number == 0)
        return false;
    at += read + 1;
    for (const char *line_end; (line_end = memchr(at, '\n', (size_t)(end - at)));
         at = line_end + 1) {
        size_t size = (size_t)(line_end - at);
        if (is_name(at, size)) {
            add_name(epoch, at, size);
            continue;
        }
        snprintf(hash, sizeof hash, "hash %016" PRIx64, hash64(bytes, (size_t)(at - bytes), 0));
        return line_end + 1 == end && size == strlen(hash) && memcmp(at, hash, size) == 0;
    }
    return false;
}

int archive_epoch_read(int directory, struct archive_epoch *ret_epoch, struct error *ret_error) {
    char *bytes;
    size_t length;
    *ret_epoch = (struct archive_epoch){0};
    int r = file_load(directory, EPOCH_FILE, BYTES_MAX, &bytes, &length, ret_error);
    if (r == -ERROR_NOT_FOUND)
        return 0;
    if (r < 0)
        return r;
    if (!parse(bytes, length, ret_epoch)) {
        archive_epoch_deinit(ret_epoch);
        r = error_set(
            ret_error, ERROR_DAMAGED,
            "%s: it is damaged; expected \"harrier epoch 1\", a number, names of segments "
            "and a hash",
            EPOCH_FILE);
    }
    free(bytes);
    return r;
}

int archive_epoch_write(int directory, const struct archive_epoch *epoch, struct error *ret_error) {
    char name[64];
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_printf(&buffer, FIRST_LINE "number %" PRIu64 "\n", epoch->number);
    for (size_t i = 0; i < epoch->count; i++)
        buffer_printf(&buffer, "%s\n", epoch->names[i]);
    buffer_printf(&buffer, "hash %016" PRIx64 "\n", hash64(buffer.bytes, buffer.length, 0));
    snprintf(name, sizeof name, EPOCH_FILE ".new-%ld", (long)getpid());
    unlinkat(directory, name, 0);
    int r = file_create(directory, name, buffer.bytes, buffer.length, ret_error);
    if (r == 0 && renameat(directory, name, directory, EPOCH_FILE) < 0) {
        r = error_set_errno(ret_error, errno, "%s: cannot rename it to %s", name, EPOCH_FILE);
        unlinkat(directory, name, 0);
    }
    if (r == 0)
        r = directory_sync(directory, ".", ret_error);
    buffer_deinit(&buffer);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Putting the segments in place */

int archive_epoch_sync(int directory, const char *name, struct error *ret_error) {
    char day[DAY_NAME_SIZE];
    if (!strchr(name, '/'))
        return directory_sync(directory, ".", ret_error);
    memcpy(day, name, DAY_NAME_SIZE - 1);
    day[DAY_NAME_SIZE - 1] = '\0';
    return directory_sync(directory, day, ret_error);
}

static int put_in_place(int directory, const char *name, struct error *ret_error) {
    char rewritten[EPOCH_NAME_SIZE];
    snprintf(rewritten, sizeof rewritten, "%s" EPOCH_SUFFIX, name);
    if (renameat(directory, rewritten, directory, name) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "%s: cannot rename it to %s", rewritten, name);
    return archive_epoch_sync(directory, name, ret_error);
}

int archive_epoch_finish(int directory, struct error *ret_error) {
    struct archive_epoch epoch;
    int r = archive_epoch_read(directory, &epoch, ret_error);
    if (r == 0 && epoch.count > 0) {
        for (size_t i = 0; i < epoch.count && r == 0; i++)
            r = put_in_place(directory, epoch.names[i], ret_error);
        epoch.count = 0;
        if (r == 0)
            r = archive_epoch_write(directory, &epoch, ret_error);
    }
    archive_epoch_deinit(&epoch);
    return r;
}
