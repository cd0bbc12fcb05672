/* A part's slices are a chain: each begins at the place where the one before ends, the first one
 * where the part does, and the last one ends with the part. Places have the archive's chain, so a
 * file of another history, or of another archive, does not fit and is made again. */
#include "find_slices.h"

#include "core/base/check.h"
#include "find_build.h"
#include "find_files.h"

#include <stdlib.h>
#include <string.h>

#define PIECES 16 /* a piece stays as it is from this share of a tail on */

static bool is_place(struct archive_place a, struct archive_place b) {
    return a.position == b.position && a.chain == b.chain;
}

/* The first one that begins at this position or after. */
static size_t find_slice(const struct find_slices *slices, uint64_t position) {
    size_t low = 0, high = slices->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (find_image_header(slices->items[middle].image)->from.position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void drop_slice(struct find_slices *slices, size_t index) {
    find_image_free(slices->items[index].image);
    memmove(&slices->items[index], &slices->items[index + 1],
            (slices->count - index - 1) * sizeof *slices->items);
    slices->count--;
}

static void insert_slice(struct find_slices *slices, size_t index, struct find_slice slice) {
    if (slices->count == slices->capacity) {
        slices->capacity = slices->capacity ? 2 * slices->capacity : 64;
        slices->items = check_reallocarray(slices->items, slices->capacity, sizeof *slices->items);
    }
    memmove(&slices->items[index + 1], &slices->items[index],
            (slices->count - index) * sizeof *slices->items);
    slices->items[index] = slice;
    slices->count++;
}

void find_slices_deinit(struct find_slices *slices) {
    while (slices->count > 0)
        drop_slice(slices, slices->count - 1);
    free(slices->items);
    free(slices->folder);
    *slices = (struct find_slices){0};
}

/* A piece of the segment that grows: the next search needs it, too. */
static bool is_of_end(const struct find_slice *slice, const struct archive_parts *parts) {
    size_t count = archive_parts_count(parts);
    return slice->is_piece && count > 0 && archive_part_bounds(parts, count - 1).is_open &&
           find_image_header(slice->image)->part_first ==
               archive_parts_part(parts, count - 1).first;
}

/* Is it in no file, and not at the end of the archive? Then nobody but this search needs it whole.
 */
static bool is_loose(const struct find_slice *slice, const struct archive_parts *parts) {
    return !slice->is_file &&
           (find_image_is_stripped(slice->image) || /* it was no end before the archive was cut */
            (!is_of_end(slice, parts) &&
             find_image_header(slice->image)->until.position != archive_parts_end(parts).position));
}

/* Those after the search's beginning are needed for their outcomes; the others of the part that it
 * begins in, whose first record is at this position, are searched soon. */
static bool is_needed(const struct find_slice *slice, const struct archive_parts *parts,
                      uint64_t before, uint64_t part_first) {
    const struct find_header *header = find_image_header(slice->image);
    if (!is_loose(slice, parts) || header->from.position + 1 >= before)
        return true;
    return header->until.position >= part_first && !find_image_is_stripped(slice->image);
}

/* The first position of the part with the newest transactions before this one. */
static uint64_t part_first_of(const struct archive_parts *parts, uint64_t before) {
    size_t part = before < 2 ? 0 : archive_parts_find(parts, before - 2);
    return part < archive_parts_count(parts) ? archive_parts_part(parts, part).first : before;
}

static bool ends_part(const struct archive_parts *parts, struct archive_place place) {
    size_t part = archive_parts_find(parts, place.position - 1);
    return part < archive_parts_count(parts) &&
           archive_parts_part(parts, part).last == place.position;
}

static uint64_t bytes_of(const struct find_slice *slice) {
    const struct find_header *header = find_image_header(slice->image);
    return header->until_offset - header->from_offset;
}

/* A short piece is made again when the segment has grown, and everything when somebody has removed
 * the folder: it is to be there again. */
static bool is_outdated(const struct find_slices *slices, const struct find_slice *slice,
                        const struct archive_parts *parts, bool is_removed) {
    const struct find_header *header = find_image_header(slice->image);
    if (((is_removed || slices->distrusts) && slice->is_file) || slice->is_damaged ||
        header->until.position > archive_parts_end(parts).position)
        return true;
    return !slice->is_file && bytes_of(slice) < slices->tail_bytes / PIECES &&
           !ends_part(parts, header->until);
}

/* By now a file has it, or there are so many that one slice of them all is better. */
static bool is_replaced(const struct find_slices *slices, const struct find_slice *slice,
                        uint64_t piece_bytes) {
    return slice->is_piece &&
           (piece_bytes >= slices->slice_bytes ||
            (slices->folder &&
             find_files_has(slices->folder, find_image_header(slice->image)->from.position + 1)));
}

static uint64_t bytes_of_pieces(const struct find_slices *slices, size_t first, size_t count) {
    uint64_t bytes = 0;
    for (size_t i = first; i < first + count; i++)
        bytes += slices->items[i].is_piece ? bytes_of(&slices->items[i]) : 0;
    return bytes;
}

void find_slices_begin(struct find_slices *slices, const struct archive_parts *parts,
                       uint64_t before) {
    bool is_removed = slices->folder && slices->writes && !find_files_exist(slices->folder);
    uint64_t part_first = part_first_of(parts, before);
    uint64_t piece_bytes = bytes_of_pieces(slices, 0, slices->count);
    for (size_t i = slices->count; i-- > 0;) {
        const struct find_slice *slice = &slices->items[i];
        if (is_outdated(slices, slice, parts, is_removed) ||
            is_replaced(slices, slice, piece_bytes) || !is_needed(slice, parts, before, part_first))
            drop_slice(slices, i);
        else if (find_image_header(slice->image)->from.position + 1 >= before)
            find_slices_done(slices, i, parts);
    }
}

bool find_slices_drop_due(struct find_slices *slices, const struct archive_parts *parts,
                          size_t part, size_t first, size_t count) {
    uint64_t bytes = bytes_of_pieces(slices, first, count);
    if (bytes == 0 || (archive_part_bounds(parts, part).is_open && bytes < slices->tail_bytes))
        return false;
    for (size_t i = first + count; i-- > first;)
        if (slices->items[i].is_piece)
            drop_slice(slices, i);
    return true;
}

void find_slices_check_files(struct find_slices *slices) {
    if (!slices->folder || !slices->writes)
        return;
    for (size_t i = slices->count; i-- > 0;) {
        const struct find_slice *slice = &slices->items[i];
        uint64_t first = find_image_header(slice->image)->from.position + 1;
        if (slice->is_file && !find_files_has(slices->folder, first))
            drop_slice(slices, i);
    }
}

void find_slices_done(struct find_slices *slices, size_t index, const struct archive_parts *parts) {
    if (is_loose(&slices->items[index], parts))
        find_image_strip(slices->items[index].image);
}

/* ---- one slice ---- */

/* Where the next slice of a part is to begin. */
struct next_slice {
    struct archive_place from;
    uint64_t offset; /* 0: the beginning of the part */
};

static bool fits(const struct find_image *image, const struct archive_part *part,
                 struct next_slice next) {
    const struct find_header *header = find_image_header(image);
    struct archive_place end = {.position = part->last, .chain = part->chain};
    return is_place(header->from, next.from) && header->from_offset == next.offset &&
           header->until.position > next.from.position && header->until.position <= part->last &&
           (header->until.position < part->last || is_place(header->until, end));
}

static struct find_image *load(struct find_slices *slices, const struct archive_part *part,
                               struct next_slice next) {
    struct find_image *image = slices->folder && !slices->distrusts
                                   ? find_files_load(slices->folder, next.from.position + 1)
                                   : NULL;
    if (!image || fits(image, part, next)) {
        slices->read += image != NULL;
        return image;
    }
    find_image_free(image);
    return NULL;
}

/* A failure is no reason to fail the search: the image is here. */
static bool publish(struct find_slices *slices, const struct find_image *image) {
    if (!slices->folder || !slices->writes)
        return false;
    int r = find_files_publish(slices->folder, find_image_header(image)->from.position + 1, image,
                               &slices->write_error);
    slices->cannot_write = r < 0;
    return r == 0;
}

static int make(struct find_slices *slices, const struct archive_parts *parts, size_t part,
                struct next_slice next, bool is_after_piece, struct find_slice *ret_slice,
                struct error *ret_error) {
    const struct find_build build = {.parts = parts,
                                     .part = part,
                                     .from = next.from,
                                     .from_offset = next.offset,
                                     .bytes = slices->slice_bytes,
                                     .drop_cache = slices->drop_cache,
                                     .stop = slices->stop,
                                     .report = slices->report,
                                     .user = slices->user};
    struct find_slice slice = {0};
    bool is_at_end;
    int r = find_build(&build, &slice.image, &is_at_end, ret_error);
    if (r < 0)
        return r;
    slice.is_piece = is_after_piece || (is_at_end && archive_part_bounds(parts, part).is_open &&
                                        bytes_of(&slice) < slices->tail_bytes);
    slice.is_file = !slice.is_piece && publish(slices, slice.image);
    slices->made++;
    *ret_slice = slice;
    return 0;
}

/* ---- a part ---- */

static struct next_slice part_begin(const struct archive_parts *parts, size_t part) {
    if (part == 0)
        return (struct next_slice){{0}, 0};
    struct archive_part before = archive_parts_part(parts, part - 1);
    return (struct next_slice){{.position = before.last, .chain = before.chain}, 0};
}

static bool is_useful(const struct archive_part *part) {
    uint64_t types = UINT64_C(1) << RECORD_TRANSACTION | UINT64_C(1) << RECORD_OUTCOME |
                     UINT64_C(1) << RECORD_AMENDMENT;
    return part->last >= part->first && (part->types & types) != 0;
}

/* What an earlier history had where this slice is now. */
static void drop_covered(struct find_slices *slices, size_t index) {
    uint64_t until = find_image_header(slices->items[index].image)->until.position;
    while (index + 1 < slices->count &&
           find_image_header(slices->items[index + 1].image)->from.position < until)
        drop_slice(slices, index + 1);
}

/* The slice that begins there is at this index afterwards. 1: it would have to be made. */
static int take_one(struct find_slices *slices, const struct archive_parts *parts, size_t part,
                    struct next_slice next, bool is_patient, size_t index,
                    struct error *ret_error) {
    const struct archive_part what = archive_parts_part(parts, part);
    while (index < slices->count &&
           find_image_header(slices->items[index].image)->from.position == next.from.position) {
        if (fits(slices->items[index].image, &what, next))
            return 0;
        drop_slice(slices, index);
    }
    struct find_slice slice = {.image = load(slices, &what, next)};
    bool is_after_piece = next.offset > 0 && index > 0 && slices->items[index - 1].is_piece;
    slice.is_file = slice.image != NULL;
    int r = 0;
    if (!slice.image)
        r = is_patient ? make(slices, parts, part, next, is_after_piece, &slice, ret_error) : 1;
    if (r == 0)
        insert_slice(slices, index, slice);
    return r;
}

static int take_all(struct find_slices *slices, const struct archive_parts *parts, size_t part,
                    bool is_patient, size_t *ret_first, size_t *ret_count,
                    struct error *ret_error) {
    struct next_slice next = part_begin(parts, part);
    uint64_t last = archive_parts_part(parts, part).last;
    size_t first = find_slice(slices, next.from.position), count = 0;
    int r = 0;
    while (r == 0 && next.from.position < last) {
        r = take_one(slices, parts, part, next, is_patient, first + count, ret_error);
        if (r != 0)
            break;
        drop_covered(slices, first + count);
        const struct find_header *header = find_image_header(slices->items[first + count].image);
        next = (struct next_slice){header->until, header->until_offset};
        count++;
    }
    *ret_first = first;
    *ret_count = count;
    return r;
}

/* Records after a slice do not continue it: its file is of another history. */
static void drop_part(struct find_slices *slices, size_t first, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint64_t position = find_image_header(slices->items[first].image)->from.position + 1;
        if (slices->folder && slices->writes)
            find_files_remove(slices->folder, position);
        drop_slice(slices, first);
    }
}

int find_slices_take(struct find_slices *slices, const struct archive_parts *parts, size_t part,
                     bool is_patient, size_t *ret_first, size_t *ret_count,
                     struct error *ret_error) {
    const struct archive_part what = archive_parts_part(parts, part);
    *ret_first = find_slice(slices, what.first - 1);
    *ret_count = 0;
    while (!is_useful(&what) && *ret_first < slices->count && what.last >= what.first &&
           find_image_header(slices->items[*ret_first].image)->from.position < what.last)
        drop_slice(slices, *ret_first); /* of an earlier history */
    if (!is_useful(&what))
        return 0;
    int r = take_all(slices, parts, part, is_patient, ret_first, ret_count, ret_error);
    if (r != -ERROR_DAMAGED || *ret_count == 0)
        return r;
    drop_part(slices, *ret_first, *ret_count);
    char *folder = slices->folder; /* the files that are left are no better */
    slices->folder = slices->writes ? folder : NULL;
    r = take_all(slices, parts, part, is_patient, ret_first, ret_count, ret_error);
    slices->folder = folder;
    return r;
}

const void *find_slice_at(struct find_slice *slice, enum find_section section, size_t first,
                          size_t count, size_t size) {
    const void *bytes = find_image_at(slice->image, section, first, count, size);
    if (!bytes)
        slice->is_damaged = true;
    return bytes;
}

static struct archive_parts_hint hint_of(const struct find_image *image) {
    const struct find_header *header = find_image_header(image);
    return (struct archive_parts_hint){
        .first = header->part_first, .place = header->until, .offset = header->until_offset};
}

struct archive_parts_hint find_slices_hint(const struct find_slices *slices) {
    struct archive_parts_hint hint = {0};
    if (slices->count > 0)
        return hint_of(slices->items[slices->count - 1].image);
    uint64_t last = slices->folder ? find_files_last(slices->folder) : 0;
    struct find_image *image = last > 0 ? find_files_load(slices->folder, last) : NULL;
    if (image)
        hint = hint_of(image);
    find_image_free(image);
    return hint;
}
