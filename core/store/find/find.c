/* A search goes through the slices from the newest to the oldest. All slices that are newer than
 * the one searched are at hand, because their outcomes and amendments count.
 *
 * A slice whose bytes turn out to be damaged is dropped and made again, and the search goes on
 * where it was: `before` says so at any time. */
#include "find.h"

#include "core/base/check.h"
#include "find_files.h"
#include "find_later.h"
#include "find_match.h"
#include "find_select.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)1 << 27) /* of one record, decoded */
#define BATCH_MIN   256               /* rows looked at together */
#define BATCH_MAX   16384
#define SLICE_BYTES (UINT64_C(64) << 20)
#define TAIL_BYTES  (UINT64_C(8) << 20)
#define RETRIES     16 /* of damaged slices; the last one reads no file of the index */

enum { SEARCH_ON = 0, SEARCH_DAMAGED = 1 };

struct find {
    char *archive;
    struct find_slices slices;
    struct progress *progress;
    bool drop_cache;
    struct arena arena;
    uint64_t end;               /* of the search under way */
    struct archive_parts *held; /* NULL: each search opens the archive */
    struct archive_part making; /* the part that slices are made of */
    uint32_t *rows;             /* BATCH_MAX of them */
    struct find_later *items;
};

/* Of one page. */
struct search {
    struct find *find;
    const struct find_query *query;
    const struct find_taker *taker;
    struct archive_parts *parts;
    struct archive_part_reader *reader; /* of the part searched; NULL: not needed yet */
    size_t part;
    uint64_t before; /* transactions from this position on are done with */
    uint64_t rows, limit;
    bool is_enough;           /* the taker said so */
    struct find_tally *tally; /* rows are counted; NULL: taken */
};

static bool is_full(const struct search *search) {
    return search->is_enough || search->rows >= search->limit;
}

static int report_made(void *user, uint64_t position) {
    struct find *find = user;
    uint64_t done = find->end - find->making.last + (position - find->making.first);
    return progress_update(find->progress, "index", done, find->end);
}

struct find *find_new(const struct find_options *options) {
    struct find *find = check_calloc(1, sizeof *find);
    find->archive = text_copy(text_of(options->archive));
    find->progress = options->progress;
    if (options->index != FIND_NO_INDEX)
        find->slices.folder = find_files_folder(options->archive);
    find->slices.writes = options->index == FIND_KEEP_INDEX;
    find->slices.slice_bytes = options->slice_bytes ? options->slice_bytes : SLICE_BYTES;
    find->slices.tail_bytes = options->tail_bytes ? options->tail_bytes : TAIL_BYTES;
    find->drop_cache = options->drop_cache;
    find->slices.stop = options->stop;
    find->slices.report = report_made;
    find->slices.user = find;
    find->rows = check_calloc(BATCH_MAX, sizeof *find->rows);
    find->items = check_calloc(BATCH_MAX, sizeof *find->items);
    arena_init(&find->arena, ARENA_BYTES);
    return find;
}

void find_free(struct find *find) {
    if (!find)
        return;
    archive_parts_close(find->held);
    find_slices_deinit(&find->slices);
    arena_deinit(&find->arena);
    free(find->rows);
    free(find->items);
    free(find->archive);
    free(find);
}

/* ---- rows ---- */

static int open_reader(struct search *search, struct error *ret_error) {
    if (search->reader)
        return 0;
    return archive_part_open(search->parts, search->part, 0, false, &search->reader, ret_error);
}

/* The record of a row. SEARCH_DAMAGED: it is not where the index says. */
static int read_row(struct search *search, struct find_slice *slice, uint32_t row,
                    uint64_t position, struct record *ret_record, struct error *ret_error) {
    const uint32_t *offset = find_slice_at(slice, SECTION_OFFSET, row, 1, sizeof *offset);
    struct archive_part_record found;
    if (!offset)
        return SEARCH_DAMAGED;
    int r = open_reader(search, ret_error);
    if (r == 0)
        r = archive_part_read_at(search->reader, (uint64_t)*offset * 8, position, &found,
                                 ret_error);
    if (r == -ERROR_DAMAGED || (r == 0 && found.type != RECORD_TRANSACTION)) {
        slice->is_damaged = true; /* making it again reads the part, and says what is damaged */
        return SEARCH_DAMAGED;
    }
    if (r < 0)
        return r;
    arena_reset(&search->find->arena);
    return archive_part_decode(search->reader, &search->find->arena, ret_record, ret_error);
}

static int take_row(struct search *search, struct find_slice *slice, uint32_t row,
                    const struct find_later *later, struct error *ret_error) {
    struct record record;
    int r = read_row(search, slice, row, later->position, &record, ret_error);
    if (r != 0)
        return r;
    search->before = later->position;
    if (!find_matches(search->query, &record))
        return 0;
    const struct find_row found = {
        .record = &record,
        .label = later->label,
        .outcome_us = later->outcome_us,
        .outcome_known_us = later->outcome_known_us,
        .is_amended = later->is_amended,
        .amended = later->amended,
        .amended_us = later->amended_us,
    };
    search->rows++;
    r = search->taker->take(search->taker->user, &found, ret_error);
    search->is_enough = r > 0;
    return r < 0 ? r : 0;
}

/* ---- batches ---- */

/* Items in rising order of positions, the order of the rows reversed. Positions that do not fall
 * with the rows are damaged. */
static int fill_items(struct search *search, struct find_slice *slice, size_t count) {
    struct find *find = search->find;
    const struct find_header *header = find_image_header(slice->image);
    uint64_t from = header->from.position, until = header->until.position;
    uint64_t last = search->before <= until ? search->before : until + 1;
    for (size_t i = 0; i < count; i++) {
        const uint32_t *position =
            find_slice_at(slice, SECTION_POSITION, find->rows[i], 1, sizeof *position);
        if (!position)
            return SEARCH_DAMAGED;
        if (from + *position >= last) {
            slice->is_damaged = true;
            return SEARCH_DAMAGED;
        }
        last = from + *position;
        find->items[count - 1 - i] = (struct find_later){.position = last};
    }
    return SEARCH_ON;
}

/* Leaves the items, and the rows, whose label is asked for. */
static int filter_labels(struct search *search, size_t index, size_t *count) {
    struct find *find = search->find;
    size_t kept = 0, all = *count;
    if (search->query->labels == 0)
        return SEARCH_ON;
    if (find_later_outcomes(&find->slices, index, find->items, all) != 0)
        return SEARCH_DAMAGED;
    for (size_t i = 0; i < all; i++) {
        if (!(search->query->labels >> find->items[i].label & 1))
            continue;
        find->items[kept] = find->items[i];
        find->items[kept].has_outcome = false; /* filled in again below */
        find->rows[all - 1 - kept++] = find->rows[all - 1 - i];
    }
    memmove(find->rows, find->rows + (all - kept), kept * sizeof *find->rows);
    *count = kept;
    return SEARCH_ON;
}

/* The newest rows of the batch, as many as are still wanted at a time: each needs its record. */
static int take_batch(struct search *search, size_t index, size_t count, struct error *ret_error) {
    struct find *find = search->find;
    struct find_slice *slice = &find->slices.items[index];
    while (count > 0 && !is_full(search)) {
        uint64_t wanted = search->limit - search->rows;
        size_t step = count < wanted ? count : (size_t)wanted;
        step = step < BATCH_MIN ? step : BATCH_MIN;
        struct find_later *items = find->items + (count - step);
        if (find_later_outcomes(&find->slices, index, items, step) != 0 ||
            find_later_amendments(&find->slices, index, items, step) != 0)
            return SEARCH_DAMAGED;
        for (size_t i = 0; i < step && !is_full(search); i++) {
            int r = take_row(search, slice, find->rows[i], &items[step - 1 - i], ret_error);
            if (r != 0)
                return r;
        }
        count -= step;
        memmove(find->rows, find->rows + step, count * sizeof *find->rows);
    }
    return SEARCH_ON;
}

/* ---- counting ---- */

/* Compares the first rows of all with their records, and leaves those that match. */
static int verify_batch(struct search *search, struct find_slice *slice, size_t *count,
                        struct error *ret_error) {
    struct find *find = search->find;
    size_t all = *count, kept = 0;
    if (search->query->key_count == 0 && search->query->id.length == 0 &&
        search->query->rule.length == 0)
        return SEARCH_ON; /* columns are exact, but for the ends of ranges */
    for (size_t i = 0; i < all; i++) {
        bool is_match = true;
        if (search->tally->verified < FIND_TALLY_VERIFIED) {
            struct record record;
            int r = read_row(search, slice, find->rows[i], find->items[all - 1 - i].position,
                             &record, ret_error);
            if (r != 0)
                return r;
            is_match = find_matches(search->query, &record);
            search->tally->verified++;
        }
        if (!is_match)
            continue;
        find->rows[kept] = find->rows[i];
        find->items[all - 1 - kept++] = find->items[all - 1 - i];
    }
    memmove(find->items, find->items + (all - kept), kept * sizeof *find->items);
    *count = kept;
    return SEARCH_ON;
}

static int count_batch(struct search *search, size_t index, size_t count, struct error *ret_error) {
    struct find *find = search->find;
    struct find_slice *slice = &find->slices.items[index];
    size_t all = count, wanted = (size_t)(search->limit - search->rows);
    count = count < wanted ? count : wanted;
    memmove(find->items, find->items + (all - count), count * sizeof *find->items);
    if (count == 0)
        return SEARCH_ON;
    uint64_t oldest = find->items[0].position;
    const struct find_tally before = *search->tally; /* of a damaged slice nothing counts */
    int r = verify_batch(search, slice, &count, ret_error);
    if (r == 0 && (find_later_outcomes(&find->slices, index, find->items, count) != 0 ||
                   find_later_amendments(&find->slices, index, find->items, count) != 0 ||
                   find_tally_add(search->tally, slice, find->rows, find->items, count) != 0))
        r = SEARCH_DAMAGED;
    if (r == 0) {
        search->rows += count;
        search->before = oldest;
    } else {
        *search->tally = before;
    }
    return r;
}

static int search_slice(struct search *search, size_t index, struct error *ret_error) {
    struct find *find = search->find;
    struct find_slice *slice = &find->slices.items[index];
    struct find_select select;
    size_t size = search->tally ? BATCH_MAX : BATCH_MIN, count = 0;
    int r = find_select_init(&select, &find->slices, index, search->query, search->before);
    while (r == 0 && !is_full(search)) {
        uint64_t rows = search->rows;
        r = find_select_next(&select, find->rows, size, &count);
        if (r != 0 || count == 0)
            break;
        r = fill_items(search, slice, count);
        if (r == 0)
            r = filter_labels(search, index, &count);
        if (r == 0)
            r = search->tally ? count_batch(search, index, count, ret_error)
                              : take_batch(search, index, count, ret_error);
        if (search->rows == rows && size < BATCH_MAX)
            size *= 2;
    }
    find_select_deinit(&select);
    if (r == 0 && !is_full(search))
        search->before = find_image_header(slice->image)->from.position + 1;
    return r;
}

/* ---- slices ---- */

static bool is_over(const struct search *search, struct find_page *page) {
    if (search->rows >= search->limit)
        return true;
    page->is_early = search->is_enough ||
                     (search->taker->is_expired && search->taker->is_expired(search->taker->user));
    return page->is_early;
}

/* 1: the page is complete. 0: older parts may have more. */
static int search_part(struct search *search, struct find_page *page, bool *ret_damaged,
                       struct error *ret_error) {
    struct find *find = search->find;
    size_t first, count;
    uint64_t made = find->slices.made;
    find->making = archive_parts_part(search->parts, search->part);
    int r = find_slices_take(&find->slices, search->parts, search->part, true, &first, &count,
                             ret_error);
    if (r < 0)
        return r;
    for (size_t i = first + count; i-- > first;) {
        uint64_t first_position = find_image_header(find->slices.items[i].image)->from.position + 1;
        bool is_done = first_position >= search->before; /* by an earlier page */
        r = is_done ? 0 : search_slice(search, i, ret_error);
        *ret_damaged = r == SEARCH_DAMAGED;
        if (r != 0)
            return r;
        if (first_position >= search->before)
            find_slices_done(&find->slices, i, search->parts);
        if ((!is_done || find->slices.made > made) && is_over(search, page))
            return 1;
    }
    return 0;
}

static int search_parts(struct search *search, struct find_page *page, bool *ret_damaged,
                        struct error *ret_error) {
    int r = 0;
    for (search->part = archive_parts_count(search->parts); r == 0 && search->part-- > 0;) {
        r = search_part(search, page, ret_damaged, ret_error);
        archive_part_close(search->reader);
        search->reader = NULL;
    }
    return r;
}

/* Damage is found anywhere among the slices; each time one fewer of them comes from a file. */
static void drop_damaged(struct find *find, const struct archive_parts *parts, uint64_t before) {
    struct find_slices *slices = &find->slices;
    for (size_t i = 0; i < slices->count; i++)
        if (slices->items[i].is_damaged && slices->folder && slices->writes)
            find_files_remove(slices->folder,
                              find_image_header(slices->items[i].image)->from.position + 1);
    find_slices_begin(slices, parts, before);
}

static int search_all(struct search *search, struct find_page *page, struct error *ret_error) {
    struct find_slices *slices = &search->find->slices;
    bool is_damaged = false;
    int r = 0;
    search->find->end = archive_parts_end(search->parts).position;
    find_slices_begin(slices, search->parts, search->before);
    for (int tries = 0; tries == 0 || (is_damaged && tries <= RETRIES); tries++) {
        slices->distrusts = tries == RETRIES || (tries > 0 && !slices->writes);
        if (tries > 0)
            drop_damaged(search->find, search->parts, search->before);
        is_damaged = false;
        r = search_parts(search, page, &is_damaged, ret_error);
    }
    slices->distrusts = false;
    return is_damaged ? error_set(ret_error, ERROR_DAMAGED,
                                  "%s: the index is damaged again and again", search->find->archive)
                      : r;
}

/* The archive is read from the hint on, so a wrong one may look like damage of the archive: then
 * what is done is done again without. */
static int open_parts(struct find *find, bool is_hinted, struct archive_parts **ret_parts,
                      struct error *ret_error) {
    struct archive_parts_hint hint = {0};
    if (is_hinted)
        hint = find_slices_hint(&find->slices);
    return archive_parts_open_hinted(find->archive, &hint, ret_parts, ret_error);
}

/* What is held is opened again where it may have been opened with a wrong hint. */
static int search_archive(struct search *search, bool is_hinted, struct find_page *page,
                          struct error *ret_error) {
    struct find *find = search->find;
    bool is_held = find->held != NULL;
    if (is_held && is_hinted) {
        search->parts = find->held;
        return search_all(search, page, ret_error);
    }
    int r = open_parts(find, is_hinted, &search->parts, ret_error);
    if (r < 0)
        return r;
    r = search_all(search, page, ret_error);
    archive_parts_close(is_held ? find->held : search->parts);
    if (is_held)
        find->held = search->parts;
    return r;
}

/* Of a search whose limit and purpose are set. */
static int run(struct search *search, struct find_page *ret_page, struct error *ret_error) {
    struct find *find = search->find;
    struct find_page page = {.made = find->slices.made, .read = find->slices.read};
    int r = find_cursor_parse(search->query, &search->before, ret_error);
    if (r == 0)
        r = search_archive(search, true, &page, ret_error);
    if (r == -ERROR_DAMAGED)
        r = search_archive(search, false, &page, ret_error);
    if (r < 0)
        return r;
    if (r == 1)
        find_cursor_format(search->query, search->before, page.cursor);
    page.rows = search->rows;
    page.made = find->slices.made - page.made;
    page.read = find->slices.read - page.read;
    page.cannot_write = find->slices.cannot_write;
    page.write_error = find->slices.write_error;
    *ret_page = page;
    return 0;
}

int find_run(struct find *find, const struct find_query *query, const struct find_taker *taker,
             struct find_page *ret_page, struct error *ret_error) {
    struct search search = {
        .find = find,
        .query = query,
        .taker = taker,
        .limit = query->limit ? query->limit : FIND_LIMIT_DEFAULT,
    };
    return run(&search, ret_page, ret_error);
}

int find_count(struct find *find, const struct find_query *query, bool (*is_expired)(void *user),
               void *user, struct find_tally *tally, struct find_page *ret_page,
               struct error *ret_error) {
    const struct find_taker taker = {.is_expired = is_expired, .user = user};
    struct search search = {
        .find = find,
        .query = query,
        .taker = &taker,
        .limit = query->limit ? query->limit : UINT64_MAX,
        .tally = tally,
    };
    return run(&search, ret_page, ret_error);
}

/* ---- several searches ---- */

int find_hold(struct find *find, uint64_t *ret_end, struct error *ret_error) {
    check(!find->held);
    int r = open_parts(find, true, &find->held, ret_error);
    if (r == 0)
        *ret_end = archive_parts_end(find->held).position;
    return r;
}

void find_release(struct find *find) {
    archive_parts_close(find->held);
    find->held = NULL;
}

/* ---- the index alone ---- */

/* Makes what the part lacks, and of pieces one file if they are long enough. 1: it lacked nothing.
 */
static int complete_part(struct find *find, const struct archive_parts *parts, size_t part,
                         size_t *ret_first, size_t *ret_count, struct error *ret_error) {
    struct find_slices *slices = &find->slices;
    int lacks = find_slices_take(slices, parts, part, false, ret_first, ret_count, ret_error);
    if (lacks < 0)
        return lacks;
    bool is_due = find_slices_drop_due(slices, parts, part, *ret_first, *ret_count);
    if (lacks == 0 && !is_due)
        return 1;
    int r = find_slices_take(slices, parts, part, true, ret_first, ret_count, ret_error);
    if (r == 0 && find_slices_drop_due(slices, parts, part, *ret_first, *ret_count))
        r = find_slices_take(slices, parts, part, true, ret_first, ret_count, ret_error);
    return r;
}

/* Of one part. 0: it lacked nothing, or only its end, which stays in memory. */
static int make_part(struct find *find, const struct archive_parts *parts, size_t part,
                     struct error *ret_error) {
    struct find_slices *slices = &find->slices;
    size_t first, count;
    find->making = archive_parts_part(parts, part);
    slices->drop_cache = find->drop_cache && !archive_part_bounds(parts, part).is_open;
    int r = complete_part(find, parts, part, &first, &count, ret_error);
    slices->drop_cache = false;
    if (r != 0)
        return r < 0 ? r : 0;
    if (slices->cannot_write) {
        *ret_error = slices->write_error;
        return -(int)ret_error->code;
    }
    return count > 0 &&
           (slices->items[first + count - 1].is_file || !archive_part_bounds(parts, part).is_open);
}

static int make_newest(struct find *find, const struct archive_parts *parts,
                       struct error *ret_error) {
    int r = 0;
    for (size_t part = archive_parts_count(parts); part-- > 0 && r == 0;)
        r = make_part(find, parts, part, ret_error);
    return r;
}

static int make_index(struct find *find, bool is_hinted, struct error *ret_error) {
    struct archive_parts *parts;
    int r = open_parts(find, is_hinted, &parts, ret_error);
    if (r < 0)
        return r;
    find->end = archive_parts_end(parts).position;
    find_slices_check_files(&find->slices);
    find_slices_begin(&find->slices, parts, UINT64_MAX);
    r = make_newest(find, parts, ret_error);
    archive_parts_close(parts);
    return r;
}

int find_make_index(struct find *find, struct error *ret_error) {
    int r = make_index(find, true, ret_error);
    return r == -ERROR_DAMAGED ? make_index(find, false, ret_error) : r;
}
