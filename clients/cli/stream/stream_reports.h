/* Asking a server about a batch of outcomes or of amendments: the same steps for both. */
#pragma once

#include "clients/c/harrier.h"
#include "stream_batch.h"

#include <stddef.h>
#include <stdint.h>

/* Blocks: as harrier_report_outcomes() and harrier_amend(), of what the batch has collected. */
int stream_reports_call(struct harrier_client *client, uint64_t deadline_us,
                        struct stream_batch *batch, struct harrier_reply **ret_reply,
                        struct harrier_error *ret_error);

/* How many of them the reply answers, and what it says of one. */
size_t stream_reports_answered(const struct stream_batch *batch, const struct harrier_reply *reply);
struct report_answer {
    enum harrier_error_code code;
    const char *field, *message;
};
struct report_answer stream_reports_answer(const struct stream_batch *batch,
                                           const struct harrier_reply *reply, size_t i);
