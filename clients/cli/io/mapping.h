/* Which column of a file is which field of a transaction. docs/CLI.md describes the YAML file.
 *
 * Without a file the columns have the names of the fields themselves: id, event_time,
 * amount or amount_minor, currency, card … phone, latitude, longitude, source, sequence, outcome,
 * outcome_time, received_time, amendment, amendment_amount or amendment_amount_minor,
 * amendment_time, label_fraud, and attributes.NAME or attributes.NAME:TYPE. JSON lines may hold an
 * object "attributes" whose members are sent with the types they have there. */
#pragma once

#include "clients/cli/rows/rows.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"
#include "timestamp.h"

#include <stdbool.h>
#include <stddef.h>

/* A column, or a text that is the same for all rows, or neither. */
struct mapped_value {
    bool mapped;
    bool constant;
    size_t column;    /* index into the mapping's columns, when not constant */
    struct text text; /* the constant */
};

enum mapped_type {
    MAPPED_STRING,
    MAPPED_INT,
    MAPPED_DECIMAL, /* sent as an integer in units of 10^-digits */
    MAPPED_DOUBLE,
    MAPPED_BOOL, /* true, false, 1, 0 */
    MAPPED_TIMESTAMP,
};

struct mapped_attribute {
    struct text name;
    struct mapped_value value;
    enum mapped_type type;
    unsigned digits;                /* MAPPED_DECIMAL */
    struct timestamp_format format; /* MAPPED_TIMESTAMP */
};

struct mapped_label {
    struct text value;
    enum label label;
};

struct mapping {
    struct arena arena;   /* every text in here */
    struct text *columns; /* to ask rows_want() for */
    size_t column_count;
    struct mapped_value id, event_time, amount, amount_minor, currency, latitude, longitude;
    struct mapped_value source, sequence;
    struct mapped_value fields[FIELD_COUNT];
    struct timestamp_format event_time_format;
    /* For history only: when a transaction was received, and its outcome became known. */
    struct mapped_value received_time, outcome_time;
    struct timestamp_format received_time_format, outcome_time_format;
    /* What became known about the transaction's money, how much, and when. */
    struct mapped_value amendment, amendment_amount, amendment_amount_minor, amendment_time;
    struct timestamp_format amendment_time_format;
    struct mapped_value label_fraud; /* the truth, for the summary only: never sent */
    struct mapped_value outcome;
    struct mapped_label *labels; /* what the outcome column's values mean; others: no outcome */
    size_t label_count;          /* 0: the values are the labels' own names */
    struct mapped_attribute *attributes;
    size_t attribute_count;
    bool json_attributes; /* also send the members of a row's object "attributes" */
};

/* The mapping of a file whose columns are named after the fields. */
int mapping_of_rows(const struct rows *rows, struct mapping **ret_mapping, struct error *ret_error);

void mapping_free(struct mapping *mapping); /* NULL is allowed */

/* For mapping_yaml.c. */
struct mapping *mapping_new(void);
struct mapped_value mapping_column(struct mapping *mapping, struct text column);
struct mapped_value mapping_constant(struct mapping *mapping, struct text text);
/* A new one of type string, at the end. ERROR_INVALID: the name, twice, too many. */
int mapping_add_attribute(struct mapping *mapping, struct text name, struct mapped_value value,
                          struct mapped_attribute **ret_attribute, struct error *ret_error);
/* "string", "int", "decimal(3)", "double", "bool", "timestamp" */
int mapping_parse_type(struct text type, struct mapped_attribute *attribute,
                       struct error *ret_error);
/* The value of that name ("id", "card", …), NULL when fields have no such name. */
struct mapped_value *mapping_value(struct mapping *mapping, struct text name);
/* The known name nearest to this one, NULL when none is near. */
const char *mapping_nearest_name(struct text name);
