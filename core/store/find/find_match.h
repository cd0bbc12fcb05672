/* Does a record match a search? The judge of every result: what the index says is only a hint. */
#pragma once

#include "core/wire/record/record.h"
#include "core/wire/types/find.h"

/* All filters but the label, which other records tell. record: RECORD_TRANSACTION. */
bool find_matches(const struct find_query *query, const struct record *record);
