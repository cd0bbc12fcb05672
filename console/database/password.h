/* Passwords and random secrets, by libsodium. The only user of sodium.h. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define PASSWORD_LEAST     12  /* bytes */
#define PASSWORD_MOST      256 /* bytes */
#define PASSWORD_HASH_SIZE 128 /* with its NUL */
#define PASSWORD_NONE      "!" /* in place of a hash: no password fits */
#define SECRET_SIZE        44  /* 32 random bytes as base64url, with a NUL */
#define SECRET_HASH_SIZE   32

/* Before anything else here. ERROR_SYSTEM. */
int password_init(struct error *ret_error);

/* ERROR_INVALID: too short, too long, or one character repeated. */
int password_check(struct text password, struct error *ret_error);
/* Argon2id with libsodium's interactive limits: 64 MiB and some tenths of a second, one at a time
 * in the whole process, so that sign-ins cannot use up the machine. */
void password_hash(struct text password, char ret_hash[PASSWORD_HASH_SIZE]);
/* hash NULL: false, after the same time, so that a name that exists is not told by it. */
bool password_verify(const char *hash, struct text password);

void secret_new(char ret_secret[SECRET_SIZE]);
/* BLAKE2b, for secrets of secret_new() only: they are too long to be guessed. */
void secret_hash(struct text secret, uint8_t ret_hash[SECRET_HASH_SIZE]);
bool secret_equal(struct text a, struct text b); /* in a time that depends on the lengths alone */
