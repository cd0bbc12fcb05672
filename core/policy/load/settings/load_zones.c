/* The files of zones, which harrier zones copies from a machine's tzdata into a policy's folder: so
 * they are part of its id, are archived with it, and change only when somebody changes them. */
#include "load_zones.h"

#include "core/base/check.h"

/* What names a zone whose file is refused is not reported as well. */
static struct zone read_zone(struct load *load, const struct source *source) {
    struct zone zone = {.name = zone_path_name(source->path), .is_broken = true};
    const char *diagnostic =
        "this is not the name of a time zone; expected for example zones/Europe/Berlin.tzif";
    if (zone_name_is_valid(zone.name))
        diagnostic = zone_read(source->content, zone.name, load->arena, &zone);
    if (diagnostic)
        diagnostic_add(&load->diagnostics, source, (struct position){0}, "%s", diagnostic);
    return zone;
}

void load_zones(struct load *load) {
    size_t files = 0, count = 0;
    for (size_t i = 0; i < load->file_count; i++)
        files += policy_file_kind(load->sources[i].path) == FILE_ZONE;
    struct zone *zones = arena_calloc(load->arena, files, sizeof *zones);
    bool *used = arena_calloc(&load->scratch, files, sizeof *used);
    check(zones && used);
    for (size_t i = 0, index = 0; i < load->file_count; i++) {
        const struct source *source = &load->sources[i];
        if (policy_file_kind(source->path) != FILE_ZONE)
            continue;
        if (index++ < POLICY_ZONES_MAX) {
            zones[count++] = read_zone(load, source);
            continue;
        }
        diagnostic_add(&load->diagnostics, source, (struct position){0},
                       "%zu time zones; expected at most %u", files, POLICY_ZONES_MAX);
        load->scope.zones_incomplete = true;
        break;
    }
    zone_table_init(&load->snapshot->zones, zones, count);
    load->scope.zones = &load->snapshot->zones;
    load->scope.zone_used = used;
}

void load_warn_unused_zones(struct load *load) {
    if (load->diagnostics.errors > 0)
        return;
    for (size_t i = 0; i < load->file_count; i++) {
        const struct source *source = &load->sources[i];
        if (policy_file_kind(source->path) != FILE_ZONE)
            continue;
        const struct zone *zone = zone_find(load->scope.zones, zone_path_name(source->path));
        if (!load->scope.zone_used[zone - load->scope.zones->zones])
            diagnostic_warn(&load->diagnostics, source, (struct position){0},
                            "time zone \"%" TEXT_FORMAT "\" is never used", TEXT_ARGS(zone->name));
    }
}
