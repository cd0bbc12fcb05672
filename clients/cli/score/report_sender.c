/* Reports are answered one by one: some may be accepted and others fail for a while. Only the
 * latter are sent again, with pauses that grow; a refusal is final and is reported with its row. */
#include "report_sender.h"

#include <string.h>

/* What a server says of one report. */
struct answer {
    enum harrier_error_code code; /* HARRIER_OK: it was accepted */
    const char *field, *message;
    bool changed;
    const struct harrier_amended *now; /* of an amendment; else NULL */
    bool outcome, amendment;           /* of a backfill: recorded */
};

/* What differs between outcomes, amendments and history. */
struct report_type {
    size_t size; /* of one report */
    int (*call)(struct harrier_client *client, const void *reports, size_t count,
                const struct harrier_call_options *options, struct harrier_reply **ret_reply,
                struct harrier_error *ret_error);
    struct answer (*answer_of)(const struct harrier_reply *reply, size_t i);
    struct report_counts *counts; /* the sender's */
};

/* Counts what was answered and moves what is to be sent again to the front, after a failure with
 * all that was not looked at; *count becomes its number. */
static int take_answers(struct report_sender *sender, const struct report_type *type,
                        const struct harrier_reply *reply, char *reports, struct row_original *rows,
                        size_t *count, struct harrier_error *again, struct error *ret_error) {
    size_t left = 0;
    int r = 0;
    for (size_t i = 0; i < *count; i++) {
        const struct answer answer = type->answer_of(reply, i);
        bool is_left = r < 0 || retry_is_worthwhile(answer.code);
        if (is_left) {
            again->code = answer.code;
            strncpy(again->message, answer.message, sizeof again->message - 1);
            memmove(reports + left * type->size, reports + i * type->size, type->size);
            rows[left++] = rows[i];
        } else if (answer.code == HARRIER_OK) {
            type->counts->accepted++;
            type->counts->changed += answer.changed;
            sender->outcomes.changed += answer.outcome;
            sender->amendments.changed += answer.amendment;
            if (answer.now)
                sender->last = *answer.now;
        } else {
            r = row_errors_refuse_answer(sender->diagnostics, &rows[i],
                                         retry_error_code(answer.code), text_of(answer.field),
                                         answer.message, ret_error);
        }
    }
    *count = left;
    return r;
}

static int send_reports(struct report_sender *sender, const struct report_type *type, void *reports,
                        struct row_original *rows, size_t *count, struct error *ret_error) {
    while (*count > 0) {
        struct harrier_error failure = {0};
        struct harrier_reply *reply;
        const struct harrier_call_options options = {.deadline_us = sender->deadline_us};
        int r = type->call(sender->client, reports, *count, &options, &reply, &failure);
        if (r == 0) {
            r = take_answers(sender, type, reply, reports, rows, count, &failure, ret_error);
            harrier_reply_free(reply);
            if (r < 0)
                return r;
            if (*count == 0)
                break;
        }
        r = retry_or_fail(sender->retry, &failure, ret_error);
        if (r < 0)
            return r;
    }
    retry_answered(sender->retry);
    return 0;
}

/* ---- outcomes ---- */

static int call_outcomes(struct harrier_client *client, const void *reports, size_t count,
                         const struct harrier_call_options *options,
                         struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    return harrier_report_outcomes(client, reports, count, options, ret_reply, ret_error);
}

static struct answer outcome_answer(const struct harrier_reply *reply, size_t i) {
    const struct harrier_outcome_result *result = &reply->outcomes[i];
    return (struct answer){.code = result->error_code,
                           .field = result->error_field,
                           .message = result->error_message,
                           .changed = result->changed};
}

int report_sender_outcomes(struct report_sender *sender, struct harrier_outcome *outcomes,
                           struct row_original *rows, size_t *count, struct error *ret_error) {
    const struct report_type type = {.size = sizeof *outcomes,
                                     .call = call_outcomes,
                                     .answer_of = outcome_answer,
                                     .counts = &sender->outcomes};
    return send_reports(sender, &type, outcomes, rows, count, ret_error);
}

/* ---- amendments ---- */

static int call_amendments(struct harrier_client *client, const void *reports, size_t count,
                           const struct harrier_call_options *options,
                           struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    return harrier_amend(client, reports, count, options, ret_reply, ret_error);
}

static struct answer amendment_answer(const struct harrier_reply *reply, size_t i) {
    const struct harrier_amendment_result *result = &reply->amendments[i];
    return (struct answer){.code = result->error_code,
                           .field = result->error_field,
                           .message = result->error_message,
                           .changed = result->changed,
                           .now = &result->now};
}

int report_sender_amendments(struct report_sender *sender, struct harrier_amendment *amendments,
                             struct row_original *rows, size_t *count, struct error *ret_error) {
    const struct report_type type = {.size = sizeof *amendments,
                                     .call = call_amendments,
                                     .answer_of = amendment_answer,
                                     .counts = &sender->amendments};
    return send_reports(sender, &type, amendments, rows, count, ret_error);
}

/* ---- history ---- */

static int call_backfill(struct harrier_client *client, const void *reports, size_t count,
                         const struct harrier_call_options *options,
                         struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    return harrier_backfill(client, reports, count, options, ret_reply, ret_error);
}

static struct answer backfill_answer(const struct harrier_reply *reply, size_t i) {
    const struct harrier_backfill_result *result = &reply->backfilled[i];
    return (struct answer){.code = result->error_code,
                           .field = result->error_field,
                           .message = result->error_message,
                           .changed = !result->duplicate,
                           .outcome = result->outcome_recorded,
                           .amendment = result->amendment_recorded};
}

int report_sender_backfill(struct report_sender *sender, struct harrier_backfill_item *items,
                           struct row_original *rows, size_t *count, struct error *ret_error) {
    const struct report_type type = {.size = sizeof *items,
                                     .call = call_backfill,
                                     .answer_of = backfill_answer,
                                     .counts = &sender->transactions};
    return send_reports(sender, &type, items, rows, count, ret_error);
}
