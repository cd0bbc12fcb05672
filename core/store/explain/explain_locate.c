/* Which transaction is meant. The index of ids in the current generation says where a transaction
 * up to its position is; newer records are searched, and all of them if the index does not have the
 * id. All searches read parts in parallel, if there are threads. */
#include "explain_locate.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/value.h"
#include "core/store/overlay/overlay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The largest record, decoded: one with the largest policy that the loader takes. */
#define RECORD_BYTES_MAX ((size_t)160 << 20)
#define LIKE_MAX         5 /* ids named in a message because they begin with the text */
/* Bytes of segments searched before what was found is visited and freed. */
#define CHUNK_BYTES ((uint64_t)256 << 20)

/* ---- reading ---- */

int explain_reading_open(struct explain_reading *reading, const struct explain_options *options,
                         struct error *ret_error) {
    *reading = (struct explain_reading){.options = options};
    arena_init(&reading->record, RECORD_BYTES_MAX);
    int r = archive_parts_open(options->archive, &reading->parts, ret_error);
    if (r == 0)
        reading->part_count = archive_parts_count(reading->parts);
    return r;
}

void explain_reading_close(struct explain_reading *reading) {
    archive_parts_close(reading->parts);
    arena_deinit(&reading->record);
}

/* Runs the job for `count` parts, from the first one on. */
static int run_jobs(struct explain_reading *reading, size_t first, size_t count,
                    int (*job)(void *user, size_t index, struct error *ret_error), void *user,
                    struct error *ret_error) {
    struct explain_threads *thread_pool = reading->options->thread_pool;
    int r = 0;
    if (thread_pool) {
        thread_pool->before = first;
        thread_pool->all = reading->part_count;
        return thread_pool->run(thread_pool, count, job, user, ret_error);
    }
    for (size_t i = 0; i < count && r == 0; i++)
        r = job(user, i, ret_error);
    return r;
}

static int search_job(void *user, size_t index, struct error *ret_error) {
    struct explain_finds *finds = user;
    return search_part(&finds->search, finds->first + index, &finds->results[index], ret_error);
}

/* Searches `count` parts, from the first one on. */
static int find_in(struct explain_reading *reading, const struct search *search, size_t first,
                   size_t count, struct explain_finds *ret_finds, struct error *ret_error) {
    *ret_finds = (struct explain_finds){.search = *search, .first = first, .count = count};
    ret_finds->search.parts = reading->parts;
    ret_finds->search.stop = reading->options->stop;
    ret_finds->results = check_calloc(count + 1, sizeof *ret_finds->results);
    int r = run_jobs(reading, first, count, search_job, ret_finds, ret_error);
    for (size_t i = 0; i < count; i++)
        ret_finds->read += ret_finds->results[i].read;
    return r;
}

int explain_find(struct explain_reading *reading, const struct search *search,
                 struct explain_finds *ret_finds, struct error *ret_error) {
    return find_in(reading, search, 0, reading->part_count, ret_finds, ret_error);
}

void explain_finds_deinit(struct explain_finds *finds) {
    for (size_t i = 0; i < finds->count; i++)
        search_result_deinit(&finds->results[i]);
    free(finds->results);
    *finds = (struct explain_finds){0};
}

int explain_visit_finds(struct explain_reading *reading, const struct explain_finds *finds,
                        uint64_t types, explain_visit *visit, void *user, struct error *ret_error) {
    for (size_t part = 0; part < finds->count; part++) {
        const struct search_result *result = &finds->results[part];
        for (size_t i = 0; i < result->count; i++) {
            struct record record;
            if ((types >> result->records[i].type & 1) == 0)
                continue;
            arena_reset(&reading->record);
            int r = search_decode(result, i, &reading->record, &record, ret_error);
            if (r == 0)
                r = visit(user, &record, ret_error);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* How many parts from this one on make a chunk. */
static size_t chunk_at(const struct explain_reading *reading, size_t first) {
    uint64_t most = reading->options->chunk_bytes, bytes = 0;
    size_t end = first;
    if (most == 0)
        most = CHUNK_BYTES;
    while (end < reading->part_count && (end == first || bytes < most))
        bytes += archive_parts_size(reading->parts, end++);
    return end - first;
}

int explain_search(struct explain_reading *reading, const struct search *search, uint64_t types,
                   explain_visit *visit, void *user, uint64_t *read, struct error *ret_error) {
    int r = 0;
    for (size_t part = 0, count; part < reading->part_count && r == 0; part += count) {
        struct explain_finds finds;
        count = chunk_at(reading, part);
        r = find_in(reading, search, part, count, &finds, ret_error);
        if (r == 0)
            r = explain_visit_finds(reading, &finds, types, visit, user, ret_error);
        *read += finds.read;
        explain_finds_deinit(&finds);
    }
    return r;
}

struct newest_job {
    struct search search;
    uint64_t last;
    int64_t *newest_us; /* of each part */
};

static int newest_job(void *user, size_t index, struct error *ret_error) {
    const struct newest_job *job = user;
    struct arena arena;
    arena_init(&arena, RECORD_BYTES_MAX);
    int r = search_newest_event(&job->search, index, job->last, &arena, &job->newest_us[index],
                                ret_error);
    arena_deinit(&arena);
    return r;
}

int explain_newest_event(struct explain_reading *reading, uint64_t last, int64_t *ret_newest_us,
                         struct error *ret_error) {
    struct newest_job job = {.search = {.parts = reading->parts, .stop = reading->options->stop},
                             .last = last};
    int64_t newest_us = INT64_MIN;
    job.newest_us = check_calloc(reading->part_count + 1, sizeof *job.newest_us);
    for (size_t i = 0; i < reading->part_count; i++)
        job.newest_us[i] = INT64_MIN;
    int r = run_jobs(reading, 0, reading->part_count, newest_job, &job, ret_error);
    for (size_t i = 0; i < reading->part_count && r == 0; i++)
        if (job.newest_us[i] > newest_us)
            newest_us = job.newest_us[i];
    free(job.newest_us);
    if (r == 0)
        *ret_newest_us = newest_us;
    return r;
}

/* ---- which transaction ---- */

/* Transactions with the id, and those whose id begins with it. */
struct candidates {
    struct text wanted;
    uint64_t count, last, before_last;
    uint64_t like_count, like;
    struct text like_ids[LIKE_MAX];
    struct arena *arena;
};

static int add_candidate(void *user, const struct record *record, struct error *ret_error) {
    struct candidates *candidates = user;
    struct text id = record->transaction.transaction.id, wanted = candidates->wanted;
    (void)ret_error;
    if (text_equal(id, wanted)) {
        candidates->count++;
        candidates->before_last = candidates->last;
        candidates->last = record->position;
    } else if (id.length > wanted.length && memcmp(id.data, wanted.data, wanted.length) == 0) {
        if (candidates->like_count < LIKE_MAX)
            candidates->like_ids[candidates->like_count] = arena_text(candidates->arena, id);
        candidates->like_count++;
        candidates->like = record->position;
    }
    return 0;
}

static int look_through(struct explain_reading *reading, const struct explain_finds *finds,
                        struct candidates *candidates, struct error *ret_error) {
    return explain_visit_finds(reading, finds, 1u << RECORD_TRANSACTION, add_candidate, candidates,
                               ret_error);
}

/* Another search, for transactions only. */
static int search_more(struct explain_reading *reading, struct search_range range,
                       struct candidates *candidates, struct error *ret_error) {
    const struct search search = {.ranges = &range, .range_count = 1};
    struct explain_finds finds;
    int r = explain_find(reading, &search, &finds, ret_error);
    if (r == 0)
        r = look_through(reading, &finds, candidates, ret_error);
    explain_finds_deinit(&finds);
    return r;
}

/* Looks the id up in the current generation. Returns the position it was built for; 0: there is
 * none that belongs to this archive and can be read. */
static uint64_t find_indexed(const struct explain_reading *reading, struct text id,
                             uint64_t *ret_position) {
    struct generation *generation;
    struct known_id known;
    struct error ignored;
    uint64_t place = 0;
    const char *generations = reading->options->generations;
    *ret_position = 0;
    if (!generations || generation_open_current(generations, false, &generation, &ignored) < 0)
        return 0;
    struct archive_place of = generation_manifest(generation)->place;
    if (archive_parts_holds(reading->parts, of, &ignored) == 1) {
        place = of.position;
        if (generation_find_id(generation, hash_text(id), &known))
            *ret_position = known.position;
    }
    generation_close(generation);
    return place;
}

static int not_found(const struct candidates *candidates, const struct explain_reading *reading,
                     struct error *ret_error) {
    size_t named = candidates->like_count < LIKE_MAX ? (size_t)candidates->like_count : LIKE_MAX;
    const struct archive_begin *begin = archive_parts_begin(reading->parts);
    char since[64];
    value_format(value_timestamp(begin->time_us), since, sizeof since);
    int r = error_set(ret_error, ERROR_NOT_FOUND,
                      "%s has no transaction \"%" TEXT_FORMAT "\" among its synced records%s%s%s",
                      reading->options->archive, TEXT_ARGS(candidates->wanted),
                      begin->place.position > 0 ? ", which begin after " : "",
                      begin->place.position > 0 ? since : "",
                      begin->place.position > 0 ? " since a prune" : "");
    if (named == 0)
        return r;
    size_t length = strlen(ret_error->text);
    for (size_t i = 0; i < named && length < sizeof ret_error->text; i++) {
        snprintf(ret_error->text + length, sizeof ret_error->text - length, "%s%" TEXT_FORMAT,
                 i == 0 ? "; ids that begin with it: " : ", ", TEXT_ARGS(candidates->like_ids[i]));
        length = strlen(ret_error->text);
    }
    if (candidates->like_count > named)
        snprintf(ret_error->text + length, sizeof ret_error->text - length, " and %" PRIu64 " more",
                 candidates->like_count - named);
    return r;
}

static int choose(struct explain_reading *reading, const struct candidates *candidates,
                  struct explain_target *target, struct error *ret_error) {
    const struct explain_options *options = reading->options;
    target->id = candidates->wanted;
    target->position = candidates->last;
    if (candidates->count > 0) {
        target->others = candidates->count - 1;
        target->other = candidates->before_last;
        return 0;
    }
    if (options->position > 0 &&
        options->position <= archive_parts_begin(reading->parts)->place.position)
        return archive_begin_refuse(archive_parts_begin(reading->parts), options->position,
                                    ret_error);
    if (options->position > 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the record at position %" PRIu64
                         " of %s is not transaction \"%" TEXT_FORMAT "\"",
                         options->position, options->archive, TEXT_ARGS(options->id));
    if (!options->allows_prefix || candidates->like_count != 1)
        return not_found(candidates, reading, ret_error);
    target->id = candidates->like_ids[0];
    target->position = candidates->like;
    return 0;
}

/* Searches what the index covers and the first search did not: at the position that it says, else
 * everywhere. */
static int search_indexed(struct explain_reading *reading, uint64_t place, uint64_t indexed,
                          struct candidates *candidates, struct error *ret_error) {
    const struct text any = {.data = "", .length = 0};
    int r = 0;
    if (indexed > 0)
        r = search_more(
            reading,
            (struct search_range){
                .after = indexed - 1, .before = indexed + 1, .texts = &any, .text_count = 1},
            candidates, ret_error);
    if (r == 0 && candidates->count == 0)
        r = search_more(reading,
                        (struct search_range){
                            .before = place + 1, .texts = &candidates->wanted, .text_count = 1},
                        candidates, ret_error);
    return r;
}

int explain_locate(struct explain_reading *reading, struct arena *arena,
                   struct explain_target *ret_target, struct explain_finds *ret_finds,
                   struct error *ret_error) {
    const struct explain_options *options = reading->options;
    struct candidates candidates = {.wanted = arena_text(arena, options->id), .arena = arena};
    struct explain_target target = {0};
    uint64_t indexed = 0, place = 0;
    if (options->position == 0)
        place = find_indexed(reading, options->id, &indexed);
    struct search_range range = {
        .after = place, .before = UINT64_MAX, .texts = &candidates.wanted, .text_count = 1};
    if (options->position > 0)
        range.after = options->position - 1;
    target.scanned_from = range.after;
    const struct search search = {
        .rare = true, .rare_before = UINT64_MAX, .ranges = &range, .range_count = 1};
    int r = explain_find(reading, &search, ret_finds, ret_error);
    if (r == 0 && options->position == 0)
        r = look_through(reading, ret_finds, &candidates, ret_error);
    range.before = options->position + 1;
    if (r == 0 && options->position > 0)
        r = search_more(reading, range, &candidates, ret_error);
    if (r == 0 && candidates.count == 0 && place > 0)
        r = search_indexed(reading, place, indexed, &candidates, ret_error);
    if (r == 0)
        r = choose(reading, &candidates, &target, ret_error);
    if (r == 0)
        *ret_target = target;
    return r;
}
