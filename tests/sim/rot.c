#include "rot.h"

#include "life.h"
#include "model.h"
#include "network.h"
#include "schedule.h"

#include "core/base/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char rotten_path[256];
static uint64_t files;

static void copy_file(const char *from, const char *to) {
    static char bytes[1 << 16];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    check(in >= 0 && out >= 0);
    for (ssize_t r; (r = read(in, bytes, sizeof bytes)) > 0;)
        check(write(out, bytes, (size_t)r) == r);
    close(in);
    close(out);
}

/* One of the files whose damage matters, each as likely as another. */
static void consider(const char *path, const struct stat *status) {
    bool matters = strstr(path, ".seg") || strstr(path, "/g-");
    if (matters && !strstr(path, ".torn") && status->st_size > 0 &&
        chance_once(CHANCE_FAULT, ++files))
        snprintf(rotten_path, sizeof rotten_path, "%s", path);
}

static void copy_folder(const char *from, const char *to) {
    DIR *folder = opendir(from);
    check(folder);
    check(mkdir(to, 0750) == 0);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char inner[256], outer[256], target[256] = "";
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%.120s/%.120s", from, entry->d_name);
        snprintf(outer, sizeof outer, "%.120s/%.120s", to, entry->d_name);
        check(lstat(inner, &status) == 0);
        if (S_ISDIR(status.st_mode)) {
            copy_folder(inner, outer);
        } else if (S_ISLNK(status.st_mode)) {
            check(readlink(inner, target, sizeof target - 1) > 0 && symlink(target, outer) == 0);
        } else {
            copy_file(inner, outer);
            consider(outer, &status);
        }
    }
    closedir(folder);
}

static void flip(void) {
    struct stat status;
    uint8_t byte;
    int file = open(rotten_path, O_RDWR | O_CLOEXEC);
    check(file >= 0 && fstat(file, &status) == 0);
    off_t at = (off_t)chance_below(CHANCE_FAULT, (uint64_t)status.st_size);
    check(pread(file, &byte, 1, at) == 1);
    byte ^= (uint8_t)(1u << chance_below(CHANCE_FAULT, 8));
    check(pwrite(file, &byte, 1, at) == 1);
    close(file);
    trace("rot: byte %lld of %s", (long long)at, rotten_path);
}

/* Does the message name the file, with or without the folders that it is in? */
static bool is_named(const char *text) {
    char name[256];
    snprintf(name, sizeof name, "%s", strrchr(rotten_path, '/') + 1);
    char *epoch = strstr(name, ".epoch"); /* it gets its name when the archive is opened */
    if (epoch)
        *epoch = '\0';
    return strstr(text, name) || (strstr(rotten_path, "/g-") && strstr(text, "/generations"));
}

static void live(void) {
    struct error error;
    if (life_open_server(&error) < 0) {
        if (!is_named(error.text))
            broken("after rot of %s the server does not open, and names another file: %s",
                   rotten_path, error.text);
        trace("rot: %s", error.text);
        life_end(LIFE_REFUSED);
    }
    life_check_rotten(!world->has_rotten_tables);
    life_end(LIFE_KILLED);
}

void rot_live(void) {
    char rotten[80];
    life_catch_signals();
    world->is_short_of_memory = false;
    int length = (int)(strrchr(world->root, '/') - world->root);
    snprintf(rotten, sizeof rotten, "%.*s/rotten", length, world->root);
    copy_folder(world->root, rotten);
    if (files == 0)
        life_end(LIFE_REFUSED);
    world->injected[__builtin_ctz(FAULT_ROT)]++;
    flip();
    world->has_rotten_tables = strstr(rotten_path, ".seg") == NULL;
    snprintf(world->archive, sizeof world->archive, "%.60s/archive", rotten);
    snprintf(world->generations, sizeof world->generations, "%.60s/generations", rotten);
    life_without_faults();
    schedule_run(live);
    abort();
}
