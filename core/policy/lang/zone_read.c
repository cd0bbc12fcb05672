/* TZif → struct zone. What is read of a file (RFC 9636 §3): the counts of the first header, to skip
 * the data of version 1 with its 32-bit times; of the second header and its data the transition
 * times, their types and the offset of each type; the TZ string in the footer. Names of offsets and
 * whether they are daylight saving time are checked for their place and ignored: no expression can
 * ask for them.
 *
 * Refused although the format allows it: version 1, whose times end in 2038; leap seconds
 * ("right/…"), which our calendar does not have; a file without a TZ string, which says nothing
 * about times after its last transition. */
#include "zone.h"

#include "calendar.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "tz_rule.h"

#define HEADER_SIZE     44u
#define TYPE_SIZE       6u
#define TRANSITIONS_MAX 2000u /* as many as zic writes */
#define TYPES_MAX       256u
#define NAMES_MAX       512u     /* bytes of the names of offsets */
#define OFFSET_MIN_S    (-89999) /* RFC 9636 §3.2 */
#define OFFSET_MAX_S    93599
#define RULE_YEARS      403 /* that a rule is written out for: 400, and what lies around them */
#define CHANGES_MAX     (2u * RULE_YEARS)

static const char truncated[] = "the file is truncated";
static const char damaged[] = "the file is damaged";
static const char contradiction[] = "its TZ string contradicts its last transition";

/* ------------------------------------------------------------------------------------------------
 * Bytes */

static uint64_t big_endian(const uint8_t *at, size_t size) {
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | at[i];
    return number;
}

struct header {
    uint8_t version;
    uint32_t ut_count, standard_count, leap_count, time_count, type_count, name_bytes;
};

/* Takes a header from the left. */
static const char *read_header(struct text *left, struct header *ret_header) {
    const uint8_t *at = (const uint8_t *)left->data;
    if (left->length < 4 || memcmp(at, "TZif", 4) != 0)
        return "this is not a TZif file";
    if (left->length < HEADER_SIZE)
        return truncated;
    *ret_header = (struct header){
        .version = at[4],
        .ut_count = (uint32_t)big_endian(at + 20, 4),
        .standard_count = (uint32_t)big_endian(at + 24, 4),
        .leap_count = (uint32_t)big_endian(at + 28, 4),
        .time_count = (uint32_t)big_endian(at + 32, 4),
        .type_count = (uint32_t)big_endian(at + 36, 4),
        .name_bytes = (uint32_t)big_endian(at + 40, 4),
    };
    left->data += HEADER_SIZE;
    left->length -= HEADER_SIZE;
    return NULL;
}

static uint64_t data_size(const struct header *header, uint64_t time_size) {
    return header->time_count * (time_size + 1) + header->type_count * (uint64_t)TYPE_SIZE +
           header->name_bytes + header->leap_count * (time_size + 4) + header->standard_count +
           header->ut_count;
}

static const char *check_counts(const struct header *header) {
    if (header->leap_count > 0)
        return "its times count leap seconds; expected a file that is not from \"right/\"";
    bool flags = (header->ut_count == 0 || header->ut_count == header->type_count) &&
                 (header->standard_count == 0 || header->standard_count == header->type_count);
    bool good = header->type_count >= 1 && header->type_count <= TYPES_MAX &&
                header->time_count <= TRANSITIONS_MAX && header->name_bytes >= 1 &&
                header->name_bytes <= NAMES_MAX && flags;
    return good ? NULL : damaged;
}

/* ------------------------------------------------------------------------------------------------
 * The table that is being made */

struct builder {
    struct zone *zone;
    int64_t *times;
    int32_t *offsets;
    size_t capacity;
};

static int32_t last_offset(const struct builder *builder) {
    size_t count = builder->zone->count;
    return count > 0 ? builder->offsets[count - 1] : builder->zone->before_s;
}

/* Leaves out what changes nothing. Of two changes at one time the later one counts. False: it is
 * before the last one. */
static bool add_change(struct builder *builder, int64_t time_s, int32_t offset_s) {
    struct zone *zone = builder->zone;
    if (zone->count > 0 && builder->times[zone->count - 1] > time_s)
        return false;
    if (zone->count > 0 && builder->times[zone->count - 1] == time_s)
        zone->count--;
    if (last_offset(builder) == offset_s)
        return true;
    check(zone->count < builder->capacity);
    builder->times[zone->count] = time_s;
    builder->offsets[zone->count++] = offset_s;
    return true;
}

/* ------------------------------------------------------------------------------------------------
 * Transitions */

/* Of each type, the offset. */
static const char *read_types(const uint8_t *at, const struct header *header,
                              int32_t ret_offsets[TYPES_MAX]) {
    for (uint32_t i = 0; i < header->type_count; i++, at += TYPE_SIZE) {
        int32_t offset_s = (int32_t)(uint32_t)big_endian(at, 4);
        if (offset_s < OFFSET_MIN_S || offset_s > OFFSET_MAX_S || at[4] > 1 ||
            at[5] >= header->name_bytes)
            return damaged;
        ret_offsets[i] = offset_s;
    }
    return NULL;
}

/* Times before the first transition have the first type. *ret_last_s: the last transition, also if
 * it changes nothing. */
static const char *read_transitions(struct builder *builder, const uint8_t *at,
                                    const struct header *header, int64_t *ret_last_s) {
    int32_t offsets[TYPES_MAX];
    const uint8_t *types = at + header->time_count * UINT64_C(8);
    const char *diagnostic = read_types(types + header->time_count, header, offsets);
    if (diagnostic)
        return diagnostic;
    builder->zone->before_s = offsets[0];
    int64_t before = INT64_MIN;
    for (uint32_t i = 0; i < header->time_count; i++) {
        int64_t time_s = (int64_t)big_endian(at + i * UINT64_C(8), 8);
        if ((i > 0 && time_s <= before) || types[i] >= header->type_count)
            return damaged;
        add_change(builder, time_s, offsets[types[i]]);
        before = time_s;
    }
    *ret_last_s = before;
    return NULL;
}

/* ------------------------------------------------------------------------------------------------
 * The rule for later times */

/* The two changes of a year in their order. */
static bool add_year(struct builder *builder, const struct tz_rule *rule, int64_t year) {
    int64_t start_s = tz_rule_start(rule, year), end_s = tz_rule_end(rule, year);
    if (start_s <= end_s)
        return add_change(builder, start_s, rule->daylight_s) &&
               add_change(builder, end_s, rule->standard_s);
    return add_change(builder, end_s, rule->standard_s) &&
           add_change(builder, start_s, rule->daylight_s);
}

/* What the rule says from a time on for 400 years, in a table of its own, which begins a year
 * earlier: its offset at `from_s` is known. */
static bool write_out(struct builder *builder, const struct tz_rule *rule, int64_t from_s) {
    int64_t year = calendar_date(from_s * CALENDAR_SECOND_US).year;
    builder->zone->before_s = rule->standard_s;
    for (int64_t i = 0; i < RULE_YEARS; i++)
        if (!add_year(builder, rule, year - 1 + i))
            return false;
    return true;
}

/* Appends the changes in (from_s, from_s + 400 years]. */
static void append_rule(struct builder *builder, const struct zone *rule, int64_t from_s) {
    for (size_t i = 0; i < rule->count; i++)
        if (rule->times[i] > from_s && rule->times[i] <= from_s + ZONE_REPEAT_S)
            check(add_change(builder, rule->times[i], rule->offsets[i]));
    builder->zone->repeats = true;
    builder->zone->repeat_s = from_s;
}

/* Without transitions the rule holds at all times; else it must agree with the last of them. */
static const char *add_daylight(struct builder *builder, const struct tz_rule *rule, bool any,
                                int64_t last_s) {
    int64_t from_s = any ? last_s : 0;
    if (from_s < CALENDAR_MIN_US / CALENDAR_SECOND_US ||
        from_s > CALENDAR_MAX_US / CALENDAR_SECOND_US)
        return "its last transition is outside of the years 1 to 9999";
    int64_t times[CHANGES_MAX];
    int32_t offsets[CHANGES_MAX];
    struct zone expanded = {.times = times, .offsets = offsets};
    struct builder other = {
        .zone = &expanded, .times = times, .offsets = offsets, .capacity = CHANGES_MAX};
    if (!write_out(&other, rule, from_s))
        return "the changes of its TZ string overlap";
    int32_t offset_s = zone_offset_s(&expanded, from_s);
    if (!any) {
        builder->zone->before_s = offset_s;
        builder->zone->repeats_backwards = true;
    } else if (offset_s != last_offset(builder)) {
        return contradiction;
    }
    append_rule(builder, &expanded, from_s);
    return NULL;
}

static const char *add_footer(struct builder *builder, struct text footer, bool any,
                              int64_t last_s) {
    struct tz_rule rule;
    if (footer.length < 2 || footer.data[0] != '\n' || footer.data[footer.length - 1] != '\n')
        return truncated;
    struct text string = {.data = footer.data + 1, .length = footer.length - 2};
    if (string.length == 0)
        return "it has no TZ string, so nothing is known about later times";
    if (!tz_rule_parse(string, &rule))
        return "its TZ string is not one that POSIX and RFC 9636 describe";
    if (rule.has_daylight)
        return add_daylight(builder, &rule, any, last_s);
    if (!any)
        builder->zone->before_s = rule.standard_s;
    else if (rule.standard_s != last_offset(builder))
        return contradiction;
    return NULL;
}

/* ------------------------------------------------------------------------------------------------
 * The file */

/* What follows the second header: the data, and the footer. */
static const char *read_data(struct text data, const struct header *header, struct arena *arena,
                             struct zone *zone) {
    uint64_t size = data_size(header, 8);
    if (size > data.length)
        return truncated;
    struct builder builder = {.zone = zone, .capacity = header->time_count + CHANGES_MAX};
    builder.times = arena_calloc(arena, builder.capacity, sizeof *builder.times);
    builder.offsets = arena_calloc(arena, builder.capacity, sizeof *builder.offsets);
    check(builder.times && builder.offsets);
    zone->times = builder.times;
    zone->offsets = builder.offsets;
    int64_t last_s = 0;
    const char *diagnostic =
        read_transitions(&builder, (const uint8_t *)data.data, header, &last_s);
    if (diagnostic)
        return diagnostic;
    struct text footer = {.data = data.data + size, .length = data.length - size};
    return add_footer(&builder, footer, header->time_count > 0, last_s);
}

/* The offsets, not the file's bytes: zic can write the same rules in several ways, and a feature
 * keeps its history when nothing changes that it can see. */
static uint64_t rules_hash(const struct zone *zone) {
    struct buffer spelling;
    buffer_init(&spelling);
    int64_t time_s = CALENDAR_MIN_US / CALENDAR_SECOND_US;
    do {
        buffer_append_u64(&spelling, (uint64_t)time_s);
        buffer_append_zigzag(&spelling, zone_offset_s(zone, time_s));
    } while (zone_next_change(zone, time_s, &time_s));
    uint64_t hash = hash64(spelling.bytes, spelling.length, 0);
    buffer_deinit(&spelling);
    return hash;
}

const char *zone_read(struct text file, struct text name, struct arena *arena,
                      struct zone *ret_zone) {
    struct header header;
    struct text left = file;
    const char *diagnostic = read_header(&left, &header);
    if (diagnostic)
        return diagnostic;
    if (file.length > ZONE_FILE_MAX)
        return "the file is too large; expected at most 64 KiB";
    if (header.version < '2')
        return "this is version 1 of the format, without times after 2037; expected version 2 or "
               "later";
    uint64_t skip = data_size(&header, 4);
    if (skip > left.length)
        return truncated;
    left.data += skip;
    left.length -= skip;
    if (read_header(&left, &header))
        return left.length < HEADER_SIZE ? truncated : damaged;
    diagnostic = check_counts(&header);
    struct zone zone = {.name = name};
    if (!diagnostic)
        diagnostic = read_data(left, &header, arena, &zone);
    if (diagnostic)
        return diagnostic;
    zone.hash = rules_hash(&zone);
    *ret_zone = zone;
    return NULL;
}
