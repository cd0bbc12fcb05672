/* What the exit status of `harrier` means: the numbers of sysexits.h. docs/CLI.md has the table. */
#pragma once

#include "core/base/error.h"

enum exit_status {
    EXIT_STATUS_OK = 0,
    EXIT_STATUS_ROWS_FAILED = 1, /* all was done, but for some rows; doctor: there are warnings */
    EXIT_STATUS_ALERTS = 2,     /* a night is complete, and its report has alerts; doctor: something
                                   is bad */
    EXIT_STATUS_NOT_BETTER = 3, /* a candidate does not beat the champion by the margin */
    EXIT_STATUS_USAGE = 64,     /* the command line is wrong */
    EXIT_STATUS_BAD_INPUT = 65, /* the input, or an archive, breaks its rules */
    EXIT_STATUS_NO_INPUT = 66,  /* no such file, archive, transaction */
    EXIT_STATUS_UNAVAILABLE = 69, /* no server answered in time */
    EXIT_STATUS_INTERNAL = 70,    /* a defect of ours */
    /* 71: CHECK_EXHAUSTED of core/base/check.h, which exits at once */
    EXIT_STATUS_IO = 74,         /* the operating system refused a read or write */
    EXIT_STATUS_TEMPORARY = 75,  /* interrupted, or another process is at work: run again */
    EXIT_STATUS_DENIED = 77,     /* the server does not accept the token for this */
    EXIT_STATUS_BAD_POLICY = 78, /* a policy or mapping file is invalid */
};

enum exit_status exit_status_of(enum error_code code);

/* Prints "harrier: <text>" to stderr and returns the status that goes with the code. */
enum exit_status exit_with(const struct error *error);

/* The last step of every command: flushes standard output. Returns the command's own status if all
 * of it was written, if the reader has closed its end (`| head`), or if the status is IO already,
 * so that a command may say more. Else IO, with a message as from exit_with(). */
enum exit_status exit_after_output(enum exit_status status);

/* As exit_with(), for a failure to open a file with a mapping: what is wrong inside the mapping
 * file, if one was given, is a fault of configuration (78), not of the input. */
enum exit_status exit_with_mapping(const struct error *error, const char *map);

/* As exit_with(), for an address that cannot be one: a fault of the command line (64). */
enum exit_status exit_with_address(const struct error *error);

/* As exit_with(), for a failure to open a file of refused rows: one that is not to be overwritten
 * is a fault of the command line (64). */
enum exit_status exit_with_rejects(const struct error *error);
