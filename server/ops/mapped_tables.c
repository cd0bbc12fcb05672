/* Only calls that are safe in a signal handler: the faulting thread may hold any lock. Which file
 * it was, the kernel's list of mappings says. */
#include "mapped_tables.h"

#include "core/base/check.h"
#include "core/store/generation/generation_suspect.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* A line of /proc/self/maps: "7f00-7f10 r--s 00000000 fd:01 42    /path" */
struct line {
    char text[4352];
    size_t length;
};

static const char *parse_hex(const char *at, uintptr_t *ret_value) {
    uintptr_t value = 0;
    for (;; at++) {
        if (*at >= '0' && *at <= '9')
            value = value << 4 | (uintptr_t)(*at - '0');
        else if (*at >= 'a' && *at <= 'f')
            value = value << 4 | (uintptr_t)(*at - 'a' + 10);
        else
            break;
    }
    *ret_value = value;
    return at;
}

static bool contains(const struct line *line, uintptr_t address) {
    uintptr_t from, to;
    const char *at = parse_hex(line->text, &from);
    if (*at != '-')
        return false;
    parse_hex(at + 1, &to);
    return address >= from && address < to;
}

/* Calls `see` for each mapping of tables until it returns true. */
static void each_tables(bool (*see)(const struct line *line, const char *path, uintptr_t address),
                        uintptr_t address) {
    char bytes[4096];
    struct line line = {.length = 0};
    ssize_t length;
    bool is_done = false;
    int descriptor = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    while (!is_done && descriptor >= 0 && (length = read(descriptor, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < length && !is_done; i++) {
            if (bytes[i] != '\n') {
                if (line.length + 1 < sizeof line.text)
                    line.text[line.length++] = bytes[i];
                continue;
            }
            line.text[line.length] = '\0';
            line.length = 0;
            const char *path = strchr(line.text, '/');
            is_done = path && generation_is_tables(path) && see(&line, path, address);
        }
    if (descriptor >= 0)
        close(descriptor);
}

static bool give_up_in(const struct line *line, const char *path, uintptr_t address) {
    if (contains(line, address))
        generation_give_up(path,
                           "cannot be read (SIGBUS): they were truncated, or their disk fails");
    return false;
}

static bool note(const struct line *line, const char *path, uintptr_t address) {
    (void)line, (void)address;
    generation_suspect(path);
    return false;
}

static void on_bus_error(int number, siginfo_t *information, void *context) {
    (void)context;
    each_tables(give_up_in, (uintptr_t)information->si_addr);
    signal(number, SIG_DFL); /* the instruction is repeated, and ends the process */
}

static void on_abort(int number) {
    each_tables(note, 0);
    signal(number, SIG_DFL); /* abort() raises it again */
}

/* Lengths and offsets in a damaged page lead LMDB, or who decodes what it found, out of the map. */
static struct sigaction before_crash; /* a sanitizer's, which prints where it was */

static void on_crash(int number, siginfo_t *information, void *context) {
    (void)context;
    each_tables(note, 0);
    if (information->si_code > 0) { /* the instruction is repeated */
        sigaction(number, &before_crash, NULL);
        return;
    }
    signal(number, SIG_DFL); /* sent by a process */
    raise(number);
}

void mapped_tables_watch(void) {
    struct sigaction fault = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    struct sigaction failed = {.sa_handler = on_abort};
    struct sigaction crash = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO};
    sigemptyset(&fault.sa_mask);
    sigemptyset(&failed.sa_mask);
    sigemptyset(&crash.sa_mask);
    check(sigaction(SIGBUS, &fault, NULL) == 0);
    check(sigaction(SIGABRT, &failed, NULL) == 0);
    check(sigaction(SIGSEGV, &crash, &before_crash) == 0);
}
