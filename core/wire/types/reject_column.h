/* The columns (JSON: members) that a file of refused rows has beside those of the input, whether
 * `harrier` writes it (clients/cli/io/rejects.h) or the server (server/ops/reject_log.h). Names
 * that begin with "harrier." are reserved: they are never data. */
#pragma once

#include "core/base/text.h"

#include <stdbool.h>

enum reject_column {
    REJECT_SOURCE, /* the file that the row came from; of the server: the token's name */
    REJECT_LINE,
    REJECT_CODE,  /* error_code_name() */
    REJECT_FIELD, /* empty: the row as a whole */
    REJECT_REASON,
    REJECT_COLUMNS,       /* CSV only, with harrier.raw: the header that it was under */
    REJECT_RAW,           /* a row that does not fit its file, instead of the input's columns */
    REJECT_RAW_BASE64,    /* JSON only: one that is no text */
    REJECT_RECEIVED_TIME, /* of the server: when */
    REJECT_COLUMN_COUNT,
};

const char *reject_column_name(enum reject_column column);
/* REJECT_COLUMN_COUNT: it is none of them. */
enum reject_column reject_column_parse(struct text name);
bool reject_column_is_reserved(struct text name);
