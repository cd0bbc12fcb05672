/* The bytes: newest event time, newest receive time, records, transactions, outcomes, newest
 * generation, its position, labels, position of the policy (8 bytes each, little-endian); then list
 * changes, sources, policy and generation, each a length (8 bytes) and its bytes. */
#include "part_summary.h"

#include "batch/tasks/task_bytes.h"
#include "core/base/check.h"

void part_summary_put(const struct part_summary *summary, struct buffer *buffer) {
    const struct sums *sums = &summary->sums;
    buffer_append_u64(buffer, (uint64_t)sums->newest_event_time_us);
    buffer_append_u64(buffer, (uint64_t)sums->newest_receive_us);
    buffer_append_u64(buffer, sums->records);
    buffer_append_u64(buffer, sums->transactions);
    buffer_append_u64(buffer, sums->outcomes);
    buffer_append_u64(buffer, sums->newest_generation);
    buffer_append_u64(buffer, sums->newest_generation_position);
    for (int label = LABEL_NONE + 1; label < LABEL_COUNT; label++)
        buffer_append_u64(buffer, (uint64_t)sums->labels[label]);
    buffer_append_u64(buffer, summary->policy_position);
    task_bytes_put(buffer, summary->list_changes);
    task_bytes_put(buffer, summary->sources);
    task_bytes_put(buffer, summary->policy);
    task_bytes_put(buffer, summary->generation);
}

int part_summary_get(struct text bytes, struct part_summary *ret_summary, struct error *ret_error) {
    struct cursor cursor = cursor_of(bytes.data, bytes.length);
    struct part_summary summary = {0};
    struct sums *sums = &summary.sums;
    sums->newest_event_time_us = (int64_t)cursor_u64(&cursor);
    sums->newest_receive_us = (int64_t)cursor_u64(&cursor);
    sums->records = cursor_u64(&cursor);
    sums->transactions = cursor_u64(&cursor);
    sums->outcomes = cursor_u64(&cursor);
    sums->newest_generation = cursor_u64(&cursor);
    sums->newest_generation_position = cursor_u64(&cursor);
    for (int label = LABEL_NONE + 1; label < LABEL_COUNT; label++)
        sums->labels[label] = (int64_t)cursor_u64(&cursor);
    summary.policy_position = cursor_u64(&cursor);
    summary.list_changes = task_bytes_get(&cursor);
    summary.sources = task_bytes_get(&cursor);
    summary.policy = task_bytes_get(&cursor);
    summary.generation = task_bytes_get(&cursor);
    if (cursor.failed || cursor_left(&cursor) > 0)
        return error_set(ret_error, ERROR_INVALID, "the summary of a part is damaged");
    *ret_summary = summary;
    return 0;
}

int64_t part_summary_newest_us(struct text bytes) {
    check(bytes.length >= PART_SUMMARY_SHORT);
    return (int64_t)load_u64((const uint8_t *)bytes.data);
}
