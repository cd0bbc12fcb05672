/* Giving way to everything else on the machine. */
#pragma once

/* Processor and disk only when nobody else wants them, for this process and the threads it starts
 * from now on. What the system refuses is left as it is. */
void priority_set_idle(void);
