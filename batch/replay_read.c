/* Reading an archive for a replay: once for what has to be known beforehand, once in chunks. */
#include "replay_internal.h"

#include "core/base/check.h"

#include <stdlib.h>

/* A chunk: its records, and what they may take together; one is always taken. */
#define CHUNK_RECORDS 2048
#define CHUNK_BYTES   (4u << 20)
/* Of each worker, so that nobody waits long for the last one. */
#define CHUNK_PARTS 2

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
            r = archive_part_open(source->parts, source->part, 0, false, &source->reader,
                                  ret_error);
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
    return &source->source;
}

/* ---- chunks ---- */

bool replay_is_told(const struct replay *replay, int64_t event_time_us) {
    const struct replay_options *options = &replay->options;
    return (options->from_us == 0 || event_time_us >= options->from_us) &&
           (options->to_us == 0 || event_time_us < options->to_us);
}

void replay_read(const struct replay *replay, struct replay_chunk *chunk) {
    size_t most = replay->options.chunk_records ? replay->options.chunk_records : CHUNK_RECORDS;
    while (chunk->row_count < most && chunk->payloads.length < CHUNK_BYTES && !chunk->is_turn) {
        struct archive_part_record record;
        int r = replay->source->next(replay->source, &record, &chunk->error);
        if (r <= 0) {
            chunk->result = r;
            chunk->is_last = true;
            break;
        }
        replay_chunk_add(chunk, record.type, record.position, record.payload);
        chunk->is_turn = replay_turns(replay, record.type, record.position);
    }
    replay_chunk_cut(chunk, replay->workers == 1 ? 1 : CHUNK_PARTS * replay->workers);
}

/* ---- the first reading ---- */

static bool is_scanned(const struct replay_history *history, enum record_type type) {
    switch (type) {
    case RECORD_TRANSACTION: /* for the times */
    case RECORD_OUTCOME:
        return history->with_labels;
    case RECORD_SHADOW:
        return history->with_shadows;
    case RECORD_SNAPSHOT:
    case RECORD_GENERATION:
        return history->with_policies;
    default:
        return type == RECORD_ENGINE;
    }
}

static bool is_part_scanned(const struct replay *replay, size_t index) {
    uint64_t types = archive_parts_part(replay->parts, index).types;
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        if (types >> type & 1 && is_scanned(&replay->history, (enum record_type)type))
            return true;
    return false;
}

static int interrupted(struct error *ret_error) {
    return error_set(ret_error, ERROR_INTERRUPTED, "the replay was interrupted");
}

static int scan_part(struct replay *replay, struct archive_part_reader *reader,
                     struct progress *progress, struct error *ret_error) {
    struct archive_part_record found;
    uint64_t last = replay->target.position;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1 && found.position <= last) {
        if (found.position % SCAN_STEP == 0 &&
            progress_update(progress, "scan", found.position, last) != 0)
            return interrupted(ret_error);
        if (!is_scanned(&replay->history, found.type))
            continue;
        int64_t at_us;
        if (found.type == RECORD_TRANSACTION &&
            record_read_event_time(found.payload.data, found.payload.length, &at_us)) {
            replay_history_note_time(&replay->history, at_us);
            continue;
        }
        struct record record;
        arena_reset(&replay->record);
        r = archive_part_decode(reader, &replay->record, &record, ret_error);
        if (r == 0)
            r = replay_history_add(&replay->history, &record, ret_error);
        if (r < 0)
            return r;
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
        r = scan_part(replay, reader, progress, ret_error);
        archive_part_close(reader);
        if (r < 0)
            return r;
    }
    return 0;
}
