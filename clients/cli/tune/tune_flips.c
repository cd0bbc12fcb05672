#include "tune_flips.h"

#include "clients/cli/io/csv_cell.h"
#include "clients/cli/output/decision_output.h"

#include <errno.h>
#include <unistd.h>

const char tune_flips_header[] =
    "transaction_id,position,event_time,amount_minor,currency,outcome,present_verdict,"
    "present_score,tuned_verdict,tuned_score,present_rules,tuned_rules\n";

int tune_flips_open(struct tune_flips *flips, const char *path, uint64_t listed,
                    struct error *ret_error) {
    *flips = (struct tune_flips){.listed = listed};
    buffer_init(&flips->lines);
    if (!path)
        return 0;
    flips->file = fopen(path, "wxe");
    if (!flips->file && errno == EEXIST)
        return error_set(ret_error, ERROR_INVALID,
                         "--flips %s: it exists and is not written over; name a new file", path);
    if (!flips->file)
        return error_set_errno(ret_error, errno, "cannot create %s", path);
    flips->path = path;
    fputs(tune_flips_header, flips->file);
    return 0;
}

static void add_decision(struct buffer *line, const struct decision *decision) {
    buffer_printf(line, ",%s,%u", verdict_name(decision->verdict), decision->score);
}

void tune_flips_format(const struct replay_row *row, struct buffer *line) {
    const struct transaction *transaction = &row->record->transaction.transaction;
    csv_add_text(line, transaction->id);
    buffer_printf(line, ",%llu,", (unsigned long long)row->record->position);
    csv_add_value(line, value_timestamp(transaction->event_time_us));
    buffer_printf(line, ",%lld,", (long long)transaction->amount_minor);
    csv_add_text(line, transaction->currency);
    buffer_printf(line, ",%s", label_name(row->outcome));
    add_decision(line, row->against);
    add_decision(line, row->decision);
    buffer_append_u8(line, ',');
    decision_csv_rules(line, row->against);
    buffer_append_u8(line, ',');
    decision_csv_rules(line, row->decision);
    buffer_append_u8(line, '\n');
}

int tune_flips_add(struct tune_flips *flips, struct text line, struct error *ret_error) {
    if (flips->count++ < flips->listed)
        buffer_append(&flips->lines, line.data, line.length);
    if (flips->file && fwrite(line.data, 1, line.length, flips->file) != line.length)
        return error_set_errno(ret_error, errno, "cannot write %s", flips->path);
    return 0;
}

int tune_flips_finish(struct tune_flips *flips, struct error *ret_error) {
    if (!flips->file)
        return 0;
    bool failed = fflush(flips->file) != 0;
    failed |= fclose(flips->file) != 0;
    flips->file = NULL;
    if (failed)
        return error_set_errno(ret_error, errno, "cannot write %s", flips->path);
    flips->path = NULL;
    return 0;
}

void tune_flips_close(struct tune_flips *flips) {
    if (flips->file)
        fclose(flips->file);
    if (flips->path)
        unlink(flips->path);
    buffer_deinit(&flips->lines);
}
