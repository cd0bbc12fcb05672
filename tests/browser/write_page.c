/* A report document on standard input becomes the page on standard output, by the function that
 * `harrier replay` uses. */
#include "clients/cli/replay/report_page.h"
#include "core/base/buffer.h"
#include "core/base/error.h"

#include <stdio.h>
#include <stdlib.h>

#define READ_SIZE 65536

int main(void) {
    struct buffer document;
    buffer_init(&document);
    size_t got;
    do {
        got = fread(buffer_reserve(&document, READ_SIZE), 1, READ_SIZE, stdin);
        document.length += got;
    } while (got > 0);
    struct error error;
    int status = report_page_write((const char *)document.bytes, document.length, stdout, &error);
    if (status < 0)
        fprintf(stderr, "%s\n", error.text);
    buffer_deinit(&document);
    return status < 0 || fclose(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
