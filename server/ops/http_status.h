/* The HTTP statuses that the server answers with. */
#pragma once

#include <stddef.h>

#define HTTP_STATUS_COUNT 17

size_t http_status_index(int status); /* the label in metrics; only the statuses of the table */
const char *http_status_label(size_t index); /* "200" */
const char *http_status_reason(int status);  /* "OK" */
