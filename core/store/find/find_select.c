/* Two ways: if a filter has a list of rows, the shortest list is walked and the other filters are
 * asked about each of its rows; else blocks of the columns are scanned, without those whose
 * extremes lie outside. */
#include "find_select.h"

#include "core/base/check.h"
#include "find_later.h"

#include <stdlib.h>
#include <string.h>

enum { SELECT_OK = 0, SELECT_DAMAGED = 1 };

/* ---- ranges of rows ---- */

/* The first row whose value in a rising column of uint32_t is at least `value`. */
static int seek_row(struct find_slice *slice, enum find_section section, uint64_t value,
                    uint32_t *ret_row) {
    size_t low = 0, high = find_image_count(slice->image, section, sizeof(uint32_t));
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const uint32_t *at = find_slice_at(slice, section, middle, 1, sizeof *at);
        if (!at)
            return SELECT_DAMAGED;
        if (*at < value)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_row = (uint32_t)low;
    return SELECT_OK;
}

/* The bounds of a range on a scale; false: nothing of the slice lies in it. min and max are
 * included. */
static bool scale_range(struct find_scale scale, int64_t min, int64_t max,
                        struct find_range *ret_range) {
    struct find_range range = {.is_set = true, .min = 0, .max = UINT32_MAX};
    if (find_scale_bound(scale, min, &range.min) > 0 ||
        find_scale_bound(scale, max, &range.max) < 0)
        return false;
    *ret_range = range;
    return true;
}

/* Of [from, until), where 0 is no bound. */
static bool time_range(struct find_scale scale, int64_t from_us, int64_t until_us,
                       struct find_range *ret_range) {
    if (from_us == 0 && until_us == 0)
        return true;
    return scale_range(scale, from_us ? from_us : INT64_MIN, until_us ? until_us - 1 : INT64_MAX,
                       ret_range);
}

static int limit_rows(struct find_select *select, const struct find_query *query, uint64_t before) {
    const struct find_header *header = find_image_header(select->slice->image);
    struct find_range received = {0};
    uint32_t row;
    select->begin = 0;
    select->end = (uint32_t)header->rows;
    if (before <= header->until.position) {
        uint64_t from = header->from.position;
        if (seek_row(select->slice, SECTION_POSITION, before > from ? before - from : 0, &row) != 0)
            return SELECT_DAMAGED;
        select->end = row;
    }
    if (!time_range(header->received, query->received_from_us, query->received_until_us, &received))
        select->end = 0;
    if (!received.is_set || select->end == 0)
        return SELECT_OK;
    if (seek_row(select->slice, SECTION_RECEIVED, received.min, &select->begin) != 0 ||
        seek_row(select->slice, SECTION_RECEIVED, (uint64_t)received.max + 1, &row) != 0)
        return SELECT_DAMAGED;
    select->end = row < select->end ? row : select->end;
    return SELECT_OK;
}

static int find_currency(struct find_select *select, struct text code) {
    size_t count = find_image_count(select->slice->image, SECTION_CURRENCIES, 4);
    const char *codes = find_slice_at(select->slice, SECTION_CURRENCIES, 0, count, 4);
    char name[4] = {0};
    if (!codes)
        return SELECT_DAMAGED;
    memcpy(name, code.data, code.length < 3 ? code.length : 3);
    select->has_currency = true;
    for (size_t i = 0; i < count; i++)
        if (memcmp(codes + 4 * i, name, 4) == 0) {
            select->currency = (uint8_t)i;
            return SELECT_OK;
        }
    select->end = 0;
    return SELECT_OK;
}

static int set_columns(struct find_select *select, const struct find_query *query) {
    const struct find_header *header = find_image_header(select->slice->image);
    select->verdicts = query->verdicts;
    if (!time_range(header->event, query->from_us, query->until_us, &select->event))
        select->end = 0;
    if (query->has_amount &&
        !scale_range(header->amount, query->amount_min, query->amount_max, &select->amount))
        select->end = 0;
    if (query->has_score)
        select->score = (struct find_range){true, query->score_min, query->score_max};
    return query->currency.length > 0 ? find_currency(select, query->currency) : SELECT_OK;
}

/* ---- lists ---- */

/* The rows with the value; none if there is none. */
static int look_up(struct find_slice *slice, unsigned term, struct text value,
                   const uint32_t **ret_rows, size_t *ret_count) {
    uint32_t hash = find_term_hash(term, value), index, begin = 0;
    size_t values = find_image_count(slice->image, find_term_hashes(term), sizeof hash);
    *ret_count = 0;
    if (seek_row(slice, find_term_hashes(term), hash, &index) != 0)
        return SELECT_DAMAGED;
    if (index == values)
        return SELECT_OK;
    const uint32_t *found = find_slice_at(slice, find_term_hashes(term), index, 1, sizeof *found);
    if (!found)
        return SELECT_DAMAGED;
    if (*found != hash)
        return SELECT_OK;
    if (values != find_image_count(slice->image, find_term_ends(term), sizeof hash))
        goto damaged;
    if (index > 0) {
        const uint32_t *last = find_slice_at(slice, find_term_ends(term), index - 1, 1, 4);
        if (!last)
            return SELECT_DAMAGED;
        begin = *last;
    }
    const uint32_t *end = find_slice_at(slice, find_term_ends(term), index, 1, sizeof *end);
    if (!end)
        return SELECT_DAMAGED;
    if (*end < begin || *end > find_image_count(slice->image, find_term_rows(term), sizeof hash))
        goto damaged;
    *ret_rows = find_slice_at(slice, find_term_rows(term), begin, *end - begin, sizeof hash);
    *ret_count = *end - begin;
    if (!*ret_rows)
        return SELECT_DAMAGED;
    if (*ret_count > 0 && (*ret_rows)[*ret_count - 1] >= find_image_header(slice->image)->rows)
        goto damaged;
    return SELECT_OK;
damaged:
    slice->is_damaged = true;
    return SELECT_DAMAGED;
}

static size_t list_length(const struct find_list *list) {
    return list->count[0] + list->count[1];
}

/* Cuts off the rows outside those that are left. */
static void trim(struct find_list *list, uint32_t begin, uint32_t end) {
    for (int i = 0; i < 2; i++) {
        while (list->count[i] > 0 && list->rows[i][list->count[i] - 1] >= end)
            list->count[i]--;
        while (list->count[i] > 0 && list->rows[i][0] < begin) {
            list->rows[i]++;
            list->count[i]--;
        }
    }
}

static void add_list(struct find_select *select, struct find_list list) {
    trim(&list, select->begin, select->end);
    size_t at = select->list_count++;
    select->lists[at] = list;
    if (list_length(&list) == 0)
        select->end = select->begin;
    if (at > 0 && list_length(&list) < list_length(&select->lists[0])) {
        select->lists[at] = select->lists[0];
        select->lists[0] = list;
    }
}

static int add_term(struct find_select *select, unsigned term, struct text value, bool has_second,
                    unsigned second) {
    struct find_list list = {0};
    if (look_up(select->slice, term, value, &list.rows[0], &list.count[0]) != 0 ||
        (has_second && look_up(select->slice, second, value, &list.rows[1], &list.count[1]) != 0))
        return SELECT_DAMAGED;
    add_list(select, list);
    return SELECT_OK;
}

/* Labels other than NONE: only transactions with an outcome record may have them. */
static int add_labels(struct find_select *select, struct find_slices *slices, size_t index,
                      unsigned labels) {
    struct find_list list = {0};
    if (find_later_labelled(slices, index, labels, &select->labelled, &list.count[0]) != 0)
        return SELECT_DAMAGED;
    list.rows[0] = select->labelled;
    add_list(select, list);
    return SELECT_OK;
}

static int add_lists(struct find_select *select, struct find_slices *slices, size_t index,
                     const struct find_query *query) {
    int r = SELECT_OK;
    for (size_t i = 0; i < query->key_count && r == 0 && select->begin < select->end; i++)
        r = add_term(select, query->keys[i].field, query->keys[i].value, false, 0);
    if (r == 0 && query->id.length > 0 && select->begin < select->end)
        r = add_term(select, TERM_ID, query->id, false, 0);
    if (r == 0 && query->rule.length > 0 && select->begin < select->end)
        r = add_term(select, TERM_RULE, query->rule, query->shadow, TERM_RULE_NO_EFFECT);
    if (r == 0 && query->labels != 0 && !(query->labels >> LABEL_NONE & 1) &&
        select->begin < select->end)
        r = add_labels(select, slices, index, query->labels);
    return r;
}

int find_select_init(struct find_select *select, struct find_slices *slices, size_t index,
                     const struct find_query *query, uint64_t before) {
    *select = (struct find_select){.slice = &slices->items[index]};
    int r = limit_rows(select, query, before);
    if (r == 0)
        r = set_columns(select, query);
    if (r == 0 && select->begin < select->end)
        r = add_lists(select, slices, index, query);
    return r;
}

void find_select_deinit(struct find_select *select) {
    free(select->labelled);
    select->labelled = NULL;
}

/* ---- walking a list ---- */

static bool has_row(const uint32_t *rows, size_t count, uint32_t row) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && rows[low] == row;
}

static bool is_in_lists(const struct find_select *select, uint32_t row) {
    for (size_t i = 1; i < select->list_count; i++) {
        const struct find_list *list = &select->lists[i];
        if (!has_row(list->rows[0], list->count[0], row) &&
            !has_row(list->rows[1], list->count[1], row))
            return false;
    }
    return true;
}

static bool is_inside(const struct find_range *range, uint32_t value) {
    return value >= range->min && value <= range->max;
}

/* 1: it is; 0: it is not; -1: damaged. */
static int is_in_range(struct find_slice *slice, enum find_section section,
                       const struct find_range *range, uint32_t row) {
    if (!range->is_set)
        return 1;
    if (section == SECTION_SCORE) {
        const uint16_t *score = find_slice_at(slice, section, row, 1, sizeof *score);
        return score ? is_inside(range, *score) : -1;
    }
    const uint32_t *value = find_slice_at(slice, section, row, 1, sizeof *value);
    return value ? is_inside(range, *value) : -1;
}

static int is_in_columns(const struct find_select *select, uint32_t row) {
    struct find_slice *slice = select->slice;
    int r = is_in_range(slice, SECTION_EVENT, &select->event, row);
    if (r == 1)
        r = is_in_range(slice, SECTION_AMOUNT, &select->amount, row);
    if (r == 1)
        r = is_in_range(slice, SECTION_SCORE, &select->score, row);
    if (r == 1 && select->verdicts != 0) {
        const uint8_t *verdict = find_slice_at(slice, SECTION_VERDICT, row, 1, 1);
        r = verdict ? (*verdict & select->verdicts) != 0 : -1;
    }
    if (r == 1 && select->has_currency) {
        const uint8_t *currency = find_slice_at(slice, SECTION_CURRENCY, row, 1, 1);
        r = currency ? *currency == select->currency : -1;
    }
    return r;
}

/* The greatest row that is left in the first list, which is taken out. */
static bool take_last(struct find_list *list, uint32_t *ret_row) {
    bool has[2] = {list->count[0] > 0, list->count[1] > 0};
    if (!has[0] && !has[1])
        return false;
    uint32_t last[2] = {has[0] ? list->rows[0][list->count[0] - 1] : 0,
                        has[1] ? list->rows[1][list->count[1] - 1] : 0};
    uint32_t row = !has[1] || (has[0] && last[0] >= last[1]) ? last[0] : last[1];
    for (int i = 0; i < 2; i++)
        list->count[i] -= has[i] && last[i] == row;
    *ret_row = row;
    return true;
}

/* Who takes the rows relies on it that they fall: a list that does not rise is damaged. */
static int walk_list(struct find_select *select, uint32_t *ret_rows, size_t size,
                     size_t *ret_count) {
    uint32_t row;
    while (*ret_count < size && take_last(&select->lists[0], &row)) {
        bool is_next = row >= select->begin && row < select->end;
        int r = is_next ? is_in_lists(select, row) : -1;
        select->end = row;
        if (r == 1)
            r = is_in_columns(select, row);
        if (r < 0) {
            select->slice->is_damaged = true;
            return SELECT_DAMAGED;
        }
        if (r == 1)
            ret_rows[(*ret_count)++] = row;
    }
    return SELECT_OK;
}

/* ---- scanning blocks ---- */

static bool may_have(const struct find_select *select, const struct find_block *block) {
    const struct find_range *event = &select->event, *amount = &select->amount,
                            *score = &select->score;
    if (event->is_set && (block->event_max < event->min || block->event_min > event->max))
        return false;
    if (amount->is_set && (block->amount_max < amount->min || block->amount_min > amount->max))
        return false;
    if (score->is_set && (block->score_max < score->min || block->score_min > score->max))
        return false;
    return select->verdicts == 0 || (block->verdicts & select->verdicts) != 0;
}

/* Compilers turn a loop of constant length without aliases into vector code, also at -O2. A macro,
 * as each column has another type. */
#define LANES 64
#define MASK(mask, count, condition)                                                               \
    do {                                                                                           \
        size_t i = 0;                                                                              \
        for (; i + LANES <= (count); i += LANES)                                                   \
            for (size_t end = i + LANES, j = i; j < end; j++)                                      \
                (mask)[j] &= (uint8_t)(condition);                                                 \
        for (size_t j = i; j < (count); j++)                                                       \
            (mask)[j] &= (uint8_t)(condition);                                                     \
    } while (0)

static void mask_u32(uint8_t *restrict mask, const uint32_t *restrict values, size_t count,
                     struct find_range range) {
    uint32_t min = range.min, width = range.max - range.min;
    MASK(mask, count, values[j] - min <= width);
}

static void mask_u16(uint8_t *restrict mask, const uint16_t *restrict values, size_t count,
                     struct find_range range) {
    uint16_t min = (uint16_t)range.min, width = (uint16_t)(range.max - range.min);
    MASK(mask, count, (uint16_t)(values[j] - min) <= width);
}

static void mask_any(uint8_t *restrict mask, const uint8_t *restrict values, size_t count,
                     uint8_t bits) {
    MASK(mask, count, (values[j] & bits) != 0);
}

static void mask_equal(uint8_t *restrict mask, const uint8_t *restrict values, size_t count,
                       uint8_t value) {
    MASK(mask, count, values[j] == value);
}

static int mask_range(struct find_slice *slice, enum find_section section, struct find_range range,
                      uint32_t first, size_t count, uint8_t *mask) {
    if (!range.is_set)
        return SELECT_OK;
    bool is_score = section == SECTION_SCORE;
    const void *values =
        find_slice_at(slice, section, first, count, is_score ? sizeof(uint16_t) : sizeof(uint32_t));
    if (!values)
        return SELECT_DAMAGED;
    if (is_score)
        mask_u16(mask, values, count, range);
    else
        mask_u32(mask, values, count, range);
    return SELECT_OK;
}

static int mask_block(const struct find_select *select, uint32_t first, size_t count,
                      uint8_t *mask) {
    struct find_slice *slice = select->slice;
    memset(mask, 1, count);
    if (mask_range(slice, SECTION_EVENT, select->event, first, count, mask) != 0 ||
        mask_range(slice, SECTION_AMOUNT, select->amount, first, count, mask) != 0 ||
        mask_range(slice, SECTION_SCORE, select->score, first, count, mask) != 0)
        return SELECT_DAMAGED;
    if (select->verdicts != 0) {
        const uint8_t *verdicts = find_slice_at(slice, SECTION_VERDICT, first, count, 1);
        if (!verdicts)
            return SELECT_DAMAGED;
        mask_any(mask, verdicts, count, (uint8_t)select->verdicts);
    }
    if (select->has_currency) {
        const uint8_t *currencies = find_slice_at(slice, SECTION_CURRENCY, first, count, 1);
        if (!currencies)
            return SELECT_DAMAGED;
        mask_equal(mask, currencies, count, select->currency);
    }
    return SELECT_OK;
}

/* Rows of the block that `end` is in, down to where there is no room for more. Empty words of the
 * mask are passed at once. */
static void take_masked(struct find_select *select, uint32_t first, const uint8_t *mask,
                        uint32_t *ret_rows, size_t size, size_t *ret_count) {
    uint32_t at = select->end - first;
    while (at > 0 && *ret_count < size) {
        uint64_t word;
        if (at >= sizeof word) {
            memcpy(&word, mask + at - sizeof word, sizeof word);
            if (word == 0) {
                at -= (uint32_t)sizeof word;
                continue;
            }
        }
        if (mask[--at])
            ret_rows[(*ret_count)++] = first + at;
    }
    select->end = first + at;
}

static int scan(struct find_select *select, uint32_t *ret_rows, size_t size, size_t *ret_count) {
    uint8_t mask[FIND_BLOCK_ROWS];
    while (*ret_count < size && select->begin < select->end) {
        uint32_t index = (select->end - 1) / FIND_BLOCK_ROWS, first = index * FIND_BLOCK_ROWS;
        const struct find_block *block =
            find_slice_at(select->slice, SECTION_BLOCKS, index, 1, sizeof *block);
        if (!block)
            return SELECT_DAMAGED;
        if (first < select->begin)
            first = select->begin;
        if (!may_have(select, block)) {
            select->end = first;
            continue;
        }
        if (mask_block(select, first, select->end - first, mask) != 0)
            return SELECT_DAMAGED;
        take_masked(select, first, mask, ret_rows, size, ret_count);
    }
    return SELECT_OK;
}

int find_select_next(struct find_select *select, uint32_t *ret_rows, size_t size,
                     size_t *ret_count) {
    *ret_count = 0;
    if (select->begin >= select->end)
        return SELECT_OK;
    return select->list_count > 0 ? walk_list(select, ret_rows, size, ret_count)
                                  : scan(select, ret_rows, size, ret_count);
}
