/* harrier zones: the time zones of a policy, as files in its folder.
 *
 * A policy's expressions name time zones, but a decision must never depend on the machine that it
 * is made on. So the rules of each zone are a file of the policy, zones/NAME.tzif, and this command
 * is the only one that looks at a machine's tzdata: it lists what a policy has beside what the
 * machine has, and copies. A copy is read first as a server would read it, and replaces an older
 * one only when that is asked for, with the time from which on clocks differ. */
#include "clients/cli/commands/command.h"
#include "clients/cli/io/draft_file.h"
#include "clients/cli/terminal/exit_status.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lang/zone.h"
#include "core/policy/load/policy_limits.h"
#include "core/policy/load/snapshot.h"
#include "core/policy/source/diagnostic.h"

#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TZDATA_DEFAULT "/usr/share/zoneinfo"
#define DEPTH_MAX      4 /* of folders of tzdata that are searched for a near name */
#define VERSION_SIZE   32

enum { OPTION_ADD = 256, OPTION_UPDATE, OPTION_FROM };

struct options {
    const char *policy, *from;
    const char *added[POLICY_ZONES_MAX];
    size_t added_count;
    bool update, quiet, is_from_given;
};

static void take_name(struct options *options, const char *name, struct argp_state *state) {
    if (!zone_name_is_valid(text_of(name)))
        argp_error(state,
                   "\"%s\" is not the name of a time zone; expected for example Europe/Berlin",
                   name);
    if (options->added_count == POLICY_ZONES_MAX)
        argp_error(state, "at most %u time zones at once", POLICY_ZONES_MAX);
    options->added[options->added_count++] = name;
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case 'q':
        options->quiet = true;
        return 0;
    case OPTION_ADD:
        take_name(options, value, state);
        return 0;
    case OPTION_UPDATE:
        options->update = true;
        return 0;
    case OPTION_FROM:
        options->from = value;
        options->is_from_given = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "one policy folder at a time; write --add before each time zone");
        options->policy = value;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which policy folder?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"add", OPTION_ADD, "NAME", 0, "Copy this time zone into the policy; may be repeated", 0},
    {"update", OPTION_UPDATE, NULL, 0, "Replace the policy's zones by those of the tzdata", 0},
    {"from", OPTION_FROM, "DIR", 0, "The compiled tzdata (" TZDATA_DEFAULT ")", 0},
    {"quiet", 'q', NULL, 0, "Print only errors", 0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "POLICY",
    .doc = "Lists the time zones of the policy in the folder POLICY, or copies zones from a "
           "machine's tzdata into it.\v"
           "Expressions name them: event_time.getHours(\"Europe/Berlin\"). Their rules are files "
           "of the policy, zones/NAME.tzif, so that decisions do not depend on a machine. Each "
           "line says whether the tzdata has the same local times, or when they differ first.\n\n"
           "Exit status: 0 done, 65 a file is not a valid time zone, or another one is there "
           "already, 66 there is no such folder or "
           "time zone, or the folder is no policy, 74 cannot read or write.",
};

/* ------------------------------------------------------------------------------------------------
 * Files */

/* A zone and the file that it came from. */
struct zone_file {
    struct buffer bytes;
    struct zone zone;
};

/* What the command works on. */
struct work {
    const struct options *options;
    struct arena arena;
    char version[VERSION_SIZE]; /* of what is in `from`: "tzdata 2026a" */
};

static char *path_of(const char *folder, const char *between, struct text name,
                     const char *ending) {
    char *path = NULL;
    check(asprintf(&path, "%s/%s%" TEXT_FORMAT "%s", folder, between, TEXT_ARGS(name), ending) > 0);
    return path;
}

/* ERROR_NOT_FOUND also for a folder, as "Europe" is. */
static int read_file(const char *path, struct buffer *ret_bytes, struct error *ret_error) {
    struct stat status;
    FILE *file = fopen(path, "r");
    if (!file)
        return errno == ENOENT || errno == ENOTDIR
                   ? error_set(ret_error, ERROR_NOT_FOUND, "%s: no such file", path)
                   : error_set_errno(ret_error, errno, "%s", path);
    if (fstat(fileno(file), &status) == 0 && !S_ISREG(status.st_mode)) {
        fclose(file);
        return error_set(ret_error, ERROR_NOT_FOUND, "%s: not a file", path);
    }
    uint8_t *bytes = check_malloc(ZONE_FILE_MAX + 1);
    size_t length = fread(bytes, 1, ZONE_FILE_MAX + 1, file); /* one more shows that it is larger */
    int r = ferror(file) ? error_set_errno(ret_error, errno, "%s", path) : 0;
    if (r == 0)
        buffer_append(ret_bytes, bytes, length);
    free(bytes);
    fclose(file);
    return r;
}

static int read_zone_file(struct work *work, const char *path, struct text name,
                          struct zone_file *file, struct error *ret_error) {
    int r = read_file(path, &file->bytes, ret_error);
    if (r < 0)
        return r;
    const char *diagnostic = zone_read(buffer_text(&file->bytes), name, &work->arena, &file->zone);
    return diagnostic ? error_set(ret_error, ERROR_INVALID, "%s: %s", path, diagnostic) : 0;
}

/* The first line of tzdata.zi is "# version 2026a". */
static void find_version(struct work *work) {
    char *path = path_of(work->options->from, "", TEXT_LITERAL("tzdata.zi"), "");
    FILE *file = fopen(path, "r");
    char version[VERSION_SIZE - 8] = "";
    if (!file || fscanf(file, "# version %23[0-9a-z-]", version) != 1)
        version[0] = '\0';
    snprintf(work->version, sizeof work->version, "tzdata%s%s", *version ? " " : "", version);
    if (file)
        fclose(file);
    free(path);
}

/* ------------------------------------------------------------------------------------------------
 * Near names */

struct search {
    struct work *work;
    struct near near;
};

/* posix/ and right/ have the same names again. For a hint in a message: what cannot be listed is
 * left out. */
static void search_folder(struct search *search, const char *folder, struct text prefix,
                          int depth) {
    DIR *directory = depth < DEPTH_MAX ? opendir(folder) : NULL;
    const struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "posix") == 0 ||
            strcmp(entry->d_name, "right") == 0)
            continue;
        struct text name = arena_printf(&search->work->arena, "%" TEXT_FORMAT "%s%s",
                                        TEXT_ARGS(prefix), prefix.length ? "/" : "", entry->d_name);
        check(name.data);
        char *path = path_of(folder, "", text_of(entry->d_name), "");
        struct stat status;
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
            search_folder(search, path, name, depth + 1);
        else
            near_try(&search->near, name);
        free(path);
    }
    if (directory)
        closedir(directory);
}

static int unknown_zone(struct work *work, struct text name, struct error *ret_error) {
    struct search search = {.work = work, .near = near_to(name)};
    char hint[NEAR_HINT_SIZE];
    search_folder(&search, work->options->from, (struct text){0}, 0);
    return error_set(ret_error, ERROR_NOT_FOUND, "%s has no time zone \"%" TEXT_FORMAT "\"%s",
                     work->options->from, TEXT_ARGS(name), near_hint(&search.near, hint));
}

/* The machine's zone of this name. */
static int read_machine(struct work *work, struct text name, struct zone_file *file,
                        struct error *ret_error) {
    char *path = path_of(work->options->from, "", name, "");
    int r = read_zone_file(work, path, name, file, ret_error);
    free(path);
    return r;
}

/* ------------------------------------------------------------------------------------------------
 * Listing */

/* `machine`: NULL: it has none of this name. */
static void print_comparison(const struct work *work, const struct zone *own,
                             const struct zone *machine) {
    int64_t time_s;
    if (!machine) {
        printf("not in %s\n", work->version);
    } else if (zone_first_difference(own, machine, &time_s)) {
        char text[VALUE_PUT_MAX];
        size_t length = value_put(value_timestamp(time_s * CALENDAR_SECOND_US), text);
        printf("differs from %s from %.*s on\n", work->version, (int)length, text);
    } else {
        printf("as in %s\n", work->version);
    }
}

static int list_zone(struct work *work, const struct policy_file *file, struct error *ret_error) {
    struct text name = zone_path_name(file->path);
    struct zone own;
    struct zone_file machine;
    const char *diagnostic = zone_read(file->content, name, &work->arena, &own);
    if (diagnostic)
        return error_set(ret_error, ERROR_INVALID, "%s/%" TEXT_FORMAT ": %s", work->options->policy,
                         TEXT_ARGS(file->path), diagnostic);
    buffer_init(&machine.bytes);
    int r = read_machine(work, name, &machine, ret_error);
    if ((r == 0 || r == -ERROR_NOT_FOUND) && !work->options->quiet) {
        char hex[HASH_HEX_SIZE];
        hash_hex(own.hash, hex);
        printf("%-32.*s %s  ", TEXT_ARGS(name), hex);
        print_comparison(work, &own, r == 0 ? &machine.zone : NULL);
    }
    buffer_deinit(&machine.bytes);
    return r == -ERROR_NOT_FOUND ? 0 : r;
}

/* ------------------------------------------------------------------------------------------------
 * Copying */

/* The folders of a path, up to its last slash. */
static int make_folders(char *path, struct error *ret_error) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failure = mkdir(path, 0777) < 0 && errno != EEXIST ? errno : 0;
        int r = failure ? error_set_errno(ret_error, failure, "%s", path) : 0;
        *slash = '/';
        if (r < 0)
            return r;
    }
    return 0;
}

static int write_file(char *path, const struct buffer *bytes, struct error *ret_error) {
    struct draft_file draft;
    int r = make_folders(path, ret_error);
    if (r == 0)
        r = draft_file_open(&draft, path, ret_error);
    if (r < 0)
        return r;
    if (fwrite(bytes->bytes, 1, bytes->length, draft.file) != bytes->length) {
        r = error_set_errno(ret_error, errno, "%s", path);
        draft_file_discard(&draft);
        return r;
    }
    return draft_file_publish(&draft, ret_error);
}

/* Says what the new file changes. */
static void print_update(struct work *work, const struct policy_file *old, const struct zone *new,
                         bool is_written) {
    struct text name = zone_path_name(old->path);
    struct zone own;
    int64_t time_s;
    if (work->options->quiet)
        return;
    printf("%-32.*s ", TEXT_ARGS(name));
    if (!is_written) {
        printf("unchanged\n");
    } else if (zone_read(old->content, name, &work->arena, &own)) {
        printf("replaced by that of %s; it was damaged\n", work->version);
    } else if (zone_first_difference(&own, new, &time_s)) {
        char text[VALUE_PUT_MAX];
        size_t length = value_put(value_timestamp(time_s * CALENDAR_SECOND_US), text);
        printf("replaced by that of %s: local times change from %.*s on\n", work->version,
               (int)length, text);
    } else {
        printf("replaced by that of %s: the same local times\n", work->version);
    }
}

/* What the machine lacks stays. */
static int update_zone(struct work *work, const struct policy_file *file, struct error *ret_error) {
    struct text name = zone_path_name(file->path);
    struct zone_file machine;
    buffer_init(&machine.bytes);
    int r = read_machine(work, name, &machine, ret_error);
    if (r == -ERROR_NOT_FOUND) {
        if (!work->options->quiet)
            fprintf(stderr,
                    "harrier: %s has no time zone \"%" TEXT_FORMAT "\": %" TEXT_FORMAT
                    " stays as it is\n",
                    work->options->from, TEXT_ARGS(name), TEXT_ARGS(file->path));
        r = 0;
    } else if (r == 0) {
        bool is_other = !text_equal(buffer_text(&machine.bytes), file->content);
        char *path = path_of(work->options->policy, "", file->path, "");
        if (is_other)
            r = write_file(path, &machine.bytes, ret_error);
        if (r == 0)
            print_update(work, file, &machine.zone, is_other);
        free(path);
    }
    buffer_deinit(&machine.bytes);
    return r;
}

/* A file that is there already is not replaced: that would change what the policy decides. */
static int put_zone(struct work *work, struct text name, const struct zone_file *machine,
                    struct error *ret_error) {
    char *path = path_of(work->options->policy, "zones/", name, ".tzif");
    struct buffer own;
    buffer_init(&own);
    int r = read_file(path, &own, ret_error);
    bool is_there = r == 0;
    if (is_there && !text_equal(buffer_text(&own), buffer_text(&machine->bytes)))
        r = error_set(ret_error, ERROR_INVALID,
                      "%s exists and differs from that of %s; --update replaces it", path,
                      work->version);
    else if (r == -ERROR_NOT_FOUND)
        r = write_file(path, &machine->bytes, ret_error);
    if (r == 0 && !work->options->quiet)
        printf("%-32.*s %s%s\n", TEXT_ARGS(name), is_there ? "unchanged" : "added from ",
               is_there ? "" : work->version);
    buffer_deinit(&own);
    free(path);
    return r;
}

static int add_zone(struct work *work, struct text name, struct error *ret_error) {
    struct zone_file machine;
    buffer_init(&machine.bytes);
    int r = read_machine(work, name, &machine, ret_error);
    if (r == -ERROR_NOT_FOUND)
        r = unknown_zone(work, name, ret_error);
    else if (r == 0)
        r = put_zone(work, name, &machine, ret_error);
    buffer_deinit(&machine.bytes);
    return r;
}

/* ------------------------------------------------------------------------------------------------
 * The command */

/* The zones that the policy has before the command, each listed or updated. */
static int treat_all(struct work *work, const struct policy_folder *folder,
                     struct error *ret_error) {
    size_t count;
    bool any = false;
    const struct policy_file *files = policy_folder_files(folder, &count);
    for (size_t i = 0; i < count; i++) {
        if (!zone_path_name(files[i].path).data)
            continue;
        any = true;
        int r = work->options->update ? update_zone(work, &files[i], ret_error)
                                      : list_zone(work, &files[i], ret_error);
        if (r < 0)
            return r;
    }
    if (!any && !work->options->quiet)
        fprintf(stderr, "%s has no time zones; --add NAME adds one\n", work->options->policy);
    return 0;
}

/* Without it each zone would look like one that the tzdata lacks. A policy is listed on a machine
 * that has no tzdata, too. */
static int check_tzdata(const struct options *options, struct error *ret_error) {
    struct stat status;
    bool is_needed = options->is_from_given || options->update || options->added_count > 0;
    if (!is_needed || (stat(options->from, &status) == 0 && S_ISDIR(status.st_mode)))
        return 0;
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "%s: no such folder; expected the compiled tzdata, as in " TZDATA_DEFAULT,
                     options->from);
}

/* A mistyped folder must not get files of time zones, nor an empty list. */
static int check_policy(const struct options *options, const struct policy_folder *folder,
                        struct error *ret_error) {
    size_t count;
    const struct policy_file *files = policy_folder_files(folder, &count);
    for (size_t i = 0; i < count; i++)
        if (text_is(files[i].path, "policy.yaml"))
            return 0;
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "%s has no policy.yaml; expected the folder of a policy", options->policy);
}

static int run(struct work *work, struct error *ret_error) {
    const struct options *options = work->options;
    struct policy_folder *folder;
    int r = check_tzdata(options, ret_error);
    if (r == 0)
        r = policy_folder_read(options->policy, &folder, ret_error);
    if (r < 0)
        return r;
    r = check_policy(options, folder, ret_error);
    find_version(work);
    if (r == 0 && (options->update || options->added_count == 0))
        r = treat_all(work, folder, ret_error);
    for (size_t i = 0; i < options->added_count && r == 0; i++)
        r = add_zone(work, text_of(options->added[i]), ret_error);
    policy_folder_free(folder);
    return r;
}

int command_zones(int argc, char **argv) {
    struct options options = {.from = TZDATA_DEFAULT};
    struct work work = {.options = &options};
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    arena_init(&work.arena, SIZE_MAX / 4);
    int r = run(&work, &error);
    arena_deinit(&work.arena);
    return r < 0 ? exit_with(&error) : EXIT_STATUS_OK;
}
