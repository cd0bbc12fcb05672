/* The program: options, signals, timers, and when and how it exits. main.c only calls this. */
#pragma once

/* docs/operations/troubleshooting.md says what to do about each. The numbers are those of
 * sysexits.h. */
enum harrierd_exit {
    EXIT_AS_ASKED = 0,
    EXIT_USAGE = 64,         /* the command line */
    EXIT_DEFECT = 70,        /* a bug, or requests that never ended */
    EXIT_CANNOT_CREATE = 73, /* a folder or socket */
    EXIT_STORED = 74,        /* reading, writing or syncing failed, or stored data is damaged */
    EXIT_IN_USE = 75,        /* another process has the archive or an address; may succeed later */
    EXIT_CONFIGURATION = 78, /* options or policy */
};

/* Serves until it is asked to stop. Returns an enum harrierd_exit. */
int harrierd_main(int argc, char **argv, char **environment);
