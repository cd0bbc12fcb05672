/* Amounts and coordinates are integers in the archive and exact decimals here: no double takes
 * part.
 */
#include "export_cell.h"

#include "clients/cli/io/csv_cell.h"
#include "clients/cli/output/decision_output.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"

#include <stdlib.h>
#include <string.h>

/* What a column holds. */
struct cell {
    struct value value; /* absent: nothing */
    bool is_number;     /* the text is one of digits: no text in JSON */
    bool is_list;       /* the text is names with spaces between them: an array in JSON */
};

const char *export_value_name(enum export_value value) {
    static const char *const names[] = {
        [EXPORT_ID] = "id",
        [EXPORT_EVENT_TIME] = "event_time",
        [EXPORT_RECEIVED_TIME] = "received_time",
        [EXPORT_POSITION] = "position",
        [EXPORT_BACKFILLED] = "backfilled",
        [EXPORT_SOURCE] = "source",
        [EXPORT_SEQUENCE] = "sequence",
        [EXPORT_ATTRIBUTES] = "attributes",
        [EXPORT_VERDICT] = "verdict",
        [EXPORT_SCORE] = "score",
        [EXPORT_RULES] = "rules",
        [EXPORT_REASONS] = "reasons",
        [EXPORT_DEGRADED] = "degraded",
        [EXPORT_DEGRADED_REASON] = "degraded_reason",
        [EXPORT_RULE_ERRORS] = "rule_errors",
        [EXPORT_FAILED_RULES] = "failed_rules",
        [EXPORT_SNAPSHOT_ID] = "snapshot_id",
        [EXPORT_ARM] = "arm",
        [EXPORT_OUTCOME] = "outcome",
        [EXPORT_OUTCOME_TIME] = "outcome_time",
        [EXPORT_OUTCOME_KNOWN_TIME] = "outcome_known_time",
        [EXPORT_VOIDED] = "voided",
        [EXPORT_CAPTURED_AMOUNT] = "captured_amount",
        [EXPORT_REFUNDED_AMOUNT] = "refunded_amount",
        [EXPORT_AMENDMENT] = "amendment",
        [EXPORT_AMENDMENT_AMOUNT] = "amendment_amount",
        [EXPORT_AMENDMENT_TIME] = "amendment_time",
    };
    _Static_assert(sizeof names / sizeof *names == EXPORT_VALUE_COUNT, "a name for each value");
    if (value >= EXPORT_FIELDS && value < EXPORT_ATTRIBUTES)
        return transaction_column_name((enum transaction_column)(value - EXPORT_FIELDS));
    return names[value];
}

/* ---- values ---- */

static struct cell of_value(struct value value) {
    return (struct cell){.value = value};
}

static struct cell nothing(void) {
    return of_value(value_absent());
}

static struct cell of_text(struct text text) {
    return text.length ? of_value(value_text(text)) : nothing();
}

/* A decimal number, or nothing. The memory keeps its text. */
static struct cell of_decimal(struct value value, struct buffer *memory) {
    if (value.type == VALUE_ABSENT)
        return nothing();
    buffer_append(memory, value.text.data, value.text.length);
    return (struct cell){.value = value_text(buffer_text(memory)), .is_number = true};
}

static struct cell of_money(int64_t minor, const struct transaction *transaction,
                            struct buffer *memory) {
    char digits[DECIMAL_SIZE];
    return of_decimal(transaction_money(minor, transaction, digits), memory);
}

static struct cell of_list(struct buffer *memory) {
    struct cell cell = of_text(buffer_text(memory));
    cell.is_list = true;
    return cell;
}

static struct cell of_failed_rules(const struct decision *decision, struct buffer *memory) {
    for (size_t i = 0; i < decision->failed_rule_count; i++) {
        if (i > 0)
            buffer_append_u8(memory, ' ');
        buffer_append(memory, decision->failed_rules[i].data, decision->failed_rules[i].length);
    }
    return of_list(memory);
}

static struct cell of_id(uint64_t id, struct buffer *memory) {
    char hex[HASH_HEX_SIZE];
    hash_hex(id, hex);
    buffer_append_string(memory, hex);
    return of_text(buffer_text(memory));
}

/* ---- amendments ---- */

static const struct transaction *transaction_of(const struct export_row *row) {
    return &row->record->transaction.transaction;
}

/* What the transaction is by now. */
static struct amended now_of(const struct export_row *row) {
    return row->is_amended ? row->amended : amended_of(transaction_of(row));
}

/* The one amendment that makes the transaction what it is; .kind NONE: there is no such one. */
static struct amendment single_amendment(const struct export_row *row) {
    const struct amended scored = amended_of(transaction_of(row)), now = now_of(row);
    return amendment_between(&scored, &now);
}

bool export_is_amended_further(const struct export_row *row) {
    const struct amended scored = amended_of(transaction_of(row)), now = now_of(row);
    return !amended_equal(&scored, &now) && single_amendment(row).kind == AMENDMENT_NONE;
}

static struct cell of_amendment(enum export_value value, const struct export_row *row,
                                struct buffer *memory) {
    const struct amendment amendment = single_amendment(row);
    bool has_amount = amendment.kind == AMENDMENT_CAPTURE || amendment.kind == AMENDMENT_REFUND;
    if (amendment.kind == AMENDMENT_NONE)
        return nothing();
    if (value == EXPORT_AMENDMENT)
        return of_text(text_of(amendment_kind_name(amendment.kind)));
    if (value == EXPORT_AMENDMENT_TIME)
        return of_value(value_timestamp(row->amended_us));
    return has_amount ? of_money(amendment.amount_minor, transaction_of(row), memory) : nothing();
}

/* As scored is an empty cell. */
static struct cell of_captured(const struct export_row *row, struct buffer *memory) {
    const struct transaction *transaction = transaction_of(row);
    int64_t minor = now_of(row).amount_minor;
    return minor == transaction->amount_minor ? nothing() : of_money(minor, transaction, memory);
}

static struct cell of_refunded(const struct export_row *row, struct buffer *memory) {
    int64_t minor = now_of(row).refunded_minor;
    return minor == 0 ? nothing() : of_money(minor, transaction_of(row), memory);
}

/* ---- columns ---- */

static struct cell of_field(enum transaction_column column, const struct transaction *transaction,
                            struct buffer *memory) {
    char digits[DECIMAL_SIZE];
    struct value value = transaction_column_value(column, transaction, digits);
    return transaction_column_type(column) == VALUE_DOUBLE ? of_decimal(value, memory)
                                                           : of_value(value);
}

static struct cell of_transaction(enum export_value value, const struct export_row *row,
                                  struct buffer *memory) {
    const struct transaction *transaction = transaction_of(row);
    if (value == EXPORT_ID)
        return of_text(transaction->id);
    if (value == EXPORT_EVENT_TIME)
        return of_value(value_timestamp(transaction->event_time_us));
    if (value == EXPORT_RECEIVED_TIME)
        return of_value(value_timestamp(row->record->receive_time_us));
    if (value == EXPORT_POSITION)
        return of_value(value_int((int64_t)row->record->position));
    if (value == EXPORT_BACKFILLED)
        return of_value(value_bool(row->record->transaction.is_backfilled));
    if (value == EXPORT_SOURCE)
        return of_text(transaction->source);
    if (value == EXPORT_SEQUENCE)
        return transaction->sequence > 0 ? of_value(value_int((int64_t)transaction->sequence))
                                         : nothing();
    return of_field((enum transaction_column)(value - EXPORT_FIELDS), transaction, memory);
}

static struct cell of_decision(enum export_value value, const struct decision *decision,
                               struct buffer *memory) {
    if (value == EXPORT_VERDICT)
        return of_text(text_of(verdict_name(decision->verdict)));
    if (value == EXPORT_SCORE)
        return of_value(value_int(decision->score));
    if (value == EXPORT_RULES) {
        decision_rules(memory, decision);
        return of_list(memory);
    }
    if (value == EXPORT_REASONS) {
        decision_reasons(memory, decision);
        return of_text(buffer_text(memory));
    }
    if (value == EXPORT_DEGRADED)
        return of_value(value_bool(decision->degraded));
    if (value == EXPORT_DEGRADED_REASON)
        return decision->degraded ? of_text(decision->degraded_reason) : nothing();
    if (value == EXPORT_RULE_ERRORS)
        return of_value(value_int(decision->rule_errors));
    if (value == EXPORT_FAILED_RULES)
        return of_failed_rules(decision, memory);
    if (value == EXPORT_ARM)
        return of_text(text_of(arm_name(decision->arm)));
    return of_id(decision->snapshot_id, memory);
}

static struct cell of_later(enum export_value value, const struct export_row *row,
                            struct buffer *memory) {
    bool has_outcome = row->label != LABEL_NONE;
    if (value == EXPORT_OUTCOME)
        return has_outcome ? of_text(text_of(label_name(row->label))) : nothing();
    if (value == EXPORT_OUTCOME_TIME)
        return has_outcome ? of_value(value_timestamp(row->outcome_us)) : nothing();
    if (value == EXPORT_OUTCOME_KNOWN_TIME)
        return has_outcome ? of_value(value_timestamp(row->outcome_known_us)) : nothing();
    if (value == EXPORT_VOIDED)
        return of_value(value_bool(now_of(row).is_voided));
    if (value == EXPORT_CAPTURED_AMOUNT)
        return of_captured(row, memory);
    if (value == EXPORT_REFUNDED_AMOUNT)
        return of_refunded(row, memory);
    return of_amendment(value, row, memory);
}

static struct cell cell_of(enum export_value value, const struct export_row *row,
                           struct buffer *memory) {
    buffer_clear(memory);
    return value < EXPORT_ATTRIBUTES ? of_transaction(value, row, memory)
           : value < EXPORT_OUTCOME ? of_decision(value, &row->record->transaction.decision, memory)
                                    : of_later(value, row, memory);
}

/* ---- CSV and JSON ---- */

void export_value_csv(enum export_value value, const struct export_row *row, struct buffer *memory,
                      struct buffer *line) {
    csv_add_value(line, cell_of(value, row, memory).value);
}

/* Names of rules have no spaces. */
static void add_list(struct buffer *line, const char *name, struct text names) {
    json_begin_array(line, name);
    while (names.length > 0) {
        const char *space = memchr(names.data, ' ', names.length);
        size_t length = space ? (size_t)(space - names.data) : names.length;
        json_add_text(line, NULL, (struct text){.data = names.data, .length = length});
        length += space != NULL;
        names.data += length;
        names.length -= length;
    }
    json_end_array(line);
}

/* The digits come from decimal_format(), so they end with a NUL once copied. */
static void add_number(struct buffer *line, const char *name, struct text digits) {
    char number[DECIMAL_SIZE];
    memcpy(number, digits.data, digits.length);
    number[digits.length] = '\0';
    json_add_number(line, name, number);
}

void export_value_json(enum export_value value, const struct export_row *row, struct buffer *memory,
                       struct buffer *line) {
    const char *name = export_value_name(value);
    const struct cell cell = cell_of(value, row, memory);
    if (cell.value.type == VALUE_ABSENT)
        return;
    if (cell.is_list)
        add_list(line, name, cell.value.text);
    else if (cell.is_number)
        add_number(line, name, cell.value.text);
    else
        json_add_value(line, text_of(name), cell.value);
}

/* ---- Parquet ---- */

static struct parquet_column of_type(enum value_type type) {
    return (struct parquet_column){.type = type};
}

struct parquet_column export_value_column(enum export_value value) {
    const struct parquet_column amount = {.type = VALUE_INT, .is_amount = true};
    switch (value) {
    case EXPORT_EVENT_TIME:
    case EXPORT_RECEIVED_TIME:
    case EXPORT_OUTCOME_TIME:
    case EXPORT_OUTCOME_KNOWN_TIME:
    case EXPORT_AMENDMENT_TIME:
        return of_type(VALUE_TIMESTAMP);
    case EXPORT_POSITION:
    case EXPORT_SEQUENCE:
    case EXPORT_SCORE:
    case EXPORT_RULE_ERRORS:
        return of_type(VALUE_INT);
    case EXPORT_BACKFILLED:
    case EXPORT_DEGRADED:
    case EXPORT_VOIDED:
        return of_type(VALUE_BOOL);
    case EXPORT_FIELDS + TRANSACTION_AMOUNT:
    case EXPORT_CAPTURED_AMOUNT:
    case EXPORT_REFUNDED_AMOUNT:
    case EXPORT_AMENDMENT_AMOUNT:
        return amount;
    default:
        break;
    }
    if (value >= EXPORT_FIELDS && value < EXPORT_ATTRIBUTES)
        return of_type(transaction_column_type((enum transaction_column)(value - EXPORT_FIELDS)));
    return of_type(VALUE_TEXT);
}

/* The cell's digits as a whole number of the last digit that the column has. No server takes an
 * amount that does not fit; in an archive of another make it is absent, and amount_minor has it. */
static struct value amount_of(struct text digits) {
    int64_t units;
    struct error error;
    return decimal_parse(digits, PARQUET_AMOUNT_DIGITS, &units, &error) == 0 ? value_int(units)
                                                                             : value_absent();
}

static struct value double_of(struct text digits) {
    char number[DECIMAL_SIZE];
    memcpy(number, digits.data, digits.length);
    number[digits.length] = '\0';
    return value_double(strtod(number, NULL));
}

void export_value_pack(enum export_value value, const struct export_row *row, struct buffer *memory,
                       struct packed_row *packed) {
    const struct cell cell = cell_of(value, row, memory);
    if (!cell.is_number)
        packed_row_add(packed, cell.value);
    else if (export_value_column(value).is_amount)
        packed_row_add(packed, amount_of(cell.value.text));
    else
        packed_row_add(packed, double_of(cell.value.text));
}
