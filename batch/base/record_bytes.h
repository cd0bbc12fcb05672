/* The size limit for the memory of one decoded record. */
#pragma once

#include <stddef.h>

/* Bytes: enough for a record that carries the largest policy the loader accepts. */
#define RECORD_BYTES_MAX ((size_t)160 << 20)
