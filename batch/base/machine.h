/* Defaults that follow from the machine a job runs on. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Processors online; at least 1. */
size_t machine_processors(void);

/* A quarter of the machine's memory in bytes: a job's default beside a server. 1 GiB if the system
 * does not say. */
uint64_t machine_memory_quarter(void);
