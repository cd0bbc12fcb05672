#include "movement.h"

#include "batch/base/day.h"
#include "batch/report/report_amount.h"

#include <string.h>

static void set_transaction(struct movement *movement, const struct transaction *transaction,
                            int64_t receive_us) {
    movement->day = (int32_t)day_of_us(transaction->event_time_us);
    movement->known = (int32_t)day_of_us(receive_us);
    if (transaction->currency.length < sizeof movement->currency)
        memcpy(movement->currency, transaction->currency.data, transaction->currency.length);
}

static int64_t amount_of(struct amended amended) {
    return amended.is_voided ? 0 : amended.amount_minor - amended.refunded_minor;
}

static enum report_class class_of(enum label label) {
    return report_class_of(label, 0, INT64_MAX);
}

static void take_decision(const struct record *record, struct movement *movement) {
    const struct transaction *transaction = &record->transaction.transaction;
    set_transaction(movement, transaction, record->receive_time_us);
    movement->position = record->position;
    movement->verdict = record->transaction.decision.verdict;
    movement->is_decision = true;
    movement->after = class_of(LABEL_NONE);
    movement->amount_after = transaction->amount_minor;
}

static void take_outcome(const struct record *record, struct movement *movement) {
    const struct outcome_record *outcome = &record->outcome;
    set_transaction(movement, &outcome->transaction, record->receive_time_us);
    movement->position = outcome->transaction_position;
    movement->verdict = outcome->verdict;
    movement->before = class_of(outcome->previous);
    movement->after = class_of(outcome->label);
    movement->amount_before = movement->amount_after =
        amount_of(outcome->is_amended ? outcome->amended : amended_of(&outcome->transaction));
}

static void take_amendment(const struct record *record, struct movement *movement) {
    const struct amendment_record *amendment = &record->amendment;
    set_transaction(movement, &amendment->transaction, record->receive_time_us);
    movement->position = amendment->transaction_position;
    movement->verdict = amendment->verdict;
    movement->before = movement->after = class_of(amendment->label);
    movement->amount_before = amount_of(amendment->previous);
    movement->amount_after = amount_of(amendment->now);
}

bool movement_of(const struct record *record, struct movement *ret_movement) {
    struct movement movement = {0};
    if (record->type == RECORD_TRANSACTION && !record->transaction.is_backfilled)
        take_decision(record, &movement);
    else if (record->type == RECORD_OUTCOME && !record->outcome.is_backfilled)
        take_outcome(record, &movement);
    else if (record->type == RECORD_AMENDMENT && !record->amendment.is_backfilled)
        take_amendment(record, &movement);
    else
        return false;
    *ret_movement = movement;
    return true;
}
