/* What the data folder holds: the archive's ends, generations, nights, the last backup. Everything
 * is read as commands read it that run beside a server. */
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/text.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/archive/file.h"
#include "core/store/backups/backup_summary.h"
#include "core/store/generation/generation.h"
#include "core/store/generation/generation_folder.h"
#include "core/store/nights/night_summary.h"
#include "doctor_checks.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY_US          (INT64_C(86400) * 1000000)
#define HOUR_US         (INT64_C(3600) * 1000000)
#define UNSEALED_DAYS   3
#define NIGHT_LATE_US   (36 * HOUR_US)
#define NIGHT_MISSED_US (4 * DAY_US)
#define TABLES_OLD_US   (2 * DAY_US)
#define TABLES_STALE_US (7 * DAY_US)
#define BACKUP_LATE_US  (2 * DAY_US)
#define BACKUP_OLD_US   (8 * DAY_US)

static const char *age_text(int64_t age_us, char text[QUANTITY_DURATION_SIZE]) {
    return quantity_format_duration(age_us > 0 ? (uint64_t)age_us : 0, text);
}

/* ---- the archive ---- */

/* A failure of the archive: missing is no fault of a new installation. */
static void say_unreadable(struct doctor *doctor, const struct error *error) {
    if (error->code == ERROR_NOT_FOUND)
        doctor_warn(doctor, "a server makes it when it starts: is this the right data folder?",
                    "%s", error->text);
    else if (error->code == ERROR_DAMAGED)
        doctor_bad(doctor,
                   "harrier archive verify says what is whole; restore the segment from the backup",
                   "%s", error->text);
    else
        doctor_bad(doctor, "run it as root, or as the server's user", "%s", error->text);
}

/* A server writes: the end is where its last sync mark is. */
static void examine_running(struct doctor *doctor, const char *path) {
    struct archive_parts *parts;
    struct error error;
    char count[QUANTITY_COUNT_SIZE];
    if (archive_parts_open(path, &parts, &error) < 0) {
        say_unreadable(doctor, &error);
        return;
    }
    doctor->archive.is_known = true;
    doctor->archive.end = archive_parts_end(parts);
    doctor_good(doctor, "synced up to record %s in %zu segments; a server is writing",
                quantity_format_count(doctor->archive.end.position, count),
                archive_parts_count(parts));
    archive_parts_close(parts);
}

static void examine_resting(struct doctor *doctor, const char *path) {
    struct archive_examination found;
    struct error error;
    char count[QUANTITY_COUNT_SIZE], synced[QUANTITY_COUNT_SIZE], bytes[QUANTITY_BYTES_SIZE];
    if (archive_examine(path, &found, &error) < 0) {
        say_unreadable(doctor, &error);
        return;
    }
    doctor->archive.is_known = true;
    doctor->archive.end = found.end;
    doctor->archive.time_us = found.time_us;
    quantity_format_count(found.end.position, count);
    if (found.torn_bytes > 0)
        doctor_warn(doctor,
                    "start the server: it keeps a copy of them beside the segment and cuts them "
                    "off; no synced record is lost",
                    "%s after record %s are incomplete: a crash has torn the last write",
                    quantity_format_bytes(found.torn_bytes, bytes), count);
    else if (found.synced < found.end.position)
        doctor_good(doctor,
                    "%s records in %zu segments; those after %s have no sync mark: the server was "
                    "not stopped in order",
                    count, found.segments, quantity_format_count(found.synced, synced));
    else
        doctor_good(doctor, "%s records in %zu segments, all synced", count, found.segments);
}

/* Record times are only known of an archive at rest; so is a torn end. */
void check_archive(struct doctor *doctor) {
    char *path = folder_in(doctor->data, FOLDER_ARCHIVE);
    struct stat status;
    if (stat(doctor->data, &status) == 0) {
        if (doctor->process.is_running)
            examine_running(doctor, path);
        else
            examine_resting(doctor, path);
    }
    free(path);
}

/* Copies of torn ends (DAY/….torn-N) and of what was cut off (archive_cut()). */
static bool is_torn(const char *name) {
    const char *found = strstr(name, ".torn-");
    return found && found[6] >= '0' && found[6] <= '9';
}

void check_torn_files(struct doctor *doctor) {
    char *path = folder_in(doctor->data, FOLDER_ARCHIVE), newest[512] = "";
    DIR *archive = opendir(path);
    const struct dirent *day, *file;
    size_t count = 0;
    while (archive && (day = readdir(archive))) {
        int64_t number;
        if (!night_date_parse(day->d_name, &number))
            continue;
        char *inner = folder_in(path, day->d_name);
        DIR *files = opendir(inner);
        while (files && (file = readdir(files))) {
            if (!is_torn(file->d_name))
                continue;
            count++;
            char *name = name_printf("%s/%s", day->d_name, file->d_name);
            if (strcmp(name, newest) > 0)
                snprintf(newest, sizeof newest, "%s", name);
            free(name);
        }
        if (files)
            closedir(files);
        free(inner);
    }
    if (!archive) {
        free(path);
        return;
    }
    closedir(archive);
    if (count > 0)
        doctor_warn(doctor,
                    "find out why the machine went down; remove them when nobody needs them: they "
                    "hold records that were never synced",
                    "%zu copies of torn ends, the newest %s", count, newest);
    else
        doctor_good(doctor, "none was ever cut off");
    free(path);
}

void check_sealing(struct doctor *doctor) {
    char *path = folder_in(doctor->data, FOLDER_ARCHIVE);
    struct archive_parts *parts;
    struct error error;
    size_t sealed = 0, old = 0;
    const char *first = "";
    int64_t today = doctor->now_us / DAY_US;
    if (!doctor->archive.is_known || archive_parts_open(path, &parts, &error) < 0) {
        free(path);
        return;
    }
    size_t count = archive_parts_count(parts);
    for (size_t i = 0; i < count; i++) {
        struct archive_part part = archive_parts_part(parts, i);
        sealed += part.is_sealed;
        if (part.is_sealed || i + 1 == count || today - part.day <= UNSEALED_DAYS)
            continue;
        if (old++ == 0)
            first = part.file;
    }
    if (old > 0)
        doctor_warn(doctor, "harrier night seals them, or harrier archive seal",
                    "%zu of %zu segments are older than %d days and not sealed, the first %s", old,
                    count, UNSEALED_DAYS, first);
    else
        doctor_good(doctor, "%zu of %zu segments are sealed", sealed, count);
    archive_parts_close(parts);
    free(path);
}

/* ---- generations ---- */

static size_t count_generations(const char *root) {
    DIR *folder = opendir(root);
    const struct dirent *entry;
    uint64_t position, id;
    size_t count = 0;
    while (folder && (entry = readdir(folder)))
        count += generation_folder_parse(entry->d_name, &position, &id);
    if (folder)
        closedir(folder);
    return count;
}

static bool is_refused(const struct doctor *doctor) {
    return doctor->status.is_known && strstr(doctor->status.swap_state, "refused");
}

static void judge_generation(struct doctor *doctor, const char *root,
                             const struct generation_manifest *manifest) {
    char age[QUANTITY_DURATION_SIZE], behind[QUANTITY_COUNT_SIZE];
    int64_t age_us = doctor->now_us - manifest->created_time_us;
    uint64_t end = doctor->archive.is_known ? doctor->archive.end.position : 0;
    age_text(age_us, age);
    quantity_format_count(end > manifest->place.position ? end - manifest->place.position : 0,
                          behind);
    if (is_refused(doctor))
        doctor_bad(doctor, "the reason says what to do; the server works on with its old tables",
                   "the server refuses the newest tables: %s", doctor->status.swap_reason);
    else if (doctor->archive.is_known && manifest->place.position > end)
        doctor_bad(doctor, "restore archive and tables from the same backup",
                   "the current tables are as of record %" PRIu64
                   ", but the archive ends with record %" PRIu64,
                   manifest->place.position, end);
    else if (age_us > TABLES_STALE_US)
        doctor_bad(doctor, "run harrier night: journalctl -u harrier-night says why it did not",
                   "the current tables are %s old, %s records behind", age, behind);
    else if (age_us > TABLES_OLD_US)
        doctor_warn(doctor, "run harrier night: journalctl -u harrier-night says why it did not",
                    "the current tables are %s old, %s records behind", age, behind);
    else
        doctor_good(doctor, "%zu; the current one is %s old, %s records behind",
                    count_generations(root), age, behind);
}

void check_generations(struct doctor *doctor) {
    char *root = folder_in(doctor->data, FOLDER_GENERATIONS);
    struct generation_manifest manifest;
    struct error error;
    struct stat status;
    if (stat(doctor->data, &status) < 0) {
        free(root);
        return;
    }
    if (generation_current_manifest(root, &manifest, &error) == 0)
        judge_generation(doctor, root, &manifest);
    else if (error.code == ERROR_NOT_FOUND)
        doctor_warn(doctor,
                    "harrier night makes the first; until then a start folds the whole archive",
                    "there are no tables yet");
    else
        doctor_bad(doctor, "harrier rebuild makes new ones from the archive", "%s", error.text);
    free(root);
}

/* ---- the night ---- */

static void judge_night(struct doctor *doctor, const struct night_summary *night) {
    char age[QUANTITY_DURATION_SIZE];
    int64_t age_us = doctor->now_us - night->last_success_us;
    age_text(age_us, age);
    if (night->failed_us > 0)
        doctor_bad(doctor,
                   "mend the reason, and run harrier night again: it goes on where it failed",
                   "that of %s failed at %s: %s", night->date, night->step, night->reason);
    else if (night->last_success_us == 0 || age_us > NIGHT_MISSED_US)
        doctor_bad(doctor, "systemctl list-timers harrier-night.timer; journalctl -u harrier-night",
                   "the last complete one is %s old", night->last_success_us ? age : "infinitely");
    else if (age_us > NIGHT_LATE_US)
        doctor_warn(doctor,
                    "systemctl list-timers harrier-night.timer; journalctl -u harrier-night",
                    "the last complete one was %s ago", age);
    else if (night->findings[NIGHT_ALERT] > 0)
        doctor_warn(doctor, "read its report: nights/DATE/report.html",
                    "that of %s has %" PRIu64 " alerts", night->date, night->findings[NIGHT_ALERT]);
    else if (night->models_failed)
        doctor_warn(doctor, "nights/DATE/night.json has the reason",
                    "that of %s could not train or compare models", night->date);
    else
        doctor_good(doctor, "that of %s was complete %s ago, %" PRIu64 " warnings", night->date,
                    age, night->findings[NIGHT_WARNING]);
}

void check_night(struct doctor *doctor) {
    struct night_summary night;
    struct error error;
    struct stat status;
    if (stat(doctor->data, &status) < 0)
        return;
    int r = night_summary_read(doctor->data, &night, &error);
    if (r < 0)
        doctor_bad(doctor, "the next night writes it anew", "%s", error.text);
    else if (r > 0 || !*night.date)
        doctor_warn(doctor, "systemctl enable --now harrier-night.timer", "there never was one");
    else
        judge_night(doctor, &night);
}

/* ---- the backup ---- */

static void judge_backup(struct doctor *doctor, const struct backup_summary *backup) {
    const char *advice = "systemctl list-timers harrier-backup.timer; journalctl -u harrier-backup";
    char age[QUANTITY_DURATION_SIZE], behind[QUANTITY_COUNT_SIZE];
    int64_t age_us = doctor->now_us - backup->last_success_us;
    uint64_t saved = backup->place.position;
    uint64_t end = doctor->archive.is_known ? doctor->archive.end.position : saved;
    age_text(age_us, age);
    quantity_format_count(end > saved ? end - saved : 0, behind);
    if (age_us > BACKUP_OLD_US)
        doctor_bad(doctor, advice, "the last one is %s old and lacks %s records: %s", age, behind,
                   backup->folder);
    else if (age_us > BACKUP_LATE_US)
        doctor_warn(doctor, advice, "the last one is %s old and lacks %s records: %s", age, behind,
                    backup->folder);
    else
        doctor_good(doctor, "%s old, lacks %s records: %s", age, behind, backup->folder);
}

void check_backup(struct doctor *doctor) {
    struct backup_summary backup;
    struct error error;
    struct stat status;
    if (stat(doctor->data, &status) < 0)
        return;
    int r = backup_summary_read(doctor->data, &backup, &error);
    if (r < 0)
        doctor_bad(doctor, "the next harrier backup writes it anew", "%s", error.text);
    else if (r > 0 || backup.last_success_us == 0)
        doctor_warn(doctor,
                    "systemctl enable --now harrier-backup.timer, to another disk or machine",
                    "no backup is known");
    else
        judge_backup(doctor, &backup);
}
