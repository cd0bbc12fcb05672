/* The read stage: cuts the sequence of records into chunks. A chunk ends when it is full, behind a
 * record that is a barrier, or before a transaction that a night precedes. */
#include "replay_read.h"

#include "batch/base/record_bytes.h"
#include "replay_barrier.h"
#include "replay_job.h"

#include "core/base/check.h"

#include <stdlib.h>

/* Limits of a chunk: records, and bytes of payload (one record is always taken). Few enough that a
 * chunk stays in the L2 cache from stage to stage, and enough that each shard has work in it. */
#define CHUNK_RECORDS 512
#define CHUNK_BYTES   (4u << 20)
/* Parts per worker: more than one, so that workers do not wait long for the slowest. */
#define CHUNK_PARTS 2
/* With many workers, several chunks keep them busy. Each part has a list for every shard, so parts
 * are limited. */
#define CHUNK_PARTS_MAX 32

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
    if (source->reader) { /* reading on verifies the block that contains the last record */
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

bool replay_is_reported(const struct replay *replay, int64_t event_time_us) {
    const struct replay_options *options = &replay->options;
    return (options->from_us == 0 || event_time_us >= options->from_us) &&
           (options->to_us == 0 || event_time_us < options->to_us);
}

bool replay_is_decided(const struct replay *replay, int64_t event_time_us) {
    const struct replay_options *options = &replay->options;
    if (!replay->walk || event_time_us >= options->from_us)
        return replay_is_reported(replay, event_time_us);
    /* Thresholds of the first reported day look back this far. */
    int64_t reach_us = walk_forward_reach_us(replay->history.policies[0].snapshot);
    return event_time_us >= options->from_us - reach_us;
}

/* The record that was held back, or else the source's next one. */
static int next_record(const struct replay *replay, struct archive_part_record *ret_record,
                       struct error *ret_error) {
    struct replay_lookahead *lookahead = replay->lookahead;
    if (!lookahead->has_record)
        return replay->source->next(replay->source, ret_record, ret_error);
    lookahead->has_record = false;
    *ret_record = lookahead->record;
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

/* Is the record the first transaction of a new day? Then the chunk ends with a night, and the
 * record is held back for the next chunk. */
static int look_for_night(const struct replay *replay, const struct archive_part_record *found,
                          struct replay_chunk *chunk) {
    struct replay_lookahead *lookahead = replay->lookahead;
    int64_t at_us;
    if (!replay->walk || found->type != RECORD_TRANSACTION)
        return 0;
    int r = event_time(found, &at_us, &chunk->error);
    if (r < 0)
        return r;
    chunk->is_night = walk_forward_is_night(lookahead->newest_us, at_us);
    if (at_us > lookahead->newest_us)
        lookahead->newest_us = at_us;
    if (chunk->is_night) {
        lookahead->record = *found;
        lookahead->has_record = chunk->is_barrier = true;
    }
    return 0;
}

void replay_read(const struct replay *replay, struct replay_chunk *chunk) {
    size_t most = replay->options.chunk_records ? replay->options.chunk_records : CHUNK_RECORDS;
    chunk->before = replay->lookahead->read;
    while (chunk->row_count < most && chunk->payloads.length < CHUNK_BYTES && !chunk->is_barrier) {
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
        chunk->is_barrier = replay_is_barrier(replay, record.type, record.position);
    }
    replay->lookahead->read += chunk->row_count;
    size_t parts = replay->workers == 1 ? 1 : CHUNK_PARTS * replay->workers;
    replay_chunk_cut(chunk, parts < CHUNK_PARTS_MAX ? parts : CHUNK_PARTS_MAX);
}
