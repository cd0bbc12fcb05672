/* Items of each slice are in the order of transactions, so those of a range are found by two binary
 * searches, and merged. Slices are visited from the newest on: the first one that knows counts. */
#include "find_later.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

/* A section whose elements begin with the position of a transaction. */
struct sorted {
    struct find_slice *slice;
    enum find_section section;
    size_t size, count;
};

static struct sorted sorted_of(struct find_slice *slice, enum find_section section, size_t size) {
    return (struct sorted){slice, section, size, find_image_count(slice->image, section, size)};
}

/* The first element for this transaction or a later one. 1: damaged. */
static int seek(const struct sorted *sorted, uint64_t position, size_t *ret_index) {
    size_t low = 0, high = sorted->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t at;
        const void *bytes = find_slice_at(sorted->slice, sorted->section, middle, 1, sorted->size);
        if (!bytes)
            return 1;
        memcpy(&at, bytes, sizeof at);
        if (at < position)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_index = low;
    return 0;
}

/* The elements for transactions first to last; NULL with *ret_count 0: there are none. */
static int range_of(const struct sorted *sorted, uint64_t first, uint64_t last,
                    const void **ret_elements, size_t *ret_count) {
    size_t from = 0, to = 0;
    *ret_elements = NULL;
    *ret_count = 0;
    if (sorted->count == 0)
        return 0;
    if (seek(sorted, first, &from) != 0 || seek(sorted, last + 1, &to) != 0)
        return 1;
    if (from >= to)
        return 0;
    *ret_elements = find_slice_at(sorted->slice, sorted->section, from, to - from, sorted->size);
    *ret_count = to - from;
    return *ret_elements ? 0 : 1;
}

/* ---- of some transactions ---- */

typedef void (*take_element)(struct find_later *item, const void *element);

static void take_outcome(struct find_later *item, const void *element) {
    const struct find_outcome *outcome = element;
    if (item->has_outcome)
        return;
    item->has_outcome = true;
    item->label = outcome->label < LABEL_COUNT ? (enum label)outcome->label : LABEL_NONE;
    item->outcome_us = outcome->received_us;
    item->outcome_known_us = outcome->known_us;
}

static void take_amendment(struct find_later *item, const void *element) {
    const struct find_amendment *amendment = element;
    if (item->is_amended)
        return;
    item->is_amended = true;
    item->amended.amount_minor = amendment->amount_minor;
    item->amended.refunded_minor = amendment->refunded_minor;
    item->amended.is_voided = amendment->is_voided != 0;
    item->amended_us = amendment->received_us;
}

static void merge(struct find_later *items, size_t count, const uint8_t *elements, size_t size,
                  size_t element_count, take_element take) {
    size_t i = 0;
    for (size_t j = 0; j < element_count && i < count; j++) {
        uint64_t position;
        memcpy(&position, elements + j * size, sizeof position);
        while (i < count && items[i].position < position)
            i++;
        if (i < count && items[i].position == position)
            take(&items[i], elements + j * size);
    }
}

static int find_elements(struct find_slices *slices, size_t index, enum find_section section,
                         size_t size, take_element take, struct find_later *items, size_t count) {
    if (count == 0)
        return 0;
    for (size_t i = slices->count; i-- > index;) {
        const struct sorted sorted = sorted_of(&slices->items[i], section, size);
        const void *elements;
        size_t element_count;
        if (range_of(&sorted, items[0].position, items[count - 1].position, &elements,
                     &element_count) != 0)
            return 1;
        merge(items, count, elements, size, element_count, take);
    }
    return 0;
}

int find_later_outcomes(struct find_slices *slices, size_t index, struct find_later *items,
                        size_t count) {
    return find_elements(slices, index, SECTION_OUTCOMES, sizeof(struct find_outcome), take_outcome,
                         items, count);
}

int find_later_amendments(struct find_slices *slices, size_t index, struct find_later *items,
                          size_t count) {
    return find_elements(slices, index, SECTION_AMENDMENTS, sizeof(struct find_amendment),
                         take_amendment, items, count);
}

/* ---- of one label ---- */

struct rows {
    uint32_t *rows;
    size_t count, capacity;
};

static void add_row(struct rows *rows, uint32_t row) {
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? 2 * rows->capacity : 256;
        rows->rows = check_reallocarray(rows->rows, rows->capacity, sizeof *rows->rows);
    }
    rows->rows[rows->count++] = row;
}

/* Both are in order: from each position to the next one, rows are passed by growing steps. */
static void add_rows(struct rows *rows, const uint32_t *row_positions, size_t row_count,
                     uint64_t before, const uint64_t *positions, size_t count) {
    size_t row = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t position = (uint32_t)(positions[i] - before);
        size_t step = 1;
        while (row + step < row_count && row_positions[row + step] <= position) {
            row += step;
            step *= 2;
        }
        while (step > 1) {
            step /= 2;
            if (row + step < row_count && row_positions[row + step] <= position)
                row += step;
        }
        if (row < row_count && row_positions[row] == position)
            add_row(rows, (uint32_t)row);
    }
}

static int by_number(const void *a, const void *b) {
    uint32_t first, second;
    memcpy(&first, a, sizeof first);
    memcpy(&second, b, sizeof second);
    return (first > second) - (first < second);
}

static size_t sort_once(uint32_t *rows, size_t count) {
    size_t kept = 0;
    if (count > 1)
        qsort(rows, count, sizeof *rows, by_number);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || rows[i] != rows[i - 1])
            rows[kept++] = rows[i];
    return kept;
}

static int collect(struct find_slices *slices, size_t index, unsigned labels, struct rows *rows) {
    struct find_slice *slice = &slices->items[index];
    const struct find_header *header = find_image_header(slice->image);
    size_t row_count = (size_t)header->rows;
    const uint32_t *row_positions =
        find_slice_at(slice, SECTION_POSITION, 0, row_count, sizeof(uint32_t));
    if (!row_positions)
        return 1;
    for (size_t i = slices->count; i-- > index;)
        for (unsigned label = 0; label < LABEL_COUNT; label++) {
            const struct sorted sorted = sorted_of(
                &slices->items[i], (enum find_section)(SECTION_LABELS + label), sizeof(uint64_t));
            const void *positions;
            size_t count;
            if (!(labels >> label & 1))
                continue;
            if (range_of(&sorted, header->from.position + 1, header->until.position, &positions,
                         &count) != 0)
                return 1;
            add_rows(rows, row_positions, row_count, header->from.position, positions, count);
        }
    return 0;
}

int find_later_labelled(struct find_slices *slices, size_t index, unsigned labels,
                        uint32_t **ret_rows, size_t *ret_count) {
    struct rows rows = {0};
    int r = collect(slices, index, labels, &rows);
    if (r != 0) {
        free(rows.rows);
        return r;
    }
    *ret_rows = rows.rows;
    *ret_count = sort_once(rows.rows, rows.count);
    return 0;
}
