/* The words are in the order of enum progress_choice. */
#include "progress_option.h"

#include "option_value.h"

#include <string.h>

enum progress_choice progress_choice_parse(const char *value, struct argp_state *state) {
    static const char *const names[] = {[PROGRESS_CHOICE_AUTO] = "auto",
                                        [PROGRESS_CHOICE_PLAIN] = "plain",
                                        [PROGRESS_CHOICE_JSON] = "json",
                                        [PROGRESS_CHOICE_NONE] = "none"};
    return (enum progress_choice)choice_option_parse("--progress", value, names,
                                                     sizeof names / sizeof *names, state);
}
