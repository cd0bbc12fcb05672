/* Lines become numbers first, equal lines equal ones, so that the search compares integers. It
 * divides: the point where the shortest paths from both ends meet splits the texts in two, and each
 * half is searched alone. Two arrays of furthest points are all its memory. */
#include "line_diff.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdint.h>
#include <stdlib.h>

/* Steps of the search from one end before the best point so far has to do. */
#define COST_MAX 512

/* ---- lines ---- */

static size_t line_length(struct text rest) {
    const char *end = memchr(rest.data, '\n', rest.length);
    return end ? (size_t)(end - rest.data) + 1 : rest.length;
}

static size_t count_lines(struct text t) {
    size_t count = 0;
    for (size_t at = 0; at < t.length; count++)
        at += line_length((struct text){t.data + at, t.length - at});
    return count;
}

static struct diff_lines split_lines(struct text t, size_t count) {
    struct diff_lines lines = {.lines = check_calloc(count + 1, sizeof *lines.lines),
                               .is_changed = check_calloc(count + 1, sizeof *lines.is_changed),
                               .count = count};
    for (size_t i = 0, at = 0; i < count; i++) {
        struct text rest = {t.data + at, t.length - at};
        lines.lines[i] = (struct text){rest.data, line_length(rest)};
        at += lines.lines[i].length;
    }
    return lines;
}

/* ---- equal lines have equal numbers ---- */

struct numbering {
    uint32_t *slots; /* 1 + number; 0: free */
    size_t mask;
    struct text *lines; /* by number */
    uint32_t count;
};

static struct numbering numbering_new(size_t lines) {
    size_t size = 16;
    while (size < 2 * lines)
        size *= 2;
    return (struct numbering){.slots = check_calloc(size, sizeof(uint32_t)),
                              .mask = size - 1,
                              .lines = check_calloc(lines + 1, sizeof(struct text))};
}

static uint32_t number_of(struct numbering *numbering, struct text line) {
    size_t at = (size_t)hash64(line.data, line.length, 0) & numbering->mask;
    for (; numbering->slots[at]; at = (at + 1) & numbering->mask)
        if (text_equal(numbering->lines[numbering->slots[at] - 1], line))
            return numbering->slots[at] - 1;
    numbering->lines[numbering->count] = line;
    numbering->slots[at] = ++numbering->count;
    return numbering->count - 1;
}

static uint32_t *number_lines(struct numbering *numbering, const struct diff_lines *lines) {
    uint32_t *numbers = check_calloc(lines->count + 1, sizeof *numbers);
    for (size_t i = 0; i < lines->count; i++)
        numbers[i] = number_of(numbering, lines->lines[i]);
    return numbers;
}

/* ---- the search ---- */

/* The lines of one text that the other one has, too. */
struct sequence {
    uint32_t *numbers;
    size_t *places; /* in the text */
    ptrdiff_t count;
    struct diff_lines *lines;
};

struct search {
    struct sequence a, b;
    /* By diagonal, a's index minus b's: how far in a the paths from the start have come, and those
     * from the end. Both have room for negative ones. */
    ptrdiff_t *forward, *backward;
};

/* a's indices in [a, a_end) and b's in [b, b_end). */
struct box {
    ptrdiff_t a, a_end, b, b_end;
};

struct point {
    ptrdiff_t a, b;
};

/* Of the paths from the start the one that has come furthest, when the search is given up. It may
 * have run over an edge of the box. */
static struct point furthest(const struct search *search, struct box box, ptrdiff_t first,
                             ptrdiff_t last) {
    struct point best = {box.a, box.b};
    for (ptrdiff_t diagonal = first; diagonal <= last; diagonal += 2) {
        ptrdiff_t a = search->forward[diagonal];
        a = a < box.a_end ? a : box.a_end;
        a = a - diagonal <= box.b_end ? a : box.b_end + diagonal;
        if (2 * a - diagonal > best.a + best.b)
            best = (struct point){a, a - diagonal};
    }
    return best;
}

static ptrdiff_t go_forward(const struct search *search, struct box box, ptrdiff_t diagonal) {
    ptrdiff_t left = search->forward[diagonal - 1], right = search->forward[diagonal + 1];
    ptrdiff_t a = left < right ? right : left + 1;
    while (a < box.a_end && a - diagonal < box.b_end &&
           search->a.numbers[a] == search->b.numbers[a - diagonal])
        a++;
    return search->forward[diagonal] = a;
}

static ptrdiff_t go_backward(const struct search *search, struct box box, ptrdiff_t diagonal) {
    ptrdiff_t left = search->backward[diagonal - 1], right = search->backward[diagonal + 1];
    ptrdiff_t a = left < right ? left : right - 1;
    while (a > box.a && a - diagonal > box.b &&
           search->a.numbers[a - 1] == search->b.numbers[a - diagonal - 1])
        a--;
    return search->backward[diagonal] = a;
}

/* Diagonals [first, last] of the paths from one end. With each step they reach one further to both
 * sides, as far as the box does. */
struct reach {
    ptrdiff_t first, last;
};

static void widen(struct reach *reach, ptrdiff_t *points, ptrdiff_t least, ptrdiff_t most,
                  ptrdiff_t unreached) {
    if (reach->first > least)
        points[--reach->first - 1] = unreached;
    else
        reach->first++;
    if (reach->last < most)
        points[++reach->last + 1] = unreached;
    else
        reach->last--;
}

static bool reaches(struct reach reach, ptrdiff_t diagonal) {
    return diagonal >= reach.first && diagonal <= reach.last;
}

/* A point on a shortest path through the box, in the middle of its edits. The box is not empty on
 * either side and neither begins nor ends with equal lines. */
static struct point split(struct search *search, struct box box) {
    ptrdiff_t least = box.a - box.b_end, most = box.a_end - box.b;
    struct reach forward = {box.a - box.b, box.a - box.b};
    struct reach backward = {box.a_end - box.b_end, box.a_end - box.b_end};
    bool meets_forward = (forward.first - backward.first) % 2 != 0;
    search->forward[forward.first] = box.a;
    search->backward[backward.first] = box.a_end;
    for (int cost = 1;; cost++) {
        widen(&forward, search->forward, least, most, -1);
        for (ptrdiff_t diagonal = forward.last; diagonal >= forward.first; diagonal -= 2) {
            ptrdiff_t a = go_forward(search, box, diagonal);
            if (meets_forward && reaches(backward, diagonal) && search->backward[diagonal] <= a)
                return (struct point){a, a - diagonal};
        }
        widen(&backward, search->backward, least, most, PTRDIFF_MAX);
        for (ptrdiff_t diagonal = backward.last; diagonal >= backward.first; diagonal -= 2) {
            ptrdiff_t a = go_backward(search, box, diagonal);
            if (!meets_forward && reaches(forward, diagonal) && a <= search->forward[diagonal])
                return (struct point){a, a - diagonal};
        }
        if (cost == COST_MAX)
            return furthest(search, box, forward.first, forward.last);
    }
}

static void mark(struct sequence *sequence, ptrdiff_t from, ptrdiff_t until) {
    for (ptrdiff_t i = from; i < until; i++)
        sequence->lines->is_changed[sequence->places[i]] = true;
}

/* The first half of a split has at most COST_MAX edits, so the recursion is shallow; the second is
 * the next round of the loop. */
static void compare(struct search *search, struct box box) {
    for (;;) {
        while (box.a < box.a_end && box.b < box.b_end &&
               search->a.numbers[box.a] == search->b.numbers[box.b])
            box.a++, box.b++;
        while (box.a < box.a_end && box.b < box.b_end &&
               search->a.numbers[box.a_end - 1] == search->b.numbers[box.b_end - 1])
            box.a_end--, box.b_end--;
        if (box.a == box.a_end || box.b == box.b_end)
            break;
        struct point at = split(search, box);
        check(at.a + at.b > box.a + box.b && at.a + at.b < box.a_end + box.b_end);
        compare(search, (struct box){box.a, at.a, box.b, at.b});
        box.a = at.a;
        box.b = at.b;
    }
    mark(&search->a, box.a, box.a_end);
    mark(&search->b, box.b, box.b_end);
}

/* ---- both texts ---- */

/* Lines that the other text does not have are changed in any case. */
static struct sequence take_shared(struct diff_lines *lines, const uint32_t *numbers,
                                   const bool *is_in_other) {
    struct sequence sequence = {.numbers = check_calloc(lines->count + 1, sizeof(uint32_t)),
                                .places = check_calloc(lines->count + 1, sizeof(size_t)),
                                .lines = lines};
    for (size_t i = 0; i < lines->count; i++) {
        if (!is_in_other[numbers[i]]) {
            lines->is_changed[i] = true;
            continue;
        }
        sequence.numbers[sequence.count] = numbers[i];
        sequence.places[sequence.count++] = i;
    }
    return sequence;
}

static bool *who_has(const uint32_t *numbers, size_t count, size_t distinct) {
    bool *has = check_calloc(distinct + 1, sizeof *has);
    for (size_t i = 0; i < count; i++)
        has[numbers[i]] = true;
    return has;
}

static void sequence_deinit(struct sequence *sequence) {
    free(sequence->numbers);
    free(sequence->places);
}

static void search_changes(struct line_diff *diff, const uint32_t *a_numbers,
                           const uint32_t *b_numbers, size_t distinct) {
    bool *in_a = who_has(a_numbers, diff->a.count, distinct);
    bool *in_b = who_has(b_numbers, diff->b.count, distinct);
    struct search search = {.a = take_shared(&diff->a, a_numbers, in_b),
                            .b = take_shared(&diff->b, b_numbers, in_a)};
    /* Diagonals from −b to a, and one more at either end. */
    size_t diagonals = (size_t)(search.a.count + search.b.count) + 3;
    ptrdiff_t *forward = check_calloc(diagonals, sizeof *forward);
    ptrdiff_t *backward = check_calloc(diagonals, sizeof *backward);
    search.forward = forward + search.b.count + 1;
    search.backward = backward + search.b.count + 1;
    compare(&search, (struct box){0, search.a.count, 0, search.b.count});
    free(forward);
    free(backward);
    sequence_deinit(&search.a);
    sequence_deinit(&search.b);
    free(in_a);
    free(in_b);
}

static void count_changed(struct diff_lines *lines) {
    for (size_t i = 0; i < lines->count; i++)
        lines->changed += lines->is_changed[i];
}

bool line_diff_make(struct text a, struct text b, struct line_diff *ret_diff) {
    size_t a_count = count_lines(a), b_count = count_lines(b);
    if (a_count + b_count > LINE_DIFF_LINES_MAX)
        return false;
    struct line_diff diff = {.a = split_lines(a, a_count), .b = split_lines(b, b_count)};
    struct numbering numbering = numbering_new(a_count + b_count);
    uint32_t *a_numbers = number_lines(&numbering, &diff.a);
    uint32_t *b_numbers = number_lines(&numbering, &diff.b);
    search_changes(&diff, a_numbers, b_numbers, numbering.count);
    count_changed(&diff.a);
    count_changed(&diff.b);
    free(numbering.slots);
    free(numbering.lines);
    free(a_numbers);
    free(b_numbers);
    *ret_diff = diff;
    return true;
}

void line_diff_deinit(struct line_diff *diff) {
    free(diff->a.lines);
    free(diff->a.is_changed);
    free(diff->b.lines);
    free(diff->b.is_changed);
    *diff = (struct line_diff){0};
}
