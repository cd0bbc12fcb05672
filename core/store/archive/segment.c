/* The layouts of segment headers, frames and sync marks, each at the head of its section, and
 * listing the segments of an archive. Encoding and parsing only: files are segment_file.c's, order
 * and history segment_walk.c's. */
#include "segment.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char header_magic[8] = "HARRIER\x1a";

/* A client cannot put these bytes into a record: texts are UTF-8, which has neither 0xff nor 0xfe.
 * A policy file may contain them, so a search also requires a frame with a valid CRC around them.
 */
static const char mark_magic[8] = "\xff\xfeSYNC\xfe\xff";

#define MICROSECONDS_A_DAY INT64_C(86400000000)

bool bytes_are_zero(const uint8_t *bytes, size_t length) {
    /* memcmp() reads a vector at a time: a start passes megabytes of zeros. */
    if (length >= 64)
        return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
    for (size_t i = 0; i < length; i++)
        if (bytes[i])
            return false;
    return true;
}

/* ---------------------------------------------------------------------------------------------
 * Segment headers:  magic 8 | format 4 | CRC of the rest 4 | position before 8 | chain before 8 |
 *                   time before 8 | epoch 8 | day 4 | zero 12 */

static uint32_t header_crc(const uint8_t *bytes) {
    return crc32c(crc32c(0, bytes, 12), bytes + 16, SEGMENT_HEADER_SIZE - 16);
}

void segment_header_encode(const struct segment_header *header,
                           uint8_t bytes[SEGMENT_HEADER_SIZE]) {
    memset(bytes, 0, SEGMENT_HEADER_SIZE);
    memcpy(bytes, header_magic, sizeof header_magic);
    store_u32(bytes + 8, header->epoch ? SEGMENT_FORMAT_REWRITTEN : SEGMENT_FORMAT);
    store_u64(bytes + 16, header->before.position);
    store_u64(bytes + 24, header->before.chain);
    store_u64(bytes + 32, (uint64_t)header->time_before_us);
    store_u64(bytes + 40, header->epoch);
    store_u32(bytes + 48, (uint32_t)header->day);
    store_u32(bytes + 12, header_crc(bytes));
}

int segment_header_decode(const uint8_t bytes[SEGMENT_HEADER_SIZE],
                          struct segment_header *ret_header, struct error *ret_error) {
    if (memcmp(bytes, header_magic, sizeof header_magic) != 0)
        return error_set(ret_error, ERROR_DAMAGED, "not the header of a segment");
    if (load_u32(bytes + 12) != header_crc(bytes))
        return error_set(ret_error, ERROR_DAMAGED, "the header's checksum does not match");
    uint32_t format = load_u32(bytes + 8);
    if (format != SEGMENT_FORMAT && format != SEGMENT_FORMAT_REWRITTEN)
        return error_set_format(ret_error, "segment format", format, SEGMENT_FORMAT_REWRITTEN);
    *ret_header = (struct segment_header){
        .before = {.position = load_u64(bytes + 16), .chain = load_u64(bytes + 24)},
        .time_before_us = (int64_t)load_u64(bytes + 32),
        .epoch = load_u64(bytes + 40),
        .day = (int32_t)load_u32(bytes + 48),
    };
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Frames:  CRC of all that follows 4 | payload length 4 | position 8 | type 2 | flags 2 | zero 4 |
 *          payload; of a rewritten one its last 8 bytes are the chain */

static size_t padded(size_t length) {
    return (length + 7) & ~(size_t)7;
}

/* Parses the header and finds the payload; verify_frame() checks the CRC and the padding. The
 * length is bounded before anything is read or allocated for it. */
static enum frame_status parse_head(const uint8_t *bytes, size_t length, struct frame *ret_frame,
                                    const char **ret_fault) {
    *ret_frame = (struct frame){0};
    if (length == 0)
        return FRAME_END;
    if (length < FRAME_HEADER_SIZE)
        return FRAME_SHORT;
    if (bytes_are_zero(bytes, FRAME_HEADER_SIZE))
        return FRAME_END;
    uint32_t payload_length = load_u32(bytes + 4);
    if (payload_length > FRAME_PAYLOAD_MAX) {
        *ret_fault = "its length exceeds the limit";
        return FRAME_BAD;
    }
    size_t end = FRAME_HEADER_SIZE + payload_length;
    ret_frame->size = padded(end);
    if (length < ret_frame->size)
        return FRAME_SHORT;
    ret_frame->crc = load_u32(bytes);
    ret_frame->position = load_u64(bytes + 8);
    ret_frame->type = load_u16(bytes + 16);
    ret_frame->is_rewritten = load_u16(bytes + 18) == FRAME_FLAG_REWRITTEN;
    ret_frame->payload =
        (struct text){.data = (const char *)bytes + FRAME_HEADER_SIZE, .length = payload_length};
    if (!ret_frame->is_rewritten)
        return FRAME_WHOLE;
    if (payload_length < FRAME_CHAIN_SIZE || ret_frame->type == FRAME_TYPE_SYNC) {
        *ret_fault = "no such frame can be a rewritten one";
        return FRAME_BAD;
    }
    ret_frame->payload.length -= FRAME_CHAIN_SIZE;
    return FRAME_WHOLE;
}

/* The CRC covers all but itself and the padding; the padding and the reserved bytes must be zero,
 * so that two files with the same records are the same bytes. */
static enum frame_status verify_frame(const uint8_t *bytes, const struct frame *frame,
                                      const char **ret_fault) {
    size_t end = FRAME_HEADER_SIZE + load_u32(bytes + 4);
    size_t flags = frame->is_rewritten ? 2 : 0;
    *ret_fault = "its checksum does not match";
    if (frame->crc != crc32c(0, bytes + 4, end - 4))
        return FRAME_BAD;
    *ret_fault = "its padding is not zero";
    if (!bytes_are_zero(bytes + 18 + flags, 6 - flags) ||
        !bytes_are_zero(bytes + end, frame->size - end))
        return FRAME_BAD;
    return FRAME_WHOLE;
}

enum frame_status frame_parse_trusting(const uint8_t *bytes, size_t length, uint16_t trusted_type,
                                       struct frame *ret_frame, const char **ret_fault) {
    enum frame_status status = parse_head(bytes, length, ret_frame, ret_fault);
    if (status != FRAME_WHOLE || ret_frame->type == trusted_type)
        return status;
    return verify_frame(bytes, ret_frame, ret_fault);
}

enum frame_status frame_parse(const uint8_t *bytes, size_t length, struct frame *ret_frame,
                              const char **ret_fault) {
    enum frame_status status = parse_head(bytes, length, ret_frame, ret_fault);
    return status == FRAME_WHOLE ? verify_frame(bytes, ret_frame, ret_fault) : status;
}

/* The position and the CRC are known only when the payload is there, so the header is reserved
 * first and filled in last. */
void frame_begin(struct buffer *buffer) {
    memset(buffer_reserve(buffer, FRAME_HEADER_SIZE), 0, FRAME_HEADER_SIZE);
    buffer->length += FRAME_HEADER_SIZE;
}

static void finish(struct buffer *buffer, size_t start, uint16_t type, uint16_t flags,
                   uint64_t position) {
    size_t end = buffer->length - start;
    size_t payload_length = end - FRAME_HEADER_SIZE;
    check(payload_length <= FRAME_PAYLOAD_MAX);
    store_u64(buffer_reserve(buffer, 8), 0);
    buffer->length += padded(end) - end; /* less than 8 */
    uint8_t *bytes = buffer->bytes + start;
    store_u32(bytes + 4, (uint32_t)payload_length);
    store_u64(bytes + 8, position);
    store_u16(bytes + 16, type);
    store_u16(bytes + 18, flags);
    store_u32(bytes, crc32c(0, bytes + 4, end - 4));
}

void frame_finish(struct buffer *buffer, size_t start, uint16_t type, uint64_t position) {
    finish(buffer, start, type, 0, position);
}

void frame_finish_rewritten(struct buffer *buffer, size_t start, uint16_t type, uint64_t position,
                            uint64_t chain) {
    buffer_append_u64(buffer, chain);
    finish(buffer, start, type, FRAME_FLAG_REWRITTEN, position);
}

uint64_t frame_chain(const uint8_t *bytes, uint64_t chain_before) {
    if (load_u16(bytes + 18) == FRAME_FLAG_REWRITTEN)
        return load_u64(bytes + FRAME_HEADER_SIZE + load_u32(bytes + 4) - FRAME_CHAIN_SIZE);
    return hash64(bytes, FRAME_HEADER_SIZE + load_u32(bytes + 4), chain_before);
}

/* ---------------------------------------------------------------------------------------------
 * Sync marks: frames with the payload  magic 8 | chain 8 | time 8 */

void sync_mark_append(struct buffer *buffer, const struct sync_mark *mark) {
    size_t start = buffer->length;
    frame_begin(buffer);
    buffer_append(buffer, mark_magic, sizeof mark_magic);
    buffer_append_u64(buffer, mark->place.chain);
    buffer_append_u64(buffer, (uint64_t)mark->time_us);
    frame_finish(buffer, start, FRAME_TYPE_SYNC, mark->place.position);
}

bool sync_mark_parse(const struct frame *frame, struct sync_mark *ret_mark) {
    if (frame->type != FRAME_TYPE_SYNC || frame->size != SYNC_MARK_SIZE ||
        memcmp(frame->payload.data, mark_magic, sizeof mark_magic) != 0)
        return false;
    const uint8_t *payload = (const uint8_t *)frame->payload.data;
    *ret_mark = (struct sync_mark){
        .place = {.position = frame->position, .chain = load_u64(payload + 8)},
        .time_us = (int64_t)load_u64(payload + 16),
    };
    return true;
}

/* After damage nothing says where frames start, so the magic number is searched for at every
 * offset, and a hit counts only as a whole, valid frame. */
bool sync_mark_search(const uint8_t *bytes, size_t length, uint64_t position, size_t *ret_offset) {
    const uint8_t *from = bytes, *end = bytes + length;
    for (;;) {
        const uint8_t *magic = memmem(from, (size_t)(end - from), mark_magic, sizeof mark_magic);
        if (!magic)
            return false;
        from = magic + 1;
        if (magic - bytes < FRAME_HEADER_SIZE)
            continue;
        const uint8_t *at = magic - FRAME_HEADER_SIZE;
        struct frame frame;
        struct sync_mark mark;
        const char *fault;
        if (frame_parse(at, (size_t)(end - at), &frame, &fault) == FRAME_WHOLE &&
            sync_mark_parse(&frame, &mark) && mark.place.position > position) {
            *ret_offset = (size_t)(at - bytes);
            return true;
        }
    }
}

/* ---------------------------------------------------------------------------------------------
 * Days and names */

int32_t day_of(int64_t time_us) {
    int64_t day = time_us / MICROSECONDS_A_DAY;
    if (time_us % MICROSECONDS_A_DAY < 0)
        day--;
    return (int32_t)day;
}

int64_t day_start_us(int32_t day) {
    return (int64_t)day * MICROSECONDS_A_DAY;
}

/* Days are UTC and names have four-digit years, so that the order of names is the order of days.
 * Parsing accepts only what formatting writes. */
void day_format(int32_t day, char ret_name[DAY_NAME_SIZE]) {
    time_t seconds = (time_t)day * 86400;
    struct tm tm;
    check(gmtime_r(&seconds, &tm));
    check(tm.tm_year >= -1900 && tm.tm_year <= 9999 - 1900); /* four digits, so that names sort */
    check(strftime(ret_name, DAY_NAME_SIZE, "%Y-%m-%d", &tm) == DAY_NAME_SIZE - 1);
}

bool day_parse(struct text name, int32_t *ret_day) {
    char copy[DAY_NAME_SIZE], again[DAY_NAME_SIZE];
    if (name.length != sizeof copy - 1)
        return false;
    memcpy(copy, name.data, name.length);
    copy[name.length] = '\0';
    struct tm tm = {0};
    const char *end = strptime(copy, "%Y-%m-%d", &tm);
    if (!end || *end)
        return false;
    int32_t day = (int32_t)(timegm(&tm) / 86400);
    day_format(day, again);
    if (strcmp(copy, again) != 0) /* "2026-02-31", "2026-1-011" */
        return false;
    *ret_day = day;
    return true;
}

/* "00000000000000000001.seg", or the same with ".zst" appended */
static bool first_parse(const char *name, uint64_t *ret_first) {
    enum { DIGITS = 20 };
    if (strspn(name, "0123456789") != DIGITS ||
        (strcmp(name + DIGITS, ".seg") != 0 && strcmp(name + DIGITS, ".seg.zst") != 0))
        return false;
    errno = 0;
    uint64_t first = strtoull(name, NULL, 10);
    if (errno || first == 0)
        return false;
    *ret_first = first;
    return true;
}

void segment_list_deinit(struct segment_list *list) {
    free(list->segments);
    *list = (struct segment_list){0};
}

void segment_list_add(struct segment_list *list, int32_t day, uint64_t first) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 16;
        list->segments = check_reallocarray(list->segments, list->capacity, sizeof *list->segments);
    }
    struct segment *segment = &list->segments[list->count++];
    *segment = (struct segment){.first = first, .day = day};
    char folder[DAY_NAME_SIZE];
    day_format(day, folder);
    int length =
        snprintf(segment->name, sizeof segment->name, "%s/%020" PRIu64 ".seg", folder, first);
    check(length == SEGMENT_NAME_SIZE - 1);
}

/* By first position, then by day: an empty segment shares its first position with the next one. */
static int compare_segments(const void *left, const void *right) {
    const struct segment *a = left, *b = right;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return (a->day > b->day) - (a->day < b->day);
}

/* Opens a folder for listing, on a descriptor of its own. */
static DIR *folder_open(int directory, const char *name, struct error *ret_error) {
    int descriptor = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!folder) {
        error_set_errno(ret_error, errno, "%s: cannot list", name);
        if (descriptor >= 0)
            close(descriptor);
    }
    return folder;
}

static int scan_day(struct segment_list *list, int directory, const char *name, int32_t day,
                    struct error *ret_error) {
    DIR *folder = folder_open(directory, name, ret_error);
    if (!folder)
        return -(int)ret_error->code;
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, name, &entry, ret_error)) > 0;) {
        uint64_t first;
        if (first_parse(entry->d_name, &first))
            segment_list_add(list, day, first);
    }
    closedir(folder);
    return r;
}

static int scan_days(struct segment_list *list, int directory, int32_t from_day,
                     struct error *ret_error) {
    DIR *folder = folder_open(directory, ".", ret_error);
    if (!folder)
        return -(int)ret_error->code;
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, ".", &entry, ret_error)) > 0;) {
        int32_t day;
        if (day_parse(text_of(entry->d_name), &day) && day >= from_day)
            r = scan_day(list, directory, entry->d_name, day, ret_error);
    }
    closedir(folder);
    return r;
}

static void sort_segments(struct segment_list *list) {
    size_t count = 0;
    if (list->count)
        qsort(list->segments, list->count, sizeof *list->segments, compare_segments);
    for (size_t i = 0; i < list->count; i++)
        if (count == 0 || compare_segments(&list->segments[count - 1], &list->segments[i]) != 0)
            list->segments[count++] = list->segments[i];
    list->count = count;
}

/* Two passes: while a segment is sealed, its sealed file may appear in a part of the folder that
 * the listing has passed, and the plain file be gone before it gets there. The second pass starts
 * after that and sees the sealed one. Duplicates are dropped. */
int segment_list_scan(struct segment_list *list, int directory, int32_t from_day,
                      struct error *ret_error) {
    list->count = 0;
    int r = scan_days(list, directory, from_day, ret_error);
    if (r == 0)
        r = scan_days(list, directory, from_day, ret_error);
    if (r == 0)
        sort_segments(list);
    return r;
}

void segment_list_begin(struct segment_list *list, struct archive_place begin) {
    size_t gone = 0;
    while (gone < list->count && list->segments[gone].first <= begin.position)
        gone++;
    list->count -= gone;
    if (gone > 0)
        memmove(list->segments, list->segments + gone, list->count * sizeof *list->segments);
}
