/* How much memory this process may use: the machine's, or less in a container or a systemd unit
 * with a limit. cgroup v2 (memory.max) and v1 (memory.limit_in_bytes); the limits of all groups
 * around the process's own hold for it as well. */
#pragma once

#include <stdint.h>

#define MEMORY_LIMIT_FILE_SIZE 1024

struct memory_limit {
    uint64_t bytes;                    /* 0: unknown */
    char file[MEMORY_LIMIT_FILE_SIZE]; /* the file that states it; "": it is the machine's memory */
};

/* machine_bytes: the machine's memory; 0: unknown. root: in front of /proc and /sys; "" except in
 * tests. Files that are missing or do not contain a limit are passed over: no limit is known from
 * them. */
void memory_limit_read(const char *root, uint64_t machine_bytes, struct memory_limit *ret_limit);

/* The machine's memory in bytes; 0: the system does not say. */
uint64_t memory_limit_machine(void);
