/* Target: a time zone's file.
 *
 *   input  bytes of a TZif file
 *
 * It must be refused with a printable message, or give a zone: its offsets are those that the
 * format allows and repeat after 400 years; they change exactly where zone_next_change() says;
 * reading it again gives the same zone. */
#include "core/policy/lang/zone.h"
#include "common/target.h"
#include "core/policy/lang/calendar.h"
#include "tests/unit/policy/tzif.h"

#define CHANGES_MAX 3000 /* that one input looks at: all but some centuries */
#define MIN_S       (CALENDAR_MIN_US / CALENDAR_SECOND_US)

static struct arena arena;

void target_start(void) {
    arena_init(&arena, (size_t)1 << 20);
}

static void check_offset(const struct zone *zone, int64_t time_s) {
    int32_t offset_s = zone_offset_s(zone, time_s);
    property(offset_s >= -89999 && offset_s <= 93599, "offset %d", offset_s);
    property(!zone->repeats || time_s < zone->repeat_s ||
                 zone_offset_s(zone, time_s + ZONE_REPEAT_S) == offset_s,
             "another offset 400 years later");
}

static void check_changes(const struct zone *zone) {
    int64_t before_s = MIN_S, time_s = MIN_S;
    for (size_t i = 0; i < CHANGES_MAX && zone_next_change(zone, before_s, &time_s); i++) {
        property(time_s > before_s, "a change at or before the one before it");
        check_offset(zone, time_s);
        int32_t offset_s = zone_offset_s(zone, before_s);
        property(zone_offset_s(zone, time_s - 1) == offset_s, "a change between two changes");
        property(zone_offset_s(zone, time_s) != offset_s, "a change that changes nothing");
        before_s = time_s;
    }
}

bool target_run(const uint8_t *bytes, size_t size) {
    const struct text file = {.data = (const char *)bytes, .length = size};
    struct zone zone, again;
    int64_t time_s;
    arena_reset(&arena);
    const char *diagnostic = zone_read(file, TEXT_LITERAL("Some/Where"), &arena, &zone);
    if (diagnostic) {
        property(*diagnostic && text_is_clean(text_of(diagnostic), NULL), "message");
        return false;
    }
    check_offset(&zone, MIN_S);
    check_offset(&zone, CALENDAR_MAX_US / CALENDAR_SECOND_US);
    check_changes(&zone);
    property(!zone_read(file, TEXT_LITERAL("Some/Where"), &arena, &again), "refused again");
    property(zone.hash == again.hash && !zone_first_difference(&zone, &again, &time_s),
             "another zone");
    return true;
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    static const struct tzif_change changes[] = {
        {INT64_C(-576460752303423488), 600}, {-1000000000, 3600}, {0, 7200}, {100, 3600}};
    static const char *const rules[] = {"<-03>3",
                                        "<+0330>-3:30:30",
                                        "CET-1CEST,M3.5.0,M10.5.0/3",
                                        "XXX3EDT4,0/0,J365/23",
                                        "EET-2EEST,M3.4.4/50,M10.4.4/50",
                                        "IST-1GMT0,M10.5.0,M3.5.0/1",
                                        "AAA-1BBB-2,J60/-100,300/167"};
    struct buffer file;
    buffer_init(&file);
    for (size_t i = 0; i < TZIF_ZONES; i++) {
        buffer_clear(&file);
        tzif_zone(i, &file);
        seeds->add(seeds, file.bytes, file.length);
    }
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        buffer_clear(&file);
        tzif_write(&file, 0, changes, 0, rules[i]);
        seeds->add(seeds, file.bytes, file.length);
    }
    buffer_clear(&file);
    tzif_write(&file, 123, changes, 4, "CET-1");
    seeds->add(seeds, file.bytes, file.length);
    buffer_deinit(&file);
}
