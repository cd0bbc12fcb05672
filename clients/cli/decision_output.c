#include "decision_output.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/base/value.h"
#include "json_writer.h"

#include <errno.h>
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

static int write_bytes(struct decision_output *output, const void *bytes, size_t length,
                       struct error *ret_error) {
    if (fwrite(bytes, 1, length, output->file) == length)
        return 0;
    return error_set_errno(ret_error, errno, "cannot write %s", output->name);
}

static struct value value_of(const struct harrier_feature *feature) {
    switch (feature->type) {
    case HARRIER_VALUE_FLAG:
        return value_bool(feature->value.flag);
    case HARRIER_VALUE_INTEGER:
        return value_int(feature->value.integer);
    case HARRIER_VALUE_NUMBER:
        return value_double(feature->value.number);
    case HARRIER_VALUE_TEXT:
        return value_text(text_of(feature->value.text));
    case HARRIER_VALUE_TIMESTAMP:
        return value_timestamp(feature->value.integer);
    case HARRIER_VALUE_DURATION:
        return value_duration(feature->value.integer);
    case HARRIER_VALUE_ABSENT:
        break;
    }
    return value_absent();
}

/* --- CSV ---------------------------------------------------------------------------------------
 */

static const char base_columns[] =
    "transaction_id,verdict,score,position,duplicate,degraded,server_us,rules,reasons";

static void append(struct buffer *buffer, const char *string) {
    buffer_append(buffer, string, strlen(string));
}

/* RFC 4180: quoted when it has to be. */
static void append_field(struct buffer *buffer, struct text field) {
    bool quote = false;
    for (size_t i = 0; i < field.length; i++)
        quote = quote || (field.data[i] && strchr(",\"\r\n", field.data[i]));
    if (!quote) {
        buffer_append(buffer, field.data, field.length);
        return;
    }
    buffer_append_u8(buffer, '"');
    for (size_t i = 0; i < field.length; i++) {
        if (field.data[i] == '"')
            buffer_append_u8(buffer, '"');
        buffer_append_u8(buffer, (uint8_t)field.data[i]);
    }
    buffer_append_u8(buffer, '"');
}

/* The names of the rules that fired, or their texts, joined; shadow rules are marked. */
static void append_reasons(struct buffer *buffer, const struct harrier_decision *decision,
                           bool texts) {
    struct buffer joined;
    buffer_init(&joined);
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct harrier_reason *reason = &decision->reasons[i];
        if (i > 0)
            append(&joined, texts ? "; " : " ");
        append(&joined, texts ? reason->text : reason->rule);
        if (reason->shadow)
            append(&joined, texts ? " (shadow)" : ":shadow");
    }
    append_field(buffer,
                 (struct text){.data = (const char *)joined.bytes, .length = joined.length});
    buffer_deinit(&joined);
}

static void append_base(struct buffer *line, const struct harrier_decision *decision) {
    char numbers[96];
    append_field(line, text_of(decision->transaction_id));
    snprintf(numbers, sizeof numbers, ",%s,%u,%llu,%s,%s,%u,",
             harrier_verdict_name(decision->verdict), decision->score,
             (unsigned long long)decision->position, decision->duplicate ? "true" : "false",
             decision->degraded ? "true" : "false", decision->server_us);
    append(line, numbers);
    append_reasons(line, decision, false);
    buffer_append_u8(line, ',');
    append_reasons(line, decision, true);
}

static void append_feature(struct buffer *line, const struct harrier_feature *feature) {
    char digits[64];
    struct value value = value_of(feature);
    if (value.type == VALUE_TEXT) {
        append_field(line, value.text);
    } else {
        value_format(value, digits, sizeof digits);
        append(line, digits);
    }
}

/* The feature of a column: mostly at the column's own place; elsewhere after a policy's change. */
static const struct harrier_feature *find_feature(const struct harrier_decision *decision,
                                                  const char *name, size_t guess) {
    if (guess < decision->feature_count && strcmp(decision->features[guess].name, name) == 0)
        return &decision->features[guess];
    for (size_t i = 0; i < decision->feature_count; i++)
        if (strcmp(decision->features[i].name, name) == 0)
            return &decision->features[i];
    return NULL;
}

static void append_features(struct decision_output *output,
                            const struct harrier_decision *decision) {
    size_t found = 0;
    for (size_t i = 0; i < output->column_count; i++) {
        const struct harrier_feature *feature = find_feature(decision, output->columns[i], i);
        buffer_append_u8(&output->line, ',');
        if (feature) {
            append_feature(&output->line, feature);
            found++;
        }
    }
    output->features_dropped = output->features_dropped || found < decision->feature_count;
}

static void name_columns(struct decision_output *output, const struct harrier_decision *decision) {
    output->columns = check_calloc(decision->feature_count + 1, sizeof *output->columns);
    for (size_t i = 0; i < decision->feature_count; i++)
        output->columns[i] = text_copy(text_of(decision->features[i].name));
    output->column_count = decision->feature_count;
}

/* The header, and what was held back behind it. Texts in a row have no line feeds: neither the wire
 * nor the archive takes control characters. */
static int write_header(struct decision_output *output, struct error *ret_error) {
    struct buffer header;
    buffer_init(&header);
    append(&header, base_columns);
    for (size_t i = 0; i < output->column_count; i++) {
        buffer_append_u8(&header, ',');
        append_field(&header, text_of(output->columns[i]));
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

static int add_csv(struct decision_output *output, const struct harrier_decision *decision,
                   struct error *ret_error) {
    append_base(&output->line, decision);
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

static void json_reason(struct buffer *line, const struct harrier_reason *reason) {
    json_begin_object(line, NULL);
    json_add_text(line, "rule", text_of(reason->rule));
    json_add_text(line, "text", text_of(reason->text));
    json_add_signed(line, "score", reason->score);
    if (reason->verdict != HARRIER_VERDICT_NONE)
        json_add_text(line, "verdict", text_of(harrier_verdict_name(reason->verdict)));
    json_add_bool(line, "shadow", reason->shadow);
    json_end_object(line);
}

static int add_json(struct decision_output *output, const struct harrier_decision *decision,
                    struct error *ret_error) {
    struct buffer *line = &output->line;
    json_begin_object(line, NULL);
    json_add_text(line, "transaction_id", text_of(decision->transaction_id));
    json_add_text(line, "verdict", text_of(harrier_verdict_name(decision->verdict)));
    json_add_unsigned(line, "score", decision->score);
    json_add_unsigned(line, "position", decision->position);
    json_add_bool(line, "duplicate", decision->duplicate);
    json_add_bool(line, "degraded", decision->degraded);
    if (decision->degraded)
        json_add_text(line, "degraded_reason", text_of(decision->degraded_reason));
    if (decision->dry_run)
        json_add_bool(line, "dry_run", true);
    json_add_unsigned(line, "server_us", decision->server_us);
    json_add_unsigned(line, "rule_errors", decision->rule_errors);
    json_add_hex(line, "snapshot_id", decision->snapshot_id);
    json_add_hex(line, "generation_id", decision->generation_id);
    json_begin_array(line, "reasons");
    for (size_t i = 0; i < decision->reason_count; i++)
        json_reason(line, &decision->reasons[i]);
    json_end_array(line);
    if (output->features) {
        json_begin_object(line, "features");
        for (size_t i = 0; i < decision->feature_count; i++)
            json_add_value(line, text_of(decision->features[i].name),
                           value_of(&decision->features[i]));
        json_end_object(line);
    }
    json_end_object(line);
    buffer_append_u8(line, '\n');
    return write_bytes(output, line->bytes, line->length, ret_error);
}

int decision_output_add(struct decision_output *output, const struct harrier_decision *decision,
                        struct error *ret_error) {
    buffer_clear(&output->line);
    if (output->format == DECISION_CSV)
        return add_csv(output, decision, ret_error);
    if (output->format == DECISION_JSONL)
        return add_json(output, decision, ret_error);
    return 0;
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
    buffer_deinit(&output->line);
    buffer_deinit(&output->held);
    return r;
}
