/* The aggregates that a condition on the outcome may go with, for messages. */
#pragma once

#include "plan.h"

#define AGGREGATE_NAMES_SIZE ((size_t)AGGREGATE_TYPE_COUNT * 24)

/* "count, sum, … and quantile". Returns ret_names. */
const char *aggregate_names_with_outcomes(char ret_names[AGGREGATE_NAMES_SIZE]);
