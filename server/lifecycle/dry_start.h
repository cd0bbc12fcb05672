/* `harrierd --check`: everything that a start would refuse, without opening anything. */
#pragma once

#include "options.h"

/* Prints what is wrong to standard error, warnings too. false: it would be refused. */
bool dry_start(const struct options *options);
