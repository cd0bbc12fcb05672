/* Fields that hold pseudonyms: an expression can tell whether two are equal, and nothing else. */
#pragma once

#include "checker_walk.h"

/* Once the tree has its types. Reports each use of a protected field that needs its text, and each
 * comparison that could never hold. False: something was reported. */
bool checker_protect(struct checker *checker, const struct syntax *root);
