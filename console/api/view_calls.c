/* What a person keeps of their own: views of screens, and how times and colours are shown. */
#include "call.h"

#include "console/database/settings.h"
#include "console/database/views.h"
#include "core/base/json_writer.h"
#include "protection.h"

static int answer_nothing(struct call *call, int r) {
    if (r == 0)
        buffer_append_string(&call->answer->body, "{}");
    return r;
}

int views_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    json_begin_object(out, NULL);
    int r = views_list(call->console->sql, &call->session.person, out, ret_error);
    json_end_object(out);
    return r;
}

static struct view_change change_of(const struct call *call) {
    return (struct view_change){
        .person = &call->session.person, .address = call->address, .now_us = call->now_us};
}

int views_save(struct call *call, struct error *ret_error) {
    struct view view = {.is_shared = json_is_true(json_object_get(call->body, "shared"))};
    struct view_change change = change_of(call);
    int r = call_text(call, "screen", 16, &view.screen, ret_error);
    if (r == 0)
        r = call_text(call, "name", VIEW_NAME_MAX, &view.name, ret_error);
    if (r == 0)
        r = call_text(call, "query", VIEW_QUERY_MAX, &view.query, ret_error);
    if (r == 0 && view.is_shared && call->session.person.role < ROLE_ANALYST) {
        call->answer->status = 403;
        r = error_set(ret_error, ERROR_DENIED, "to share a view takes the role analyst");
    }
    if (r == 0)
        r = protection_check_view(call, view.query, ret_error);
    if (r == 0)
        r = view_save(call->console->sql, &view, &change, ret_error);
    return answer_nothing(call, r);
}

int views_remove(struct call *call, struct error *ret_error) {
    struct view_change change = change_of(call);
    uint64_t id;
    int r = call_number(call, "id", &id, ret_error);
    if (r == 0)
        r = view_remove(call->console->sql, (int64_t)id, &change, ret_error);
    return answer_nothing(call, r);
}

int settings_change(struct call *call, struct error *ret_error) {
    const char *zone, *theme;
    int r = call_text(call, "zone", SETTINGS_ZONE_MAX, &zone, ret_error);
    if (r == 0)
        r = call_text(call, "theme", 8, &theme, ret_error);
    if (r == 0)
        r = settings_save(call->console->sql, &call->session.person, zone, theme, ret_error);
    return answer_nothing(call, r);
}
