/* Texts that can only be one of a few words: a comparison with another one is a slip. */
#pragma once

#include "core/policy/source/diagnostic.h"
#include "scope.h"

/* NULL when a name of these words can be `word`, else what was expected; candidates go to near. */
const char *words_expected(enum name_words words, struct text word, struct near *near);
