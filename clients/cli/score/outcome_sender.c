/* Outcomes are answered one by one: some may be accepted and others fail for a while. Only the
 * latter are sent again, with pauses that grow; a refusal is final and is reported with its row. */
#include "outcome_sender.h"

#include <string.h>

/* Counts what was answered and moves what is to be sent again to the front; returns its number. */
static size_t take_results(struct outcome_sender *sender, const struct harrier_reply *reply,
                           struct harrier_outcome *outcomes, uint64_t *lines,
                           struct harrier_error *again) {
    size_t left = 0;
    for (size_t i = 0; i < reply->outcome_count; i++) {
        const struct harrier_outcome_result *result = &reply->outcomes[i];
        if (result->error_code == HARRIER_OK) {
            sender->accepted++;
            sender->changed += result->changed;
        } else if (retry_is_worthwhile(result->error_code)) {
            again->code = result->error_code;
            strncpy(again->message, result->error_message, sizeof again->message - 1);
            outcomes[left] = outcomes[i];
            lines[left++] = lines[i];
        } else {
            row_errors_add_answer(sender->diagnostics, lines[i], result->error_field,
                                  result->error_message);
        }
    }
    return left;
}

int outcome_sender_send(struct outcome_sender *sender, struct harrier_outcome *outcomes,
                        uint64_t *lines, size_t count, struct error *ret_error) {
    while (count > 0) {
        struct harrier_error failure = {0};
        struct harrier_reply *reply;
        const struct harrier_call_options options = {.deadline_us = sender->deadline_us};
        int r =
            harrier_report_outcomes(sender->client, outcomes, count, &options, &reply, &failure);
        if (r == 0) {
            count = take_results(sender, reply, outcomes, lines, &failure);
            harrier_reply_free(reply);
            if (count == 0)
                break;
        }
        r = retry_or_fail(sender->retry, &failure, ret_error);
        if (r < 0)
            return r;
    }
    retry_answered(sender->retry);
    return 0;
}
