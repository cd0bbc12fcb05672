/* Whether it could be written is seen at the end of the command: exit_after_output(). */
#include "json_line.h"

#include <stdio.h>

void json_print_line(struct buffer *buffer) {
    fwrite(buffer->bytes, 1, buffer->length, stdout);
    putchar('\n');
    buffer_deinit(buffer);
}
