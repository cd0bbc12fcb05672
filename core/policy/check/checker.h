/* Names, types and cost. An expression that has passed can only fail at run time by its values:
 * overflow, division by zero, an argument out of range. */
#pragma once

#include "core/policy/lang/scope.h"
#include "core/policy/lang/syntax.h"
#include "core/policy/source/reporter.h"

/* Parses and checks. wanted: the type it must have, VALUE_ABSENT for any but lists and maps,
 * TYPE_ANY for any. The tree lives in scratch, which must live as long as the tree is used. NULL
 * when something was reported, or when it uses a name whose declaration was reported. */
struct syntax *expression_check(struct text source, const struct scope *scope,
                                enum scope_reader reader, type_code wanted, struct arena *scratch,
                                struct reporter *reporter);

/* left && right, both checked and bool */
struct syntax *syntax_both(struct syntax *left, struct syntax *right, struct arena *scratch);

/* Does it read this name? */
bool syntax_reads(const struct syntax *syntax, struct text name);
