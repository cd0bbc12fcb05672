/* An image is read-only once it is made. Checksums of chunks are the low halves of XXH3-64: a bit
 * says which chunks are known to be whole. */
#include "find_image.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK      ((size_t)16 << 10)
#define ALIGNMENT  ((size_t)64)
#define PAGE_BYTES 4096
#define IMAGE_MAX  ((uint64_t)1 << 40)
#define SHIFT_MAX  32 /* of a scale: then all of an int64_t fits */
#define MAGIC_TEXT "HARFIND\x1a"

struct find_image {
    uint8_t *bytes;
    struct find_header header;
    size_t data;          /* where the chunks begin */
    const uint32_t *sums; /* of the chunks */
    uint8_t *is_whole;    /* by chunk; NULL: all are */
    bool is_mapped, is_stripped;
};

_Static_assert(sizeof(struct find_header) % 8 == 0, "the checksums after it are aligned");

static size_t align(size_t offset) {
    return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t chunk_count(uint64_t bytes) {
    return (size_t)((bytes + CHUNK - 1) / CHUNK);
}

uint32_t find_term_hash(unsigned term, struct text value) {
    return (uint32_t)hash64(value.data, value.length, term);
}

int find_scale_bound(struct find_scale scale, int64_t value, uint32_t *ret_scaled) {
    if (value < scale.least)
        return -1;
    uint64_t scaled = ((uint64_t)value - (uint64_t)scale.least) >> scale.shift;
    if (scaled > UINT32_MAX)
        return 1;
    *ret_scaled = (uint32_t)scaled;
    return 0;
}

/* ---- making ---- */

/* The header and the checksums are as long as the data says, whose place they determine. */
static size_t lay_out(const struct find_bytes sections[SECTION_COUNT], struct find_header *header,
                      size_t *ret_data) {
    size_t data_size = 0;
    for (size_t i = 0; i < SECTION_COUNT; i++)
        data_size = align(data_size) + sections[i].length;
    size_t data = align(sizeof *header + chunk_count(data_size) * sizeof(uint32_t));
    size_t at = 0;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        at = align(at);
        header->sections[i].offset = data + at;
        header->sections[i].length = sections[i].length;
        at += sections[i].length;
    }
    *ret_data = data;
    return data + data_size;
}

static void seal_image(struct find_image *image, size_t size) {
    struct find_header *header = (struct find_header *)(void *)image->bytes;
    uint32_t *sums = (uint32_t *)(void *)(image->bytes + sizeof *header);
    size_t chunks = chunk_count(size - image->data);
    for (size_t i = 0; i < chunks; i++) {
        size_t at = image->data + i * CHUNK, left = size - at;
        sums[i] = (uint32_t)hash64(image->bytes + at, left < CHUNK ? left : CHUNK, 0);
    }
    header->checksum = hash64(image->bytes, image->data, 0);
    image->header = *header;
    image->sums = sums;
}

struct find_image *find_image_new(const struct find_header *header,
                                  const struct find_bytes sections[SECTION_COUNT]) {
    struct find_image *image = check_calloc(1, sizeof *image);
    struct find_header whole = *header;
    size_t size = lay_out(sections, &whole, &image->data);
    memcpy(whole.magic, MAGIC_TEXT, sizeof whole.magic);
    whole.format = FIND_FORMAT;
    whole.section_count = SECTION_COUNT;
    whole.checksum = 0;
    whole.size = size;
    image->bytes = check_calloc(1, size);
    memcpy(image->bytes, &whole, sizeof whole);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (sections[i].length > 0)
            memcpy(image->bytes + whole.sections[i].offset, sections[i].bytes, sections[i].length);
    seal_image(image, size);
    return image;
}

/* ---- a file ---- */

/* Do the sections lie in the data, one after the other? Then everything that is read lies there. */
static bool is_laid_out(const struct find_header *header, size_t data, size_t size) {
    uint64_t at = data;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        uint64_t offset = header->sections[i].offset, length = header->sections[i].length;
        if (offset < at || offset % ALIGNMENT != 0 || offset > size || length > size - offset)
            return false;
        at = offset + length;
    }
    return true;
}

/* Has every row its value in each column? */
static bool has_columns(const struct find_header *header) {
    static const uint8_t widths[] = {
        [SECTION_POSITION] = 4, [SECTION_OFFSET] = 4,   [SECTION_RECEIVED] = 4,
        [SECTION_EVENT] = 4,    [SECTION_AMOUNT] = 4,   [SECTION_SCORE] = 2,
        [SECTION_VERDICT] = 1,  [SECTION_CURRENCY] = 1,
    };
    if (header->rows > UINT32_MAX)
        return false;
    for (size_t i = 0; i < sizeof widths; i++)
        if (header->sections[i].length != header->rows * widths[i])
            return false;
    uint64_t blocks = (header->rows + FIND_BLOCK_ROWS - 1) / FIND_BLOCK_ROWS;
    return header->sections[SECTION_BLOCKS].length == blocks * sizeof(struct find_block) &&
           header->received.shift <= SHIFT_MAX && header->event.shift <= SHIFT_MAX &&
           header->amount.shift <= SHIFT_MAX;
}

static bool is_sound(struct find_image *image, size_t size) {
    struct find_header *header = &image->header;
    memcpy(header, image->bytes, sizeof *header);
    if (memcmp(header->magic, MAGIC_TEXT, sizeof header->magic) != 0 ||
        header->format != FIND_FORMAT || header->section_count != SECTION_COUNT ||
        header->size != size)
        return false;
    uint64_t begin = header->sections[0].offset;
    if (begin < sizeof *header || begin > size || begin % ALIGNMENT != 0)
        return false;
    image->data = (size_t)begin;
    if (image->data != align(sizeof *header + chunk_count(size - begin) * sizeof(uint32_t)))
        return false;
    uint8_t *head = check_malloc(image->data);
    memcpy(head, image->bytes, image->data);
    memset(head + offsetof(struct find_header, checksum), 0, sizeof header->checksum);
    bool is_whole = hash64(head, image->data, 0) == header->checksum;
    free(head);
    return is_whole && is_laid_out(header, image->data, size) && has_columns(header);
}

struct find_image *find_image_map(int descriptor) {
    struct stat status;
    struct find_image *image = NULL;
    if (fstat(descriptor, &status) == 0 && status.st_size >= (off_t)sizeof(struct find_header) &&
        (uint64_t)status.st_size < IMAGE_MAX) {
        size_t size = (size_t)status.st_size;
        void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
        if (bytes != MAP_FAILED) {
            image = check_calloc(1, sizeof *image);
            image->bytes = bytes;
            image->is_mapped = true;
            (void)!madvise(bytes, size, MADV_RANDOM);
            image->header.size = size;
        }
    }
    close(descriptor);
    if (!image)
        return NULL;
    size_t size = (size_t)image->header.size;
    if (!is_sound(image, size)) {
        image->header.size = size;
        find_image_free(image);
        return NULL;
    }
    image->sums = (const uint32_t *)(const void *)(image->bytes + sizeof image->header);
    image->is_whole = check_calloc(chunk_count(size - image->data) + 1, 1);
    return image;
}

static void free_bytes(struct find_image *image) {
    if (image->is_mapped)
        munmap(image->bytes, (size_t)image->header.size);
    else
        free(image->bytes);
    free(image->is_whole);
    image->bytes = NULL;
    image->is_whole = NULL;
}

void find_image_free(struct find_image *image) {
    if (!image)
        return;
    free_bytes(image);
    free(image);
}

struct text find_image_bytes(const struct find_image *image) {
    return (struct text){.data = (const char *)image->bytes, .length = (size_t)image->header.size};
}

/* ---- reading ---- */

const struct find_header *find_image_header(const struct find_image *image) {
    return &image->header;
}

size_t find_image_count(const struct find_image *image, enum find_section section, size_t size) {
    return (size_t)image->header.sections[section].length / size;
}

/* Tells the kernel what will be read now: the mapping itself is read page by page, since most
 * searches look here and there. */
static void prefetch(const struct find_image *image, size_t chunk, size_t last) {
    uintptr_t begin = (uintptr_t)image->bytes + image->data + chunk * CHUNK;
    uintptr_t end = (uintptr_t)image->bytes + image->data + (last + 1) * CHUNK;
    uintptr_t page = begin & ~(uintptr_t)(PAGE_BYTES - 1);
    (void)!madvise((void *)page, end - page, MADV_WILLNEED);
}

static bool verify(struct find_image *image, size_t from, size_t to) {
    size_t last = (to - 1 - image->data) / CHUNK;
    bool is_prefetched = false;
    for (size_t i = (from - image->data) / CHUNK; i <= last; i++) {
        if (image->is_whole[i])
            continue;
        if (!is_prefetched)
            prefetch(image, i, last);
        is_prefetched = true;
        size_t at = image->data + i * CHUNK, left = (size_t)image->header.size - at;
        if ((uint32_t)hash64(image->bytes + at, left < CHUNK ? left : CHUNK, 0) != image->sums[i])
            return false;
        image->is_whole[i] = 1;
    }
    return true;
}

const void *find_image_at(struct find_image *image, enum find_section section, size_t first,
                          size_t count, size_t size) {
    check(first + count <= find_image_count(image, section, size));
    size_t from = (size_t)image->header.sections[section].offset + first * size;
    if (count > 0 && image->is_whole && !verify(image, from, from + count * size))
        return NULL;
    return image->bytes + from;
}

/* ---- less of it ---- */

void find_image_strip(struct find_image *image) {
    struct find_bytes sections[SECTION_COUNT] = {0};
    for (unsigned i = SECTION_OUTCOMES; i < SECTION_TERMS; i++) {
        sections[i].length = (size_t)image->header.sections[i].length;
        sections[i].bytes = image->bytes + image->header.sections[i].offset;
    }
    if (image->is_mapped || image->is_stripped)
        return;
    struct find_header header = image->header;
    header.rows = 0;
    struct find_image *less = find_image_new(&header, sections);
    free_bytes(image);
    *image = *less;
    image->is_stripped = true;
    free(less);
}

bool find_image_is_stripped(const struct find_image *image) {
    return image->is_stripped;
}
