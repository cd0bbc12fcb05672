#include "progress_option.h"

#include <string.h>

enum progress_choice progress_choice_parse(const char *value, struct argp_state *state) {
    static const char *const names[] = {[PROGRESS_CHOICE_AUTO] = "auto",
                                        [PROGRESS_CHOICE_PLAIN] = "plain",
                                        [PROGRESS_CHOICE_JSON] = "json",
                                        [PROGRESS_CHOICE_NONE] = "none"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(value, names[i]) == 0)
            return (enum progress_choice)i;
    argp_error(state, "--progress: \"%s\" (expected auto, plain, json or none)", value);
    return PROGRESS_CHOICE_AUTO;
}
