/* A life: the server, its clients, and what operators run beside it, from opening to whatever ends
 * it. */
#pragma once

#include "world.h"

/* In a process of its own, which it ends. */
_Noreturn void life_live(void);

/* The power fails, or everything is killed, as was planned: in whichever thread the step is. */
_Noreturn void crash_now(void);

/* After answers and syncs, each of which may have promised that more records survive. */
void life_note_promise(void);

/* For rot.h. Opens the server and waits until it is ready. */
struct error;
int life_open_server(struct error *ret_error);
/* What it says must be what it was; records may be missing from the end, if the damage is there. */
void life_check_rotten(bool may_be_short);
void life_without_faults(void);
/* A crash breaks a promise, and its calls are printed. */
void life_catch_signals(void);
