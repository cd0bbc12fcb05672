#include "event_kind.h"

#include "core/base/buffer.h"

static const char *const names[] = {
    [EVENT_VERDICT_APPROVE] = "verdict:approve",
    [EVENT_VERDICT_REVIEW] = "verdict:review",
    [EVENT_VERDICT_CHALLENGE] = "verdict:challenge",
    [EVENT_VERDICT_DECLINE] = "verdict:decline",
    [EVENT_BRAKE] = "brake",
    [EVENT_NIGHT_DONE] = "night_done",
    [EVENT_NIGHT_FAILED] = "night_failed",
    [EVENT_NIGHT_HELD_BACK] = "night_held_back",
    [EVENT_POLICY_ADOPTED] = "policy_adopted",
    [EVENT_POLICY_REFUSED] = "policy_refused",
    [EVENT_GENERATION_ADOPTED] = "generation_adopted",
    [EVENT_GENERATION_REFUSED] = "generation_refused",
    [EVENT_ARCHIVE_FAILED] = "archive_failed",
    [EVENT_ARCHIVE_RECOVERED] = "archive_recovered",
    [EVENT_TOKEN_REFUSED] = "token_refused",
    [EVENT_STATE] = "state",
};
_Static_assert(sizeof names / sizeof *names == EVENT_KIND_COUNT, "a name for each kind");
_Static_assert(EVENT_KIND_COUNT <= 32, "a set of kinds has 32 bits");

const char *event_kind_name(enum event_kind kind) {
    return names[kind];
}

int event_kind_add(struct text name, uint32_t *kinds, struct error *ret_error) {
    struct buffer all;
    for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++)
        if (text_is(name, names[kind])) {
            *kinds |= event_kind_bit(kind);
            return 0;
        }
    buffer_init(&all);
    for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++)
        buffer_printf(&all, "%s%s", kind ? ", " : "", names[kind]);
    error_set(ret_error, ERROR_INVALID, "\"%.*s\" is no event; expected %.*s",
              (int)(name.length < 60 ? name.length : 60), name.data, (int)all.length,
              (const char *)all.bytes);
    buffer_deinit(&all);
    return -ERROR_INVALID;
}
