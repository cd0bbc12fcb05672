/* fired("rule") in the conditions of features. */
#pragma once

#include "checker_walk.h"

/* Checks the call and gives its node the name of the rule's slot. False when something was
 * reported. Private to policy/. */
bool checker_fired(struct checker *checker, struct syntax *node);

/* Does a checked expression ask whether some rule fired? */
bool syntax_asks_fired(const struct syntax *syntax);
