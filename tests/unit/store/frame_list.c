#include "frame_list.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "scratch.h"
#include "tests/unit/unit.h"

#include <glob.h>
#include <time.h>

#define HEADER       64
#define FRAME_HEADER 24
#define MARK         0xffff

static uint64_t number_at(struct text bytes, size_t offset, size_t size) {
    uint64_t value = 0;
    assert_true(offset + size <= bytes.length);
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)(uint8_t)bytes.data[offset + i] << 8 * i;
    return value;
}

static bool are_zeros(struct text bytes, size_t from, size_t to) {
    for (size_t i = from; i < to && i < bytes.length; i++)
        if (bytes.data[i])
            return false;
    return true;
}

struct archive_place frame_list_end(const struct frame_list *list) {
    if (list->count == 0)
        return list->before;
    const struct frame_list_entry *last = &list->entries[list->count - 1];
    return (struct archive_place){.position = last->position, .chain = last->chain};
}

/* The folder's name, as days since 1970. */
static int32_t day_of_path(const char *path) {
    struct tm date = {0};
    const char *name = strrchr(path, '/') - 10;
    assert_int_equal(sscanf(name, "%4d-%2d-%2d/", &date.tm_year, &date.tm_mon, &date.tm_mday), 3);
    date.tm_year -= 1900;
    date.tm_mon--;
    return (int32_t)(timegm(&date) / 86400);
}

static void read_header(struct frame_list *list, struct text bytes, const char *path) {
    const struct archive_place before = {.position = number_at(bytes, 16, 8),
                                         .chain = number_at(bytes, 24, 8)};
    assert_memory_equal(bytes.data, "HARRIER\x1a", 8);
    assert_int_equal(number_at(bytes, 8, 4), 1);
    uint32_t crc = crc32c(0, bytes.data, 12);
    assert_int_equal(number_at(bytes, 12, 4), crc32c(crc, bytes.data + 16, HEADER - 16));
    assert_int_equal((int32_t)number_at(bytes, 48, 4), day_of_path(path));
    assert_true(are_zeros(bytes, 40, 48) && are_zeros(bytes, 52, HEADER));
    assert_int_equal(strtoull(strrchr(path, '/') + 1, NULL, 10), before.position + 1);
    if (list->segments == 0)
        list->before = before;
    assert_int_equal(before.position, frame_list_end(list).position);
    assert_int_equal(before.chain, frame_list_end(list).chain);
}

/* A mark is about a record before it; which chain that has can be said of those in the list. */
static void check_mark(const struct frame_list *list, struct text frame) {
    uint64_t position = number_at(frame, 8, 8), chain = number_at(frame, 32, 8);
    assert_int_equal(frame.length, 48);
    assert_memory_equal(frame.data + 24, "\xff\xfeSYNC\xfe\xff", 8);
    assert_true(position <= frame_list_end(list).position);
    if (position == list->before.position)
        assert_int_equal(chain, list->before.chain);
    if (position > list->before.position)
        assert_int_equal(chain, list->entries[position - list->before.position - 1].chain);
}

static void add(struct frame_list *list, struct text frame) {
    struct archive_place end = frame_list_end(list);
    list->entries = check_reallocarray(list->entries, list->count + 1, sizeof *list->entries);
    list->entries[list->count++] = (struct frame_list_entry){
        .position = number_at(frame, 8, 8),
        .chain = hash64(frame.data, frame.length, end.chain),
        .type = (uint16_t)number_at(frame, 16, 2),
        .frame = frame,
    };
    assert_int_equal(frame_list_end(list).position, end.position + 1);
}

static void read_frames(struct frame_list *list, struct text bytes) {
    size_t at = HEADER;
    while (at < bytes.length && !are_zeros(bytes, at, at + FRAME_HEADER)) {
        size_t length = FRAME_HEADER + (size_t)number_at(bytes, at + 4, 4);
        assert_true(at + length <= bytes.length);
        const struct text frame = {.data = bytes.data + at, .length = length};
        assert_int_equal(number_at(frame, 0, 4), crc32c(0, frame.data + 4, length - 4));
        size_t end = (at + length + 7) / 8 * 8;
        assert_true(end <= bytes.length && are_zeros(bytes, at + length, end));
        at = end;
        if (number_at(frame, 16, 2) != MARK) {
            add(list, frame);
            continue;
        }
        check_mark(list, frame);
        list->marks++;
    }
    assert_true(are_zeros(bytes, at, bytes.length));
    list->zeros += bytes.length - at;
}

struct frame_list frame_list_read(const char *folder) {
    struct frame_list list = {0};
    glob_t found;
    int r = glob(scratch_path(folder, "[0-9]*/*.seg"), 0, NULL, &found); /* sorted */
    if (r == GLOB_NOMATCH)
        return list;
    assert_int_equal(r, 0);
    list.files = check_calloc(found.gl_pathc, sizeof *list.files);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        list.files[i] = scratch_read(found.gl_pathv[i]);
        read_header(&list, list.files[i], found.gl_pathv[i]);
        list.segments++;
        read_frames(&list, list.files[i]);
    }
    globfree(&found);
    return list;
}

void frame_list_deinit(struct frame_list *list) {
    for (size_t i = 0; i < list->segments; i++)
        free((char *)(uintptr_t)list->files[i].data);
    free(list->files);
    free(list->entries);
}

void assert_frames_are_of(const struct frame_list *part, const struct frame_list *whole,
                          size_t at) {
    assert_true(at + part->count <= whole->count);
    for (size_t i = 0; i < part->count; i++) {
        const struct frame_list_entry *a = &part->entries[i], *b = &whole->entries[at + i];
        assert_int_equal(a->position, b->position);
        assert_int_equal(a->chain, b->chain);
        assert_int_equal(a->frame.length, b->frame.length);
        assert_memory_equal(a->frame.data, b->frame.data, a->frame.length);
    }
}
