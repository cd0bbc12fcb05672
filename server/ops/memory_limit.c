/* /proc/self/cgroup names the process's groups, /sys/fs/cgroup has their files. In a container the
 * two may disagree: the path can be the host's while the mount shows only the container's group. So
 * the search goes up to the mount's own root, and what does not exist on the way is skipped. */
#include "memory_limit.h"

#include "core/base/text.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GROUPS_SIZE 16384

/* false: it cannot be read, or does not fit. */
static bool read_file(const char *name, char *ret_text, size_t size) {
    int descriptor = open(name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    size_t length = 0;
    ssize_t got;
    while (length < size && (got = read(descriptor, ret_text + length, size - length)) > 0)
        length += (size_t)got;
    close(descriptor);
    if (length == size)
        return false;
    ret_text[length] = '\0';
    return true;
}

/* false: "max", nothing, or not a number of bytes. */
static bool read_bytes(const char *name, uint64_t *ret_bytes) {
    char text[64];
    uint64_t bytes = 0;
    if (!read_file(name, text, sizeof text))
        return false;
    const char *at = text;
    for (; text_is_digit(*at); at++)
        if (__builtin_mul_overflow(bytes, 10, &bytes) ||
            __builtin_add_overflow(bytes, (uint64_t)(*at - '0'), &bytes))
            return false;
    *ret_bytes = bytes;
    return bytes > 0 && (*at == '\0' || strcmp(at, "\n") == 0);
}

static void look_at(const char *root, const char *name, struct memory_limit *limit) {
    char full[2 * MEMORY_LIMIT_FILE_SIZE];
    uint64_t bytes;
    if (snprintf(full, sizeof full, "%s%s", root, name) >= (int)sizeof full ||
        !read_bytes(full, &bytes) || (limit->bytes > 0 && bytes >= limit->bytes))
        return;
    limit->bytes = bytes;
    snprintf(limit->file, sizeof limit->file, "%s", name);
}

/* The group at path below the mount, and all around it. A path with ".." is outside of what this
 * process can see; the mount's root is the nearest group that it can. */
static void look_upwards(const char *root, const char *mount, struct text path, const char *file,
                         struct memory_limit *limit) {
    if (memmem(path.data, path.length, "/..", 3))
        path.length = 0;
    for (;;) {
        while (path.length > 0 && path.data[path.length - 1] == '/')
            path.length--;
        char name[MEMORY_LIMIT_FILE_SIZE];
        if (snprintf(name, sizeof name, "%s%" TEXT_FORMAT "/%s", mount, TEXT_ARGS(path), file) <
            (int)sizeof name)
            look_at(root, name, limit);
        if (path.length == 0)
            return;
        while (path.length > 0 && path.data[path.length - 1] != '/')
            path.length--;
    }
}

/* "cpu,memory" */
static bool has_memory(struct text controllers) {
    while (controllers.length > 0) {
        const char *comma = memchr(controllers.data, ',', controllers.length);
        struct text one = {controllers.data,
                           comma ? (size_t)(comma - controllers.data) : controllers.length};
        if (text_is(one, "memory"))
            return true;
        size_t step = comma ? one.length + 1 : one.length;
        controllers = (struct text){controllers.data + step, controllers.length - step};
    }
    return false;
}

/* A line "HIERARCHY:CONTROLLERS:PATH"; hierarchy 0, without controllers, is version 2, which may be
 * mounted beside version 1. */
static void read_group(const char *root, struct text line, struct memory_limit *limit) {
    const char *first = memchr(line.data, ':', line.length);
    if (!first)
        return;
    size_t rest = line.length - (size_t)(first + 1 - line.data);
    const char *second = memchr(first + 1, ':', rest);
    if (!second)
        return;
    struct text controllers = {first + 1, (size_t)(second - first - 1)};
    struct text path = {second + 1, rest - controllers.length - 1};
    if (controllers.length == 0) {
        look_upwards(root, "/sys/fs/cgroup", path, "memory.max", limit);
        look_upwards(root, "/sys/fs/cgroup/unified", path, "memory.max", limit);
    } else if (has_memory(controllers)) {
        look_upwards(root, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", limit);
    }
}

void memory_limit_read(const char *root, uint64_t machine_bytes, struct memory_limit *ret_limit) {
    struct memory_limit limit = {.bytes = machine_bytes};
    char name[MEMORY_LIMIT_FILE_SIZE], groups[GROUPS_SIZE];
    snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
    if (read_file(name, groups, sizeof groups))
        for (char *line = groups; *line;) {
            size_t length = strcspn(line, "\n");
            read_group(root, (struct text){line, length}, &limit);
            line += length + (line[length] == '\n');
        }
    *ret_limit = limit;
}

uint64_t memory_limit_machine(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}
