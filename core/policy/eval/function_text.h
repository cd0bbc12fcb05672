/* Functions on texts. Private to policy/. */
#pragma once

#include "function_apply.h"

APPLY(concatenate);
APPLY(text_size);
APPLY(contains);
APPLY(starts_with);
APPLY(ends_with);
APPLY(lower_ascii);
APPLY(upper_ascii);
APPLY(trim);
APPLY(char_at);
APPLY(substring_to_end);
APPLY(substring);
APPLY(index_of);
APPLY(index_of_from);
APPLY(last_index_of);
APPLY(last_index_of_from);
APPLY(replace);
APPLY(replace_some);
