/* Where the checks look: files of /proc and /sys, other programs, the process that has the archive.
 */
#pragma once

#include "doctor.h"

#include <stddef.h>

/* The first `size` - 1 bytes of a small file below options->root, without a line break at the end.
 * false: it cannot be read. */
bool doctor_read(const struct doctor *doctor, const char *path, char *ret_text, size_t size);
/* The same for a file of the server's process, such as "limits". */
bool doctor_read_process(const struct doctor *doctor, const char *name, char *ret_text,
                         size_t size);
/* The number in a line "NAME: NUMBER" of such a text. false: there is none. */
bool doctor_find_number(const char *text, const char *name, uint64_t *ret_number);

/* Runs a program with a limit of a minute, and collects both of its outputs, at most 256 KiB.
 * Returns its exit status; -1: it could not be run, was killed or took too long. */
int doctor_run_program(const char *const *arguments, struct buffer *out);

/* Finds harrierd and asks it for its options; not if the command line names the data folder. */
void doctor_load_config(struct doctor *doctor);
/* Is the archive's lock held, and by whom? Looks at /proc/locks: trying the lock itself could keep
 * a server from starting at that moment. */
void doctor_find_process(struct doctor *doctor);
