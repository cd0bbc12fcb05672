/* The options of a program in one table: type, default, bounds and manual text of each are stated
 * once, and the configuration file, the environment, the flags, --help and the commented example
 * file all come from it.
 *
 * Pure: the caller brings the texts (the content of a file, the environment, argv) and says where
 * each came from. A later origin overrides an earlier one: default, file, environment, flag. Within
 * one origin the last value wins, except that a list collects its values and a file may set each
 * option once.
 *
 * Every accepted value is written at once into the caller's struct, at the row's offset:
 *
 *   OPTION_TEXT                              const char *
 *   OPTION_LIST                              struct option_list
 *   OPTION_CHOICE                            int, index into the row's choices
 *   OPTION_FLAG                              bool
 *   OPTION_INTEGER, _BYTES, _DURATION        int64_t; bytes; microseconds; OPTION_AUTOMATIC */
#pragma once

#include "buffer.h"
#include "error.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_TEXT,
    OPTION_LIST,   /* texts between commas or spaces */
    OPTION_CHOICE, /* one of a few words */
    OPTION_FLAG,   /* yes or no */
    OPTION_INTEGER,
    OPTION_BYTES,    /* 4096, 64KiB, 2MiB, 1GiB */
    OPTION_DURATION, /* 500us, 5ms, 30s, 10m, 1h, 1d */
};

/* A number that the program computes itself. */
#define OPTION_AUTOMATIC INT64_C(-1)

enum option_origin {
    OPTION_ORIGIN_DEFAULT,
    OPTION_ORIGIN_FILE,
    OPTION_ORIGIN_ENVIRONMENT,
    OPTION_ORIGIN_FLAG,
};

struct option_list {
    const char *const *items;
    size_t count;
};

struct option {
    const char *group; /* heading in --help and the example file; its rows are consecutive */
    const char *name;  /* words with _ between them: "data_dir" */
    enum option_type type;
    size_t offset;              /* of its value in the caller's struct */
    const char *initial;        /* the default, as a user would write it */
    const char *const *choices; /* OPTION_CHOICE: ends with NULL */
    int64_t least, most;        /* of numbers; least is at least 0 */
    const char *automatic;      /* of numbers: the word for OPTION_AUTOMATIC; NULL: none */
    bool reloadable;            /* takes effect without a restart */
    const char *help;           /* sentences */
};

struct option_set;

/* Writes all defaults into target, which must outlive the set, as must the table. A default outside
 * its own bounds is a programmer error (check()). */
struct option_set *option_set_new(const struct option *table, size_t count, void *target);
/* Frees the texts and lists in target as well. NULL is allowed. */
void option_set_free(struct option_set *set);

/* The row called name, or NULL. */
const struct option *option_find(const struct option_set *set, struct text name);

/* Sets one value. where says where it was found ("harrierd.conf:3", "--policy") and starts the
 * message. ERROR_INVALID: no such option, or not a valid value; nothing is changed. */
int option_set_put(struct option_set *set, struct text name, struct text value,
                   enum option_origin origin, const char *where, struct error *ret_error);

/* Reads `name = value` lines; # starts a comment at the start of a line or after a space. shown is
 * what messages call the file. Stops at the first error. */
int option_set_read_file(struct option_set *set, const char *shown, struct text content,
                         struct error *ret_error);

/* Reads those of environment ("NAME=value" strings, NULL at the end) whose name starts with prefix:
 * HARRIERD_DATA_DIR with prefix "HARRIERD_" is data_dir. except (NULL at the end) has names with
 * the prefix that are not options. */
int option_set_read_environment(struct option_set *set, const char *prefix,
                                const char *const *environment, const char *const *except,
                                struct error *ret_error);

/* The value in force as a user would write it, and where it came from. */
const char *option_set_text(const struct option_set *set, const struct option *option);
enum option_origin option_set_origin(const struct option_set *set, const struct option *option);

/* The example file: every option with its manual text, its default commented out. */
void option_write_example(const struct option *table, size_t count, struct buffer *out);
/* The options' part of --help. */
void option_write_help(const struct option *table, size_t count, struct buffer *out);

/* The name in the table that was probably meant, or NULL. */
const char *option_nearest(const struct option *table, size_t count, struct text name);
