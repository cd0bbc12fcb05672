/* A life: the server, its clients, and what operators run beside it, from opening to whatever ends
 * it. */
#pragma once

#include "world.h"

/* In a process of its own, which it ends. */
_Noreturn void life_live(void);
