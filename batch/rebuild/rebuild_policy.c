/* Which policy's features are folded: the given one, or the last one in the archive, searched for
 * from the archive's end, segments in parallel.
 *
 * When all of the archive will be scanned anyway, a search beforehand would read much of it twice.
 * So the last policy near the beginning of a segment is taken as a guess, and the scan watches for
 * later ones. A later one mostly has the same features, because rules change more often: it
 * replaces the guess. Otherwise the policy is searched for after all, and the scan starts over. */
#include "rebuild_policy.h"

#include "batch/base/policy_folder.h"
#include "batch/base/record_bytes.h"
#include "rebuild_job.h"

#include "core/base/check.h"

#include <stdlib.h>

/* The result of the search in one part (segment). */
struct search_part {
    struct buffer payload; /* of the last one in it; empty: there is none */
    int result;            /* < 0: it cannot be read */
    struct error error;
};

struct search {
    struct rebuild *rebuild;
    enum record_type type;
    size_t count;
    struct search_part *parts; /* by job; job 0 is the last part */
    atomic_size_t decided;     /* the least job with a record or an error: later jobs are moot */
    atomic_ullong done;
};

/* An atomic minimum. */
static void note_decided(struct search *search, size_t job) {
    size_t least = atomic_load(&search->decided);
    while (job < least && !atomic_compare_exchange_weak(&search->decided, &least, job))
        continue;
}

static int read_part(struct search *search, const struct thread_pool *thread_pool, size_t job,
                     struct buffer *payload, struct error *ret_error) {
    struct archive_part_reader *reader;
    struct archive_part_record record;
    int r = archive_part_open(search->rebuild->parts, search->count - 1 - job, 0, false, &reader,
                              ret_error);
    if (r < 0)
        return r;
    unsigned count = 0;
    bool needed = true;
    while (needed && (r = archive_part_next(reader, &record, ret_error)) == 1) {
        if (record.type == search->type) {
            buffer_clear(payload);
            buffer_append(payload, record.payload.data, record.payload.length);
        }
        if (++count % REBUILD_STEP == 0)
            needed = !thread_pool_is_stopped(thread_pool) && atomic_load(&search->decided) >= job;
    }
    archive_part_close(reader);
    if (r == 0 && payload->length > 0)
        note_decided(search, job);
    return r < 0 ? r : 0;
}

/* Never fails the pool. Whether a part before the record is read at all depends on timing, so an
 * error there must not decide the outcome: errors are kept with their part. */
static int search_part(void *user, struct thread_pool *thread_pool, size_t worker, size_t job,
                       struct error *ret_error) {
    (void)worker, (void)ret_error;
    struct search *search = user;
    struct search_part *part = &search->parts[job];
    if (atomic_load(&search->decided) < job)
        return 0;
    size_t index = search->count - 1 - job;
    if (archive_parts_part(search->rebuild->parts, index).types >> search->type & 1)
        part->result = read_part(search, thread_pool, job, &part->payload, &part->error);
    if (part->result < 0)
        note_decided(search, job);
    atomic_fetch_add(&search->done, archive_parts_size(search->rebuild->parts, index));
    return 0;
}

static int load_record(struct rebuild *rebuild, const struct buffer *payload,
                       struct buffer *messages, struct error *ret_error) {
    struct arena arena;
    struct record record;
    arena_init(&arena, RECORD_BYTES_MAX);
    int r =
        record_decode(RECORD_SNAPSHOT, payload->bytes, payload->length, &arena, &record, ret_error);
    if (r == 0)
        r = snapshot_load(record.snapshot.files, record.snapshot.file_count, &rebuild->snapshot,
                          messages, ret_error);
    arena_deinit(&arena);
    return r < 0 ? error_prefix(ret_error, "the last policy in %s", rebuild->options->archive) : 0;
}

static int take_found(const struct search_part *part, struct buffer *ret_payload,
                      struct error *ret_error) {
    if (part->result < 0) {
        *ret_error = part->error;
        return part->result;
    }
    buffer_append(ret_payload, part->payload.bytes, part->payload.length);
    return 1;
}

int rebuild_find_last(struct rebuild *rebuild, enum record_type type, enum rebuild_phase phase,
                      struct buffer *ret_payload, struct error *ret_error) {
    struct search search = {
        .rebuild = rebuild, .type = type, .count = archive_parts_count(rebuild->parts)};
    atomic_init(&search.decided, SIZE_MAX);
    search.parts = check_calloc(search.count, sizeof *search.parts);
    uint64_t total = 0;
    for (size_t i = 0; i < search.count; i++) {
        buffer_init(&search.parts[i].payload);
        total += archive_parts_size(rebuild->parts, i);
    }
    struct thread_pool *thread_pool =
        thread_pool_start(rebuild->threads, search.count, search_part, &search);
    int r = rebuild_await(rebuild, thread_pool, phase, &search.done, total, ret_error);
    size_t decided = atomic_load(&search.decided);
    if (r == 0 && decided != SIZE_MAX)
        r = take_found(&search.parts[decided], ret_payload, ret_error);
    for (size_t i = 0; i < search.count; i++)
        buffer_deinit(&search.parts[i].payload);
    free(search.parts);
    return r;
}

static int load_archived(struct rebuild *rebuild, struct buffer *messages,
                         struct error *ret_error) {
    struct buffer payload;
    buffer_init(&payload);
    int r = rebuild_find_last(rebuild, RECORD_SNAPSHOT, REBUILD_PREPARE, &payload, ret_error);
    if (r == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "%s has no policy up to position %llu: give one",
                      rebuild->options->archive, (unsigned long long)rebuild->target.position);
    else if (r > 0)
        r = load_record(rebuild, &payload, messages, ret_error);
    buffer_deinit(&payload);
    return r;
}

static void use_plan(struct rebuild *rebuild) {
    snapshot_unref(rebuild->folded);
    rebuild->folded = snapshot_ref(rebuild->snapshot);
    rebuild->plan = &rebuild->folded->plan;
}

/* ---- guessing ---- */

#define GUESS_RECORDS 64 /* of each segment that are looked at */

/* Will all of the archive be scanned, whatever the policy? */
static bool is_full_anyway(const struct rebuild *rebuild) {
    struct generation_mark mark;
    return rebuild->options->elsewhere || (rebuild->options->full && rebuild->options->force) ||
           !generation_look(rebuild->options->generations, &mark);
}

/* The last policy among the first records of a part; *ret_position 0: there is none. */
static int look_at_part(struct rebuild *rebuild, size_t part, struct buffer *payload,
                        uint64_t *ret_position, struct error *ret_error) {
    struct archive_part_reader *reader;
    struct archive_part_record record;
    *ret_position = 0;
    if (!(archive_parts_part(rebuild->parts, part).types >> RECORD_SNAPSHOT & 1))
        return 0;
    int r = archive_part_open(rebuild->parts, part, 0, false, &reader, ret_error);
    if (r < 0)
        return r;
    for (unsigned i = 0;
         i < GUESS_RECORDS && (r = archive_part_next(reader, &record, ret_error)) == 1; i++) {
        if (record.type != RECORD_SNAPSHOT)
            continue;
        buffer_clear(payload);
        buffer_append(payload, record.payload.data, record.payload.length);
        *ret_position = record.position;
    }
    archive_part_close(reader);
    return r < 0 ? r : 0;
}

/* 1: rebuild->snapshot is a guess; 0: there is nothing to guess from. Errors are ignored: the
 * search finds and reports them. */
static int guess(struct rebuild *rebuild, struct buffer *messages) {
    struct buffer payload;
    struct error ignored;
    uint64_t position = 0;
    int r = 0;
    buffer_init(&payload);
    for (size_t i = archive_parts_count(rebuild->parts); i-- > 0 && r == 0 && position == 0;)
        r = look_at_part(rebuild, i, &payload, &position, &ignored);
    if (r == 0 && position > 0)
        r = load_record(rebuild, &payload, messages, &ignored) == 0;
    if (r > 0)
        rebuild->guessed_at = position;
    buffer_deinit(&payload);
    return r > 0;
}

/* Do both policies extract the same entries from every record? Equal plans are not enough: fields
 * also depend on their canonical definitions, on exchange rates, and on whether card numbers are
 * refused. */
static bool fold_alike(const struct snapshot *a, const struct snapshot *b) {
    const struct schema *x = &a->schema, *y = &b->schema;
    bool alike = a->plan.id == b->plan.id && x->field_count == y->field_count &&
                 x->rate_count == y->rate_count && strcmp(x->base_currency, y->base_currency) == 0;
    for (size_t i = 0; i < x->field_count && alike; i++)
        alike = text_equal(x->fields[i].canonical, y->fields[i].canonical) &&
                x->fields[i].kind == y->fields[i].kind && x->fields[i].type == y->fields[i].type &&
                x->fields[i].refuse_card_number == y->fields[i].refuse_card_number;
    for (size_t i = 0; i < x->rate_count && alike; i++)
        alike = strcmp(x->rates[i].currency, y->rates[i].currency) == 0 &&
                x->rates[i].from_us == y->rates[i].from_us &&
                x->rates[i].rate_e9 == y->rates[i].rate_e9;
    return alike;
}

bool rebuild_note_policy(const struct rebuild *rebuild, const struct record *record,
                         struct later_policy *later) {
    struct snapshot *snapshot = NULL;
    struct buffer messages;
    struct error ignored;
    buffer_init(&messages);
    int r = snapshot_load(record->snapshot.files, record->snapshot.file_count, &snapshot, &messages,
                          &ignored);
    buffer_deinit(&messages);
    if (r < 0)
        return false;
    bool alike = fold_alike(snapshot, rebuild->folded);
    if (alike && record->position > later->position) {
        struct snapshot *before = later->snapshot;
        later->snapshot = snapshot;
        later->position = record->position;
        snapshot = before;
    }
    snapshot_unref(snapshot);
    return alike;
}

void rebuild_use_later_policy(struct rebuild *rebuild, struct later_policy *later) {
    rebuild->guessed_at = 0;
    if (!later->snapshot)
        return;
    snapshot_unref(rebuild->snapshot);
    rebuild->snapshot = later->snapshot;
    *later = (struct later_policy){0};
}

int rebuild_find_policy(struct rebuild *rebuild, struct error *ret_error) {
    struct buffer messages;
    buffer_init(&messages);
    snapshot_unref(rebuild->snapshot);
    rebuild->snapshot = NULL;
    rebuild->guessed_at = 0;
    int r = load_archived(rebuild, &messages, ret_error);
    buffer_deinit(&messages);
    if (r == 0)
        use_plan(rebuild);
    return r;
}

int rebuild_take_policy(struct rebuild *rebuild, struct text payload, struct error *ret_error) {
    struct buffer messages, copy;
    buffer_init(&messages);
    buffer_init(&copy);
    buffer_append(&copy, payload.data, payload.length);
    snapshot_unref(rebuild->snapshot);
    rebuild->snapshot = NULL;
    rebuild->guessed_at = 0;
    int r = load_record(rebuild, &copy, &messages, ret_error);
    buffer_deinit(&messages);
    buffer_deinit(&copy);
    if (r == 0)
        use_plan(rebuild);
    return r;
}

int rebuild_load_policy(struct rebuild *rebuild, struct error *ret_error) {
    struct buffer messages; /* dropped: `harrier check` shows warnings and further errors */
    buffer_init(&messages);
    int r = 0;
    if (rebuild->options->policy)
        r = policy_folder_load(rebuild->options->policy, &rebuild->snapshot, ret_error);
    else if (rebuild->options->snapshot)
        rebuild->snapshot = snapshot_ref(rebuild->options->snapshot);
    else if (!is_full_anyway(rebuild) || rebuild->base.id || guess(rebuild, &messages) == 0)
        r = load_archived(rebuild, &messages, ret_error);
    buffer_deinit(&messages);
    if (r == 0)
        use_plan(rebuild);
    return r;
}
