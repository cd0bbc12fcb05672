/* Target: the files of the values that thresholds are computed from
 * (batch/thresholds/sample_file.h).
 *
 *   input  u8 bit 0: the checksums are corrected; the file
 *
 * Refused with a message, or read group by group and block by block alike: the same values, within
 * the section's count, and each group has some. What is read is written again and reads back the
 * same. */
#include "batch/thresholds/sample_file.h"
#include "common/target.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TRAILER    ((size_t)72)
#define SECTION    ((size_t)48)
#define BLOCK_HEAD ((size_t)32)

static struct buffer fixed;

void target_start(void) {
    buffer_init(&fixed);
}

static int file_of(const void *bytes, size_t size) {
    int file = memfd_create("samples", MFD_CLOEXEC);
    property(file >= 0 && (size == 0 || pwrite(file, bytes, size, 0) == (ssize_t)size),
             "cannot write to memory");
    return file;
}

/* A hash over all values of a section, in their order, and how many there are. */
struct sum {
    uint64_t hash, values;
};

static void add_values(struct sum *sum, const struct sample_cursor *cursor, size_t first,
                       size_t count) {
    for (size_t i = first; i < first + count; i++) {
        uint64_t bits;
        memcpy(&bits, &cursor->values[i], sizeof bits);
        sum->hash = sum->hash * 31 + bits * 7 + (uint64_t)cursor->times_us[i];
    }
    sum->values += count;
}

static bool read_blocks(const struct sample_file *file, const struct sample_section *section,
                        struct sum *sum) {
    struct sample_cursor cursor;
    struct error error;
    int r;
    sample_cursor_init(&cursor, file, section, 5);
    while ((r = sample_cursor_block(&cursor, &error)) == 1)
        add_values(sum, &cursor, 0, cursor.block_values);
    property(r == 0 || (error.code == ERROR_DAMAGED && error.text[0]), "%d", r);
    sample_cursor_deinit(&cursor);
    return r == 0;
}

/* writer: NULL: it is only read. */
static bool read_groups(const struct sample_file *file, const struct sample_section *section,
                        struct sample_writer *writer, struct sum *sum) {
    struct sample_cursor cursor;
    struct error error;
    int r;
    sample_cursor_init(&cursor, file, section, 5);
    while ((r = sample_cursor_group(&cursor, &error)) == 1) {
        property(cursor.count > 0, "a group without values");
        add_values(sum, &cursor, cursor.first, cursor.count);
        if (writer)
            property(sample_writer_group(writer, section->threshold, cursor.key, &error) == 0 &&
                         sample_writer_values(writer, cursor.values + cursor.first,
                                              cursor.times_us + cursor.first, cursor.count,
                                              &error) == 0,
                     "%s", error.text);
    }
    property(r == 0 || (error.code == ERROR_DAMAGED && error.text[0]), "%d", r);
    sample_cursor_deinit(&cursor);
    return r == 0;
}

static struct sample_file *open_file(int file) {
    struct sample_file *opened = NULL;
    struct error error;
    int r = sample_file_open(file, &opened, &error);
    property(r == 0 || ((error.code == ERROR_DAMAGED || error.code == ERROR_UNSUPPORTED) &&
                        error.text[0]),
             "%d", r);
    return opened;
}

static void write_again(const struct sample_file *file, const struct sum *sums) {
    int copy = file_of(NULL, 0), reading = dup(copy);
    struct sample_writer *writer = sample_writer_new(copy);
    struct error error;
    for (size_t i = 0; i < file->section_count; i++) {
        struct sum unused = {0};
        read_groups(file, &file->sections[i], writer, &unused);
    }
    property(sample_writer_end(writer, file->origin, &error) == 0, "%s", error.text);
    sample_writer_free(writer);
    close(copy);
    struct sample_file *back = open_file(reading);
    property(back && sample_file_values(back) == sample_file_values(file), "another file");
    for (size_t i = 0; i < file->section_count; i++) {
        const struct sample_section *section =
            sample_file_section(back, (size_t)file->sections[i].threshold);
        struct sum sum = {0};
        if (!section) {
            property(sums[i].values == 0, "a section is lost");
            continue;
        }
        property(read_groups(back, section, NULL, &sum) && sum.hash == sums[i].hash &&
                     sum.values == sums[i].values,
                 "a section reads back otherwise");
    }
    sample_file_close(back);
}

static bool is_written_again(const struct sample_file *file) {
    for (size_t i = 0; i < file->section_count; i++) /* as the writer takes them */
        if (i > 0 && file->sections[i].threshold <= file->sections[i - 1].threshold)
            return false;
    return true;
}

/* As sample_file.c lays it out. */
static void fix(const uint8_t *bytes, size_t size) {
    buffer_append(&fixed, bytes, size);
    if (size < TRAILER)
        return;
    uint8_t *all = fixed.bytes, *trailer = all + size - TRAILER;
    uint64_t blocks = load_u64(trailer + 48), sections = load_u64(trailer + 56);
    if (blocks > size - TRAILER || sections != (size - TRAILER - blocks) / SECTION)
        return;
    for (size_t at = 0; at + BLOCK_HEAD <= blocks;) {
        size_t body = load_u32(all + at);
        if (body > blocks - at - BLOCK_HEAD)
            break;
        store_u64(all + at + 24,
                  hash64(all + at + BLOCK_HEAD, body, hash64(all + at, BLOCK_HEAD - 8, 0)));
        at += BLOCK_HEAD + body;
    }
    store_u64(trailer + TRAILER - 8, hash64(all + blocks, size - blocks - 8, 0));
}

bool target_run(const uint8_t *bytes, size_t size) {
    if (size == 0)
        return false;
    buffer_clear(&fixed);
    if (bytes[0] & 1)
        fix(bytes + 1, size - 1);
    else
        buffer_append(&fixed, bytes + 1, size - 1);
    struct sample_file *file = open_file(file_of(fixed.bytes, fixed.length));
    if (!file)
        return false;
    struct sum *sums = check_calloc(file->section_count + 1, sizeof *sums);
    bool is_whole = is_written_again(file);
    for (size_t i = 0; i < file->section_count; i++) {
        struct sum blocks = {0};
        bool is_read = read_blocks(file, &file->sections[i], &blocks);
        bool has_groups = read_groups(file, &file->sections[i], NULL, &sums[i]);
        property(is_read || !has_groups, "groups of a section with a damaged block");
        /* Values behind the last group are nobody's. */
        property(!has_groups || sums[i].values <= blocks.values, "more values in groups");
        is_whole = is_whole && has_groups && sums[i].values == file->sections[i].values;
    }
    if (is_whole)
        write_again(file, sums);
    free(sums);
    sample_file_close(file);
    return true;
}

static void add_file(struct seeds *seeds, unsigned thresholds, unsigned groups, unsigned values) {
    static const double value[] = {-1, 0, 0.5, 2, 1e300};
    static const int64_t times_us[] = {5, 1767225600000000, 7, INT64_MAX, INT64_MIN};
    int file = file_of(NULL, 0);
    struct sample_writer *writer = sample_writer_new(file);
    struct error error;
    for (unsigned threshold = 0; threshold < thresholds; threshold++)
        for (unsigned group = 0; group < groups; group++) {
            const struct text key = {.data = "5411", .length = group};
            property(sample_writer_group(writer, threshold * 3, key, &error) == 0 &&
                         sample_writer_values(writer, value, times_us + group % 2,
                                              values < 4 ? values : 4, &error) == 0,
                     "%s", error.text);
        }
    const struct sample_origin origin = {
        .inputs = 7, .from = {.position = 3, .chain = 4}, .to = {.position = 9, .chain = 1}};
    property(sample_writer_end(writer, origin, &error) == 0, "%s", error.text);
    sample_writer_free(writer);
    uint8_t seed[4096] = {0};
    ssize_t size = pread(file, seed + 1, sizeof seed - 1, 0);
    close(file);
    property(size > 0, "nothing was written");
    seeds->add(seeds, seed, (size_t)size + 1);
    seed[0] = 1;
    seeds->add(seeds, seed, (size_t)size + 1);
    for (size_t at = 1; at < (size_t)size; at += 4) { /* each number too small, and too large */
        uint8_t kept[4];
        memcpy(kept, seed + at, 4);
        memset(seed + at, 0xff, 4);
        seeds->add_any(seeds, seed, (size_t)size + 1);
        memcpy(seed + at, kept, 4);
        seed[at] ^= 1;
        seeds->add_any(seeds, seed, (size_t)size + 1);
        seed[at] ^= 1;
    }
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    add_file(seeds, 1, 1, 1);
    add_file(seeds, 2, 3, 4);
    add_file(seeds, 3, 4, 2);
}
