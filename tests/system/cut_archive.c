/* cut_archive ARCHIVE POSITION: cuts off all records after this one, as a node of a cluster does
 * when it steps down, and prints the folder that has them. */
#include "core/store/archive/archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const struct error *error) {
    fprintf(stderr, "%s\n", error->text);
    return 1;
}

static int find_place(const char *path, uint64_t position, struct archive_place *ret_place,
                      struct error *ret_error) {
    struct archive_reader *reader;
    struct record record;
    struct arena arena;
    int r = archive_reader_open(path, (struct archive_place){0}, &reader, ret_error);
    if (r < 0)
        return r;
    arena_init(&arena, 160u << 20);
    while ((r = archive_reader_next(reader, &arena, &record, ret_error)) > 0 &&
           record.position < position)
        arena_reset(&arena);
    *ret_place = archive_reader_place(reader);
    archive_reader_close(reader);
    arena_deinit(&arena);
    return r < 0 ? r : 0;
}

int main(int argc, char **argv) {
    struct archive *archive;
    struct archive_options options = {0};
    struct archive_recovery recovery;
    struct archive_cut_report report;
    struct archive_place place;
    struct error error;
    if (argc != 3)
        return 64;
    if (find_place(argv[1], strtoull(argv[2], NULL, 10), &place, &error) < 0 ||
        archive_open(argv[1], &options, &archive, &recovery, &error) < 0)
        return failed(&error);
    int r = archive_cut(archive, place, &report, &error);
    archive_close(archive);
    if (r < 0)
        return failed(&error);
    printf("%s\n", report.folder);
    return 0;
}
