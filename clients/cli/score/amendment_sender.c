/* As outcome_sender.c: those that fail for a while are sent again, with pauses that grow; a refusal
 * is final and is reported with its row. */
#include "amendment_sender.h"

#include <string.h>

/* Counts what was answered and moves what is to be sent again to the front; returns its number. */
static size_t take_results(struct amendment_sender *sender, const struct harrier_reply *reply,
                           struct harrier_amendment *amendments, uint64_t *lines,
                           struct harrier_error *again) {
    size_t left = 0;
    for (size_t i = 0; i < reply->amendment_count; i++) {
        const struct harrier_amendment_result *result = &reply->amendments[i];
        if (result->error_code == HARRIER_OK) {
            sender->accepted++;
            sender->changed += result->changed;
            sender->last = result->now;
        } else if (retry_is_worthwhile(result->error_code)) {
            again->code = result->error_code;
            strncpy(again->message, result->error_message, sizeof again->message - 1);
            amendments[left] = amendments[i];
            lines[left++] = lines[i];
        } else {
            row_errors_add_answer(sender->diagnostics, lines[i], result->error_field,
                                  result->error_message);
        }
    }
    return left;
}

int amendment_sender_send(struct amendment_sender *sender, struct harrier_amendment *amendments,
                          uint64_t *lines, size_t count, struct error *ret_error) {
    while (count > 0) {
        struct harrier_error failure = {0};
        struct harrier_reply *reply;
        const struct harrier_call_options options = {.deadline_us = sender->deadline_us};
        int r = harrier_amend(sender->client, amendments, count, &options, &reply, &failure);
        if (r == 0) {
            count = take_results(sender, reply, amendments, lines, &failure);
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
