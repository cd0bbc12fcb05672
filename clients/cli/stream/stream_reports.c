#include "stream_reports.h"

int stream_reports_call(struct harrier_client *client, uint64_t deadline_us,
                        struct stream_batch *batch, struct harrier_reply **ret_reply,
                        struct harrier_error *ret_error) {
    const struct harrier_call_options options = {.deadline_us = deadline_us};
    return batch->kind == BATCH_OUTCOMES
               ? harrier_report_outcomes(client, batch->sent_outcomes, batch->sent_count, &options,
                                         ret_reply, ret_error)
               : harrier_amend(client, batch->sent_amendments, batch->sent_count, &options,
                               ret_reply, ret_error);
}

size_t stream_reports_answered(const struct stream_batch *batch,
                               const struct harrier_reply *reply) {
    return batch->kind == BATCH_OUTCOMES ? reply->outcome_count : reply->amendment_count;
}

struct report_answer stream_reports_answer(const struct stream_batch *batch,
                                           const struct harrier_reply *reply, size_t i) {
    if (batch->kind == BATCH_OUTCOMES) {
        const struct harrier_outcome_result *result = &reply->outcomes[i];
        return (struct report_answer){result->error_code, result->error_field,
                                      result->error_message};
    }
    const struct harrier_amendment_result *result = &reply->amendments[i];
    return (struct report_answer){result->error_code, result->error_field, result->error_message};
}
