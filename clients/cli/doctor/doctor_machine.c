/* The machine, and how the server's process runs on it. Where the server runs, its own limits
 * count; else those of this process, which a server started from here would have. */
#include "clients/cli/doctor/built_libraries.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/text.h"
#include "doctor_checks.h"
#include "doctor_sources.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <time.h>

#define TEXT_MAX    16384
#define FILES_SPARE 128 /* for all but connections: server/front/sp/front_sp.c keeps as many free  \
                         */
#define FILES_MIN      256
#define CLOCK_MIN_US   INT64_C(1767225600000000) /* 2026-01-01: no correct clock is before that */
#define CLOCK_ERROR_US 1000000
#define BEHIND_US      1000000 /* a clock may be set back by as much and nobody notices */

/* ---- limits ---- */

struct limit {
    uint64_t soft, hard; /* UINT64_MAX: none */
    bool is_servers;
};

static uint64_t limit_of(const char *word) {
    return strncmp(word, "unlimited", 9) == 0 ? UINT64_MAX : strtoull(word, NULL, 10);
}

/* name: as in /proc/PID/limits, padded there to 26 characters. */
static struct limit find_limit(const struct doctor *doctor, const char *name, int resource) {
    char text[TEXT_MAX], soft[32], hard[32];
    struct rlimit own = {0};
    const char *line = NULL;
    if (doctor_read_process(doctor, "limits", text, sizeof text))
        line = strstr(text, name);
    if (line && sscanf(line + strlen(name), "%31s %31s", soft, hard) == 2)
        return (struct limit){limit_of(soft), limit_of(hard), true};
    getrlimit((__rlimit_resource_t)resource, &own);
    return (struct limit){.soft = own.rlim_cur == RLIM_INFINITY ? UINT64_MAX : own.rlim_cur,
                          .hard = own.rlim_max == RLIM_INFINITY ? UINT64_MAX : own.rlim_max};
}

static const char *whose(const struct limit *limit) {
    return limit->is_servers ? "the server's" : "of this shell";
}

static uint64_t number_option(const struct doctor *doctor, const char *name, uint64_t otherwise) {
    const char *value = doctor_option(doctor, name);
    return value ? strtoull(value, NULL, 10) : otherwise;
}

/* The server raises its soft limit itself; without room for max_connections it lowers those. */
void check_open_files(struct doctor *doctor) {
    struct limit limit = find_limit(doctor, "Max open files", RLIMIT_NOFILE);
    const char *http = doctor_option(doctor, "http_listen");
    uint64_t wanted = number_option(doctor, "max_connections", 4096) + FILES_SPARE;
    if (http && *http)
        wanted += number_option(doctor, "http_connections", 128);
    if (limit.hard == UINT64_MAX)
        doctor_good(doctor, "no limit (%s)", whose(&limit));
    else if (limit.hard < FILES_MIN)
        doctor_bad(doctor,
                   "set LimitNOFILE=65536 in the unit, or raise the hard limit (ulimit -Hn)",
                   "at most %" PRIu64 " (%s); archive and tables alone may need %d", limit.hard,
                   whose(&limit), FILES_MIN);
    else if (limit.hard < wanted)
        doctor_warn(doctor, "set LimitNOFILE=65536 in the unit, or lower max_connections",
                    "at most %" PRIu64 " (%s), but max_connections needs %" PRIu64
                    ": the server accepts fewer clients",
                    limit.hard, whose(&limit), wanted);
    else
        doctor_good(doctor, "at most %" PRIu64 " (%s); %" PRIu64 " are needed", limit.hard,
                    whose(&limit), wanted);
}

void check_core_dumps(struct doctor *doctor) {
    struct limit limit = find_limit(doctor, "Max core file size", RLIMIT_CORE);
    if (!limit.is_servers)
        return; /* a shell's limit says nothing about the unit */
    if (limit.soft > 0)
        doctor_warn(doctor, "set LimitCORE=0 in the unit",
                    "the server may write a core file, which would hold tokens and transactions");
    else
        doctor_good(doctor, "off");
}

/* What cannot be locked works all the same. */
void check_locked_memory(struct doctor *doctor) {
    struct limit limit = find_limit(doctor, "Max locked memory", RLIMIT_MEMLOCK);
    char bytes[QUANTITY_BYTES_SIZE];
    if (limit.soft == UINT64_MAX)
        doctor_good(doctor, "no limit (%s); the server locks keys and tokens", whose(&limit));
    else
        doctor_good(doctor, "at most %s (%s); the server locks keys and tokens",
                    quantity_format_bytes(limit.soft, bytes), whose(&limit));
}

/* ---- clock ---- */

void check_clock(struct doctor *doctor) {
    struct timex clock = {0};
    int state = adjtimex(&clock);
    char time_text[QUANTITY_TIME_SIZE], behind[QUANTITY_DURATION_SIZE];
    quantity_format_time(doctor->now_us, time_text);
    int64_t behind_us = 0;
    if (doctor->archive.time_us != INT64_MIN)
        behind_us = doctor->archive.time_us - doctor->now_us;
    if (doctor->now_us < CLOCK_MIN_US)
        doctor_bad(doctor, "set the clock (chronyd, systemd-timesyncd) before a server starts",
                   "it says %s, which is long past", time_text);
    else if (behind_us > BEHIND_US)
        doctor_bad(doctor,
                   "set the clock; if the archive's last records were written with a wrong one, "
                   "receive times stand still until it has caught up",
                   "it says %s: %s before the archive's last record", time_text,
                   quantity_format_duration((uint64_t)behind_us, behind));
    else if (state < 0)
        doctor_warn(doctor, "look at timedatectl", "the kernel does not say if it is synchronised");
    else if (state == TIME_ERROR || clock.status & STA_UNSYNC)
        doctor_warn(doctor,
                    "run chronyd, ntpd or systemd-timesyncd: transactions with a time more than "
                    "max_ahead after the server's are refused (in a container: ask the host)",
                    "%s; no program keeps it synchronised", time_text);
    else if (clock.maxerror > CLOCK_ERROR_US)
        doctor_warn(doctor, "look at chronyc tracking or timedatectl timesync-status",
                    "%s; synchronised, but it may be off by %ld ms", time_text,
                    (long)(clock.maxerror / 1000));
    else
        doctor_good(doctor, "%s, synchronised", time_text);
}

/* Nothing depends on it: Harrier writes UTC, and takes the zones of policies from their folders. */
void check_time_zone(struct doctor *doctor) {
    time_t now = (time_t)(doctor->now_us / 1000000);
    struct tm local;
    localtime_r(&now, &local);
    doctor_good(doctor, "%s (UTC%+ld:%02ld); archive, logs and policies do not depend on it",
                local.tm_zone, local.tm_gmtoff / 3600, labs(local.tm_gmtoff / 60 % 60));
}

/* ---- memory ---- */

/* A line of /proc/meminfo or /proc/PID/status is in KiB. */
static uint64_t bytes_of(const char *text, const char *name) {
    uint64_t kib;
    return doctor_find_number(text, name, &kib) ? kib << 10 : 0;
}

void check_memory(struct doctor *doctor) {
    char text[TEXT_MAX], all[QUANTITY_BYTES_SIZE], free_bytes[QUANTITY_BYTES_SIZE],
        swapped[QUANTITY_BYTES_SIZE];
    if (!doctor_read(doctor, "/proc/meminfo", text, sizeof text))
        return;
    uint64_t total = bytes_of(text, "MemTotal"), available = bytes_of(text, "MemAvailable"),
             swap = bytes_of(text, "SwapTotal");
    quantity_format_bytes(total, all);
    quantity_format_bytes(available, free_bytes);
    if (doctor_read_process(doctor, "status", text, sizeof text) && bytes_of(text, "VmSwap") > 0)
        doctor_warn(doctor,
                    "give the machine more memory, lower overlay_limit, or set MemorySwapMax=0 in "
                    "the unit: a decision that needs a swapped state waits for the disk",
                    "%s of the server are swapped out",
                    quantity_format_bytes(bytes_of(text, "VmSwap"), swapped));
    else if (available < total / 20)
        doctor_warn(doctor, "look for what takes it; a swap of tables needs the overlay twice",
                    "%s of %s available", free_bytes, all);
    else
        doctor_good(doctor, "%s of %s available, swap %s", free_bytes, all,
                    swap > 0 ? quantity_format_bytes(swap, swapped) : "none");
}

void check_overcommit(struct doctor *doctor) {
    char text[64];
    if (!doctor_read(doctor, "/proc/sys/vm/overcommit_memory", text, sizeof text))
        return;
    if (*text == '2')
        doctor_warn(doctor, "sysctl vm.overcommit_memory=0",
                    "2: memory that is only reserved counts, and the server reserves more than it "
                    "uses; it may end for lack of memory (71)");
    else
        doctor_good(doctor, "vm.overcommit_memory is %s", text);
}

void check_oom(struct doctor *doctor) {
    char text[64];
    if (!doctor_read_process(doctor, "oom_score_adj", text, sizeof text))
        return;
    if (atoi(text) > 0)
        doctor_warn(doctor, "set OOMScoreAdjust=-500 in the unit, as deploy/harrierd.service does",
                    "oom_score_adj of the server is %s: it is killed before others", text);
    else
        doctor_good(doctor, "oom_score_adj of the server is %s", text);
}

/* The overlay asks for huge pages itself (madvise), so "madvise" and "always" are the same to it.
 */
void check_huge_pages(struct doctor *doctor) {
    char text[128];
    if (!doctor_read(doctor, "/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text))
        return;
    char *begin = strchr(text, '['), *end = begin ? strchr(begin, ']') : NULL;
    if (!end)
        return;
    *end = '\0';
    if (strcmp(begin + 1, "never") == 0)
        doctor_warn(doctor, "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
                    "never: with a million entities, each state that is touched misses the TLB");
    else
        doctor_good(doctor, "%s", begin + 1);
}

void check_governor(struct doctor *doctor) {
    char text[64];
    if (!doctor_read(doctor, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", text,
                     sizeof text))
        return;
    if (strcmp(text, "performance") == 0 || strcmp(text, "schedutil") == 0)
        doctor_good(doctor, "%s", text);
    else
        doctor_warn(doctor, "cpupower frequency-set -g performance",
                    "%s: the processor slows down between requests, and the next one waits for it",
                    text);
}

/* ---- the unit ---- */

void check_sandbox(struct doctor *doctor) {
    char text[TEXT_MAX], group[1024];
    uint64_t seccomp = 0, no_new = 0;
    const char *own = doctor_option(doctor, "sandbox");
    if (!doctor_read_process(doctor, "status", text, sizeof text) ||
        !doctor_read_process(doctor, "cgroup", group, sizeof group))
        return;
    doctor_find_number(text, "Seccomp", &seccomp);
    doctor_find_number(text, "NoNewPrivs", &no_new);
    if (seccomp == 2 && no_new == 1)
        doctor_good(doctor, "system calls are filtered, no new privileges");
    else if (strstr(group, ".service"))
        doctor_warn(doctor,
                    "compare the unit with deploy/harrierd.service (SystemCallFilter=, "
                    "NoNewPrivileges=): systemd-analyze security harrierd",
                    "a unit runs the server without %s%s%s",
                    seccomp == 2 ? "" : "a filter of system calls",
                    seccomp != 2 && no_new != 1 ? " and without " : "",
                    no_new == 1 ? "" : "NoNewPrivileges");
    else if (own && strcmp(own, "off") == 0)
        doctor_warn(doctor, "remove sandbox = off, unless something does not work with it",
                    "the server limits itself in nothing (sandbox = off), and no unit limits it");
    else
        doctor_good(doctor, "no unit runs the server");
}

/* ---- libraries ----
 *
 * Found by the names of their functions rather than through their headers, which belong to the
 * modules that use them: here only versions count. built_libraries.h has those of the build. */

static const char *version_of_text(void *function) {
    return ((const char *(*)(void))function)();
}
static const char *version_of_lmdb(void *function) {
    return ((const char *(*)(int *, int *, int *))function)(NULL, NULL, NULL);
}
static const char *version_of_openssl(void *function) {
    return ((const char *(*)(int))function)(0);
}

static const struct {
    const char *name, *function, *built;
    const char *(*read)(void *function);
} libraries[] = {
    {"nng", "nng_version", HARRIER_BUILT_NNG, version_of_text},
    {"lmdb", "mdb_version", HARRIER_BUILT_LMDB, version_of_lmdb},
    {"protobuf-c", "protobuf_c_version", HARRIER_BUILT_PROTOBUF_C, version_of_text},
    {"zstd", "ZSTD_versionString", HARRIER_BUILT_ZSTD, version_of_text},
    {"openssl", "OpenSSL_version", HARRIER_BUILT_OPENSSL, version_of_openssl},
    {"jansson", "jansson_version_str", HARRIER_BUILT_JANSSON, version_of_text},
    {"libyaml", "yaml_get_version_string", HARRIER_BUILT_LIBYAML, version_of_text},
    {"librdkafka", "rd_kafka_version_str", HARRIER_BUILT_RDKAFKA, version_of_text},
};
#define LIBRARIES (sizeof libraries / sizeof *libraries)

struct version {
    unsigned parts[3];
};

/* The first number in the text and those after it: "LMDB 0.9.24: (…)", "OpenSSL 3.0.17 1 Jul". */
static struct version version_parse(const char *text) {
    struct version version = {0};
    text += strcspn(text, "0123456789");
    sscanf(text, "%u.%u.%u", &version.parts[0], &version.parts[1], &version.parts[2]);
    return version;
}

static int version_compare(struct version a, struct version b) {
    for (int i = 0; i < 3; i++)
        if (a.parts[i] != b.parts[i])
            return a.parts[i] < b.parts[i] ? -1 : 1;
    return 0;
}

static const struct version nng_1_6 = {{1, 6, 0}};

/* nng serves ws and addresses that begin with nng+; everything else has its own front. */
static bool listens_with_nng(const struct doctor *doctor, const char *scheme) {
    const char *listen = doctor_option(doctor, "listen");
    return listen && strstr(listen, scheme);
}

void check_libraries(struct doctor *doctor) {
    struct buffer list;
    struct version running_nng = {0};
    bool has_nng = false, is_older = false;
    buffer_init(&list);
    for (size_t i = 0; i < LIBRARIES; i++) {
        void *function = dlsym(RTLD_DEFAULT, libraries[i].function);
        if (!function)
            continue; /* not part of this build, or linked statically */
        struct version running = version_parse(libraries[i].read(function));
        struct version built = version_parse(libraries[i].built);
        bool older = version_compare(running, built) < 0;
        is_older |= older;
        if (i == 0) {
            has_nng = true;
            running_nng = running;
        }
        buffer_printf(&list, "%s%s %u.%u.%u", list.length > 0 ? ", " : "", libraries[i].name,
                      running.parts[0], running.parts[1], running.parts[2]);
        if (older)
            buffer_printf(&list, " (built with %s)", libraries[i].built);
    }
    buffer_append_u8(&list, '\0');
    const char *text = (const char *)list.bytes;
    if (is_older)
        doctor_warn(doctor, "upgrade the library, or build Harrier on this system",
                    "older than those of the build: %s", text);
    else if (has_nng && version_compare(running_nng, nng_1_6) < 0 &&
             listens_with_nng(doctor, "nng+ipc"))
        doctor_warn(doctor,
                    "listen on ipc:// instead of nng+ipc://, or keep watchdog_interval on: it "
                    "reopens the listener",
                    "nng before 1.6 can lose an ipc listener when a client connects and closes at "
                    "once (nng issue 1518): %s",
                    text);
    else
        doctor_good(doctor, "%s", text);
    buffer_deinit(&list);
}
