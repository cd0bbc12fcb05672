/* Reading an archive for a replay: once for what has to be known beforehand, once in chunks. */
#include "replay_internal.h"

#include "core/base/check.h"

#include <stdlib.h>

/* A chunk: its records, and what they may take together; one is always taken. */
#define CHUNK_RECORDS 2048
#define CHUNK_BYTES   (4u << 20)
/* Of each worker, so that nobody waits long for the last one. */
#define CHUNK_PARTS 2
/* With many workers several chunks are worked on at once. Each part has lists for all shards. */
#define CHUNK_PARTS_MAX 32

/* A record with the largest policy the loader takes, decoded. */
#define RECORD_BYTES_MAX (160u << 20)

#define SCAN_STEP 4096 /* records between two calls of the progress */

/* ---- the order of positions ---- */

struct archive_source {
    struct replay_source source; /* first */
    const struct archive_parts *parts;
    struct archive_part_reader *reader; /* NULL: the part before is at its end */
    size_t part;
    uint64_t position, last;
};

static void close_reader(struct archive_source *source) {
    archive_part_close(source->reader);
    source->reader = NULL;
}

static int next_archived(struct replay_source *self, struct archive_part_record *ret_record,
                         struct error *ret_error) {
    struct archive_source *source = (struct archive_source *)self;
    while (source->position < source->last) {
        int r = 0;
        if (!source->reader)
            r = archive_part_open(source->parts, source->part, source->position, false,
                                  &source->reader, ret_error);
        if (r == 0)
            r = archive_part_next(source->reader, ret_record, ret_error);
        if (r < 0)
            return r;
        if (r == 1) {
            source->position = ret_record->position;
            return 1;
        }
        close_reader(source);
        source->part++;
    }
    if (source->reader) { /* what comes behind the last record is verified, too */
        struct archive_part_record beyond;
        int r = archive_part_next(source->reader, &beyond, ret_error);
        close_reader(source);
        return r < 0 ? r : 0;
    }
    return 0;
}

static void close_archived(struct replay_source *self) {
    close_reader((struct archive_source *)self);
    free(self);
}

struct replay_source *replay_source_archive(const struct replay *replay) {
    struct archive_source *source = check_calloc(1, sizeof *source);
    source->source = (struct replay_source){.next = next_archived, .close = close_archived};
    source->parts = replay->parts;
    source->last = replay->target.position;
    source->position = replay->start.position;
    source->part = archive_parts_find(replay->parts, source->position);
    return &source->source;
}

/* ---- chunks ---- */

bool replay_is_told(const struct replay *replay, int64_t event_time_us) {
    const struct replay_options *options = &replay->options;
    return (options->from_us == 0 || event_time_us >= options->from_us) &&
           (options->to_us == 0 || event_time_us < options->to_us);
}

bool replay_is_decided(const struct replay *replay, int64_t event_time_us) {
    const struct replay_options *options = &replay->options;
    if (!replay->walk || event_time_us >= options->from_us)
        return replay_is_told(replay, event_time_us);
    /* The nights before the range look at it. */
    int64_t reach_us = walk_forward_reach_us(replay->history.policies[0].snapshot);
    return event_time_us >= options->from_us - reach_us;
}

/* The one that was held back, or the source's next. */
static int next_record(const struct replay *replay, struct archive_part_record *ret_record,
                       struct error *ret_error) {
    struct replay_ahead *ahead = replay->ahead;
    if (!ahead->has_record)
        return replay->source->next(replay->source, ret_record, ret_error);
    ahead->has_record = false;
    *ret_record = ahead->record;
    return 1;
}

static int event_time(const struct archive_part_record *found, int64_t *ret_us,
                      struct error *ret_error) {
    struct arena memory;
    struct record record;
    if (record_read_event_time(found->payload.data, found->payload.length, ret_us))
        return 0;
    arena_init(&memory, RECORD_BYTES_MAX);
    int r = record_decode(found->type, found->payload.data, found->payload.length, &memory, &record,
                          ret_error);
    if (r == 0)
        *ret_us = record.transaction.transaction.event_time_us;
    arena_deinit(&memory);
    return r < 0 ? error_prefix(ret_error, "record %" PRIu64, found->position) : 0;
}

/* Is the record the first of its day? Then a night ends the chunk, and it is for the next one. */
static int look_for_night(const struct replay *replay, const struct archive_part_record *found,
                          struct replay_chunk *chunk) {
    struct replay_ahead *ahead = replay->ahead;
    int64_t at_us;
    if (!replay->walk || found->type != RECORD_TRANSACTION)
        return 0;
    int r = event_time(found, &at_us, &chunk->error);
    if (r < 0)
        return r;
    chunk->is_night = walk_forward_is_night(ahead->newest_us, at_us);
    if (at_us > ahead->newest_us)
        ahead->newest_us = at_us;
    if (chunk->is_night) {
        ahead->record = *found;
        ahead->has_record = chunk->is_turn = true;
    }
    return 0;
}

void replay_read(const struct replay *replay, struct replay_chunk *chunk) {
    size_t most = replay->options.chunk_records ? replay->options.chunk_records : CHUNK_RECORDS;
    chunk->before = replay->ahead->read;
    while (chunk->row_count < most && chunk->payloads.length < CHUNK_BYTES && !chunk->is_turn) {
        struct archive_part_record record;
        int r = next_record(replay, &record, &chunk->error);
        if (r == 1)
            r = look_for_night(replay, &record, chunk) < 0 ? -(int)chunk->error.code : 1;
        if (r <= 0) {
            chunk->result = r;
            chunk->is_last = true;
            break;
        }
        if (chunk->is_night)
            break;
        replay_chunk_add(chunk, record.type, record.position, record.payload);
        chunk->is_turn = replay_turns(replay, record.type, record.position);
    }
    replay->ahead->read += chunk->row_count;
    size_t parts = replay->workers == 1 ? 1 : CHUNK_PARTS * replay->workers;
    replay_chunk_cut(chunk, parts < CHUNK_PARTS_MAX ? parts : CHUNK_PARTS_MAX);
}

/* ---- the first reading ---- */

static bool is_scanned(const struct replay *replay, enum record_type type) {
    const struct replay_history *history = &replay->history;
    switch (type) {
    case RECORD_TRANSACTION: /* for the times */
    case RECORD_OUTCOME:
        return history->with_labels;
    case RECORD_LIST_CHANGE:
        return replay->last_lists != NULL;
    case RECORD_SHADOW:
        return history->with_shadows;
    case RECORD_SNAPSHOT:
        return history->with_policies;
    case RECORD_GENERATION:
        return history->with_policies || replay->last_lists;
    default:
        return type == RECORD_ENGINE;
    }
}

static bool is_part_scanned(const struct replay *replay, size_t index) {
    uint64_t types = archive_parts_part(replay->parts, index).types;
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        if (types >> type & 1 && is_scanned(replay, (enum record_type)type))
            return true;
    return false;
}

static int interrupted(struct error *ret_error) {
    return error_set(ret_error, ERROR_INTERRUPTED, "the replay was interrupted");
}

static void note_time(struct replay *replay, size_t part, int64_t at_us) {
    replay_history_note_time(&replay->history, at_us);
    if (replay->least_us && at_us < replay->least_us[part])
        replay->least_us[part] = at_us;
}

/* What event-time order has from the beginning: lists and thresholds as they are at the end. */
static void take_last(struct replay *replay, const struct record *record) {
    if (!replay->last_lists)
        return;
    list_table_apply(replay->last_lists, record);
    if (record->type != RECORD_GENERATION)
        return;
    thresholds_free(replay->thresholds);
    const struct threshold_set *set = &record->generation.thresholds;
    replay->thresholds = threshold_set_is_empty(set) ? NULL : thresholds_new(set);
}

static int scan_part(struct replay *replay, size_t part, struct archive_part_reader *reader,
                     struct progress *progress, struct error *ret_error) {
    struct archive_part_record found;
    uint64_t last = replay->target.position;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1 && found.position <= last) {
        if (found.position % SCAN_STEP == 0 &&
            progress_update(progress, "scan", found.position, last) != 0)
            return interrupted(ret_error);
        if (!is_scanned(replay, found.type))
            continue;
        int64_t at_us;
        if (found.type == RECORD_TRANSACTION &&
            record_read_event_time(found.payload.data, found.payload.length, &at_us)) {
            note_time(replay, part, at_us);
            continue;
        }
        struct record record;
        arena_reset(&replay->record);
        r = archive_part_decode(reader, &replay->record, &record, ret_error);
        if (r == 0)
            r = replay_history_add(&replay->history, &record, ret_error);
        if (r < 0)
            return r;
        take_last(replay, &record);
        if (record.type == RECORD_TRANSACTION)
            note_time(replay, part, record.transaction.transaction.event_time_us);
    }
    return r < 0 ? r : 0;
}

int replay_scan(struct replay *replay, struct progress *progress, struct error *ret_error) {
    size_t count = archive_parts_count(replay->parts);
    for (size_t i = 0; i < count; i++) {
        struct archive_part_reader *reader;
        if (!is_part_scanned(replay, i))
            continue;
        int r = archive_part_open(replay->parts, i, 0, false, &reader, ret_error);
        if (r < 0)
            return r;
        r = scan_part(replay, i, reader, progress, ret_error);
        archive_part_close(reader);
        if (r < 0)
            return r;
    }
    return 0;
}
