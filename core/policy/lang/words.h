/* Texts that can only be one of a few words: comparing them with any other literal is a mistake. */
#pragma once

#include "core/policy/source/diagnostic.h"
#include "scope.h"

/* NULL when a name of these words can have the value `word`, else what was expected, a static text;
 * near collects candidates for "did you mean". */
const char *words_expected(enum name_words words, struct text word, struct near *near);
