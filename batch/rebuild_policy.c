/* Whose features are folded: the policy that was given, or the last one in the archive. That one is
 * looked for from the archive's end, segments in parallel. */
#include "rebuild_internal.h"

#include "core/base/check.h"

#include <stdlib.h>

/* A record with the largest policy the loader takes, decoded. */
#define RECORD_BYTES_MAX (160u << 20)

struct search {
    struct rebuild *rebuild;
    enum record_type type;
    size_t parts;
    struct buffer *payloads; /* of the last such record in each part, by job: the last part first */
    atomic_size_t found;     /* the least job that has one */
    atomic_ullong done;
};

static void note_found(struct search *search, size_t job) {
    size_t least = atomic_load(&search->found);
    while (job < least && !atomic_compare_exchange_weak(&search->found, &least, job))
        continue;
}

static int search_part(void *user, struct crew *crew, size_t worker, size_t job,
                       struct error *ret_error) {
    (void)worker;
    struct search *search = user;
    struct buffer *payload = &search->payloads[job];
    struct archive_part_reader *reader;
    struct archive_part_record record;
    if (atomic_load(&search->found) < job)
        return 0;
    size_t part = search->parts - 1 - job;
    int r = archive_part_open(search->rebuild->parts, part, 0, false, &reader, ret_error);
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
            needed = !crew_is_stopped(crew) && atomic_load(&search->found) >= job;
    }
    archive_part_close(reader);
    if (r == 0 && payload->length > 0)
        note_found(search, job);
    atomic_fetch_add(&search->done, archive_parts_size(search->rebuild->parts, part));
    return r < 0 ? r : 0;
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

int rebuild_find_last(struct rebuild *rebuild, enum record_type type, enum rebuild_phase phase,
                      struct buffer *ret_payload, struct error *ret_error) {
    struct search search = {
        .rebuild = rebuild, .type = type, .parts = archive_parts_count(rebuild->parts)};
    atomic_init(&search.found, SIZE_MAX);
    search.payloads = check_calloc(search.parts, sizeof *search.payloads);
    uint64_t total = 0;
    for (size_t i = 0; i < search.parts; i++) {
        buffer_init(&search.payloads[i]);
        total += archive_parts_size(rebuild->parts, i);
    }
    struct crew *crew = crew_hire(rebuild->threads, search.parts, search_part, &search);
    int r = rebuild_await(rebuild, crew, phase, &search.done, total, ret_error);
    size_t found = atomic_load(&search.found);
    if (r == 0 && found != SIZE_MAX) {
        buffer_append(ret_payload, search.payloads[found].bytes, search.payloads[found].length);
        r = 1;
    }
    for (size_t i = 0; i < search.parts; i++)
        buffer_deinit(&search.payloads[i]);
    free(search.payloads);
    return r;
}

static int load_archived(struct rebuild *rebuild, struct buffer *messages,
                         struct error *ret_error) {
    struct buffer payload;
    buffer_init(&payload);
    int r = rebuild_find_last(rebuild, RECORD_SNAPSHOT, REBUILD_PREPARE, &payload, ret_error);
    if (r == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "%s holds no policy up to position %llu: name one", rebuild->options->archive,
                      (unsigned long long)rebuild->target.position);
    else if (r > 0)
        r = load_record(rebuild, &payload, messages, ret_error);
    buffer_deinit(&payload);
    return r;
}

static int load_given(struct rebuild *rebuild, struct buffer *messages, struct error *ret_error) {
    int r = snapshot_load_folder(rebuild->options->policy, &rebuild->snapshot, messages, ret_error);
    return r < 0 ? error_prefix(ret_error, "the policy in %s", rebuild->options->policy) : 0;
}

int rebuild_load_policy(struct rebuild *rebuild, struct error *ret_error) {
    struct buffer messages; /* warnings and further faults: `harrier check` is for those */
    buffer_init(&messages);
    int r = rebuild->options->policy ? load_given(rebuild, &messages, ret_error)
                                     : load_archived(rebuild, &messages, ret_error);
    buffer_deinit(&messages);
    if (r == 0)
        rebuild->plan = &rebuild->snapshot->plan;
    return r;
}
