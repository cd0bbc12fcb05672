#include "tzif.h"

#include "core/base/check.h"

static void put_number(struct buffer *file, uint64_t number, size_t size) {
    for (size_t i = size; i-- > 0;)
        buffer_append_u8(file, (uint8_t)(number >> (8 * i)));
}

static void put_header(struct buffer *file, size_t times, size_t types) {
    static const uint8_t reserved[15] = {0};
    buffer_append(file, "TZif2", 5);
    buffer_append(file, reserved, sizeof reserved);
    const size_t counts[] = {0, 0, 0, times, types, 4};
    for (size_t i = 0; i < 6; i++)
        put_number(file, counts[i], 4);
}

/* A type for each change, and before them the first. */
static void put_data(struct buffer *file, int32_t first_s, const struct tzif_change *changes,
                     size_t count, size_t time_size) {
    for (size_t i = 0; i < count; i++)
        put_number(file, (uint64_t)changes[i].time_s, time_size);
    for (size_t i = 0; i < count; i++)
        buffer_append_u8(file, (uint8_t)(i + 1));
    for (size_t i = 0; i <= count; i++) {
        put_number(file, (uint32_t)(i > 0 ? changes[i - 1].offset_s : first_s), 4);
        buffer_append_u8(file, 0);
        buffer_append_u8(file, 0);
    }
    buffer_append(file, "XYZ", 4);
}

void tzif_write(struct buffer *file, int32_t first_s, const struct tzif_change *changes,
                size_t count, const char *rule) {
    static const struct tzif_change ignored = {.time_s = 0, .offset_s = 1234};
    put_header(file, 1, 2);
    put_data(file, first_s, &ignored, 1, 4);
    put_header(file, count, count + 1);
    put_data(file, first_s, changes, count, 8);
    buffer_printf(file, "\n%s\n", rule);
}

const char *tzif_zone(size_t index, struct buffer *file) {
    static const struct tzif_change berlin[] = {
        {-2422054408, 3600}, {323830800, 7200}, {338950800, 3600}, {846378000, 3600}};
    static const struct {
        const char *name;
        int32_t first_s;
        const struct tzif_change *changes;
        size_t count;
        const char *rule;
    } zones[TZIF_ZONES] = {
        {"Europe/Berlin", 3208, berlin, 4, "CET-1CEST,M3.5.0,M10.5.0/3"},
        {"America/New_York", -18000, NULL, 0, "EST5EDT,M3.2.0,M11.1.0"},
        {"Australia/Sydney", 36000, NULL, 0, "AEST-10AEDT,M10.1.0,M4.1.0/3"},
        {"Asia/Kathmandu", 20700, NULL, 0, "<+0545>-5:45"},
    };
    tzif_write(file, zones[index].first_s, zones[index].changes, zones[index].count,
               zones[index].rule);
    return zones[index].name;
}

const struct zone_table *tzif_zone_table(void) {
    static struct arena arena;
    static struct zone zones[TZIF_ZONES];
    static struct zone_table table;
    if (table.count == TZIF_ZONES)
        return &table;
    arena_init(&arena, (size_t)1 << 20);
    for (size_t i = 0; i < TZIF_ZONES; i++) {
        struct buffer file;
        buffer_init(&file);
        const char *name = tzif_zone(i, &file);
        check(!zone_read((struct text){.data = (const char *)file.bytes, .length = file.length},
                         text_of(name), &arena, &zones[i]));
        buffer_deinit(&file);
    }
    zone_table_init(&table, zones, TZIF_ZONES);
    return &table;
}
