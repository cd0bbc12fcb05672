/* What operators run beside the server, as processes of their own: rebuilds and sealing. */
#pragma once

#include "world.h"

void beside_start(void);
/* No further run is begun; returns when the one under way has ended. */
void beside_stop(void);
/* As kill -9 of it. Another one may be started afterwards. */
void beside_kill(void);
