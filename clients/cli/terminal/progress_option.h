/* --progress, which all long commands have. */
#pragma once

#include "progress_bar.h"

#include <argp.h>

#define PROGRESS_OPTION 0x2001

/* A row of a command's options. */
#define PROGRESS_ARGUMENT(group)                                                                   \
    {                                                                                              \
        "progress", PROGRESS_OPTION, "auto|plain|json|none", 0,                                    \
            "How progress is shown on standard error: a bar on a terminal and a plain line every " \
            "ten seconds elsewhere (auto), such lines always, JSON lines for programs, or "        \
            "nothing",                                                                             \
            group                                                                                  \
    }

/* Its value; ends the program with a message when it is none. */
enum progress_choice progress_choice_parse(const char *value, struct argp_state *state);
