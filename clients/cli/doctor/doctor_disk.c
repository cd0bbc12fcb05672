/* The disk under the data folder. Measuring it is the only thing here that writes: to a file
 * without a name, which is gone when it is closed, or when this process is killed. */
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/quantity.h"
#include "core/store/generation/generation_folder.h"
#include "core/store/nights/night_files.h"
#include "doctor_checks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SYNCS            50
#define SYNC_BYTES       4096
#define SLOW_SYNC_US     20000 /* the median: an answer with `synced` takes longer than that */
#define SLOW_TAIL_US     100000
#define GROWTH_DAYS      14
#define SPARE_BYTES      (UINT64_C(64) << 20) /* of the archive's next segment */
#define DAYS_LEFT_MIN    7
#define DAYS_LEFT_ENOUGH 30
#define FREE_MIN         (UINT64_C(256) << 20)

/* ---- the file system ---- */

enum kind { KIND_LOCAL, KIND_NETWORK, KIND_LAYERED, KIND_MEMORY };

static const struct {
    uint32_t magic; /* statfs(2) */
    const char *name;
    enum kind kind;
} file_systems[] = {
    {0xef53, "ext4", KIND_LOCAL},       {0x58465342, "xfs", KIND_LOCAL},
    {0x9123683e, "btrfs", KIND_LOCAL},  {0x2fc12fc1, "zfs", KIND_LOCAL},
    {0xf2f52010, "f2fs", KIND_LOCAL},   {0x01021994, "tmpfs", KIND_MEMORY},
    {0x858458f6, "ramfs", KIND_MEMORY}, {0x794c7630, "overlayfs", KIND_LAYERED},
    {0x6969, "nfs", KIND_NETWORK},      {0xff534d42, "cifs", KIND_NETWORK},
    {0xfe534d42, "smb2", KIND_NETWORK}, {0x01021997, "9p", KIND_NETWORK},
    {0x00c36400, "ceph", KIND_NETWORK}, {0x65735546, "fuse", KIND_NETWORK},
    {0x47504653, "gpfs", KIND_NETWORK}, {0x0bd00bd0, "lustre", KIND_NETWORK},
};

void check_file_system(struct doctor *doctor) {
    struct statfs status;
    char text[32];
    if (statfs(doctor->data, &status) < 0)
        return; /* said before */
    snprintf(text, sizeof text, "0x%" PRIx32, (uint32_t)status.f_type);
    const char *name = text;
    enum kind kind = KIND_LOCAL;
    for (size_t i = 0; i < sizeof file_systems / sizeof *file_systems; i++)
        if (file_systems[i].magic == (uint32_t)status.f_type) {
            name = file_systems[i].name;
            kind = file_systems[i].kind;
        }
    switch (kind) {
    case KIND_NETWORK:
        doctor_bad(doctor, "put the data folder on a local disk",
                   "%s: a network may hang a decision, and neither locks nor the mapped tables are "
                   "reliable there",
                   name);
        break;
    case KIND_MEMORY:
        doctor_bad(doctor, "put the data folder on a disk",
                   "%s: everything is lost when the machine stops", name);
        break;
    case KIND_LAYERED:
        doctor_warn(doctor, "mount a volume on the data folder",
                    "%s: the data belongs to a container and goes with it", name);
        break;
    case KIND_LOCAL:
        doctor_good(doctor, "%s", name);
        break;
    }
}

/* ---- speed ---- */

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* A file that has no name; where the file system cannot do that, one that loses it at once. */
static int open_unnamed(const char *folder) {
    char path[4096];
    int descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return descriptor;
    if (snprintf(path, sizeof path, "%s/.doctor-XXXXXX", folder) >= (int)sizeof path)
        return -1;
    descriptor = mkostemp(path, O_CLOEXEC);
    if (descriptor >= 0)
        unlink(path);
    return descriptor;
}

/* As the server writes: over zeros that are on disk already, so that a sync is of the data alone.
 */
static int measure(int descriptor, uint64_t ret_us[SYNCS]) {
    static const char zeros[SYNC_BYTES];
    char bytes[SYNC_BYTES];
    for (int i = 0; i < SYNCS; i++)
        if (pwrite(descriptor, zeros, sizeof zeros, (off_t)i * SYNC_BYTES) != SYNC_BYTES)
            return -1;
    if (fsync(descriptor) < 0)
        return -1;
    for (int i = 0; i < SYNCS; i++) {
        uint64_t begun_us = monotonic_us();
        memset(bytes, i + 1, sizeof bytes);
        if (pwrite(descriptor, bytes, sizeof bytes, (off_t)i * SYNC_BYTES) != SYNC_BYTES ||
            fdatasync(descriptor) < 0)
            return -1;
        ret_us[i] = monotonic_us() - begun_us;
    }
    qsort(ret_us, SYNCS, sizeof *ret_us, compare);
    return 0;
}

static void judge_speed(struct doctor *doctor, const uint64_t us[SYNCS]) {
    char half[QUANTITY_DURATION_SIZE], most[QUANTITY_DURATION_SIZE];
    const char *durability = doctor_option(doctor, "durability");
    bool waits = durability && strcmp(durability, "synced") == 0;
    uint64_t p50_us = us[SYNCS / 2], p99_us = us[SYNCS * 99 / 100];
    quantity_format_duration(p50_us, half);
    quantity_format_duration(p99_us, most);
    if (p50_us < SLOW_SYNC_US && p99_us < SLOW_TAIL_US)
        doctor_good(doctor, "a sync of 4 KiB takes %s, one in a hundred %s%s", half, most,
                    waits ? "; answers wait for one (durability = synced)" : "");
    else if (waits)
        doctor_bad(doctor,
                   "use a disk with a protected write cache, look for what else writes to this "
                   "one, or accept durability = written",
                   "a sync of 4 KiB takes %s, one in a hundred %s, and answers wait for one "
                   "(durability = synced)",
                   half, most);
    else
        doctor_warn(doctor,
                    "look for what else writes to this disk; with durability = synced every answer "
                    "would take this long",
                    "a sync of 4 KiB takes %s, one in a hundred %s; a new segment waits for some",
                    half, most);
}

void check_disk_speed(struct doctor *doctor) {
    uint64_t us[SYNCS];
    struct stat status;
    if (doctor->options->no_write || stat(doctor->data, &status) < 0)
        return;
    int descriptor = open_unnamed(doctor->data);
    if (descriptor < 0) {
        doctor_warn(
            doctor, errno == ENOSPC ? "make room" : "run it as root, or as the server's user",
            "not measured: no temporary file can be made in %s: %s", doctor->data, strerror(errno));
        return;
    }
    if (measure(descriptor, us) < 0)
        doctor_bad(doctor, errno == ENOSPC ? "make room" : "look at the kernel's log (dmesg)",
                   "a temporary file in %s cannot be written: %s", doctor->data, strerror(errno));
    else
        judge_speed(doctor, us);
    close(descriptor);
}

/* ---- space ---- */

/* Bytes on disk of the files right in the folder. */
static uint64_t folder_bytes(const char *path) {
    uint64_t bytes = 0;
    DIR *folder = opendir(path);
    const struct dirent *entry;
    struct stat status;
    while (folder && (entry = readdir(folder)))
        if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode))
            bytes += (uint64_t)status.st_blocks * 512;
    if (folder)
        closedir(folder);
    return bytes;
}

static int compare_names(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_day(const struct dirent *entry) {
    int64_t day;
    return night_date_parse(entry->d_name, &day);
}

/* What the archive has grown by a day, over the last days but for the newest, which is not over.
 * *ret_days: how many days that is; 0: there is none yet. */
static uint64_t growth_per_day(const char *archive, int64_t *ret_days) {
    struct dirent **names;
    int count = scandir(archive, &names, is_day, compare_names);
    int64_t newest = 0, first = 0, day;
    uint64_t bytes = 0;
    if (count > 0)
        night_date_parse(names[count - 1]->d_name, &newest);
    first = newest;
    for (int i = count - 2; i >= 0; i--) {
        if (!night_date_parse(names[i]->d_name, &day) || newest - day > GROWTH_DAYS)
            break;
        char *path = folder_in(archive, names[i]->d_name);
        bytes += folder_bytes(path);
        free(path);
        first = day;
    }
    for (int i = 0; i < count; i++)
        free(names[i]);
    if (count >= 0)
        free(names);
    *ret_days = newest - first;
    return *ret_days > 0 ? bytes / (uint64_t)*ret_days : 0;
}

/* Room for the next generation: about what the current one takes. */
static uint64_t generation_bytes(const char *data) {
    char *root = folder_in(data, FOLDER_GENERATIONS);
    char *current = folder_in(root, GENERATION_CURRENT);
    uint64_t bytes = folder_bytes(current);
    free(current);
    free(root);
    return bytes;
}

void check_space(struct doctor *doctor) {
    struct statvfs status;
    char left[QUANTITY_BYTES_SIZE], growth[QUANTITY_BYTES_SIZE], tables[QUANTITY_BYTES_SIZE];
    int64_t days;
    if (statvfs(doctor->data, &status) < 0)
        return;
    char *archive = folder_in(doctor->data, FOLDER_ARCHIVE);
    uint64_t free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
    uint64_t per_day = growth_per_day(archive, &days), next = generation_bytes(doctor->data);
    uint64_t after = free_bytes > next ? free_bytes - next : 0;
    free(archive);
    quantity_format_bytes(free_bytes, left);
    quantity_format_bytes(per_day, growth);
    quantity_format_bytes(next, tables);
    const char *advice = "make room or enlarge the disk: docs/operations/doctor.md";
    if (free_bytes < FREE_MIN || status.f_favail == 0)
        doctor_bad(doctor, advice, "%s and %" PRIu64 " files free; a new segment takes 64 MiB",
                   left, (uint64_t)status.f_favail);
    else if (next + SPARE_BYTES > free_bytes)
        doctor_bad(doctor, advice, "%s free, but the next tables take about %s: the night fails",
                   left, tables);
    else if (per_day == 0)
        doctor_good(doctor, "%s free; how fast the archive grows is known after its first day",
                    left);
    else if (after / per_day < DAYS_LEFT_ENOUGH)
        (after / per_day < DAYS_LEFT_MIN ? doctor_bad : doctor_warn)(
            doctor, advice,
            "%s free, the next tables take about %s, and the archive has grown by %s a day "
            "(%" PRId64 " days): %" PRIu64 " days are left",
            left, tables, growth, days, after / per_day);
    else
        doctor_good(doctor, "%s free; the archive grows by %s a day, the next tables take about %s",
                    left, growth, tables);
}
