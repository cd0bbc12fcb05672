#include "backup_point.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/store/archive/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECKSUM_MEMBER ",\"checksum\":\""
#define CHECKSUM_TAIL   (sizeof CHECKSUM_MEMBER - 1 + BACKUP_HEX_SIZE - 1 + sizeof "\"}\n" - 1)
#define FILES_FIRST     64
#define COMPONENT_MAX   190 /* bytes of a name, which the backup appends the hash to */

void backup_hex(const uint8_t digest[32], char ret_hex[BACKUP_HEX_SIZE]) {
    for (size_t i = 0; i < 32; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

bool backup_path_is_safe(const char *path) {
    if (!*path || *path == '/' || strlen(path) > BACKUP_PATH_MAX ||
        !text_is_clean(text_of(path), NULL))
        return false;
    for (const char *at = path; at;) {
        const char *end = strchr(at, '/');
        size_t length = end ? (size_t)(end - at) : strlen(at);
        if (length == 0 || length > COMPONENT_MAX || *at == '.')
            return false;
        at = end ? end + 1 : NULL;
    }
    return true;
}

void backup_point_deinit(struct backup_point *point) {
    for (size_t i = 0; i < point->count; i++)
        free(point->files[i].path);
    free(point->files);
    free(point->tables);
    *point = (struct backup_point){0};
}

void backup_point_add(struct backup_point *point, struct backup_file file) {
    if (point->count == point->capacity) {
        point->capacity = point->capacity ? 2 * point->capacity : FILES_FIRST;
        point->files = check_reallocarray(point->files, point->capacity, sizeof *point->files);
    }
    point->files[point->count++] = file;
}

void backup_point_drop_tables(struct backup_point *point) {
    size_t stay = 0;
    for (size_t i = 0; i < point->count; i++)
        if (strncmp(point->files[i].path, BACKUP_TABLES_FOLDER, sizeof BACKUP_TABLES_FOLDER - 1) ==
            0)
            free(point->files[i].path);
        else
            point->files[stay++] = point->files[i];
    point->count = stay;
    free(point->tables);
    point->tables = NULL;
}

uint64_t backup_point_bytes(const struct backup_point *point) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < point->count; i++)
        bytes += point->files[i].bytes;
    return bytes;
}

size_t backup_point_segments(const struct backup_point *point) {
    size_t count = 0;
    while (count < point->count && point->files[count].is_segment)
        count++;
    return count;
}

/* ---------------------------------------------------------------------------------------------
 * Writing */

static void format_segment(const struct backup_file *file, struct buffer *json) {
    json_add_unsigned(json, "first", file->first);
    json_add_unsigned(json, "last", file->last);
    json_add_hex(json, "chain", file->chain);
    json_add_signed(json, "day", file->day);
    if (file->time_before_us != INT64_MIN)
        json_add_signed(json, "time_before_us", file->time_before_us);
    json_add_unsigned(json, "epoch", file->epoch);
    if (*file->seal)
        json_add_text(json, "seal", text_of(file->seal));
    json_add_bool(json, "cut", file->is_cut);
}

static void format_file(const struct backup_file *file, struct buffer *json) {
    json_begin_object(json, NULL);
    json_add_text(json, "path", text_of(file->path));
    json_add_unsigned(json, "bytes", file->bytes);
    json_add_text(json, "sha256", text_of(file->sha256));
    json_add_unsigned(json, "mode", file->mode);
    if (*file->source)
        json_add_text(json, "source", text_of(file->source));
    if (file->is_segment)
        format_segment(file, json);
    json_end_object(json);
}

static void checksum_of(const void *bytes, size_t length, char ret_hex[BACKUP_HEX_SIZE]) {
    uint8_t digest[32];
    struct sha256 *sha = sha256_new();
    sha256_add(sha, bytes, length);
    sha256_finish(sha, digest);
    backup_hex(digest, ret_hex);
}

void backup_point_format(const struct backup_point *point, struct buffer *ret_json) {
    size_t start = ret_json->length;
    char checksum[BACKUP_HEX_SIZE];
    json_begin_object(ret_json, NULL);
    json_add_unsigned(ret_json, "format", BACKUP_FORMAT);
    json_add_unsigned(ret_json, "number", point->number);
    json_add_time(ret_json, "made", point->made_us);
    json_add_signed(ret_json, "made_time_us", point->made_us);
    json_add_text(ret_json, "version", text_of(point->version));
    json_add_unsigned(ret_json, "position", point->place.position);
    json_add_hex(ret_json, "chain", point->place.chain);
    json_add_time(ret_json, "received", point->time_us);
    json_add_signed(ret_json, "receive_time_us", point->time_us);
    json_add_unsigned(ret_json, "epoch", point->epoch);
    if (point->tables) {
        json_begin_object(ret_json, "tables");
        json_add_text(ret_json, "folder", text_of(point->tables));
        json_add_unsigned(ret_json, "position", point->tables_place.position);
        json_add_hex(ret_json, "chain", point->tables_place.chain);
        json_end_object(ret_json);
    }
    json_begin_array(ret_json, "files");
    for (size_t i = 0; i < point->count; i++)
        format_file(&point->files[i], ret_json);
    json_end_array(ret_json);
    checksum_of(ret_json->bytes + start, ret_json->length - start, checksum);
    buffer_printf(ret_json, CHECKSUM_MEMBER "%s\"}\n", checksum);
}

/* ---------------------------------------------------------------------------------------------
 * Reading. The first member that is missing or invalid is remembered, and reads go on. */

struct reading {
    const json_t *object;
    const char *fault; /* NULL: all well so far */
};

static void blame(struct reading *reading, const char *name) {
    if (!reading->fault)
        reading->fault = name;
}

static int64_t get_signed(struct reading *reading, const char *name) {
    const json_t *value = json_object_get(reading->object, name);
    if (!json_is_integer(value))
        blame(reading, name);
    return json_integer_value(value);
}

static uint64_t get_unsigned(struct reading *reading, const char *name) {
    int64_t value = get_signed(reading, name);
    if (value < 0)
        blame(reading, name);
    return value < 0 ? 0 : (uint64_t)value;
}

/* "" if it is missing. */
static void get_string(struct reading *reading, const char *name, char *ret_string, size_t size) {
    const json_t *value = json_object_get(reading->object, name);
    const char *string = json_string_value(value);
    if (value && (!string || strlen(string) >= size))
        blame(reading, name);
    snprintf(ret_string, size, "%s", string ? string : "");
}

static bool is_hex(const char *digits) {
    return strlen(digits) == BACKUP_HEX_SIZE - 1 &&
           strspn(digits, "0123456789abcdef") == BACKUP_HEX_SIZE - 1;
}

static uint64_t get_hash(struct reading *reading, const char *name) {
    char digits[HASH_HEX_SIZE];
    uint64_t hash = 0;
    get_string(reading, name, digits, sizeof digits);
    if (hash_parse_hex(text_of(digits), &hash) < 0)
        blame(reading, name);
    return hash;
}

static void parse_segment(struct reading *reading, struct backup_file *file) {
    file->is_segment = true;
    file->first = get_unsigned(reading, "first");
    file->last = get_unsigned(reading, "last");
    file->chain = get_hash(reading, "chain");
    file->day = (int32_t)get_signed(reading, "day");
    file->time_before_us = json_object_get(reading->object, "time_before_us")
                               ? get_signed(reading, "time_before_us")
                               : INT64_MIN;
    file->epoch = get_unsigned(reading, "epoch");
    get_string(reading, "seal", file->seal, sizeof file->seal);
    if (*file->seal && !is_hex(file->seal))
        blame(reading, "seal");
    file->is_cut = json_is_true(json_object_get(reading->object, "cut"));
}

static void parse_file(struct reading *reading, struct backup_point *point) {
    char path[BACKUP_PATH_MAX + 1];
    struct backup_file file = {.bytes = get_unsigned(reading, "bytes"),
                               .mode = (unsigned)get_unsigned(reading, "mode") & 0777};
    get_string(reading, "path", path, sizeof path);
    get_string(reading, "sha256", file.sha256, sizeof file.sha256);
    get_string(reading, "source", file.source, sizeof file.source);
    if (!backup_path_is_safe(path))
        blame(reading, "path");
    if (!is_hex(file.sha256))
        blame(reading, "sha256");
    if (json_object_get(reading->object, "first"))
        parse_segment(reading, &file);
    file.path = text_copy(text_of(path));
    backup_point_add(point, file);
}

/* Records without gaps, from the first segment's first to the point's last. */
static bool is_continuous(const struct backup_point *point) {
    size_t segments = backup_point_segments(point);
    for (size_t i = 0; i < point->count; i++) {
        const struct backup_file *file = &point->files[i];
        if (file->is_segment && (i >= segments || file->first == 0 || file->last + 1 < file->first))
            return false;
        if (i > 0 && i < segments && file->first != file[-1].last + 1)
            return false;
    }
    return segments > 0 && point->files[segments - 1].last == point->place.position &&
           point->files[segments - 1].chain == point->place.chain;
}

static void parse_tables(struct reading *reading, struct backup_point *point) {
    char folder[BACKUP_PATH_MAX];
    struct reading tables = {.object = json_object_get(reading->object, "tables")};
    if (!tables.object)
        return;
    get_string(&tables, "folder", folder, sizeof folder);
    if (!backup_path_is_safe(folder) || strchr(folder, '/'))
        blame(&tables, "folder");
    point->tables = text_copy(text_of(folder));
    point->tables_place =
        (struct archive_place){get_unsigned(&tables, "position"), get_hash(&tables, "chain")};
    if (tables.fault)
        blame(reading, tables.fault);
}

static int parse_object(const json_t *object, struct backup_point *point, struct error *ret_error) {
    struct reading reading = {.object = object};
    uint64_t format = get_unsigned(&reading, "format");
    if (!reading.fault && format != BACKUP_FORMAT)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "a backup of format %" PRIu64 "; this version of harrier reads format %d",
                         format, BACKUP_FORMAT);
    point->number = get_unsigned(&reading, "number");
    point->made_us = get_signed(&reading, "made_time_us");
    get_string(&reading, "version", point->version, sizeof point->version);
    point->place =
        (struct archive_place){get_unsigned(&reading, "position"), get_hash(&reading, "chain")};
    point->time_us = get_signed(&reading, "receive_time_us");
    point->epoch = get_unsigned(&reading, "epoch");
    parse_tables(&reading, point);
    const json_t *files = json_object_get(object, "files");
    if (!json_is_array(files) || json_array_size(files) > BACKUP_FILES_MAX)
        blame(&reading, "files");
    for (size_t i = 0; i < json_array_size(files) && !reading.fault; i++) {
        struct reading file = {.object = json_array_get(files, i)};
        parse_file(&file, point);
        reading.fault = file.fault;
    }
    if (!reading.fault && !is_continuous(point))
        blame(&reading, "files");
    return reading.fault
               ? error_set(ret_error, ERROR_DAMAGED, "\"%s\" is missing or invalid", reading.fault)
               : 0;
}

static bool has_checksum(const char *bytes, size_t length) {
    char checksum[BACKUP_HEX_SIZE];
    if (length < CHECKSUM_TAIL)
        return false;
    const char *tail = bytes + length - CHECKSUM_TAIL;
    if (memcmp(tail, CHECKSUM_MEMBER, sizeof CHECKSUM_MEMBER - 1) != 0)
        return false;
    checksum_of(bytes, length - CHECKSUM_TAIL, checksum);
    return memcmp(tail + sizeof CHECKSUM_MEMBER - 1, checksum, BACKUP_HEX_SIZE - 1) == 0;
}

int backup_point_parse(const char *bytes, size_t length, struct backup_point *ret_point,
                       struct error *ret_error) {
    struct backup_point point = {0};
    json_error_t where;
    if (!has_checksum(bytes, length))
        return error_set(ret_error, ERROR_DAMAGED,
                         "its checksum does not match: the file was changed, or is not whole. "
                         "Without it, only this point is lost");
    json_t *object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &where);
    int r = json_is_object(object) ? parse_object(object, &point, ret_error)
                                   : error_set(ret_error, ERROR_DAMAGED, "it is no JSON object");
    json_decref(object);
    if (r < 0)
        backup_point_deinit(&point);
    else
        *ret_point = point;
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * All points of a backup */

const char *backup_point_name(uint64_t number, char ret_name[BACKUP_POINT_NAME_SIZE]) {
    snprintf(ret_name, BACKUP_POINT_NAME_SIZE, BACKUP_POINTS_FOLDER "/%010" PRIu64 ".json", number);
    return ret_name;
}

void backup_points_deinit(struct backup_points *points) {
    for (size_t i = 0; i < points->count; i++)
        backup_point_deinit(&points->points[i]);
    free(points->points);
    *points = (struct backup_points){0};
}

static int load_point(int directory, uint64_t number, struct backup_points *points,
                      struct error *ret_error) {
    char name[BACKUP_POINT_NAME_SIZE], *bytes;
    size_t length;
    struct backup_point point;
    backup_point_name(number, name);
    int r = file_load(directory, name, BACKUP_POINT_MAX, &bytes, &length, ret_error);
    if (r < 0)
        return r;
    r = backup_point_parse(bytes, length, &point, ret_error);
    free(bytes);
    if (r == 0 && point.number != number) {
        backup_point_deinit(&point);
        r = error_set(ret_error, ERROR_DAMAGED, "it is the manifest of another point");
    }
    if (r < 0)
        return error_prefix(ret_error, "%s", name);
    points->points = check_reallocarray(points->points, points->count + 1, sizeof *points->points);
    points->points[points->count++] = point;
    return 0;
}

static int compare_numbers(const void *a, const void *b) {
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Only names of points: drafts and others' files are not. */
static int list_numbers(int directory, uint64_t **ret_numbers, size_t *ret_count,
                        struct error *ret_error) {
    int inner = openat(directory, BACKUP_POINTS_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = inner < 0 ? NULL : fdopendir(inner);
    uint64_t *numbers = NULL;
    size_t count = 0;
    if (!folder && errno != ENOENT)
        return error_set_errno(ret_error, errno, BACKUP_POINTS_FOLDER ": cannot open");
    if (!folder) { /* the first backup was killed before it made the folder */
        *ret_numbers = NULL;
        *ret_count = 0;
        return 0;
    }
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, BACKUP_POINTS_FOLDER, &entry, ret_error)) > 0;) {
        char name[BACKUP_POINT_NAME_SIZE];
        uint64_t number = strtoull(entry->d_name, NULL, 10);
        backup_point_name(number, name);
        if (number == 0 || strcmp(name + sizeof BACKUP_POINTS_FOLDER, entry->d_name) != 0)
            continue;
        numbers = check_reallocarray(numbers, count + 1, sizeof *numbers);
        numbers[count++] = number;
    }
    closedir(folder);
    if (r < 0) {
        free(numbers);
        return r;
    }
    if (count > 0)
        qsort(numbers, count, sizeof *numbers, compare_numbers);
    *ret_numbers = numbers;
    *ret_count = count;
    return 0;
}

int backup_points_load(int directory, struct backup_points *ret_points, struct error *ret_error) {
    struct backup_points points = {0};
    uint64_t *numbers = NULL;
    size_t count = 0;
    int r = list_numbers(directory, &numbers, &count, ret_error);
    for (size_t i = 0; i < count && r == 0; i++)
        r = load_point(directory, numbers[i], &points, ret_error);
    free(numbers);
    if (r < 0)
        backup_points_deinit(&points);
    else
        *ret_points = points;
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Two archives of one history */

/* Sealing changes a segment's file, not what is in it: a seal is compared with a seal, and a file
 * with a file of the same name. A segment that was still being written says nothing. */
static bool is_other_content(const struct backup_file *earlier, const struct backup_file *later) {
    if (*earlier->seal && *later->seal)
        return strcmp(earlier->seal, later->seal) != 0;
    return !*earlier->seal && !*later->seal && !earlier->is_cut && !later->is_cut &&
           earlier->last == later->last && strcmp(earlier->sha256, later->sha256) != 0;
}

enum backup_relation backup_point_relation(const struct backup_point *earlier,
                                           const struct backup_point *later,
                                           const char **ret_segment) {
    size_t of_earlier = backup_point_segments(earlier), of_later = backup_point_segments(later);
    if (earlier->epoch != later->epoch)
        return earlier->epoch < later->epoch ? BACKUP_REWRITTEN : BACKUP_OLDER;
    for (size_t i = 0, j = 0; i < of_earlier && j < of_later;) {
        const struct backup_file *a = &earlier->files[i], *b = &later->files[j];
        if (a->first == b->first && is_other_content(a, b)) {
            *ret_segment = b->path;
            return BACKUP_OTHER;
        }
        i += a->first <= b->first;
        j += b->first <= a->first;
    }
    return BACKUP_SAME;
}
