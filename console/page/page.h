/* The files of the page, joined into the program when it is built. Static memory. */
#pragma once

#include <stddef.h>

struct page_file {
    const char *path; /* "/index.html" */
    const char *type; /* Content-Type */
    const char *etag; /* in quotes: of the content */
    const unsigned char *bytes;
    size_t length;
};

/* NULL: there is no such file. */
const struct page_file *page_find(const char *path);
