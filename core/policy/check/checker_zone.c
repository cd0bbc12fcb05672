/* A literal is resolved when the policy is loaded, so that a decision need not look for it and an
 * unknown zone is an error at its place. Offsets stay texts, as they were before there were zones.
 */
#include "checker_zone.h"

#include "core/policy/eval/function.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lang/zone.h"
#include "core/policy/source/diagnostic.h"

/* Most names share their first part, so that others than misspelt ones are near, too. */
#define SLIPS_MAX 2

static void refuse(struct checker *checker, const struct syntax *literal) {
    const struct zone_table *zones = checker->scope->zones;
    struct text name = literal->constant.text;
    struct near near = near_to(name);
    char hint[NEAR_HINT_SIZE] = "";
    for (size_t i = 0; zones && i < zones->count; i++)
        near_try(&near, zones->zones[i].name);
    if (near.distance <= SLIPS_MAX)
        near_hint(&near, hint);
    bool like_offset = name.length > 0 &&
                       (name.data[0] == '+' || name.data[0] == '-' || text_is_digit(name.data[0]));
    if (like_offset)
        report(checker->reporter, literal->offset, literal->length,
               "\"%" TEXT_FORMAT "\" is not an offset from UTC; expected for example \"+01:00\"",
               TEXT_ARGS(name));
    else if (!zone_name_is_valid(name))
        report(checker->reporter, literal->offset, literal->length,
               "\"%" TEXT_FORMAT "\" is neither an offset from UTC nor a time zone; expected for "
               "example \"+01:00\" or \"Europe/Berlin\"",
               TEXT_ARGS(name));
    else if (*hint)
        report(checker->reporter, literal->offset, literal->length,
               "the policy has no time zone \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(name), hint);
    else
        report(checker->reporter, literal->offset, literal->length,
               "the policy has no time zone \"%" TEXT_FORMAT
               "\": there is no file zones/%" TEXT_FORMAT
               ".tzif; \"harrier zones POLICY --add %" TEXT_FORMAT "\" adds it",
               TEXT_ARGS(name), TEXT_ARGS(name), TEXT_ARGS(name));
}

static bool find_literal(struct checker *checker, struct syntax *call) {
    const struct zone_table *zones = checker->scope->zones;
    const struct syntax *literal = call->last;
    int64_t offset_us;
    if (calendar_parse_zone(literal->constant.text, &offset_us) == 0)
        return true;
    call->zone = zones ? zone_find(zones, literal->constant.text) : NULL;
    if (call->zone)
        checker->scope->zone_used[call->zone - zones->zones] = true;
    else if (!checker->scope->zones_incomplete)
        refuse(checker, literal);
    return call->zone && !call->zone->is_broken;
}

bool checker_zone(struct checker *checker, struct syntax *call) {
    const struct zone_table *zones = checker->scope->zones;
    if (!call->function->in_local_time)
        return true;
    if (call->last->kind == SYNTAX_CONSTANT)
        return find_literal(checker, call);
    if (!zones || zones->count == 0)
        return true;
    for (size_t i = 0; i < zones->count; i++)
        checker->scope->zone_used[i] = true;
    call->zones = zones;
    return true;
}
