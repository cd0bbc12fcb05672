/* --progress, which all long commands have. */
#pragma once

#include "progress_bar.h"

#include <argp.h>

#define PROGRESS_OPTION 0x2001

/* A row of a command's options. */
#define PROGRESS_ARGUMENT(group)                                                                   \
    {                                                                                              \
        "progress", PROGRESS_OPTION, "HOW", 0,                                                     \
            "Progress on standard error: auto (a bar on a terminal, else a line every ten "        \
            "seconds), plain (always lines), json (JSON lines for programs) or none (auto)",       \
            group                                                                                  \
    }

/* Its value; ends the program with a message if it is invalid. */
enum progress_choice progress_choice_parse(const char *value, struct argp_state *state);
