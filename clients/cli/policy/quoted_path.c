/* The rules are GNU's, because patch reads what files_diff.h writes. */
#include "quoted_path.h"

#include <stdbool.h>

static bool is_control(unsigned char byte) {
    return byte < ' ' || byte == 0x7f;
}

static bool needs_quotes(struct text path) {
    for (size_t i = 0; i < path.length; i++)
        if (is_control((unsigned char)path.data[i]) || path.data[i] == '"' || path.data[i] == '\\')
            return true;
    return false;
}

void quoted_path_write(const char *folder, struct text path, struct buffer *out) {
    bool is_quoted = needs_quotes(path);
    buffer_append_string(out, is_quoted ? "\"" : "");
    buffer_printf(out, "%s%s", folder ? folder : "", folder ? "/" : "");
    for (size_t i = 0; i < path.length; i++) {
        unsigned char byte = (unsigned char)path.data[i];
        if (is_control(byte))
            buffer_printf(out, "\\%03o", byte);
        else if (byte == '"' || byte == '\\')
            buffer_printf(out, "\\%c", byte);
        else
            buffer_append_u8(out, byte);
    }
    buffer_append_string(out, is_quoted ? "\"" : "");
}
