#include "archive_bench.h"

#include "core/base/buffer.h"

static struct transaction bench_transaction(struct arena *arena, unsigned number) {
    struct attribute *attributes = arena_calloc(arena, 2, sizeof *attributes);
    attributes[0] = (struct attribute){
        .name = TEXT_LITERAL("items"), .type = ATTRIBUTE_INTEGER, .integer = (int64_t)number};
    attributes[1] = (struct attribute){.name = TEXT_LITERAL("note"),
                                       .type = ATTRIBUTE_TEXT,
                                       .text = arena_printf(arena, "note %u", number)};
    struct transaction transaction = {
        .id = arena_printf(arena, "transaction-%u", number),
        .event_time_us = START_US + (int64_t)number * 1000,
        .amount_minor = (int64_t)number * 7,
        .currency = TEXT_LITERAL("EUR"),
        .has_location = number % 2 == 0,
        .latitude_e7 = -335000000,
        .longitude_e7 = (int32_t)number,
        .attributes = attributes,
        .attribute_count = number % 3,
    };
    transaction.fields[FIELD_CARD] = arena_printf(arena, "card-%u", number % 10);
    transaction.fields[FIELD_MERCHANT] = arena_printf(arena, "merchant-%u", number % 4);
    return transaction;
}

static struct transaction_record bench_decided(struct arena *arena, unsigned number) {
    struct reason *reasons = arena_calloc(arena, 1, sizeof *reasons);
    reasons[0] = (struct reason){.rule = TEXT_LITERAL("many"),
                                 .text = arena_printf(arena, "%u in an hour", number),
                                 .score = 250,
                                 .verdict = VERDICT_REVIEW};
    struct transaction transaction = bench_transaction(arena, number);
    return (struct transaction_record){
        .transaction = transaction,
        .decision = {.transaction_id = transaction.id,
                     .verdict = VERDICT_REVIEW,
                     .score = number % 1000,
                     .reasons = reasons,
                     .reason_count = number % 2,
                     .snapshot_id = 0xfeedfacecafebeef,
                     .degraded = number % 5 == 0,
                     .degraded_reason = TEXT_LITERAL("warming up"),
                     .feature_hash = number},
    };
}

static struct snapshot_record bench_snapshot(struct arena *arena, unsigned number) {
    struct policy_file *files = arena_calloc(arena, 2, sizeof *files);
    files[0] = (struct policy_file){.path = TEXT_LITERAL("policy.yaml"),
                                    .content = arena_printf(arena, "policy: %u\n", number)};
    files[1] = (struct policy_file){.path = TEXT_LITERAL("rules/all.yaml"),
                                    .content = {.data = "\0\xff\xfe", .length = 3}};
    return (struct snapshot_record){
        .snapshot_id = number, .name = TEXT_LITERAL("bench"), .files = files, .file_count = 2};
}

struct record bench_record(struct arena *arena, enum record_type type, unsigned number) {
    struct record record = {.type = type, .receive_time_us = START_US + (int64_t)number * 1000};
    switch (type) {
    case RECORD_TRANSACTION:
        record.transaction = bench_decided(arena, number);
        break;
    case RECORD_OUTCOME:
        record.outcome = (struct outcome_record){
            .known_time_us = START_US + (int64_t)number,
            .previous = LABEL_NONE,
            .label = LABEL_FRAUD,
            .source = TEXT_LITERAL("issuer"),
            .transaction_position = number + 1,
            .transaction = bench_transaction(arena, number),
            .verdict = VERDICT_APPROVE,
        };
        break;
    case RECORD_AMENDMENT: {
        struct transaction transaction = bench_transaction(arena, number);
        record.amendment = (struct amendment_record){
            .known_time_us = START_US + (int64_t)number,
            .previous = amended_of(&transaction),
            .now = {.is_voided = number % 2 == 1, .refunded_minor = number},
            .source = TEXT_LITERAL("settlement"),
            .transaction_position = number + 1,
            .transaction = transaction,
            .verdict = VERDICT_APPROVE,
        };
        break;
    }
    case RECORD_LIST_CHANGE:
        record.list_change = (struct list_change_record){
            .list = TEXT_LITERAL("blocked"),
            .entry = arena_printf(arena, "entry-%u", number),
            .removed = number % 2 == 1,
            .expiry_time_us = START_US + DAY_US,
            .source = TEXT_LITERAL("analyst"),
            .reason = TEXT_LITERAL("ring"),
        };
        break;
    case RECORD_EXPERIMENT: {
        const struct snapshot_record files = bench_snapshot(arena, number);
        record.experiment = (struct experiment_record){.name = TEXT_LITERAL("bench"),
                                                       .key = TEXT_LITERAL("customer"),
                                                       .share = number % 10000 + 1,
                                                       .snapshot_id = files.snapshot_id,
                                                       .policy = files.name,
                                                       .files = files.files,
                                                       .file_count = files.file_count};
        break;
    }
    case RECORD_ERASURE: {
        struct erased_key *key = arena_calloc(arena, 1, sizeof *key);
        *key = (struct erased_key){.field = TEXT_LITERAL("customer"), .hash = number};
        record.erasure = (struct erasure_record){
            .number = number, .keys = key, .key_count = 1, .source = TEXT_LITERAL("officer")};
        break;
    }
    case RECORD_LOST:
        record.lost = (struct lost_record){.first = number,
                                           .last = number + 1,
                                           .file = arena_printf(arena, "quarantine/%u", number)};
        break;
    case RECORD_BRAKE:
        record.brake = (struct brake_record){
            .rule = arena_printf(arena, "rule_%u", number % 5),
            .definition = number % 3,
            .lifted = number % 2 == 1,
            .source = TEXT_LITERAL("analyst"),
            .reason = TEXT_LITERAL("too many"),
        };
        break;
    case RECORD_SNAPSHOT:
    case RECORD_SHADOW:
        record.snapshot = bench_snapshot(arena, number);
        break;
    case RECORD_GENERATION:
        record.generation =
            (struct generation_record){.generation_id = 1, .position = 2, .chain = 3, .plan_id = 4};
        break;
    case RECORD_ENGINE:
    case RECORD_TYPE_COUNT:
        record.engine.version = arena_printf(arena, "engine %06u", number);
        break;
    }
    return record;
}

void assert_same_record(const struct record *a, const struct record *b) {
    assert_int_equal(a->position, b->position);
    assert_int_equal(a->type, b->type);
    struct buffer left, right;
    buffer_init(&left);
    buffer_init(&right);
    record_encode(a, &left);
    record_encode(b, &right);
    assert_int_equal(left.length, right.length);
    assert_memory_equal(left.bytes, right.bytes, left.length);
    buffer_deinit(&left);
    buffer_deinit(&right);
}

struct archive *bench_open(const char *path, uint64_t segment_bytes,
                           struct archive_recovery *ret_recovery) {
    const struct archive_options options = {.segment_bytes = segment_bytes};
    struct archive *archive = NULL;
    struct archive_recovery recovery;
    struct error error;
    if (archive_open(path, &options, &archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    if (ret_recovery)
        *ret_recovery = recovery;
    return archive;
}

void bench_refused(const char *path, enum error_code code, const char *word, const char *other) {
    struct archive *archive = NULL;
    struct archive_recovery recovery;
    struct error error = {0};
    int r = archive_open(path, NULL, &archive, &recovery, &error);
    if (r >= 0)
        fail_msg("it opened");
    if (r != -(int)code || (word && !strstr(error.text, word)) ||
        (other && !strstr(error.text, other)))
        fail_msg("%s: %s", error_code_name(error.code), error.text);
    assert_null(archive);
}

static struct record engine_record(struct arena *arena, unsigned number, int64_t time_us) {
    struct record record = bench_record(arena, RECORD_ENGINE, number);
    record.receive_time_us = time_us;
    return record;
}

uint64_t bench_append(struct archive *archive, unsigned number, int64_t time_us) {
    struct arena arena;
    arena_init(&arena, 4096);
    struct record record = engine_record(&arena, number, time_us);
    archive_append(archive, &record);
    arena_deinit(&arena);
    return record.position;
}

void bench_write(struct archive *archive) {
    struct error error;
    if (archive_write(archive, &error) < 0)
        fail_msg("%s", error.text);
}

void bench_sync(struct archive *archive) {
    struct archive_sync sync;
    struct error error;
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
}

struct archive_place bench_read_all(const char *path) {
    struct archive_reader *reader;
    struct error error;
    if (archive_reader_open(path, (struct archive_place){0}, &reader, &error) < 0)
        fail_msg("%s", error.text);
    struct arena arena;
    arena_init(&arena, 1u << 20);
    struct record record;
    int r;
    uint64_t position = 0;
    while ((r = archive_reader_next(reader, &arena, &record, &error)) == 1) {
        assert_int_equal(record.position, ++position);
        struct record expected = engine_record(&arena, (unsigned)position, record.receive_time_us);
        expected.position = position;
        assert_same_record(&record, &expected);
        arena_reset(&arena);
    }
    if (r < 0)
        fail_msg("%s", error.text);
    struct archive_place place = archive_reader_place(reader);
    assert_int_equal(place.position, position);
    arena_deinit(&arena);
    archive_reader_close(reader);
    return place;
}
