/* What the rules did. */
#include "call.h"

#include "clients/cli/io/timestamp.h"
#include "core/base/json_writer.h"

static int read_time(const struct call *call, const char *name, int64_t *ret_us,
                     struct error *ret_error) {
    static const struct timestamp_format format = {.kind = TIMESTAMP_RFC3339};
    const char *value = web_query(call->request, name);
    *ret_us = 0;
    if (*value == '\0')
        return 0;
    int r = timestamp_parse(text_of(value), &format, ret_us, ret_error);
    return r < 0 ? error_prefix(ret_error, "%s", name) : 0;
}

int figures_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    int64_t from_us, until_us;
    int r = read_time(call, "from", &from_us, ret_error);
    if (r == 0)
        r = read_time(call, "to", &until_us, ret_error);
    if (r < 0)
        return r;
    json_begin_object(out, NULL);
    json_add_time(out, "now", call->now_us);
    figures_write(call->console->figures, from_us, until_us, out);
    json_end_object(out);
    return 0;
}
