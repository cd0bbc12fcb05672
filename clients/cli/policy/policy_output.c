/* Positions are printed without thousands separators, so that they can be pasted into other
 * commands. */
#include "policy_output.h"

#include "quoted_path.h"

#include "clients/cli/terminal/quantity.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/policy/lists/experiment.h"

#include <inttypes.h>
#include <stdio.h>

static const char *use_name(enum policy_use use) {
    switch (use) {
    case POLICY_LIVE:
        return "live";
    case POLICY_CHALLENGER:
        return "arm";
    case POLICY_SHADOW:
        return "shadow";
    case POLICY_BUILT:
        return "tables";
    }
    check(false);
    return "";
}

/* ---- list ---- */

/* Head and rows have the same widths. */
#define LIST_FORMAT "%-27s  %12s  %-16s  %-6s  %-24s  %5s  %15s"
#define COUNT_HEAD  "  %15s"

static void add_row(const struct policy_history *history, const struct policy_adoption *adoption,
                    bool counts, struct buffer *out) {
    char received[QUANTITY_TIME_SIZE], until[QUANTITY_TIME_SIZE], id[HASH_HEX_SIZE];
    char position[24], files[24], records[QUANTITY_COUNT_SIZE] = "-";
    char transactions[QUANTITY_COUNT_SIZE] = "-";
    bool is_live = adoption->use == POLICY_LIVE, decides = is_live;
    decides |= adoption->use == POLICY_CHALLENGER;
    struct buffer name;
    buffer_init(&name);
    quoted_path_write(NULL, adoption->name, &name);
    buffer_append_u8(&name, '\0');
    hash_hex(adoption->snapshot_id, id);
    snprintf(position, sizeof position, "%" PRIu64, adoption->position);
    snprintf(files, sizeof files, "%zu", adoption->file_count);
    if (decides)
        quantity_format_count(policy_adoption_records(adoption, history), records);
    if (is_live)
        quantity_format_count(adoption->transactions, transactions);
    buffer_printf(out, LIST_FORMAT, quantity_format_time(adoption->receive_time_us, received),
                  position, id, use_name(adoption->use), (const char *)name.bytes, files, records);
    if (counts)
        buffer_printf(out, COUNT_HEAD, transactions);
    buffer_printf(out, "  %s\n",
                  !decides                   ? "-"
                  : adoption->until_position ? quantity_format_time(adoption->until_us, until)
                                             : "in force");
    buffer_deinit(&name);
}

void policy_list_text(const struct policy_history *history, bool counts, struct buffer *out) {
    buffer_printf(out, LIST_FORMAT, "received", "position", "id", "use", "policy", "files",
                  "records");
    if (counts)
        buffer_printf(out, COUNT_HEAD, "transactions");
    buffer_append_string(out, "  until\n");
    for (size_t i = 0; i < policy_history_count(history); i++)
        add_row(history, policy_history_at(history, i), counts, out);
}

static void add_members(const struct policy_history *history,
                        const struct policy_adoption *adoption, struct buffer *out) {
    json_add_text(out, "use", text_of(use_name(adoption->use)));
    json_add_hex(out, "snapshot_id", adoption->snapshot_id);
    if (adoption->name.length)
        json_add_text(out, "policy_name", adoption->name);
    json_add_unsigned(out, "position", adoption->position);
    json_add_time(out, "received", adoption->receive_time_us);
    json_add_unsigned(out, "recorded", adoption->recorded);
    json_add_unsigned(out, "file_count", adoption->file_count);
    if (adoption->use != POLICY_LIVE && adoption->use != POLICY_CHALLENGER)
        return;
    if (adoption->use == POLICY_CHALLENGER) {
        json_add_text(out, "experiment", adoption->experiment);
        json_add_text(out, "key", adoption->key);
        json_add_unsigned(out, "share_e4", adoption->share);
    }
    if (adoption->until_position) {
        json_add_unsigned(out, "until_position", adoption->until_position);
        json_add_time(out, "until", adoption->until_us);
    }
    json_add_unsigned(out, "records", policy_adoption_records(adoption, history));
}

void policy_list_json(const struct policy_history *history, bool counts, struct buffer *out) {
    for (size_t i = 0; i < policy_history_count(history); i++) {
        const struct policy_adoption *adoption = policy_history_at(history, i);
        json_begin_object(out, NULL);
        add_members(history, adoption, out);
        if (counts && adoption->use == POLICY_LIVE)
            json_add_unsigned(out, "transactions", adoption->transactions);
        json_end_object(out);
        buffer_append_u8(out, '\n');
    }
}

/* ---- one policy ---- */

static uint64_t bytes_of(const struct policy_version *version) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < version->file_count; i++)
        bytes += version->files[i].content.length;
    return bytes;
}

static void add_period(const struct policy_history *history, const struct policy_adoption *adoption,
                       struct buffer *out) {
    char from[QUANTITY_TIME_SIZE], until[QUANTITY_TIME_SIZE], records[QUANTITY_COUNT_SIZE];
    quantity_format_time(adoption->receive_time_us, from);
    if (adoption->use == POLICY_CHALLENGER) {
        buffer_printf(out, "experiment %" TEXT_FORMAT ", for ", TEXT_ARGS(adoption->experiment));
        experiment_put_share(out, adoption->share);
        buffer_printf(out, " of %" TEXT_FORMAT "\n", TEXT_ARGS(adoption->key));
    }
    switch (adoption->use) {
    case POLICY_LIVE:
    case POLICY_CHALLENGER:
        buffer_printf(out, "in force   from %s (position %" PRIu64 ")", from, adoption->position);
        if (adoption->until_position)
            buffer_printf(out, " until %s (position %" PRIu64 ")",
                          quantity_format_time(adoption->until_us, until),
                          adoption->until_position);
        buffer_printf(out, ", %s records\n",
                      quantity_format_count(policy_adoption_records(adoption, history), records));
        break;
    case POLICY_SHADOW:
        buffer_printf(out, "in shadow  from %s (position %" PRIu64 ")\n", from, adoption->position);
        break;
    case POLICY_BUILT:
        buffer_printf(out, "in tables  adopted %s (position %" PRIu64 ")\n", from,
                      adoption->position);
        break;
    }
}

void policy_files_text(const struct policy_history *history, const struct policy_adoption *adoption,
                       const struct policy_version *version, struct buffer *out) {
    char id[HASH_HEX_SIZE], bytes[QUANTITY_BYTES_SIZE], size[QUANTITY_COUNT_SIZE];
    hash_hex(adoption->snapshot_id, id);
    buffer_append_string(out, "policy     ");
    quoted_path_write(NULL, adoption->name, out);
    buffer_printf(out, "%s(snapshot %s)\n", adoption->name.length ? " " : "", id);
    add_period(history, adoption, out);
    buffer_printf(out, "files      %zu, %s\n", version->file_count,
                  quantity_format_bytes(bytes_of(version), bytes));
    for (size_t i = 0; i < version->file_count; i++) {
        buffer_printf(out, "  %12s  ",
                      quantity_format_count(version->files[i].content.length, size));
        quoted_path_write(NULL, version->files[i].path, out);
        buffer_append_u8(out, '\n');
    }
}

void policy_files_json(const struct policy_history *history, const struct policy_adoption *adoption,
                       const struct policy_version *version, struct buffer *out) {
    json_begin_object(out, NULL);
    add_members(history, adoption, out);
    json_begin_array(out, "files");
    for (size_t i = 0; i < version->file_count; i++) {
        json_begin_object(out, NULL);
        json_add_text(out, "path", version->files[i].path);
        json_add_unsigned(out, "bytes", version->files[i].content.length);
        json_end_object(out);
    }
    json_end_array(out);
    json_end_object(out);
    buffer_append_u8(out, '\n');
}
