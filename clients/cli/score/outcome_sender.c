/* Outcomes are answered one by one: some may be accepted and others fail for a while. Only the
 * latter are sent again, with pauses that grow; a refusal is final and is reported with its row. */
#include "outcome_sender.h"

#include <string.h>

/* Counts what was answered and moves what is to be sent again to the front, after a failure with
 * all that was not looked at; *count becomes its number. */
static int take_results(struct outcome_sender *sender, const struct harrier_reply *reply,
                        struct harrier_outcome *outcomes, struct row_original *rows, size_t *count,
                        struct harrier_error *again, struct error *ret_error) {
    size_t left = 0;
    int r = 0;
    for (size_t i = 0; i < *count; i++) {
        const struct harrier_outcome_result *result = &reply->outcomes[i];
        bool is_left = r < 0 || retry_is_worthwhile(result->error_code);
        if (is_left) {
            again->code = result->error_code;
            strncpy(again->message, result->error_message, sizeof again->message - 1);
            outcomes[left] = outcomes[i];
            rows[left++] = rows[i];
        } else if (result->error_code == HARRIER_OK) {
            sender->accepted++;
            sender->changed += result->changed;
        } else {
            r = row_errors_refuse_answer(
                sender->diagnostics, &rows[i], retry_error_code(result->error_code),
                text_of(result->error_field), result->error_message, ret_error);
        }
    }
    *count = left;
    return r;
}

int outcome_sender_send(struct outcome_sender *sender, struct harrier_outcome *outcomes,
                        struct row_original *rows, size_t *count, struct error *ret_error) {
    while (*count > 0) {
        struct harrier_error failure = {0};
        struct harrier_reply *reply;
        const struct harrier_call_options options = {.deadline_us = sender->deadline_us};
        int r =
            harrier_report_outcomes(sender->client, outcomes, *count, &options, &reply, &failure);
        if (r == 0) {
            r = take_results(sender, reply, outcomes, rows, count, &failure, ret_error);
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
