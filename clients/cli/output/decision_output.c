/* A decision of the client library → a row of CSV or a line of JSON.
 *
 * CSV needs its columns before the first row, but a decision may come without features; such rows
 * are held back, without the features' cells, until a decision names them. JSON lines need
 * nothing of the kind. */
#include "decision_output.h"

#include "clients/cli/io/csv_cell.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/text.h"
#include "core/base/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int decision_output_open(struct decision_output *output, const char *path,
                         enum decision_format format, bool features, struct error *ret_error) {
    *output = (struct decision_output){.format = format, .features = features};
    output->is_stdout = !path || strcmp(path, "-") == 0;
    output->name = output->is_stdout ? "stdout" : path;
    output->file = output->is_stdout ? stdout : fopen(path, "we");
    if (!output->file)
        return error_set_errno(ret_error, errno, "cannot write %s", path);
    buffer_init(&output->line);
    buffer_init(&output->held);
    return 0;
}

/* Through stdio; a full disk may show only when the file is closed. */
static int write_bytes(struct decision_output *output, const void *bytes, size_t length,
                       struct error *ret_error) {
    if (fwrite(bytes, 1, length, output->file) == length)
        return 0;
    return error_set_errno(ret_error, errno, "cannot write %s", output->name);
}

/* --- CSV ---------------------------------------------------------------------------------------
 */

static const char server_columns[] =
    "transaction_id,verdict,score,position,duplicate,degraded,server_us,rules,reasons";

/* Names with spaces between them, texts with semicolons. Shadow and suppressed ones are marked,
 * since they had no effect. */
static void append_joined(struct buffer *buffer, const struct decision *decision, bool texts) {
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        const struct text said = texts ? reason->text : reason->rule;
        if (i > 0)
            buffer_append_string(buffer, texts ? "; " : " ");
        buffer_append(buffer, said.data, said.length);
        if (reason->shadow)
            buffer_append_string(buffer, texts ? " (shadow)" : ":shadow");
        if (reason->suppressed)
            buffer_append_string(buffer, texts ? " (suppressed)" : ":suppressed");
    }
}

void decision_rules(struct buffer *ret_text, const struct decision *decision) {
    append_joined(ret_text, decision, false);
}

void decision_reasons(struct buffer *ret_text, const struct decision *decision) {
    append_joined(ret_text, decision, true);
}

void decision_csv_rules(struct buffer *line, const struct decision *decision) {
    size_t begin = line->length;
    decision_rules(line, decision);
    csv_quote_behind(line, begin);
}

void decision_csv_reasons(struct buffer *line, const struct decision *decision) {
    size_t begin = line->length;
    decision_reasons(line, decision);
    csv_quote_behind(line, begin);
}

/* As JSON and the mapping files write it. */
static const char *flag_name(bool flag) {
    return flag ? "true" : "false";
}

/* The cells of server_columns, in that order. */
static void append_base(struct decision_output *output, const struct decision *decision) {
    struct buffer *line = &output->line;
    csv_add_text(line, decision->transaction_id);
    buffer_printf(line, ",%s,%" PRIu32 ",%" PRIu64, verdict_name(decision->verdict),
                  decision->score, decision->position);
    buffer_printf(line, ",%s,%s,%" PRIu32 ",", flag_name(decision->duplicate),
                  flag_name(decision->degraded), decision->server_us);
    decision_csv_rules(line, decision);
    buffer_append_u8(line, ',');
    decision_csv_reasons(line, decision);
}

/* The place of a column's feature among the decision's, SIZE_MAX when it is not there: mostly
 * behind that of the column before; elsewhere after a policy's change. */
static size_t find_feature(const struct decision *decision, const char *name, size_t guess) {
    if (guess < decision->feature_count && text_is(decision->features[guess].name, name))
        return guess;
    for (size_t i = 0; i < decision->feature_count; i++)
        if (text_is(decision->features[i].name, name))
            return i;
    return SIZE_MAX;
}

/* A feature without a column is dropped and remembered; the command says so at the end. */
static void append_features(struct decision_output *output, const struct decision *decision) {
    size_t found = 0, guess = 0;
    for (size_t i = 0; i < output->column_count; i++) {
        size_t feature = find_feature(decision, output->columns[i], guess);
        buffer_append_u8(&output->line, ',');
        if (feature == SIZE_MAX)
            continue;
        csv_add_value(&output->line, decision->features[feature].value);
        guess = feature + 1;
        found++;
    }
    output->features_dropped = output->features_dropped || found < decision->feature_count;
}

/* Of the first decision with features; copied, because the decision goes. */
static void name_columns(struct decision_output *output, const struct decision *decision) {
    output->columns = check_calloc(decision->feature_count + 1, sizeof *output->columns);
    for (size_t i = 0; i < decision->feature_count; i++)
        output->columns[i] = text_copy(decision->features[i].name);
    output->column_count = decision->feature_count;
}

/* The header, and what was held back behind it. Texts in a row have no line feeds: neither the wire
 * nor the archive takes control characters. */
static int write_header(struct decision_output *output, struct error *ret_error) {
    struct buffer header;
    buffer_init(&header);
    buffer_append_string(&header, server_columns);
    for (size_t i = 0; i < output->column_count; i++) {
        buffer_append_u8(&header, ',');
        csv_add_text(&header, text_of(output->columns[i]));
    }
    buffer_append_u8(&header, '\n');
    for (size_t i = 0; i < output->held.length; i++) {
        if (output->held.bytes[i] == '\n')
            for (size_t column = 0; column < output->column_count; column++)
                buffer_append_u8(&header, ',');
        buffer_append_u8(&header, output->held.bytes[i]);
    }
    int r = write_bytes(output, header.bytes, header.length, ret_error);
    buffer_deinit(&header);
    buffer_clear(&output->held);
    output->header_done = true;
    return r;
}

/* Once DECISION_HELD_MAX bytes are held, the header is written without features rather than using
 * more memory. */
static int add_csv(struct decision_output *output, const struct decision *decision,
                   struct error *ret_error) {
    append_base(output, decision);
    if (!output->header_done) {
        bool known = !output->features || decision->feature_count > 0;
        if (!known && output->held.length < DECISION_HELD_MAX) {
            buffer_append_u8(&output->line, '\n');
            buffer_append(&output->held, output->line.bytes, output->line.length);
            return 0;
        }
        name_columns(output, decision);
        int r = write_header(output, ret_error);
        if (r < 0)
            return r;
    }
    append_features(output, decision);
    buffer_append_u8(&output->line, '\n');
    return write_bytes(output, output->line.bytes, output->line.length, ret_error);
}

/* --- JSON lines --------------------------------------------------------------------------------
 */

/* Members that do not apply are left out, except for score and shadow. */
void decision_json_reason(struct buffer *line, const struct reason *reason) {
    json_begin_object(line, NULL);
    json_add_text(line, "rule", reason->rule);
    json_add_text(line, "text", reason->text);
    json_add_signed(line, "score", reason->score);
    if (reason->verdict != VERDICT_NONE)
        json_add_text(line, "verdict", text_of(verdict_name(reason->verdict)));
    json_add_bool(line, "shadow", reason->shadow);
    if (reason->verdict_if_live != VERDICT_NONE)
        json_add_text(line, "verdict_if_live", text_of(verdict_name(reason->verdict_if_live)));
    if (reason->suppressed)
        json_add_bool(line, "suppressed", true);
    if (reason->group.length)
        json_add_text(line, "group", reason->group);
    if (reason->capped)
        json_add_signed(line, "capped", reason->capped);
    if (reason->tag_count) {
        json_begin_array(line, "tags");
        for (size_t i = 0; i < reason->tag_count; i++)
            json_add_text(line, NULL, reason->tags[i]);
        json_end_array(line);
    }
    json_end_object(line);
}

/* Without failed rules, and in records of versions that only counted them: left out. */
void decision_json_failures(struct buffer *line, const struct decision *decision) {
    json_add_unsigned(line, "rule_errors", decision->rule_errors);
    if (decision->failed_rule_count == 0)
        return;
    json_begin_array(line, "failed_rules");
    for (size_t i = 0; i < decision->failed_rule_count; i++)
        json_add_text(line, NULL, decision->failed_rules[i]);
    json_end_array(line);
}

/* Features come last: they are the longest part. */
void decision_json(struct buffer *line, const struct decision *decision, bool features) {
    json_begin_object(line, NULL);
    json_add_text(line, "transaction_id", decision->transaction_id);
    json_add_text(line, "verdict", text_of(verdict_name(decision->verdict)));
    json_add_unsigned(line, "score", decision->score);
    json_add_unsigned(line, "position", decision->position);
    json_add_bool(line, "duplicate", decision->duplicate);
    json_add_bool(line, "degraded", decision->degraded);
    if (decision->degraded)
        json_add_text(line, "degraded_reason", decision->degraded_reason);
    if (decision->dry_run)
        json_add_bool(line, "dry_run", true);
    json_add_unsigned(line, "server_us", decision->server_us);
    decision_json_failures(line, decision);
    json_add_hex(line, "snapshot_id", decision->snapshot_id);
    json_add_hex(line, "generation_id", decision->generation_id);
    if (decision->arm != ARM_NONE)
        json_add_text(line, "arm", text_of(arm_name(decision->arm)));
    json_begin_array(line, "reasons");
    for (size_t i = 0; i < decision->reason_count; i++)
        decision_json_reason(line, &decision->reasons[i]);
    json_end_array(line);
    if (features) {
        json_begin_object(line, "features");
        for (size_t i = 0; i < decision->feature_count; i++)
            json_add_value(line, decision->features[i].name, decision->features[i].value);
        json_end_object(line);
    }
    json_end_object(line);
}

static int add_json(struct decision_output *output, const struct decision *decision,
                    struct error *ret_error) {
    decision_json(&output->line, decision, output->features);
    buffer_append_u8(&output->line, '\n');
    return write_bytes(output, output->line.bytes, output->line.length, ret_error);
}

int decision_output_add(struct decision_output *output, const struct harrier_decision *decision,
                        struct error *ret_error) {
    if (output->format == DECISION_NONE)
        return 0;
    const struct decision of_core = sent_decision_convert(&output->sent, decision);
    buffer_clear(&output->line);
    if (output->format == DECISION_CSV)
        return add_csv(output, &of_core, ret_error);
    return add_json(output, &of_core, ret_error);
}

int decision_output_close(struct decision_output *output, struct error *ret_error) {
    int r = 0;
    if (output->format == DECISION_CSV && !output->header_done)
        r = write_header(output, ret_error);
    if (fflush(output->file) != 0 && r == 0)
        r = error_set_errno(ret_error, errno, "cannot write %s", output->name);
    if (!output->is_stdout && fclose(output->file) != 0 && r == 0)
        r = error_set_errno(ret_error, errno, "cannot write %s", output->name);
    for (size_t i = 0; i < output->column_count; i++)
        free(output->columns[i]);
    free(output->columns);
    sent_decision_deinit(&output->sent);
    buffer_deinit(&output->line);
    buffer_deinit(&output->held);
    return r;
}
