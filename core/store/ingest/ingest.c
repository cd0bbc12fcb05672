/* Recognising, deciding and recording, each as a function of the states and the archive. A record
 * has everything that applying it needs, so that applying never looks anything up in the archive
 * (invariant 1). */
#include "ingest.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/value.h"

/* Records that are read for one report of history: it holds the lock. */
#define READS_MAX 100

/* Finds the archived transaction with this id. 1: *ret_record and *ret_known are set, in the arena;
 * 2: the id is known, but a prune has dropped the record, which *ret_error says; 0: there is none;
 * < 0: it could not be read. */
static int find(const struct states *states, struct archive *archive, struct text id,
                struct arena *arena, struct known_id *ret_known, struct record *ret_record,
                struct error *ret_error) {
    if (!overlay_recognise_id(states->overlay, hash_text(id), ret_known))
        return 0;
    int r = archive_read(archive, ret_known->position, arena, ret_record, ret_error);
    if (r == -ERROR_NOT_FOUND)
        return 2;
    if (r < 0)
        return error_prefix(ret_error, "the record of this transaction");
    /* Two ids may have the same hash: then this one is new. */
    return ret_record->type == RECORD_TRANSACTION &&
           text_equal(ret_record->transaction.transaction.id, id);
}

/* Does this canonical name of a field, "card", "card:no_card_numbers", "attributes.note:string",
 * begin with the prefix and the name? */
static bool is_named(struct text canonical, const char *prefix, struct text name) {
    size_t length = strlen(prefix);
    return canonical.length >= length + name.length &&
           memcmp(canonical.data, prefix, length) == 0 &&
           memcmp(canonical.data + length, name.data, name.length) == 0 &&
           (canonical.length == length + name.length ||
            canonical.data[length + name.length] == ':');
}

static bool was_erased(const struct erased *erased, const char *prefix, struct text name) {
    for (size_t i = 0; i < erased->field_count; i++)
        if (is_named(erased->fields[i].field, prefix, name))
            return true;
    return false;
}

/* Of a rewritten record, what was erased is not compared: a repeated transaction still has it. */
static bool is_same(const struct transaction *sent, const struct transaction *recorded) {
    struct attribute attributes[TRANSACTION_ATTRIBUTES_MAX];
    struct transaction left = *sent;
    if (!recorded->erased)
        return transaction_equal(sent, recorded);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (was_erased(recorded->erased, "",
                       text_of(transaction_field_name((enum transaction_field)i))))
            left.fields[i] = (struct text){0};
    left.attributes = attributes;
    left.attribute_count = 0;
    for (size_t i = 0; i < sent->attribute_count; i++)
        if (!was_erased(recorded->erased, "attributes.", sent->attributes[i].name))
            attributes[left.attribute_count++] = sent->attributes[i];
    return transaction_equal(&left, recorded);
}

int ingest_recognise(const struct states *states, struct archive *archive,
                     const struct transaction *transaction, struct arena *arena,
                     struct known_id *ret_known, struct record *ret_record, struct text *ret_field,
                     struct error *ret_error) {
    int r = find(states, archive, transaction->id, arena, ret_known, ret_record, ret_error);
    if (r <= 0)
        return r;
    if (r == 2) { /* it cannot be compared, and scoring it again would count it twice */
        *ret_field = TEXT_LITERAL("id");
        ret_error->code = ERROR_ID_CONFLICT;
        return error_prefix(ret_error, "a transaction with this id was scored before, and its "
                                       "decision is no longer kept; a new transaction needs "
                                       "another id");
    }
    /* Checked before it is compared: comparing attributes relies on their limit. */
    r = transaction_check(transaction, ret_field, ret_error);
    if (r < 0)
        return r;
    if (is_same(transaction, &ret_record->transaction.transaction))
        return 1;
    *ret_field = TEXT_LITERAL("id");
    return error_set(ret_error, ERROR_ID_CONFLICT,
                     "a transaction with this id and other content was scored before; a "
                     "repeated id must repeat the transaction");
}

/* Only with a challenger. */
static enum arm arm_of(const struct states *states, const struct transaction *transaction) {
    if (!transaction)
        return ARM_NONE;
    for (size_t i = 0; i < 2; i++)
        if (transaction == states->hashed[i].transaction)
            return states->hashed[i].arm;
    return experiment_arm(&states->experiment, transaction);
}

/* An engine lays the next transaction out while it decides, so it expects only what it will decide.
 */
void ingest_expect(struct states *states, const struct transaction *transaction) {
    if (states->challenger) {
        enum arm arm = arm_of(states, transaction);
        bool is_challenger = arm == ARM_CHALLENGER;
        states->hashed[0] = states->hashed[1];
        states->hashed[1] = (struct hashed_arm){.transaction = transaction, .arm = arm};
        engine_expect(states->challenger, is_challenger ? transaction : NULL);
        engine_expect(states->engine, is_challenger ? NULL : transaction);
    } else {
        engine_expect(states->engine, transaction);
    }
    if (transaction)
        overlay_expect_id(states->overlay, hash_text(transaction->id));
}

void ingest_forget(struct states *states) {
    if (states->engine)
        engine_forget(states->engine);
    if (!states->challenger)
        return;
    memset(states->hashed, 0, sizeof states->hashed);
    engine_forget(states->challenger);
}

int ingest_decide(struct states *states, const struct transaction *transaction, bool with_features,
                  struct arena *arena, struct decision *ret_decision, struct text *ret_field,
                  struct error *ret_error) {
    enum arm arm = states->challenger ? arm_of(states, transaction) : ARM_NONE;
    int r =
        engine_decide(states_engine_of(states, arm), transaction, overlay_states(states->overlay),
                      with_features, arena, ret_decision, ret_field, ret_error);
    if (r == 0) {
        ret_decision->generation_id = states->generation_id;
        ret_decision->arm = arm;
    }
    return r;
}

uint64_t ingest_unknown(const struct states *states) {
    return engine_unknown(states->engine) +
           (states->challenger ? engine_unknown(states->challenger) : 0);
}

/* The newest amendment of the transaction at this position. 0: nothing has amended it. It is found
 * by its id, and may be about an earlier transaction of this id, which is no longer known. */
static int find_newest(const struct states *states, struct archive *archive,
                       const struct transaction *scored, uint64_t position, struct arena *arena,
                       struct record *ret_newest, struct error *ret_error) {
    struct known_id known;
    if (!overlay_find_id(states->overlay, amendment_hash(scored->id), &known))
        return 0;
    int r = archive_read(archive, known.position, arena, ret_newest, ret_error);
    if (r == -ERROR_NOT_FOUND) /* dropped by a prune, and so about an earlier transaction */
        return 0;
    if (r < 0)
        return error_prefix(ret_error, "the record of this transaction's amendment");
    ret_newest->position = known.position;
    return ret_newest->type == RECORD_AMENDMENT && /* or of another id with the same hash */
           text_equal(ret_newest->amendment.transaction.id, scored->id) &&
           ret_newest->amendment.transaction_position == position;
}

/* What the transaction is by now. 0: as it was scored. */
static int find_amended(const struct states *states, struct archive *archive,
                        const struct transaction *scored, uint64_t position, struct arena *arena,
                        struct amended *ret_amended, struct error *ret_error) {
    struct record newest;
    int r = find_newest(states, archive, scored, position, arena, &newest, ret_error);
    *ret_amended = r > 0 ? newest.amendment.now : amended_of(scored);
    return r;
}

int ingest_unknown_id(const struct states *states, struct error *ret_error) {
    const struct generation *generation = overlay_generation(states->overlay);
    char since[64];
    if (!generation || generation_manifest(generation)->ids_from == 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "no transaction with this id was scored");
    value_format(value_timestamp(generation_manifest(generation)->ids_since_us), since,
                 sizeof since);
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "no transaction with this id was scored since %s; earlier ids are not kept",
                     since);
}

static int find_scored(const struct states *states, struct archive *archive, struct text id,
                       struct arena *arena, struct known_id *ret_known, struct record *ret_scored,
                       struct text *ret_field, struct error *ret_error) {
    int r = find(states, archive, id, arena, ret_known, ret_scored, ret_error);
    if (r == 1 || r < 0)
        return r;
    *ret_field = TEXT_LITERAL("transaction_id");
    if (r == 2)
        return error_prefix(ret_error, "the transaction with this id is known, but no longer kept");
    return ingest_unknown_id(states, ret_error);
}

/* The previous label goes into the record, so applying it takes back the old label without looking
 * it up. */
int ingest_resolve(const struct states *states, struct archive *archive,
                   const struct outcome *outcome, int64_t receive_time_us, struct arena *arena,
                   struct record *ret_record, struct text *ret_field, struct error *ret_error) {
    struct known_id known;
    struct record scored;
    struct amended amended;
    int r = find_scored(states, archive, outcome->transaction_id, arena, &known, &scored, ret_field,
                        ret_error);
    if (r < 0)
        return r;
    int is_amended = find_amended(states, archive, &scored.transaction.transaction, known.position,
                                  arena, &amended, ret_error);
    if (is_amended < 0)
        return is_amended;
    *ret_record = (struct record){
        .type = RECORD_OUTCOME,
        .receive_time_us = receive_time_us,
        .outcome =
            {
                .known_time_us = outcome->known_time_us ? outcome->known_time_us : receive_time_us,
                .previous = known.label,
                .label = outcome->label,
                .source = outcome->source,
                .transaction_position = known.position,
                .transaction = scored.transaction.transaction,
                .verdict = scored.transaction.decision.verdict,
                .is_amended = is_amended,
                .amended = amended,
                .is_backfilled = scored.transaction.is_backfilled,
            },
    };
    if (outcome->unless_labelled && known.label != LABEL_NONE)
        return 0;
    return outcome->label != known.label;
}

/* Was a label reported together with a transaction of history, so that its record follows the
 * transaction's? 1: it was. */
static int came_with_outcome(struct archive *archive, uint64_t position, struct arena *arena,
                             struct error *ret_error) {
    uint64_t end = archive_end(archive).position;
    const struct arena_mark mark = arena_mark(arena);
    struct record record;
    if (end > position + READS_MAX)
        end = position + READS_MAX;
    for (uint64_t next = position + 1; next <= end; next++) {
        arena_rewind(arena, mark);
        int r = archive_read(archive, next, arena, &record, ret_error);
        if (r < 0)
            return error_prefix(ret_error, "the record of this transaction's outcome");
        if (record.type == RECORD_OUTCOME)
            return record.outcome.transaction_position == position;
        if (record.type != RECORD_AMENDMENT || record.amendment.transaction_position != position)
            return 0;
    }
    return 0;
}

int ingest_resolve_late(const struct states *states, struct archive *archive,
                        const struct outcome *outcome, int64_t receive_time_us, struct arena *arena,
                        struct record *ret_record, struct text *ret_field,
                        struct error *ret_error) {
    int r = ingest_resolve(states, archive, outcome, receive_time_us, arena, ret_record, ret_field,
                           ret_error);
    const struct outcome_record *record = &ret_record->outcome;
    if (r <= 0 || record->previous != LABEL_NONE)
        return r < 0 ? r : 0;
    r = record->is_backfilled
            ? came_with_outcome(archive, record->transaction_position, arena, ret_error)
            : 0;
    return r < 0 ? r : !r;
}

/* A transaction that is to be amended. */
struct amending {
    const struct amendment *amendment;
    struct known_id known;
    struct record scored, newest;
    bool is_amended; /* by `newest` */
};

static int begin_amending(const struct states *states, struct archive *archive,
                          struct amending *amending, struct arena *arena, struct text *ret_field,
                          struct error *ret_error) {
    int r = find_scored(states, archive, amending->amendment->transaction_id, arena,
                        &amending->known, &amending->scored, ret_field, ret_error);
    if (r >= 0)
        r = find_newest(states, archive, &amending->scored.transaction.transaction,
                        amending->known.position, arena, &amending->newest, ret_error);
    amending->is_amended = r > 0;
    return r < 0 ? r : 0;
}

static int amend(const struct amending *amending, int64_t receive_time_us, struct arena *arena,
                 struct record *ret_record, struct text *ret_field, struct error *ret_error) {
    const struct amendment *amendment = amending->amendment;
    const struct transaction_record *scored = &amending->scored.transaction;
    const struct record *newest = amending->is_amended ? &amending->newest : NULL;
    *ret_record = (struct record){
        .type = RECORD_AMENDMENT,
        .receive_time_us = receive_time_us,
        .amendment = {
            .known_time_us = amendment->known_time_us ? amendment->known_time_us : receive_time_us,
            .previous = newest ? newest->amendment.now : amended_of(&scored->transaction),
            .source = amendment->source,
            .transaction_position = amending->known.position,
            .transaction = scored->transaction,
            .verdict = scored->decision.verdict,
            .label = amending->known.label,
            .is_backfilled = scored->is_backfilled,
            .earlier_position = newest ? newest->position : 0,
        }};
    struct amendment_record *record = &ret_record->amendment;
    int r = amendment_apply(amendment, &scored->transaction, &record->previous, &record->now,
                            ret_field, ret_error);
    if (r == 0 && amendment_record_take_fired(record, &scored->decision, arena) < 0)
        r = error_set(ret_error, ERROR_TOO_LARGE, "too many rules fired for one record");
    return r < 0 ? r : !amended_equal(&record->previous, &record->now);
}

int ingest_amend(const struct states *states, struct archive *archive,
                 const struct amendment *amendment, int64_t receive_time_us, struct arena *arena,
                 struct record *ret_record, struct text *ret_field, struct error *ret_error) {
    struct amending amending = {.amendment = amendment};
    int r = begin_amending(states, archive, &amending, arena, ret_field, ret_error);
    return r < 0 ? r : amend(&amending, receive_time_us, arena, ret_record, ret_field, ret_error);
}

/* Is it the record of this amendment? */
static bool is_of(const struct amendment_record *record, const struct amendment *amendment) {
    struct amended now;
    struct text field;
    struct error error;
    return record->known_time_us == amendment->known_time_us &&
           amendment_apply(amendment, &record->transaction, &record->previous, &now, &field,
                           &error) == 0 &&
           amended_equal(&now, &record->now);
}

/* Is it recorded, or is there one that became known after it? Records are in the order in which
 * they came, which need not be that of their times. Of records beyond READS_MAX, and before old
 * ones that do not name the one before them, nothing is known: then only the newest one's time
 * counts, and of those of one time, as a settlement file has them, it is taken to be one. */
static int is_past(const struct amending *amending, struct archive *archive, struct arena *arena,
                   struct error *ret_error) {
    struct record record = amending->newest;
    const struct amended scored = amended_of(&amending->scored.transaction.transaction);
    const int64_t known_us = amending->amendment->known_time_us; /* 0: at any time */
    const bool is_of_newest_time = record.amendment.known_time_us == known_us;
    const struct arena_mark mark = arena_mark(arena);
    for (int i = 0; i < READS_MAX; i++) {
        if (known_us < record.amendment.known_time_us ||
            is_of(&record.amendment, amending->amendment))
            return 1;
        uint64_t earlier = record.amendment.earlier_position;
        if (earlier == 0)
            return is_of_newest_time && !amended_equal(&record.amendment.previous, &scored);
        arena_rewind(arena, mark);
        int r = archive_read(archive, earlier, arena, &record, ret_error);
        if (r < 0)
            return error_prefix(ret_error, "the record of this transaction's amendment");
        if (record.type != RECORD_AMENDMENT)
            break;
    }
    return is_of_newest_time;
}

int ingest_amend_late(const struct states *states, struct archive *archive,
                      const struct amendment *amendment, int64_t receive_time_us,
                      struct arena *arena, struct record *ret_record, struct text *ret_field,
                      struct error *ret_error) {
    struct amending amending = {.amendment = amendment};
    int r = begin_amending(states, archive, &amending, arena, ret_field, ret_error);
    if (r == 0 && amending.is_amended)
        r = is_past(&amending, archive, arena, ret_error);
    if (r != 0)
        return r < 0 ? r : 0;
    return amend(&amending, receive_time_us, arena, ret_record, ret_field, ret_error);
}

int ingest_find_amended(const struct states *states, struct archive *archive, struct text id,
                        struct arena *arena, struct record *ret_scored, struct amended *ret_amended,
                        struct error *ret_error) {
    struct known_id known;
    struct text field;
    int r = find_scored(states, archive, id, arena, &known, ret_scored, &field, ret_error);
    return r < 0 ? r
                 : find_amended(states, archive, &ret_scored->transaction.transaction,
                                known.position, arena, ret_amended, ret_error);
}

/* The record of the tables in use, or that there are none any more (they were removed). It includes
 * the files of the policy they were built with if the archive may not have them: deriving a
 * decision again folds with the features of that policy. */
static struct record generation_record(const struct states *states) {
    const struct generation *generation = overlay_generation(states->overlay);
    struct record record = {
        .type = RECORD_GENERATION,
        .generation = {.plan_id = states->plan->plan.id, .snapshot_id = states->plan->id}};
    if (!generation)
        return record;
    const struct generation_manifest *manifest = generation_manifest(generation);
    record.generation.generation_id = manifest->id;
    record.generation.position = manifest->place.position;
    record.generation.chain = manifest->place.chain;
    if (states->plan->id != engine_rules(states->engine)->id)
        record.generation.files = generation_files(generation, &record.generation.file_count);
    if (generation_thresholds(generation))
        record.generation.thresholds = *thresholds_set(generation_thresholds(generation));
    return record;
}

/* Is the experiment in force, by the archive, another one than that of these states? */
static bool experiment_record(const struct states *states, struct record *ret_record) {
    const struct experiment *now = &states->experiment;
    const struct experiment *last = list_table_experiment(overlay_lists(states->overlay));
    if (states->challenger ? last && experiment_equal(last, now) : !last)
        return false;
    *ret_record = (struct record){.type = RECORD_EXPERIMENT};
    if (!states->challenger) {
        ret_record->experiment =
            (struct experiment_record){.ended = true, .name = text_of(last->name)};
        return true;
    }
    const struct snapshot *rules = engine_rules(states->challenger);
    ret_record->experiment = (struct experiment_record){.name = text_of(now->name),
                                                        .key = text_of(now->key),
                                                        .share = now->share,
                                                        .snapshot_id = rules->id,
                                                        .policy = rules->name,
                                                        .files = rules->files,
                                                        .file_count = rules->file_count};
    return true;
}

size_t ingest_adoptions(const struct states *states, const struct adopted *last,
                        struct record ret_records[INGEST_ADOPTIONS_MAX]) {
    const struct snapshot *rules = engine_rules(states->engine);
    size_t count = 0;
    if (!last->this_version)
        ret_records[count++] = (struct record){
            .type = RECORD_ENGINE,
            .engine = {.version = TEXT_LITERAL(HARRIER_VERSION), .definition = ENGINE_DEFINITION}};
    if (last->snapshot_id != rules->id)
        ret_records[count++] = (struct record){.type = RECORD_SNAPSHOT,
                                               .snapshot = {.snapshot_id = rules->id,
                                                            .name = rules->name,
                                                            .files = rules->files,
                                                            .file_count = rules->file_count}};
    if (last->generation_id != states->generation_id)
        ret_records[count++] = generation_record(states);
    count += experiment_record(states, &ret_records[count]);
    check(count <= INGEST_ADOPTIONS_MAX);
    return count;
}

void ingest_append(struct states *states, struct archive *archive, struct record *record) {
    bool is_decided = record->type == RECORD_TRANSACTION;
    archive_append(archive, record);
    overlay_apply(
        states->overlay,
        states_engine_of(states, is_decided ? record->transaction.decision.arm : ARM_NONE), record);
}
