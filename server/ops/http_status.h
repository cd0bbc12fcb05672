/* The statuses that the HTTP door answers with. */
#pragma once

#include <stddef.h>

#define HTTP_STATUS_COUNT 16

size_t http_status_index(int status);        /* 0 … HTTP_STATUS_COUNT−1, for metrics */
const char *http_status_label(size_t index); /* "200" */
const char *http_status_reason(int status);  /* "OK" */
