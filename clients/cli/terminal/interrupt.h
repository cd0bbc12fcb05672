/* SIGINT and SIGTERM as a request to stop at the next good place; a second one ends the process. */
#pragma once

/* Installs the handler; returns a flag that is 0 until a signal came. */
const volatile int *interrupt_watch(void);
