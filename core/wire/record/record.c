/* Archive records as bytes. Encoding is a function of the record alone: fields in the order of
 * their numbers, repeated ones in the record's order, absent ones left out. So equal records are
 * equal bytes, which the chain relies on. Transaction and outcome records are written by the fast
 * writer (writing.h), the others by the generated code.
 *
 * The numbers in the writers are the field numbers of archive.proto. */
#include "record.h"

#include "core/base/check.h"
#include "core/wire/bytes/decision_bytes.h"
#include "core/wire/bytes/erased_bytes.h"
#include "core/wire/bytes/protobuf.h"
#include "core/wire/bytes/threshold_set.h"
#include "core/wire/bytes/threshold_set_protobuf.h"
#include "core/wire/bytes/transaction_bytes.h"
#include "core/wire/bytes/writing.h"

static const char *const type_names[RECORD_TYPE_COUNT] = {
    [RECORD_TRANSACTION] = "transaction",
    [RECORD_OUTCOME] = "outcome",
    [RECORD_LIST_CHANGE] = "list_change",
    [RECORD_SNAPSHOT] = "snapshot",
    [RECORD_GENERATION] = "generation",
    [RECORD_ENGINE] = "engine",
    [RECORD_SHADOW] = "shadow",
    [RECORD_AMENDMENT] = "amendment",
    [RECORD_BRAKE] = "brake",
    [RECORD_EXPERIMENT] = "experiment",
    [RECORD_ERASURE] = "erasure",
    [RECORD_LOST] = "lost",
};

const char *record_type_name(enum record_type type) {
    bool known = type >= RECORD_TRANSACTION && type < RECORD_TYPE_COUNT;
    return known ? type_names[type] : "unknown";
}

int amendment_record_take_fired(struct amendment_record *amendment, const struct decision *decision,
                                struct arena *arena) {
    struct text *fired = arena_calloc(arena, decision->reason_count, sizeof *fired);
    if (decision->reason_count > 0 && !fired)
        return -1;
    amendment->fired = fired;
    amendment->fired_count = 0;
    for (size_t i = 0; i < decision->reason_count; i++)
        if (!decision->reasons[i].shadow && !decision->reasons[i].suppressed)
            fired[amendment->fired_count++] = decision->reasons[i].rule;
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Encoding */

#define SHADOW_FIELDS 6 /* of message ShadowDecision; its packed rules count as one */

/* Upper bounds again, as in decision_bytes.c. */
static size_t shadows_room(const struct decision *decision) {
    size_t room = 0;
    for (size_t i = 0; i < decision->shadow_count; i++)
        room += (1 + SHADOW_FIELDS + decision->shadows[i].rule_count) * FIELD_ROOM;
    return room;
}

static uint8_t *write_shadow(const struct shadow_decision *shadow, uint8_t *at) {
    const uint8_t *end = at;
    at = put_number(at, 6, shadow->degraded);
    at = put_number(at, 5, shadow->rule_errors);
    if (shadow->rule_count > 0) {
        const uint8_t *rules_end = at;
        for (size_t i = shadow->rule_count; i-- > 0;)
            at = put_varint(at, shadow->rules[i]);
        at = put_message(at, 4, rules_end);
    }
    at = put_number(at, 3, shadow->score);
    at = put_number(at, 2, shadow->verdict);
    at = put_fixed64(at, 1, shadow->snapshot_id);
    return put_message(at, 12, end);
}

#define BASELINE_FIELDS 2

static uint8_t *write_baseline(const struct baseline *baseline, uint8_t *at) {
    const uint8_t *end = at;
    at = put_any_double(at, 2, baseline->value);
    at = put_fixed64(at, 1, baseline->definition);
    return put_message(at, 14, end);
}

/* Position, server_us, features, duplicate and dry_run are not archived: the first is in the frame,
 * the others are about one call. */
static void encode_transaction(const struct record *record, struct buffer *buffer) {
    enum { FIELDS = 15 };
    const struct transaction *transaction = &record->transaction.transaction;
    const struct decision *decision = &record->transaction.decision;
    size_t room = FIELDS * FIELD_ROOM + transaction_room(transaction) + reasons_room(decision) +
                  decision->degraded_reason.length + shadows_room(decision) +
                  failed_rules_room(decision) +
                  decision->baseline_count * (1 + BASELINE_FIELDS) * FIELD_ROOM;
    struct writing writing = writing_begin(buffer, room);
    uint8_t *at = writing.end;
    at = put_number(at, 16, decision->arm);
    at = put_number(at, 15, record->transaction.is_backfilled);
    for (size_t i = decision->baseline_count; i-- > 0;)
        at = write_baseline(&decision->baselines[i], at);
    at = failed_rules_write(decision, 13, at);
    for (size_t i = decision->shadow_count; i-- > 0;)
        at = write_shadow(&decision->shadows[i], at);
    at = put_fixed64(at, 11, decision->feature_hash);
    at = put_number(at, 10, decision->rule_errors);
    at = put_text(at, 9, decision->degraded_reason);
    at = put_number(at, 8, decision->degraded);
    at = put_fixed64(at, 7, decision->generation_id);
    at = put_fixed64(at, 6, decision->snapshot_id);
    at = reasons_write(decision, 5, at);
    at = put_number(at, 4, decision->score);
    at = put_number(at, 3, decision->verdict);
    at = transaction_write(transaction, 2, at);
    at = put_integer(at, 1, record->receive_time_us);
    writing_finish(&writing, at);
    if (transaction->erased)
        erased_append(transaction->erased, 17, buffer);
}

static uint8_t *write_amended(const struct amended *amended, uint32_t number, uint8_t *at) {
    const uint8_t *end = at;
    at = put_integer(at, 3, amended->refunded_minor);
    at = put_integer(at, 2, amended->amount_minor);
    at = put_number(at, 1, amended->is_voided);
    return put_message(at, number, end);
}

/* The whole transaction is repeated here, so that applying an outcome needs no look-up (invariant
 * 1). */
static void encode_outcome(const struct record *record, struct buffer *buffer) {
    enum { FIELDS = 10, AMENDED_FIELDS = 3 };
    const struct outcome_record *outcome = &record->outcome;
    size_t room = (FIELDS + AMENDED_FIELDS) * FIELD_ROOM + transaction_room(&outcome->transaction) +
                  outcome->source.length;
    struct writing writing = writing_begin(buffer, room);
    uint8_t *at = writing.end;
    at = put_number(at, 10, outcome->is_backfilled);
    if (outcome->is_amended)
        at = write_amended(&outcome->amended, 9, at);
    at = put_number(at, 8, outcome->verdict);
    at = transaction_write(&outcome->transaction, 7, at);
    at = put_number(at, 6, outcome->transaction_position);
    at = put_text(at, 5, outcome->source);
    at = put_number(at, 4, outcome->label);
    at = put_number(at, 3, outcome->previous);
    at = put_integer(at, 2, outcome->known_time_us);
    at = put_integer(at, 1, record->receive_time_us);
    writing_finish(&writing, at);
    if (outcome->transaction.erased)
        erased_append(outcome->transaction.erased, 11, buffer);
}

static void encode_amendment(const struct record *record, struct arena *scratch,
                             struct buffer *buffer) {
    const struct amendment_record *amendment = &record->amendment;
    Harrier__Archive__V1__AmendmentRecord out;
    harrier__archive__v1__amendment_record__init(&out);
    out.receive_time_us = record->receive_time_us;
    out.known_time_us = amendment->known_time_us;
    out.previous = amended_to_protobuf(&amendment->previous, scratch);
    out.now = amended_to_protobuf(&amendment->now, scratch);
    out.source = bytes_from_text(amendment->source);
    out.transaction_position = amendment->transaction_position;
    out.transaction = transaction_to_protobuf(&amendment->transaction, scratch);
    out.verdict = (Harrier__V1__Verdict)amendment->verdict;
    out.n_fired = amendment->fired_count;
    out.fired = texts_to_protobuf(amendment->fired, amendment->fired_count, scratch);
    out.label = (Harrier__V1__Label)amendment->label;
    out.backfilled = amendment->is_backfilled;
    out.earlier_position = amendment->earlier_position;
    out.erased = erased_to_protobuf(amendment->transaction.erased, scratch);
    protobuf_pack(&out.base, buffer);
}

static Harrier__Archive__V1__PolicyFile **files_to_protobuf(const struct policy_file *files,
                                                            size_t count, struct arena *scratch) {
    Harrier__Archive__V1__PolicyFile *out, **pointers;
    NEW_MESSAGES(scratch, count, out, pointers, harrier__archive__v1__policy_file__init);
    for (size_t i = 0; i < count; i++) {
        out[i].path = bytes_from_text(files[i].path);
        out[i].content = bytes_from_text(files[i].content);
    }
    return pointers;
}

/* The records below are rare: the generated code writes them. */
static void encode_snapshot(const struct record *record, struct arena *scratch,
                            struct buffer *buffer) {
    const struct snapshot_record *snapshot = &record->snapshot;
    Harrier__Archive__V1__SnapshotRecord out;
    harrier__archive__v1__snapshot_record__init(&out);
    out.receive_time_us = record->receive_time_us;
    out.snapshot_id = snapshot->snapshot_id;
    out.name = bytes_from_text(snapshot->name);
    out.n_files = snapshot->file_count;
    out.files = files_to_protobuf(snapshot->files, snapshot->file_count, scratch);
    protobuf_pack(&out.base, buffer);
}

static void encode_generation(const struct record *record, struct arena *scratch,
                              struct buffer *buffer) {
    Harrier__Archive__V1__GenerationRecord out;
    harrier__archive__v1__generation_record__init(&out);
    out.receive_time_us = record->receive_time_us;
    out.generation_id = record->generation.generation_id;
    out.position = record->generation.position;
    out.chain = record->generation.chain;
    out.plan_id = record->generation.plan_id;
    out.snapshot_id = record->generation.snapshot_id;
    out.n_files = record->generation.file_count;
    out.files = files_to_protobuf(record->generation.files, record->generation.file_count, scratch);
    out.thresholds = threshold_set_to_protobuf(&record->generation.thresholds, scratch);
    protobuf_pack(&out.base, buffer);
}

static void encode_engine(const struct record *record, struct buffer *buffer) {
    Harrier__Archive__V1__EngineRecord out;
    harrier__archive__v1__engine_record__init(&out);
    out.receive_time_us = record->receive_time_us;
    out.version = bytes_from_text(record->engine.version);
    out.node = bytes_from_text(record->engine.node);
    out.definition = record->engine.definition;
    protobuf_pack(&out.base, buffer);
}

static void encode_list_change(const struct record *record, struct buffer *buffer) {
    const struct list_change_record *change = &record->list_change;
    Harrier__Archive__V1__ListChangeRecord out;
    harrier__archive__v1__list_change_record__init(&out);
    out.receive_time_us = record->receive_time_us;
    out.list = bytes_from_text(change->list);
    out.entry = bytes_from_text(change->entry);
    out.removed = change->removed;
    out.expiry_time_us = change->expiry_time_us;
    out.source = bytes_from_text(change->source);
    out.reason = bytes_from_text(change->reason);
    protobuf_pack(&out.base, buffer);
}

static void encode_brake(const struct record *record, struct buffer *buffer) {
    const struct brake_record *brake = &record->brake;
    Harrier__Archive__V1__BrakeRecord out;
    harrier__archive__v1__brake_record__init(&out);
    out.receive_time_us = record->receive_time_us;
    out.rule = bytes_from_text(brake->rule);
    out.definition = brake->definition;
    out.lifted = brake->lifted;
    out.fires = brake->fires;
    out.decisions = brake->decisions;
    out.share_e6 = brake->share_e6;
    out.window_us = brake->window_us;
    out.source = bytes_from_text(brake->source);
    out.reason = bytes_from_text(brake->reason);
    out.arm = (Harrier__V1__Arm)brake->arm;
    protobuf_pack(&out.base, buffer);
}

static void encode_experiment(const struct record *record, struct arena *scratch,
                              struct buffer *buffer) {
    const struct experiment_record *experiment = &record->experiment;
    Harrier__Archive__V1__ExperimentRecord out;
    harrier__archive__v1__experiment_record__init(&out);
    out.receive_time_us = record->receive_time_us;
    out.ended = experiment->ended;
    out.name = bytes_from_text(experiment->name);
    out.key = bytes_from_text(experiment->key);
    out.share_e4 = experiment->share;
    out.snapshot_id = experiment->snapshot_id;
    out.policy = bytes_from_text(experiment->policy);
    out.n_files = experiment->file_count;
    out.files = files_to_protobuf(experiment->files, experiment->file_count, scratch);
    protobuf_pack(&out.base, buffer);
}

static void encode_erasure(const struct record *record, struct arena *scratch,
                           struct buffer *buffer) {
    const struct erasure_record *erasure = &record->erasure;
    Harrier__Archive__V1__ErasureRecord out;
    Harrier__Archive__V1__ErasedKey *keys;
    Harrier__Archive__V1__ErasedSegment *segments;
    Harrier__Archive__V1__ErasedBase *bases;
    harrier__archive__v1__erasure_record__init(&out);
    out.receive_time_us = record->receive_time_us;
    out.number = erasure->number;
    out.source = bytes_from_text(erasure->source);
    out.done = erasure->done;
    out.records = erasure->records;
    out.n_keys = erasure->key_count;
    NEW_MESSAGES(scratch, erasure->key_count, keys, out.keys,
                 harrier__archive__v1__erased_key__init);
    for (size_t i = 0; i < erasure->key_count; i++) {
        keys[i].field = bytes_from_text(erasure->keys[i].field);
        keys[i].hash = erasure->keys[i].hash;
    }
    out.n_segments = erasure->segment_count;
    NEW_MESSAGES(scratch, erasure->segment_count, segments, out.segments,
                 harrier__archive__v1__erased_segment__init);
    for (size_t i = 0; i < erasure->segment_count; i++) {
        const struct erased_segment *segment = &erasure->segments[i];
        segments[i].first = segment->first;
        segments[i].records = segment->records;
        segments[i].seal_before = bytes_from_text(
            (struct text){(const char *)segment->seal_before, sizeof segment->seal_before});
        segments[i].seal =
            bytes_from_text((struct text){(const char *)segment->seal, sizeof segment->seal});
    }
    out.n_bases = erasure->base_count;
    NEW_MESSAGES(scratch, erasure->base_count, bases, out.bases,
                 harrier__archive__v1__erased_base__init);
    for (size_t i = 0; i < erasure->base_count; i++) {
        bases[i].generation_before = erasure->bases[i].before;
        bases[i].generation = erasure->bases[i].after;
        bases[i].states = erasure->bases[i].states;
        bases[i].texts = erasure->bases[i].texts;
    }
    protobuf_pack(&out.base, buffer);
}

static void encode_lost(const struct record *record, struct buffer *buffer) {
    Harrier__Archive__V1__LostRecord out;
    harrier__archive__v1__lost_record__init(&out);
    out.receive_time_us = record->receive_time_us;
    out.first = record->lost.first;
    out.last = record->lost.last;
    out.file = bytes_from_text(record->lost.file);
    protobuf_pack(&out.base, buffer);
}

/* Shadow records have the message of snapshot records; the type in the frame tells them apart. */
static void encode_typed(const struct record *record, struct arena *scratch,
                         struct buffer *buffer) {
    switch (record->type) {
    case RECORD_TRANSACTION:
        encode_transaction(record, buffer);
        return;
    case RECORD_OUTCOME:
        encode_outcome(record, buffer);
        return;
    case RECORD_AMENDMENT:
        encode_amendment(record, scratch, buffer);
        return;
    case RECORD_SNAPSHOT:
    case RECORD_SHADOW:
        encode_snapshot(record, scratch, buffer);
        return;
    case RECORD_GENERATION:
        encode_generation(record, scratch, buffer);
        return;
    case RECORD_ENGINE:
        encode_engine(record, buffer);
        return;
    case RECORD_LIST_CHANGE:
        encode_list_change(record, buffer);
        return;
    case RECORD_BRAKE:
        encode_brake(record, buffer);
        return;
    case RECORD_EXPERIMENT:
        encode_experiment(record, scratch, buffer);
        return;
    case RECORD_ERASURE:
        encode_erasure(record, scratch, buffer);
        return;
    case RECORD_LOST:
        encode_lost(record, buffer);
        return;
    case RECORD_TYPE_COUNT:
        break;
    }
    check(!"a record has a type");
}

void record_encode(const struct record *record, struct buffer *buffer) {
    struct arena scratch;
    scratch_init(&scratch);
    encode_typed(record, &scratch, buffer);
    arena_deinit(&scratch);
}

/* ---------------------------------------------------------------------------------------------
 * Decoding */

/* The arguments of unpacking, so that each type's function names only its own fields. */
struct payload {
    const void *bytes;
    size_t length;
    struct arena *arena;
};

static const void *unpack(const struct payload *payload, const ProtobufCMessageDescriptor *type,
                          const char *what, struct error *ret_error) {
    return protobuf_unpack(type, what, ERROR_DAMAGED, payload->bytes, payload->length,
                           payload->arena, ret_error);
}

/* An archive is written by us, so a missing field or an unknown enum member is damage (or a later
 * version's), never a default. */
static int missing(const char *what, const char *field, struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED, "%s without its %s", what, field);
}

static int unknown(const char *what, const char *field, int number, struct error *ret_error) {
    if (number > 0)
        return error_set_newer(ret_error, "%s with %s %d", what, field, number);
    return error_set(ret_error, ERROR_DAMAGED, "%s with %s %d", what, field, number);
}

static bool shadow_from_protobuf(const Harrier__Archive__V1__ShadowDecision *in,
                                 struct arena *arena, struct shadow_decision *ret_shadow) {
    *ret_shadow = (struct shadow_decision){
        .snapshot_id = in->snapshot_id,
        .verdict = verdict_from_protobuf((int)in->verdict),
        .score = in->score,
        .rule_count = in->n_rules,
        .rule_errors = in->rule_errors,
        .degraded = in->degraded != 0,
    };
    if (in->n_rules == 0)
        return true;
    uint32_t *rules = arena_calloc(arena, in->n_rules, sizeof *rules);
    if (rules)
        memcpy(rules, in->rules, in->n_rules * sizeof *rules);
    ret_shadow->rules = rules;
    return rules != NULL;
}

static int decode_shadows(const Harrier__Archive__V1__TransactionRecord *in, struct arena *arena,
                          struct decision *decision, struct error *ret_error) {
    const char *what = "a transaction record";
    if (in->n_shadows == 0)
        return 0;
    struct shadow_decision *shadows = arena_calloc(arena, in->n_shadows, sizeof *shadows);
    for (size_t i = 0; i < in->n_shadows; i++) {
        if (!shadows || !shadow_from_protobuf(in->shadows[i], arena, &shadows[i]))
            return protobuf_exhausted(what, arena, ret_error);
        if (shadows[i].verdict == VERDICT_COUNT)
            return unknown(what, "a shadow's verdict", (int)in->shadows[i]->verdict, ret_error);
    }
    decision->shadows = shadows;
    decision->shadow_count = in->n_shadows;
    return 0;
}

static int decode_baselines(const Harrier__Archive__V1__TransactionRecord *in, struct arena *arena,
                            struct decision *decision, struct error *ret_error) {
    struct baseline *baselines = arena_calloc(arena, in->n_baselines, sizeof *baselines);
    if (!baselines)
        return protobuf_exhausted("a transaction record", arena, ret_error);
    for (size_t i = 0; i < in->n_baselines; i++)
        baselines[i] = (struct baseline){.definition = in->baselines[i]->definition,
                                         .value = in->baselines[i]->value};
    decision->baselines = baselines;
    decision->baseline_count = in->n_baselines;
    return 0;
}

/* Verdicts must be known: a decision with an unknown one could be neither replayed nor explained.
 */
static int decode_decision(const Harrier__Archive__V1__TransactionRecord *in, struct arena *arena,
                           struct decision *decision, struct error *ret_error) {
    *decision = (struct decision){
        .transaction_id = text_from_bytes(in->transaction->id),
        .verdict = verdict_from_protobuf((int)in->verdict),
        .score = in->score,
        .reason_count = in->n_reasons,
        .snapshot_id = in->snapshot_id,
        .generation_id = in->generation_id,
        .degraded = in->degraded != 0,
        .degraded_reason = text_from_bytes(in->degraded_reason),
        .rule_errors = in->rule_errors,
        .failed_rule_count = in->n_failed_rules,
        .feature_hash = in->feature_hash,
        .arm = arm_from_protobuf((int)in->arm),
    };
    const char *what = "a transaction record";
    if (decision->arm == ARM_COUNT)
        return unknown(what, "arm", (int)in->arm, ret_error);
    if (decision->verdict == VERDICT_COUNT)
        return unknown(what, "verdict", (int)in->verdict, ret_error);
    decision->failed_rules = texts_from_protobuf(in->failed_rules, in->n_failed_rules, arena);
    if (!decision->failed_rules ||
        reasons_from_protobuf(in->reasons, in->n_reasons, arena, &decision->reasons) < 0)
        return protobuf_exhausted(what, arena, ret_error);
    for (size_t i = 0; i < in->n_reasons; i++) {
        const struct reason *reason = &decision->reasons[i];
        if (reason->verdict == VERDICT_COUNT)
            return unknown(what, "a reason's verdict", (int)in->reasons[i]->verdict, ret_error);
        if (reason->verdict_if_live == VERDICT_COUNT)
            return unknown(what, "a reason's verdict", (int)in->reasons[i]->verdict_if_live,
                           ret_error);
    }
    int r = decode_baselines(in, arena, decision, ret_error);
    return r < 0 ? r : decode_shadows(in, arena, decision, ret_error);
}

/* The general way, for records that record_in_place.c did not take and for callers that want
 * copies. */
static int decode_transaction(const struct payload *payload, struct record *record,
                              struct error *ret_error) {
    const char *what = "a transaction record";
    const Harrier__Archive__V1__TransactionRecord *in =
        unpack(payload, &harrier__archive__v1__transaction_record__descriptor, what, ret_error);
    if (!in)
        return -(int)ret_error->code;
    if (!in->transaction)
        return missing(what, "transaction", ret_error);
    record->receive_time_us = in->receive_time_us;
    record->transaction.is_backfilled = in->backfilled != 0;
    if (transaction_from_protobuf(in->transaction, payload->arena,
                                  &record->transaction.transaction) < 0 ||
        erased_from_protobuf(in->erased, payload->arena, &record->transaction.transaction.erased) <
            0)
        return protobuf_exhausted(what, payload->arena, ret_error);
    return decode_decision(in, payload->arena, &record->transaction.decision, ret_error);
}

/* Labels and verdict are checked before the transaction is converted: an unknown member means a
 * later version, and nothing of the record may be applied. */
static int decode_outcome(const struct payload *payload, struct record *record,
                          struct error *ret_error) {
    const char *what = "an outcome record";
    const Harrier__Archive__V1__OutcomeRecord *in =
        unpack(payload, &harrier__archive__v1__outcome_record__descriptor, what, ret_error);
    if (!in)
        return -(int)ret_error->code;
    if (!in->transaction)
        return missing(what, "transaction", ret_error);
    record->receive_time_us = in->receive_time_us;
    struct outcome_record *outcome = &record->outcome;
    outcome->known_time_us = in->known_time_us;
    outcome->previous = label_from_protobuf((int)in->previous);
    outcome->label = label_from_protobuf((int)in->label);
    outcome->source = text_from_bytes(in->source);
    outcome->transaction_position = in->transaction_position;
    outcome->verdict = verdict_from_protobuf((int)in->verdict);
    outcome->is_amended = in->amended != NULL;
    outcome->amended = amended_from_protobuf(in->amended);
    outcome->is_backfilled = in->backfilled != 0;
    if (outcome->previous == LABEL_COUNT)
        return unknown(what, "previous label", (int)in->previous, ret_error);
    if (outcome->label == LABEL_COUNT)
        return unknown(what, "label", (int)in->label, ret_error);
    if (outcome->verdict == VERDICT_COUNT)
        return unknown(what, "verdict", (int)in->verdict, ret_error);
    if (transaction_from_protobuf(in->transaction, payload->arena, &outcome->transaction) < 0 ||
        erased_from_protobuf(in->erased, payload->arena, &outcome->transaction.erased) < 0)
        return protobuf_exhausted(what, payload->arena, ret_error);
    return 0;
}

/* NULL: the arena is full. */
static const struct policy_file *files_from_protobuf(Harrier__Archive__V1__PolicyFile *const *in,
                                                     size_t count, struct arena *arena) {
    struct policy_file *files = arena_calloc(arena, count ? count : 1, sizeof *files);
    for (size_t i = 0; i < count && files; i++)
        files[i] = (struct policy_file){.path = text_from_bytes(in[i]->path),
                                        .content = text_from_bytes(in[i]->content)};
    return files;
}

static int decode_snapshot(const struct payload *payload, struct record *record,
                           struct error *ret_error) {
    const char *what = "a snapshot record";
    const Harrier__Archive__V1__SnapshotRecord *in =
        unpack(payload, &harrier__archive__v1__snapshot_record__descriptor, what, ret_error);
    if (!in)
        return -(int)ret_error->code;
    const struct policy_file *files = files_from_protobuf(in->files, in->n_files, payload->arena);
    if (!files)
        return protobuf_exhausted(what, payload->arena, ret_error);
    record->receive_time_us = in->receive_time_us;
    record->snapshot = (struct snapshot_record){.snapshot_id = in->snapshot_id,
                                                .name = text_from_bytes(in->name),
                                                .files = files,
                                                .file_count = in->n_files};
    return 0;
}

/* Without thresholds the set is empty: .thresholds stays zeroed. */
static int decode_generation(const struct payload *payload, struct record *record,
                             struct error *ret_error) {
    const char *what = "a generation record";
    const Harrier__Archive__V1__GenerationRecord *in =
        unpack(payload, &harrier__archive__v1__generation_record__descriptor, what, ret_error);
    if (!in)
        return -(int)ret_error->code;
    const struct policy_file *files = files_from_protobuf(in->files, in->n_files, payload->arena);
    if (!files)
        return protobuf_exhausted(what, payload->arena, ret_error);
    record->receive_time_us = in->receive_time_us;
    record->generation = (struct generation_record){.generation_id = in->generation_id,
                                                    .position = in->position,
                                                    .chain = in->chain,
                                                    .plan_id = in->plan_id,
                                                    .snapshot_id = in->snapshot_id,
                                                    .files = files,
                                                    .file_count = in->n_files};
    return in->thresholds ? threshold_set_from_protobuf(in->thresholds, payload->arena,
                                                        &record->generation.thresholds, ret_error)
                          : 0;
}

static int decode_engine(const struct payload *payload, struct record *record,
                         struct error *ret_error) {
    const Harrier__Archive__V1__EngineRecord *in = unpack(
        payload, &harrier__archive__v1__engine_record__descriptor, "an engine record", ret_error);
    if (!in)
        return -(int)ret_error->code;
    record->receive_time_us = in->receive_time_us;
    record->engine.version = text_from_bytes(in->version);
    record->engine.node = text_from_bytes(in->node);
    record->engine.definition = in->definition;
    return 0;
}

static int decode_list_change(const struct payload *payload, struct record *record,
                              struct error *ret_error) {
    const Harrier__Archive__V1__ListChangeRecord *in =
        unpack(payload, &harrier__archive__v1__list_change_record__descriptor,
               "a list change record", ret_error);
    if (!in)
        return -(int)ret_error->code;
    record->receive_time_us = in->receive_time_us;
    record->list_change = (struct list_change_record){
        .list = text_from_bytes(in->list),
        .entry = text_from_bytes(in->entry),
        .removed = in->removed != 0,
        .expiry_time_us = in->expiry_time_us,
        .source = text_from_bytes(in->source),
        .reason = text_from_bytes(in->reason),
    };
    return 0;
}

static int decode_brake(const struct payload *payload, struct record *record,
                        struct error *ret_error) {
    const Harrier__Archive__V1__BrakeRecord *in = unpack(
        payload, &harrier__archive__v1__brake_record__descriptor, "a brake record", ret_error);
    if (!in)
        return -(int)ret_error->code;
    enum arm arm = arm_from_protobuf((int)in->arm);
    if (arm == ARM_COUNT)
        return unknown("a brake record", "arm", (int)in->arm, ret_error);
    record->receive_time_us = in->receive_time_us;
    record->brake = (struct brake_record){
        .rule = text_from_bytes(in->rule),
        .definition = in->definition,
        .lifted = in->lifted != 0,
        .fires = in->fires,
        .decisions = in->decisions,
        .share_e6 = in->share_e6,
        .window_us = in->window_us,
        .source = text_from_bytes(in->source),
        .reason = text_from_bytes(in->reason),
        .arm = arm,
    };
    return 0;
}

static int decode_experiment(const struct payload *payload, struct record *record,
                             struct error *ret_error) {
    const char *what = "an experiment record";
    const Harrier__Archive__V1__ExperimentRecord *in =
        unpack(payload, &harrier__archive__v1__experiment_record__descriptor, what, ret_error);
    if (!in)
        return -(int)ret_error->code;
    const struct policy_file *files = files_from_protobuf(in->files, in->n_files, payload->arena);
    if (!files)
        return protobuf_exhausted(what, payload->arena, ret_error);
    record->receive_time_us = in->receive_time_us;
    record->experiment = (struct experiment_record){.ended = in->ended != 0,
                                                    .name = text_from_bytes(in->name),
                                                    .key = text_from_bytes(in->key),
                                                    .share = in->share_e4,
                                                    .snapshot_id = in->snapshot_id,
                                                    .policy = text_from_bytes(in->policy),
                                                    .files = files,
                                                    .file_count = in->n_files};
    return 0;
}

/* As for outcomes: what this version does not know is refused before anything is converted. */
static int decode_amendment(const struct payload *payload, struct record *record,
                            struct error *ret_error) {
    const char *what = "an amendment record";
    const Harrier__Archive__V1__AmendmentRecord *in =
        unpack(payload, &harrier__archive__v1__amendment_record__descriptor, what, ret_error);
    if (!in)
        return -(int)ret_error->code;
    if (!in->transaction)
        return missing(what, "transaction", ret_error);
    record->receive_time_us = in->receive_time_us;
    struct amendment_record *amendment = &record->amendment;
    amendment->known_time_us = in->known_time_us;
    amendment->previous = amended_from_protobuf(in->previous);
    amendment->now = amended_from_protobuf(in->now);
    amendment->source = text_from_bytes(in->source);
    amendment->transaction_position = in->transaction_position;
    amendment->verdict = verdict_from_protobuf((int)in->verdict);
    amendment->label = label_from_protobuf((int)in->label);
    amendment->is_backfilled = in->backfilled != 0;
    amendment->earlier_position = in->earlier_position;
    if (amendment->verdict == VERDICT_COUNT)
        return unknown(what, "verdict", (int)in->verdict, ret_error);
    if (amendment->label == LABEL_COUNT)
        return unknown(what, "label", (int)in->label, ret_error);
    struct text *fired = arena_calloc(payload->arena, in->n_fired, sizeof *fired);
    if (in->n_fired > 0 && !fired)
        return protobuf_exhausted(what, payload->arena, ret_error);
    for (size_t i = 0; i < in->n_fired; i++)
        fired[i] = text_from_bytes(in->fired[i]);
    amendment->fired = fired;
    amendment->fired_count = in->n_fired;
    if (transaction_from_protobuf(in->transaction, payload->arena, &amendment->transaction) < 0 ||
        erased_from_protobuf(in->erased, payload->arena, &amendment->transaction.erased) < 0)
        return protobuf_exhausted(what, payload->arena, ret_error);
    return 0;
}

static bool seal_from_bytes(ProtobufCBinaryData bytes, uint8_t ret_seal[ERASED_SEAL_SIZE]) {
    if (bytes.len != ERASED_SEAL_SIZE)
        return false;
    memcpy(ret_seal, bytes.data, ERASED_SEAL_SIZE);
    return true;
}

static int decode_erasure(const struct payload *payload, struct record *record,
                          struct error *ret_error) {
    const char *what = "an erasure record";
    const Harrier__Archive__V1__ErasureRecord *in =
        unpack(payload, &harrier__archive__v1__erasure_record__descriptor, what, ret_error);
    if (!in)
        return -(int)ret_error->code;
    struct erased_key *keys = arena_calloc(payload->arena, in->n_keys + 1, sizeof *keys);
    struct erased_segment *segments =
        arena_calloc(payload->arena, in->n_segments + 1, sizeof *segments);
    struct erased_base *bases = arena_calloc(payload->arena, in->n_bases + 1, sizeof *bases);
    if (!keys || !segments || !bases)
        return protobuf_exhausted(what, payload->arena, ret_error);
    for (size_t i = 0; i < in->n_keys; i++)
        keys[i] = (struct erased_key){.field = text_from_bytes(in->keys[i]->field),
                                      .hash = in->keys[i]->hash};
    for (size_t i = 0; i < in->n_segments; i++) {
        segments[i].first = in->segments[i]->first;
        segments[i].records = in->segments[i]->records;
        if (!seal_from_bytes(in->segments[i]->seal_before, segments[i].seal_before) ||
            !seal_from_bytes(in->segments[i]->seal, segments[i].seal))
            return error_set(ret_error, ERROR_DAMAGED, "%s with a seal that is not %d bytes long",
                             what, ERASED_SEAL_SIZE);
    }
    for (size_t i = 0; i < in->n_bases; i++)
        bases[i] = (struct erased_base){.before = in->bases[i]->generation_before,
                                        .after = in->bases[i]->generation,
                                        .states = in->bases[i]->states,
                                        .texts = in->bases[i]->texts};
    record->receive_time_us = in->receive_time_us;
    record->erasure = (struct erasure_record){.number = in->number,
                                              .keys = keys,
                                              .key_count = in->n_keys,
                                              .source = text_from_bytes(in->source),
                                              .done = in->done != 0,
                                              .records = in->records,
                                              .segments = segments,
                                              .segment_count = in->n_segments,
                                              .bases = bases,
                                              .base_count = in->n_bases};
    return 0;
}

static int decode_lost(const struct payload *payload, struct record *record,
                       struct error *ret_error) {
    const Harrier__Archive__V1__LostRecord *in =
        unpack(payload, &harrier__archive__v1__lost_record__descriptor, "a lost record", ret_error);
    if (!in)
        return -(int)ret_error->code;
    record->receive_time_us = in->receive_time_us;
    record->lost = (struct lost_record){
        .first = in->first, .last = in->last, .file = text_from_bytes(in->file)};
    return 0;
}

/* A type beyond those known is a later version's: an archive may be newer than the program that
 * reads it. */
static int decode_typed(const struct payload *payload, struct record *record,
                        struct error *ret_error) {
    switch (record->type) {
    case RECORD_TRANSACTION:
        return decode_transaction(payload, record, ret_error);
    case RECORD_OUTCOME:
        return decode_outcome(payload, record, ret_error);
    case RECORD_AMENDMENT:
        return decode_amendment(payload, record, ret_error);
    case RECORD_SNAPSHOT:
    case RECORD_SHADOW:
        return decode_snapshot(payload, record, ret_error);
    case RECORD_GENERATION:
        return decode_generation(payload, record, ret_error);
    case RECORD_ENGINE:
        return decode_engine(payload, record, ret_error);
    case RECORD_LIST_CHANGE:
        return decode_list_change(payload, record, ret_error);
    case RECORD_BRAKE:
        return decode_brake(payload, record, ret_error);
    case RECORD_EXPERIMENT:
        return decode_experiment(payload, record, ret_error);
    case RECORD_ERASURE:
        return decode_erasure(payload, record, ret_error);
    case RECORD_LOST:
        return decode_lost(payload, record, ret_error);
    case RECORD_TYPE_COUNT:
        break;
    }
    if ((int)record->type < RECORD_TYPE_COUNT)
        return error_set(ret_error, ERROR_DAMAGED, "a record of type %d", (int)record->type);
    return error_set_newer(ret_error, "a record of type %d", (int)record->type);
}

/* Decodes into a local record first: *ret_record is untouched on failure. */
int record_decode(enum record_type type, const void *bytes, size_t length, struct arena *arena,
                  struct record *ret_record, struct error *ret_error) {
    struct payload payload = {.bytes = bytes, .length = length, .arena = arena};
    struct record record = {.type = type};
    int r = decode_typed(&payload, &record, ret_error);
    if (r == 0)
        *ret_record = record;
    return r;
}
