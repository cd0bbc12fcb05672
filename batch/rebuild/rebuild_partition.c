/* How the work is divided: the memory budget, and where keys are cut into ranges.
 *
 * Memory. Two thirds are for streams, the blocks that wait to be folded; what exceeds it goes to a
 * file. A sixth is for the folding threads: each holds one piece of a stream with its index. A
 * twentieth is for folded states that wait to be written. The rest is for what is not counted:
 * engines, mapped files, dirty LMDB pages, overhead of the allocator.
 *
 * Ranges. Small enough that a piece nearly fits a thread's cache, but few enough that the scan,
 * which writes to all of them, does not miss its own cache, and that the blocks being filled take
 * at most a quarter of the memory. Measured with ten million transactions: 4,096 streams made the
 * scan a fifth slower than 1,024, and the fold no faster. */
#include "rebuild_partition.h"

#include "rebuild_job.h"

#include "core/base/check.h"
#include "core/feature/state/bulk.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLE_PARTS   64
#define SAMPLE_RECORDS 32768
#define SAMPLE_BYTES   (64u << 20) /* of keys, and of a record */

#define STREAM_ENTRY_HEAD 6 /* bytes, an estimate: differences between times are small */

#define BLOCK_BYTES_MIN         (8u << 10)
#define BLOCK_BYTES_MAX         (64u << 10)
#define RANGE_BYTES             (8u << 20) /* wanted size of a stream */
#define STREAMS_MAX             256
#define PIECE_OVERHEAD          4 /* bytes of memory for each byte of a piece, its copy included */
#define ORDERED_QUEUE_BYTES_MIN (1u << 20)

_Static_assert(STREAM_ENTRY_HEAD_MAX + GENERATION_KEY_MAX + BULK_BODY_MAX < BLOCK_BYTES_MIN,
               "every entry fits a block");

struct sample_entity {
    struct text *keys;
    size_t count, capacity;
    uint64_t bytes; /* of their entries in a stream */
};

struct key_sample {
    struct entry_sink sink;
    struct rebuild *rebuild;
    struct engine *engine;
    struct arena keys, record;
    struct sample_entity *entities;
    uint64_t looked_at; /* records, of all types */
    uint64_t ids;       /* items in the streams of ids */
};

/* An entry of a sampled record: keeps its key and adds what it would take in a stream. When the
 * arena is full, further keys are ignored. */
static void take_sample(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                        const struct entry *entry) {
    (void)key_hash;
    struct key_sample *sample = (struct key_sample *)self;
    struct sample_entity *sampled = &sample->entities[entity];
    struct text kept = arena_text(&sample->keys, key);
    if (!kept.data)
        return;
    if (sampled->count == sampled->capacity) {
        sampled->capacity = sampled->capacity ? 2 * sampled->capacity : 256;
        sampled->keys = check_reallocarray(sampled->keys, sampled->capacity, sizeof *sampled->keys);
    }
    sampled->keys[sampled->count++] = kept;
    uint8_t body[BULK_BODY_MAX];
    sampled->bytes += STREAM_ENTRY_HEAD + key.length +
                      bulk_encode(&sample->rebuild->plan->entities[entity], entry, body);
}

static int sample_part(struct key_sample *sample, size_t index, size_t records,
                       struct error *ret_error) {
    struct archive_part_reader *reader;
    struct archive_part_record found;
    int r = archive_part_open(sample->rebuild->parts, index, sample->rebuild->before.place.position,
                              false, &reader, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < records && (r = archive_part_next(reader, &found, ret_error)) == 1;
         i++) {
        struct record record;
        sample->looked_at++;
        if (!record_type_has_entities(found.type))
            continue;
        arena_reset(&sample->record);
        r = archive_part_decode(reader, &sample->record, &record, ret_error);
        if (r < 0)
            break;
        engine_entries(sample->engine, &record, &sample->sink);
        sample->ids++;
    }
    archive_part_close(reader);
    return r < 0 ? r : 0;
}

/* Samples segments evenly spread over the archive, from the beginning of each. */
static int take_samples(struct key_sample *sample, struct error *ret_error) {
    const struct rebuild *rebuild = sample->rebuild;
    size_t first = archive_parts_find(rebuild->parts, rebuild->before.place.position);
    size_t parts = archive_parts_count(rebuild->parts) - first;
    size_t sampled = parts < SAMPLE_PARTS ? parts : SAMPLE_PARTS;
    int r = 0;
    for (size_t i = 0; i < sampled && r == 0; i++)
        r = sample_part(sample, first + i * parts / sampled, SAMPLE_RECORDS / sampled, ret_error);
    return r;
}

/* Elsewhere each stream is folded by itself, with all of a task's memory, and blocks are filled by
 * tasks that read one segment each: fewer and larger ranges. */
static void divide_elsewhere(struct rebuild *rebuild) {
    rebuild->budget = (struct budget){.block_bytes = BLOCK_BYTES_MAX,
                                      .streams_max = rebuild->options->elsewhere->streams_max};
}

static void divide_memory(struct rebuild *rebuild, uint64_t expected_bytes) {
    struct budget *budget = &rebuild->budget;
    uint64_t memory = rebuild->options->memory_bytes;
    *budget = (struct budget){
        .streams_bytes = (size_t)(memory / 3 * 2),
        .piece_bytes = (size_t)(memory / 6 / rebuild->threads / PIECE_OVERHEAD),
        .ordered_queue_bytes = (size_t)(memory / 20),
    };
    if (budget->ordered_queue_bytes < ORDERED_QUEUE_BYTES_MIN)
        budget->ordered_queue_bytes = ORDERED_QUEUE_BYTES_MIN;
    uint64_t wanted = expected_bytes / RANGE_BYTES + 1;
    size_t least = rebuild->plan->entity_count + 1;
    size_t block = BLOCK_BYTES_MAX;
    while (block > BLOCK_BYTES_MIN && wanted * block * rebuild->threads > memory / 4)
        block /= 2;
    uint64_t most = memory / 4 / (block * rebuild->threads);
    most = most > STREAMS_MAX ? STREAMS_MAX : most;
    budget->streams_max = (size_t)(most > least ? most : least);
    budget->block_bytes = block;
}

/* Ranges for one table: by its estimated size, and no more than its share of all streams. */
static size_t ranges_wanted(const struct rebuild *rebuild, double bytes, double all_bytes) {
    if (rebuild->options->partitions > 0)
        return rebuild->options->partitions;
    const struct rebuild_elsewhere *elsewhere = rebuild->options->elsewhere;
    double by_size = bytes / (elsewhere ? (double)elsewhere->range_bytes : (double)RANGE_BYTES);
    double by_share = all_bytes > 0 ? bytes / all_bytes * (double)rebuild->budget.streams_max : 0;
    double wanted = by_size < by_share ? by_size : by_share;
    return wanted < 1 ? 1 : (size_t)wanted;
}

/* Extrapolates the sample to all records that will be scanned, and lays out the streams. */
static void make_streams(struct key_sample *sample) {
    struct rebuild *rebuild = sample->rebuild;
    size_t entities = rebuild->plan->entity_count;
    double scale = sample->looked_at
                       ? (double)(rebuild->target.position - rebuild->before.place.position) /
                             (double)sample->looked_at
                       : 1;
    double id_bytes = (double)sample->ids * STREAM_ID_SIZE * scale, all = id_bytes;
    for (size_t i = 0; i < entities; i++)
        all += (double)sample->entities[i].bytes * scale;
    if (rebuild->options->elsewhere)
        divide_elsewhere(rebuild);
    else
        divide_memory(rebuild, (uint64_t)all);
    rebuild->ranges = check_calloc(entities, sizeof *rebuild->ranges);
    rebuild->ranges_count = entities;
    rebuild->first_stream = check_calloc(entities + 2, sizeof *rebuild->first_stream);
    for (size_t i = 0; i < entities; i++) {
        const struct sample_entity *sampled = &sample->entities[i];
        ranges_init(&rebuild->ranges[i], sampled->keys, sampled->count,
                    ranges_wanted(rebuild, (double)sampled->bytes * scale, all));
    }
    rebuild->id_ranges = ranges_wanted(rebuild, id_bytes, all);
    for (size_t i = 0; i <= entities; i++)
        rebuild->first_stream[i + 1] =
            rebuild->first_stream[i] +
            (i < entities ? rebuild->ranges[i].count : rebuild->id_ranges);
}

int rebuild_partition(struct rebuild *rebuild, struct error *ret_error) {
    struct key_sample sample = {.sink = {.take = take_sample, .ignores_hash = true},
                                .rebuild = rebuild};
    size_t entities = rebuild->plan->entity_count;
    sample.engine = engine_new(rebuild->folded, rebuild->folded);
    sample.entities = check_calloc(entities, sizeof *sample.entities);
    arena_init(&sample.keys, SAMPLE_BYTES);
    arena_init(&sample.record, SAMPLE_BYTES);
    int r = take_samples(&sample, ret_error);
    if (r == 0)
        make_streams(&sample);
    if (r == 0 && !rebuild->options->elsewhere) {
        const struct spill_options options = {
            .streams = rebuild_streams(rebuild),
            .writers = rebuild->threads,
            .block_bytes = rebuild->budget.block_bytes,
            .limit_bytes = rebuild->budget.streams_bytes,
            .make_file = rebuild_scratch_file,
            .user = rebuild,
        };
        rebuild->spill = spill_new(&options);
    }
    for (size_t i = 0; i < entities; i++)
        free(sample.entities[i].keys);
    free(sample.entities);
    arena_deinit(&sample.keys);
    arena_deinit(&sample.record);
    engine_free(sample.engine);
    return r;
}

void rebuild_forget_streams(struct rebuild *rebuild) {
    spill_free(rebuild->spill);
    rebuild->spill = NULL;
    for (size_t i = 0; i < rebuild->ranges_count; i++) /* the plan may be another by now */
        ranges_deinit(&rebuild->ranges[i]);
    free(rebuild->ranges);
    free(rebuild->first_stream);
    rebuild->ranges = NULL;
    rebuild->ranges_count = 0;
    rebuild->first_stream = NULL;
}
