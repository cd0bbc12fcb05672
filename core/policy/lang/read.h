/* Typed reading of a YAML tree. Each function reports what does not fit, returns false and leaves
 * its ret_… untouched. A node that is broken already fails without a message. `what` names the
 * thing in messages: "window", "a rule". Texts are copied into the reader's arena. */
#pragma once

#include "core/base/arena.h"
#include "core/policy/source/diagnostic.h"
#include "core/policy/source/tree.h"

#include <stdbool.h>
#include <stdint.h>

struct reader {
    const struct source *source;
    struct diagnostics *diagnostics;
    struct arena *arena; /* where texts that are read are kept */
};

#define NAME_SIZE_MAX 64u /* bytes of any name in a policy */

struct key {
    const char *name;
    bool required;
    /* Set by read_keys(): the value, NULL when the key is missing. A misspelt key is reported and
     * then read as the one that was meant, so that one run finds all errors. */
    struct tree_node *node;
};

void read_diagnostic(const struct reader *reader, const struct tree_node *node, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));

/* A mapping with these keys and no others. false when it is not a mapping or lacks a required key;
 * unknown keys are reported but do not make it fail. */
bool read_keys(const struct reader *reader, const struct tree_node *node, const char *what,
               struct key *keys, size_t count);
bool read_mapping(const struct reader *reader, const struct tree_node *node, const char *what);
bool read_list(const struct reader *reader, const struct tree_node *node, const char *what);

/* Not empty, at most max bytes. */
bool read_text(const struct reader *reader, const struct tree_node *node, const char *what,
               size_t max, struct text *ret_text);
/* A lower-case letter, then lower-case letters, digits and _ (and, if allowed, -); not a
 * reserved word. */
bool read_name(const struct reader *reader, const struct tree_node *node, const char *what,
               bool hyphens, struct text *ret_name);
bool read_int(const struct reader *reader, const struct tree_node *node, const char *what,
              int64_t least, int64_t most, int64_t *ret_number);
bool read_double(const struct reader *reader, const struct tree_node *node, const char *what,
                 double *ret_number);
bool read_bool(const struct reader *reader, const struct tree_node *node, const char *what,
               bool *ret_bool);
/* A whole number and a unit: s, m, h, d, w. */
bool read_duration(const struct reader *reader, const struct tree_node *node, const char *what,
                   int64_t least_us, int64_t most_us, int64_t *ret_us);
/* The texts alone: of a duration, and of a decimal with at most 6 places × 10^6. */
bool read_parse_duration(struct text t, int64_t *ret_us);
bool read_parse_millionths(struct text t, int64_t *ret_number);
/* "25%" or "0.5%", above 0, at most 100, at most two decimals: in hundredths of a percent. */
#define READ_PERCENT_ALL 10000u
bool read_parse_percent(struct text t, uint32_t *ret_parts);
/* Appends millionths as a percentage without trailing zeros: 20000 is "2", 5000 is "0.5". */
void read_put_percent(struct buffer *buffer, uint32_t share_e6);
/* A whole number of the largest unit that gives one. */
#define READ_DURATION_SIZE 32
const char *read_format_duration(int64_t us, char ret_string[READ_DURATION_SIZE]);
/* One of `names`, whose last element is NULL: its index. */
bool read_choice(const struct reader *reader, const struct tree_node *node, const char *what,
                 const char *const *names, size_t *ret_index);
