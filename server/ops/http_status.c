/* One table for the metrics' labels and the reason phrases. Reason phrases as in RFC 9110; evhttp
 * lacks some of them. */
#include "http_status.h"

#include "core/base/check.h"

#include <stdlib.h>

static const struct {
    const char *label, *reason;
} statuses[HTTP_STATUS_COUNT] = {
    {"200", "OK"},
    {"400", "Bad Request"},
    {"401", "Unauthorized"},
    {"403", "Forbidden"},
    {"404", "Not Found"},
    {"405", "Method Not Allowed"},
    {"409", "Conflict"},
    {"411", "Length Required"},
    {"413", "Content Too Large"},
    {"415", "Unsupported Media Type"},
    {"421", "Misdirected Request"},
    {"422", "Unprocessable Content"},
    {"500", "Internal Server Error"},
    {"501", "Not Implemented"},
    {"503", "Service Unavailable"},
    {"504", "Gateway Timeout"},
    {"505", "HTTP Version Not Supported"},
};

size_t http_status_index(int status) {
    size_t index = 0;
    while (index < HTTP_STATUS_COUNT && atoi(statuses[index].label) != status)
        index++;
    check(index < HTTP_STATUS_COUNT);
    return index;
}

const char *http_status_label(size_t index) {
    return statuses[index].label;
}

const char *http_status_reason(int status) {
    return statuses[http_status_index(status)].reason;
}
