/* The configuration, and who may read and change what it names. The server's user is taken to be
 * the owner of the data folder, with all of that user's groups. */
#include "clients/cli/terminal/quantity.h"
#include "core/base/text.h"
#include "core/store/tokens/token_file.h"
#include "doctor_checks.h"
#include "doctor_sources.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_DEFAULT "/etc/harrier/harrierd.conf"
#define GROUPS_MAX     256
#define DAY_US         (INT64_C(86400) * 1000000)
#define ENDS_SOON_DAYS 14

/* ---- the configuration ---- */

/* harrierd's own check, which also loads tokens and all policies: shadow policies and the
 * challenger are only looked at here. */
void check_configuration(struct doctor *doctor) {
    const char *file = doctor->options->config ? doctor->options->config : CONFIG_DEFAULT;
    char named[PATH_MAX + 16], first[512];
    struct buffer said;
    if (doctor->options->data)
        return;
    if (*doctor->config.problem) {
        doctor_bad(doctor, "correct it, or name harrierd with --harrierd", "%s",
                   doctor->config.problem);
        return;
    }
    snprintf(named, sizeof named, "--config=%s", file);
    const char *arguments[] = {doctor->config.program, "--check",
                               doctor->options->config ? named : NULL, NULL};
    buffer_init(&said);
    int status = doctor_run_program(arguments, &said);
    buffer_append_u8(&said, '\0');
    /* The last line says what is refused, those before it why. */
    const char *last = (const char *)said.bytes;
    for (char *at = (char *)said.bytes; *at; at++)
        if (*at == '\n' && at[1])
            last = at + 1;
    snprintf(first, sizeof first, "%.*s", (int)strcspn(last, "\n"), last);
    if (status == 0)
        doctor_good(doctor, "%s", access(file, R_OK) == 0 ? file : "harrierd's defaults");
    else
        doctor_bad(doctor, "harrierd --check says all of it; a server would not start", "%s",
                   *first ? first : "harrierd --check fails");
    buffer_deinit(&said);
}

/* ---- who may do what ---- */

struct user {
    uid_t id;
    gid_t groups[GROUPS_MAX];
    int group_count;
    char name[64];
};

static void find_user(const struct stat *data, struct user *ret_user) {
    const struct passwd *entry = getpwuid(data->st_uid);
    ret_user->id = data->st_uid;
    ret_user->group_count = GROUPS_MAX;
    snprintf(ret_user->name, sizeof ret_user->name, "%s", entry ? entry->pw_name : "its owner");
    if (entry &&
        getgrouplist(entry->pw_name, entry->pw_gid, ret_user->groups, &ret_user->group_count) >= 0)
        return;
    ret_user->groups[0] = data->st_gid;
    ret_user->group_count = 1;
}

/* want: bits of S_IROTH, S_IWOTH, S_IXOTH. */
static bool may(const struct user *user, const struct stat *status, mode_t want) {
    if (user->id == 0)
        return true;
    if (user->id == status->st_uid)
        return (status->st_mode >> 6 & want) == want;
    for (int i = 0; i < user->group_count; i++)
        if (user->groups[i] == status->st_gid)
            return (status->st_mode >> 3 & want) == want;
    return (status->st_mode & want) == want;
}

void check_data_access(struct doctor *doctor) {
    struct stat status;
    struct user user;
    char text[4096];
    uint64_t uid;
    if (stat(doctor->data, &status) < 0) {
        doctor_bad(doctor, "name the data folder, or the configuration (--config)", "%s: %s",
                   doctor->data, strerror(errno));
        return;
    }
    if (!S_ISDIR(status.st_mode)) {
        doctor_bad(doctor, "name the data folder", "%s is not a folder", doctor->data);
        return;
    }
    find_user(&status, &user);
    unsigned mode = status.st_mode & 07777;
    if (mode & S_IWOTH)
        doctor_bad(doctor, "chmod 750 the folder", "%s has mode %04o: every user can change it",
                   doctor->data, mode);
    else if (doctor_read_process(doctor, "status", text, sizeof text) &&
             doctor_find_number(text, "Uid", &uid) && uid != status.st_uid)
        doctor_bad(doctor, "chown -R the folder to the server's user, or set User= in the unit",
                   "%s belongs to %s, but the server runs as user %u", doctor->data, user.name,
                   (unsigned)uid);
    else if (!may(&user, &status, S_IROTH | S_IWOTH | S_IXOTH))
        doctor_bad(doctor, "chmod 750 the folder", "%s has mode %04o: %s cannot write there",
                   doctor->data, mode, user.name);
    else if (mode & (S_IROTH | S_IXOTH))
        doctor_warn(doctor, "chmod 750 the folder",
                    "%s has mode %04o: every user can look at the transactions", doctor->data,
                    mode);
    else
        doctor_good(doctor, "%s, mode %04o, of %s", doctor->data, mode, user.name);
}

/* What is to be seen in a file or folder that harrierd's options name. */
struct wanted {
    const char *option;
    bool is_secret; /* only its owner and group may read it */
    bool is_folder;
};
static const struct wanted wanted[] = {
    {"tokens", true, false},         {"tls_key", true, false},    {"tls_cert", false, false},
    {"tls_client_ca", false, false}, {"log_config", true, false}, {"event_secret", true, false},
    {"pseudonym_keys", true, false}, {"policy", false, true},
};

static void check_one(struct doctor *doctor, const struct user *user, const char *path,
                      const struct wanted *what) {
    struct stat status;
    mode_t needed = what->is_folder ? S_IROTH | S_IXOTH : S_IROTH;
    if (stat(path, &status) < 0) {
        doctor_bad(doctor, "create it, or correct the option", "%s (option %s): %s", path,
                   what->option, strerror(errno));
        return;
    }
    unsigned mode = status.st_mode & 07777;
    if (what->is_secret && mode & 07)
        doctor_bad(doctor, "chmod 640 the file, and make new secrets: others may have read it",
                   "%s (option %s) has mode %04o: every user can read or change it", path,
                   what->option, mode);
    else if (mode & S_IWOTH)
        doctor_bad(doctor, "chmod o-w", "%s (option %s) has mode %04o: every user can change it",
                   path, what->option, mode);
    else if (!may(user, &status, needed))
        doctor_bad(doctor, "chgrp it to the server's group and chmod g+r",
                   "%s (option %s) has mode %04o: %s cannot read it", path, what->option, mode,
                   user->name);
}

/* The files of a policy: who may change one may approve any payment. */
static void check_folder(struct doctor *doctor, const struct user *user, const char *path,
                         const struct wanted *what) {
    DIR *folder = opendir(path);
    const struct dirent *entry;
    char file[PATH_MAX];
    const struct wanted inner = {what->option, false, false};
    while (folder && !doctor->has_said && (entry = readdir(folder))) {
        struct stat status;
        if (*entry->d_name == '.' || fstatat(dirfd(folder), entry->d_name, &status, 0) < 0)
            continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        const struct wanted inner_folder = {what->option, false, true};
        check_one(doctor, user, file, S_ISDIR(status.st_mode) ? &inner_folder : &inner);
        if (S_ISDIR(status.st_mode) && !doctor->has_said && strlen(file) < PATH_MAX / 2)
            check_folder(doctor, user, file, what);
    }
    if (folder)
        closedir(folder);
}

void check_file_access(struct doctor *doctor) {
    struct stat data;
    struct user user;
    const struct wanted config = {"--config", false, false};
    if (stat(doctor->data, &data) < 0 || *doctor->config.problem || doctor->options->data)
        return;
    find_user(&data, &user);
    const char *file = doctor->options->config ? doctor->options->config : CONFIG_DEFAULT;
    if (access(file, F_OK) == 0)
        check_one(doctor, &user, file, &config);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted && !doctor->has_said; i++) {
        const char *path = doctor_option(doctor, wanted[i].option);
        if (!path || !*path)
            continue;
        check_one(doctor, &user, path, &wanted[i]);
        if (wanted[i].is_folder && !doctor->has_said)
            check_folder(doctor, &user, path, &wanted[i]);
    }
    doctor_good(doctor,
                "%s can read what the configuration names, and only the right users can "
                "change it",
                user.name);
}

/* ---- tokens ---- */

void check_tokens(struct doctor *doctor) {
    const char *path = doctor_option(doctor, "tokens");
    struct token_set *set;
    struct error error;
    size_t expired = 0, soon = 0;
    const struct token_entry *first = NULL; /* to end */
    char end[QUANTITY_TIME_SIZE];
    if (!path || !*path)
        return;
    if (token_file_load(path, &set, NULL, &error) < 0) {
        doctor_bad(doctor, "harrier token makes and changes such files", "%s", error.text);
        return;
    }
    size_t count = token_set_count(set);
    for (size_t i = 0; i < count; i++) {
        const struct token_entry *entry = token_set_at(set, i);
        if (entry->expires_us == 0)
            continue;
        if (entry->expires_us <= doctor->now_us) {
            expired++;
            continue;
        }
        if (entry->expires_us - doctor->now_us < ENDS_SOON_DAYS * DAY_US)
            soon++;
        if (!first || entry->expires_us < first->expires_us)
            first = entry;
    }
    if (first)
        quantity_format_time(first->expires_us, end);
    if (count == 0)
        doctor_bad(doctor, "harrier token new NAME --scopes score",
                   "%s has no token: nobody is "
                   "let in",
                   path);
    else if (expired == count)
        doctor_bad(doctor, "harrier token new NAME --scopes …", "all %zu tokens have expired",
                   count);
    else if (soon > 0)
        doctor_warn(doctor,
                    "harrier token new with the same name; give it to the client, then revoke the "
                    "old one",
                    "%zu of %zu tokens end within %d days, %s on %s", soon, count, ENDS_SOON_DAYS,
                    first->name, end);
    else
        doctor_good(doctor, "%zu, %zu of them expired, the next end %s%s", count, expired,
                    first ? "on " : "never", first ? end : "");
    token_set_free(set);
}

/* ---- the certificate ---- */

/* By the command openssl, as people look at it: the library is not this program's to use here. */
static bool ends_within(const char *path, int64_t seconds, int *ret_status) {
    char limit[32];
    struct buffer said;
    snprintf(limit, sizeof limit, "%lld", (long long)seconds);
    const char *arguments[] = {"openssl", "x509", "-noout", "-checkend", limit, "-in", path, NULL};
    buffer_init(&said);
    *ret_status = doctor_run_program(arguments, &said);
    buffer_append_u8(&said, '\0');
    bool ends = strstr((const char *)said.bytes, "will expire") != NULL;
    buffer_deinit(&said);
    return ends;
}

void check_certificate(struct doctor *doctor) {
    const char *path = doctor_option(doctor, "tls_cert");
    int status;
    if (!path || !*path || access(path, R_OK) < 0)
        return;
    if (ends_within(path, 0, &status))
        doctor_bad(doctor, "renew it, then reload the server (SIGHUP)", "%s has expired", path);
    else if (status < 0)
        doctor_warn(doctor, "install openssl", "%s: not looked at without the command openssl",
                    path);
    else if (ends_within(path, ENDS_SOON_DAYS * 86400, &status))
        doctor_warn(doctor, "renew it, then reload the server (SIGHUP)",
                    "%s expires within %d days", path, ENDS_SOON_DAYS);
    else if (status != 0)
        doctor_bad(doctor, "openssl x509 -in FILE -text shows what is in it",
                   "%s is no certificate that openssl reads", path);
    else
        doctor_good(doctor, "%s is valid for more than %d days", path, ENDS_SOON_DAYS);
}
