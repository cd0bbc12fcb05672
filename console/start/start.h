/* harrier-console from its command line to its end. */
#pragma once

/* Returns the exit status. */
int console_main(int argc, char **argv);
