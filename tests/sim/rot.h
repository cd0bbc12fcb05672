/* Rot: a bit of a file changes while nothing runs.
 *
 * On a copy of the disk, since nobody could go on with the damage. The server must refuse to open
 * it and name the file, or serve what it has: no answer and no record may be another one than it
 * was. Records may be missing only from the end, where no sync mark vouches for them. */
#pragma once

#include "world.h"

/* In a process of its own, after a life that was closed. */
_Noreturn void rot_live(void);
