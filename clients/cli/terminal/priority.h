/* Lowest priority for processor and disk. */
#pragma once

/* Uses processor and disk only when no other process needs them, for this process and the threads
 * it starts from now on. What the system refuses is left as it is. */
void priority_set_idle(void);
