/* Bytes already consumed are dropped by moving the rest to the front, which is at most one record:
 * the window refills only when a record is incomplete. */
#include "run_window.h"

#include "core/base/check.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <string.h>

int run_window_fill(struct run_window *window, int file, size_t wanted, size_t read_bytes,
                    struct error *ret_error) {
    struct buffer *bytes = &window->bytes;
    size_t have = bytes->length - window->at;
    if (have >= wanted)
        return 0;
    if (have > 0)
        memmove(bytes->bytes, bytes->bytes + window->at, have);
    bytes->length = have;
    window->at = 0;
    size_t more = wanted - have > read_bytes ? wanted - have : read_bytes;
    if (more > window->end - window->offset)
        more = (size_t)(window->end - window->offset);
    uint8_t *to = buffer_reserve(bytes, more);
    ssize_t got = file_read_at(file, to, more, window->offset);
    if (got < 0 || (size_t)got < more)
        return error_set_errno(ret_error, got < 0 ? errno : EIO, "cannot read a temporary file");
    window->offset += more;
    bytes->length += more;
    check(bytes->length >= wanted);
    return 0;
}
