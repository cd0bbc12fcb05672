/* --progress, which all long commands have. */
#pragma once

#include "progress_bar.h"

#include <argp.h>

#define PROGRESS_OPTION 0x2001

/* A row of a command's options. */
#define PROGRESS_ARGUMENT(group)                                                                   \
    {                                                                                              \
        "progress", PROGRESS_OPTION, "auto|plain|json|none", 0,                                    \
            "Progress on standard error: auto is a bar on a terminal and a line every ten "        \
            "seconds elsewhere, plain is always lines, json is JSON lines for programs, none is "  \
            "nothing",                                                                             \
            group                                                                                  \
    }

/* Its value; ends the program with a message if it is invalid. */
enum progress_choice progress_choice_parse(const char *value, struct argp_state *state);
