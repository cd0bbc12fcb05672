/* The archive as the model reads it: each record is met in turn, compared, and added to what is
 * known. */
#include "model_inside.h"

#include "core/base/arena.h"
#include "core/base/hash.h"
#include "core/store/archive/archive.h"
#include "schedule.h"

#include <math.h>
#include <string.h>

/* ---- records ---- */

/* An erasure has taken the card out of it. */
static bool is_rewritten(const struct sale *sale, const struct transaction *transaction) {
    return MODEL->erasures[sale->card] != ERASURE_NONE && transaction->erased &&
           transaction->fields[FIELD_CARD].length == 0;
}

static void apply_transaction(const struct record *record, struct known *known) {
    const struct transaction *transaction = &record->transaction.transaction;
    const struct decision *decision = &record->transaction.decision;
    size_t index = model_sale_of(transaction->id);
    struct sale *sale = &MODEL->sales[index];
    char id[24];
    struct transaction sent = model_transaction(index, id);
    if (sale->is_recorded)
        broken("transaction %s is recorded twice: at %llu and %llu", id,
               (unsigned long long)sale->position, (unsigned long long)record->position);
    if (is_rewritten(sale, transaction))
        sent.fields[FIELD_CARD] = (struct text){0};
    if (!transaction_equal(transaction, &sent))
        broken("transaction %s is recorded with other content than was sent", id);
    *sale = (struct sale){
        .is_sent = true,
        .is_recorded = true,
        .card = sale->card,
        .merchant = sale->merchant,
        .event_time_us = sale->event_time_us,
        .amount_minor = sale->amount_minor,
        .captured_minor = sale->amount_minor,
        .position = record->position,
        .verdict = decision->verdict,
        .score = decision->score,
    };
    known->sale = index;
    if (model_is_unclear(sale->card, record->position))
        return;
    model_add_up(sale->card, sale->merchant, sale->event_time_us, known->features);
    uint32_t score = model_score_of(known->features, sale->card);
    known->is_late = model_is_late(sale);
    if (decision->degraded != known->is_late)
        broken("record %llu, transaction %s, is %sdegraded", (unsigned long long)record->position,
               id, decision->degraded ? "" : "not ");
    if (known->is_late) /* what it reads need not be exact */
        return;
    if (decision->score != score || decision->verdict != model_verdict_of(score))
        broken("record %llu, transaction %s: score %u, %s; expected %u, %s "
               "(policy %u%s; count_1h %g, sum_1h %g, fraud_1d %g, refunded_1d %g, count_1d %g)",
               (unsigned long long)record->position, id, decision->score,
               verdict_name(decision->verdict), score, verdict_name(model_verdict_of(score)),
               MODEL->policy, model_is_braked() ? ", braked" : "", known->features[0],
               known->features[1], known->features[2], known->features[3], known->features[4]);
    world->counts[COUNT_CHECKS] += 2;
}

static void apply_outcome(const struct record *record, struct known *known) {
    const struct outcome_record *outcome = &record->outcome;
    size_t index = model_sale_of(outcome->transaction.id);
    struct sale *sale = &MODEL->sales[index];
    if (!sale->is_recorded || sale->position != outcome->transaction_position)
        broken("record %llu: an outcome of a transaction that is not at %llu",
               (unsigned long long)record->position,
               (unsigned long long)outcome->transaction_position);
    if (outcome->previous != sale->label || outcome->label == sale->label)
        broken("record %llu: the label of t%zu becomes %s and was %s; it was %s",
               (unsigned long long)record->position, index, label_name(outcome->label),
               label_name(outcome->previous), label_name(sale->label));
    if (!(MODEL->asked_labels[index] & 1u << outcome->label))
        broken("record %llu: nobody said that t%zu is %s", (unsigned long long)record->position,
               index, label_name(outcome->label));
    sale->label = outcome->label;
    known->sale = index;
    known->change = (struct change){.label = outcome->label, .previous_label = outcome->previous};
    MODEL->outcomes++;
    world->counts[COUNT_CHECKS]++;
}

/* What one of the amendments that clients have sent makes of it. */
static bool is_asked(size_t sale, const struct amended *before, const struct amended *now) {
    for (size_t i = 0; i < MODEL->asked_count; i++) {
        const struct asked_amendment *asked = &MODEL->asked[i];
        struct amended made = *before;
        if (asked->sale != sale)
            continue;
        if (asked->kind == AMENDMENT_VOID || asked->kind == AMENDMENT_RESTORE)
            made.is_voided = asked->kind == AMENDMENT_VOID;
        else if (asked->kind == AMENDMENT_CAPTURE && !before->is_voided)
            made.amount_minor = asked->amount_minor;
        else if (asked->kind == AMENDMENT_REFUND && !before->is_voided)
            made.refunded_minor = asked->amount_minor;
        if (amended_equal(&made, now) && made.refunded_minor <= made.amount_minor)
            return true;
    }
    return false;
}

static void apply_amendment(const struct record *record, struct known *known) {
    const struct amendment_record *amendment = &record->amendment;
    size_t index = model_sale_of(amendment->transaction.id);
    struct sale *sale = &MODEL->sales[index];
    const struct amended before = {.is_voided = sale->is_voided,
                                   .amount_minor = sale->captured_minor,
                                   .refunded_minor = sale->refunded_minor};
    if (!sale->is_recorded || sale->position != amendment->transaction_position ||
        !amended_equal(&before, &amendment->previous) || amended_equal(&before, &amendment->now))
        broken("record %llu: an amendment of t%zu that does not follow what it was",
               (unsigned long long)record->position, index);
    if (!is_asked(index, &before, &amendment->now))
        broken(
            "record %llu: nobody asked for this amendment of t%zu: captured %lld, refunded %lld, "
            "%svoided",
            (unsigned long long)record->position, index, (long long)amendment->now.amount_minor,
            (long long)amendment->now.refunded_minor, amendment->now.is_voided ? "" : "not ");
    known->change = (struct change){.now = amendment->now, .previous = amendment->previous};
    sale->is_voided = amendment->now.is_voided;
    sale->captured_minor = amendment->now.amount_minor;
    sale->refunded_minor = amendment->now.refunded_minor;
    known->sale = index;
    world->counts[COUNT_CHECKS]++;
}

static void apply_list(const struct record *record, struct known *known) {
    unsigned card = model_card_of(record->list_change.entry);
    bool removed = record->list_change.removed;
    if (!MODEL->may_list[card][removed] || MODEL->is_listed[card] == !removed)
        broken("record %llu: a change of the list that nobody asked for",
               (unsigned long long)record->position);
    MODEL->is_listed[card] = !removed;
    known->change = (struct change){.card = card, .removed = removed};
    world->counts[COUNT_CHECKS]++;
}

static void apply_policy(const struct record *record) {
    struct text name = record->snapshot.name;
    if (name.length != 5 || memcmp(name.data, "sim_", 4) != 0)
        broken("record %llu: a policy %.*s that nobody wrote", (unsigned long long)record->position,
               TEXT_ARGS(name));
    MODEL->policy = (unsigned)(name.data[4] - '0');
}

static void apply_brake(const struct record *record) {
    const struct brake_record *brake = &record->brake;
    struct brake_model *found = NULL;
    for (size_t i = 0; i < MODEL->brake_count; i++)
        if (MODEL->brakes[i].definition == brake->definition)
            found = &MODEL->brakes[i];
    if (!found && MODEL->brake_count < 16) {
        found = &MODEL->brakes[MODEL->brake_count++];
        *found = (struct brake_model){.definition = brake->definition, .policy = MODEL->policy};
    }
    if (!found || !text_is(brake->rule, "many") || found->is_pulled == !brake->lifted)
        broken("record %llu: a brake of %.*s that was %s already",
               (unsigned long long)record->position, TEXT_ARGS(brake->rule),
               brake->lifted ? "lifted" : "pulled");
    found->is_pulled = !brake->lifted;
    world->counts[COUNT_BRAKES]++;
}

static void apply(const struct record *record, struct known *known) {
    if (record->receive_time_us < MODEL->receive_time_us)
        broken("record %llu was received before the one in front of it",
               (unsigned long long)record->position);
    MODEL->receive_time_us = record->receive_time_us;
    switch (record->type) {
    case RECORD_TRANSACTION:
        apply_transaction(record, known);
        break;
    case RECORD_OUTCOME:
        apply_outcome(record, known);
        break;
    case RECORD_AMENDMENT:
        apply_amendment(record, known);
        break;
    case RECORD_LIST_CHANGE:
        apply_list(record, known);
        break;
    case RECORD_SNAPSHOT:
        apply_policy(record);
        break;
    case RECORD_BRAKE:
        apply_brake(record);
        break;
    case RECORD_GENERATION:
        world->counts[COUNT_SWAPS] += record->generation.generation_id != 0;
        break;
    case RECORD_LOST: /* of harrier archive quarantine, which no one runs here */
        broken("record %llu says that records are lost", (unsigned long long)record->position);
    case RECORD_ENGINE:
    case RECORD_SHADOW:
    case RECORD_EXPERIMENT:
    case RECORD_ERASURE:
    case RECORD_TYPE_COUNT:
        break;
    }
}

static bool change_equal(const struct change *a, const struct change *b) {
    return a->label == b->label && a->previous_label == b->previous_label && a->card == b->card &&
           a->removed == b->removed && amended_equal(&a->now, &b->now) &&
           amended_equal(&a->previous, &b->previous);
}

/* The record has just been applied. */
static void compare_answer(uint64_t position, const struct known *known,
                           const double told[FEATURE_COUNT]) {
    if (!known->is_answered)
        return;
    if (known->type != known->answered_type || known->sale != known->answered_sale)
        broken("record %llu is a %s of t%zu; a client was told that it is a %s of t%zu",
               (unsigned long long)position, record_type_name(known->type), known->sale,
               record_type_name(known->answered_type), known->answered_sale);
    if (!change_equal(&known->change, &known->answered_change))
        broken("record %llu, a %s of t%zu, is not what a client was told",
               (unsigned long long)position, record_type_name(known->type), known->sale);
    world->counts[COUNT_CHECKS]++;
    if (known->type != RECORD_TRANSACTION)
        return;
    const struct sale *sale = &MODEL->sales[known->sale];
    if (known->verdict != sale->verdict || known->score != sale->score)
        broken("record %llu has score %u; a client was told %u", (unsigned long long)position,
               sale->score, known->score);
    if (model_is_unclear(sale->card, position))
        return;
    for (int i = 0; known->has_features && !known->is_late && i < FEATURE_COUNT; i++) {
        world->counts[COUNT_CHECKS]++;
        if (fabs(told[i] - known->features[i]) > 1e-6)
            broken("record %llu: a client was told that %s is %g; expected %g",
                   (unsigned long long)position, feature_names[i], told[i], known->features[i]);
    }
}

/* ---- reading ---- */

static uint64_t digest_of(const struct archive_reader *reader, const struct record *record) {
    struct text payload = archive_reader_frame(reader)->payload;
    return hash_text(payload) ^ (uint64_t)record->type;
}

static bool may_be_rewritten(struct known *known, const struct record *record) {
    struct record copy = *record;
    const struct transaction *transaction = record_transaction(&copy);
    return transaction && known->sale < SALES_MAX && known->type == record->type &&
           is_rewritten(&MODEL->sales[known->sale], transaction);
}

static void meet(const struct archive_reader *reader, const struct record *record) {
    struct known *known = &MODEL->records[record->position];
    uint64_t digest = digest_of(reader, record);
    if (record->position <= MODEL->record_count) {
        if (known->digest != digest && !may_be_rewritten(known, record))
            broken("record %llu, a %s, is not what it was", (unsigned long long)record->position,
                   record_type_name(record->type));
        known->digest = digest;
        return;
    }
    if (record->position != MODEL->record_count + 1 || record->position >= RECORDS_MAX)
        broken("record %llu follows record %llu", (unsigned long long)record->position,
               (unsigned long long)MODEL->record_count);
    double told[FEATURE_COUNT];
    memcpy(told, known->features, sizeof told);
    /* What came before a loss of power is read anew, and must be what it was. */
    if (known->digest && known->digest != digest && !may_be_rewritten(known, record))
        broken("record %llu, a %s, is not what it was before the power failed",
               (unsigned long long)record->position, record_type_name(record->type));
    MODEL->record_count = record->position;
    known->type = record->type;
    known->digest = digest;
    known->sale = SALES_MAX;
    apply(record, known);
    compare_answer(record->position, known, told);
    world->counts[COUNT_RECORDS]++;
}

static uint64_t read_from(struct archive_place place) {
    struct archive_reader *reader;
    struct arena arena;
    struct record record;
    struct error error;
    int r;
    arena_init(&arena, 64u << 20);
    if (archive_reader_open(world->archive, place, &reader, &error) < 0)
        broken("reading the archive: %s", error.text);
    uint64_t end = place.position;
    while ((r = archive_reader_next(reader, &arena, &record, &error)) > 0) {
        meet(reader, &record);
        end = record.position;
        arena_reset(&arena);
    }
    if (r < 0)
        broken("reading the archive: %s", error.text);
    MODEL->place = archive_reader_place(reader);
    archive_reader_close(reader);
    arena_deinit(&arena);
    return end;
}

static void expect_answered(void) {
    if (MODEL->answered > MODEL->record_count)
        broken("record %llu was acknowledged, but the archive ends with record %llu",
               (unsigned long long)MODEL->answered, (unsigned long long)MODEL->record_count);
}

void model_check(void) {
    schedule_paused++;
    read_from(MODEL->place);
    expect_answered();
    if (MODEL->policy != MODEL->wanted_policy && !world->is_disturbed)
        broken("policy %u is in force; the folder has policy %u, and the disk works", MODEL->policy,
               MODEL->wanted_policy);
    schedule_paused--;
}

/* Back to the beginning; answers for what is still there stay. */
static void forget_applied(uint64_t kept) {
    for (uint64_t i = kept + 1; i < RECORDS_MAX && i <= MODEL->answered + MODEL->record_count; i++)
        MODEL->records[i] = (struct known){0};
    for (size_t i = 0; i < MODEL->sale_count; i++) {
        struct sale *sale = &MODEL->sales[i];
        sale->is_recorded = sale->is_voided = false;
        sale->label = LABEL_NONE;
    }
    for (unsigned card = 0; card < CARDS; card++)
        MODEL->is_listed[card] = false;
    MODEL->brake_count = 0;
    MODEL->receive_time_us = 0;
    MODEL->outcomes = 0;
    MODEL->record_count = 0;
    if (MODEL->answered > kept)
        MODEL->answered = kept;
}

/* Beside the time between two syncs: what the sync under way and the next one take, and those of a
 * segment that ends meanwhile. */
#define LAZY_SLACK_US 15000

/* With `written`, what was answered long enough before the power failed is on disk. */
static void expect_lazily_synced(uint64_t end, uint64_t most) {
    for (uint64_t position = end + 1; position <= most; position++) {
        const struct known *known = &MODEL->records[position];
        if (!known->is_answered || known->answered_life != world->life - 1)
            continue;
        int64_t age_us = world->monotonic_us - known->answered_us;
        if (age_us > world->lost_us_max)
            world->lost_us_max = age_us;
        if (age_us > LAZY_SYNC_US + LAZY_SLACK_US)
            broken("a loss of power has taken record %llu, which was answered %lld us before; a "
                   "sync begins every %d us",
                   (unsigned long long)position, (long long)age_us, LAZY_SYNC_US);
        world->counts[COUNT_CHECKS]++;
    }
}

void model_after_power(void) {
    struct archive_examination found = {0};
    struct error error;
    schedule_paused++;
    int r = archive_examine(world->archive, &found, &error);
    schedule_paused--;
    if (r < 0 && error.code != ERROR_NOT_FOUND)
        broken("after a loss of power the archive cannot be opened: %s", error.text);
    uint64_t end = r < 0 ? 0 : found.end.position;
    uint64_t promised = model_promised();
    if (end < promised)
        broken("a loss of power has taken record %llu, which was %s: the archive ends with "
               "record %llu",
               (unsigned long long)promised,
               world->synced ? "acknowledged under `synced`" : "acknowledged and then synced",
               (unsigned long long)end);
    uint64_t most = MODEL->answered > MODEL->record_count ? MODEL->answered : MODEL->record_count;
    MODEL->synced = end; /* what has come back is on disk */
    if (end >= most)
        return;
    if (!world->synced && world->had_quick_disk)
        expect_lazily_synced(end, most);
    world->counts[COUNT_LOST] += most - end;
    forget_applied(end);
}

void model_check_again(void) {
    schedule_paused++;
    uint64_t before = MODEL->record_count;
    uint64_t end = read_from((struct archive_place){0});
    if (end < before)
        broken("the archive ends with record %llu; it had %llu before", (unsigned long long)end,
               (unsigned long long)before);
    expect_answered();
    schedule_paused--;
}

bool model_is_whole(bool may_be_short) {
    struct archive_reader *reader;
    struct arena arena;
    struct record record;
    struct error error;
    uint64_t end = 0;
    int r = 1;
    schedule_paused++;
    arena_init(&arena, 64u << 20);
    if (archive_reader_open(world->archive, (struct archive_place){0}, &reader, &error) < 0)
        broken("after rot the archive cannot be read: %s", error.text);
    while (r > 0 && end < MODEL->record_count &&
           (r = archive_reader_next(reader, &arena, &record, &error)) > 0) {
        end = record.position;
        /* The server has written something else in place of what was cut off: its version, the
         * policy of the folder, or that there are no tables or others. */
        if (MODEL->records[end].digest != digest_of(reader, &record) && may_be_short &&
            (record.type == RECORD_ENGINE || record.type == RECORD_SNAPSHOT ||
             record.type == RECORD_GENERATION))
            r = 0;
        else if (MODEL->records[end].digest != digest_of(reader, &record) &&
                 !may_be_rewritten(&MODEL->records[end], &record))
            broken("after rot record %llu, a %s, is another one", (unsigned long long)end,
                   record_type_name(record.type));
        arena_reset(&arena);
        world->counts[COUNT_CHECKS]++;
    }
    archive_reader_close(reader);
    arena_deinit(&arena);
    schedule_paused--;
    if (r == 0 && !may_be_short)
        broken("after rot of tables the archive ends with record %llu", (unsigned long long)end);
    if (r < 0)
        trace("rot: %s", error.text);
    return r > 0;
}
