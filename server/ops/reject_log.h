/* The file of refused transactions (option rejects): a line of JSON for each, which `harrier score`
 * reads as it reads any rows, with the members of core/wire/types/reject_column.h behind those of
 * the transaction (core/wire/types/transaction_json.h).
 *
 * Requests only append to a queue in memory; the background thread writes what is in it
 * (JOB_REJECTS). What has no room in the queue, or on the disk, is counted and dropped: no request
 * waits for this file, and none fails for it.
 *
 * The file holds whole lines: a failed write is taken back to the last of them, and a line that a
 * crash cut short is cut off when the file is opened again. It is appended to across restarts. At
 * size_max it is renamed to PATH.1, in place of an older one. One that somebody else has renamed is
 * left alone, and a new one begun. It is not synced: after a crash of the machine, the producer's
 * own log has to do. */
#pragma once

#include "core/base/error.h"
#include "core/base/metric.h"
#include "core/wire/types/transaction.h"
#include "core/wire/types/transaction_json.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

#include <stdbool.h>
#include <stdint.h>

/* A row that harrier score reads; longer ones are dropped. */
#define REJECT_LOG_ROW_MAX   ((size_t)1 << 20)
#define REJECT_LOG_SIZE_MIN  (1 << 20)
#define REJECT_LOG_QUEUE_MAX ((size_t)4 << 20) /* bytes that wait to be written */

struct reject_log;

struct reject_log_settings {
    const char *path;  /* copied */
    uint64_t size_max; /* bytes, at least REJECT_LOG_SIZE_MIN */
    const struct clock *clock;
    struct log *log;
    struct metric_set *metrics; /* REJECTS */
};

struct reject {
    const struct transaction *transaction;
    const struct card_masking *masking;
    struct text source; /* who sent it; may be empty */
    enum error_code code;
    struct text field, reason;
    int64_t receive_time_us;
};

/* ERROR_INVALID: the path is not a regular file, or one of something else. ERROR_EXISTS: another
 * process has it. ERROR_SYSTEM. */
int reject_log_open(const struct reject_log_settings *settings, struct reject_log **ret_reject_log,
                    struct error *ret_error);
/* Writes what waits. NULL is allowed. */
void reject_log_close(struct reject_log *reject_log);

/* Any thread; does not wait for the disk. True: the queue was empty, so the writer must be asked.
 */
bool reject_log_add(struct reject_log *reject_log, const struct reject *reject);

/* Writes what waits. One thread. */
void reject_log_write(struct reject_log *reject_log);
