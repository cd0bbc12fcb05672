/* As outcome_sender.c: those that fail for a while are sent again, with pauses that grow; a refusal
 * is final and is reported with its row. */
#include "amendment_sender.h"

#include <string.h>

/* Counts what was answered and moves what is to be sent again to the front, after a failure with
 * all that was not looked at; *count becomes its number. */
static int take_results(struct amendment_sender *sender, const struct harrier_reply *reply,
                        struct harrier_amendment *amendments, struct row_original *rows,
                        size_t *count, struct harrier_error *again, struct error *ret_error) {
    size_t left = 0;
    int r = 0;
    for (size_t i = 0; i < *count; i++) {
        const struct harrier_amendment_result *result = &reply->amendments[i];
        bool is_left = r < 0 || retry_is_worthwhile(result->error_code);
        if (is_left) {
            again->code = result->error_code;
            strncpy(again->message, result->error_message, sizeof again->message - 1);
            amendments[left] = amendments[i];
            rows[left++] = rows[i];
        } else if (result->error_code == HARRIER_OK) {
            sender->accepted++;
            sender->changed += result->changed;
            sender->last = result->now;
        } else {
            r = row_errors_refuse_answer(
                sender->diagnostics, &rows[i], retry_error_code(result->error_code),
                text_of(result->error_field), result->error_message, ret_error);
        }
    }
    *count = left;
    return r;
}

int amendment_sender_send(struct amendment_sender *sender, struct harrier_amendment *amendments,
                          struct row_original *rows, size_t *count, struct error *ret_error) {
    while (*count > 0) {
        struct harrier_error failure = {0};
        struct harrier_reply *reply;
        const struct harrier_call_options options = {.deadline_us = sender->deadline_us};
        int r = harrier_amend(sender->client, amendments, *count, &options, &reply, &failure);
        if (r == 0) {
            r = take_results(sender, reply, amendments, rows, count, &failure, ret_error);
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
