/* Verdicts and labels on a command line: one name, or several with commas. What is none ends the
 * process with a message about `name`, as argp does. */
#pragma once

#include <argp.h>

/* "decline,review": bit n is enum verdict n. */
unsigned verdicts_option_parse(const char *name, const char *value, struct argp_state *state);
/* "fraud,none": bit n is enum label n. */
unsigned labels_option_parse(const char *name, const char *value, struct argp_state *state);
