#include "password.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/lock_order.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
/* Of no password: what an unknown name is compared with. */
static char nobody[PASSWORD_HASH_SIZE];

int password_init(struct error *ret_error) {
    char secret[SECRET_SIZE];
    lock_set_rank(&one_at_a_time, LOCK_CONSOLE_PASSWORD);
    if (sodium_init() < 0)
        return error_set(ret_error, ERROR_SYSTEM, "libsodium cannot be used on this machine");
    secret_new(secret);
    password_hash(text_of(secret), nobody);
    return 0;
}

int password_check(struct text password, struct error *ret_error) {
    size_t same = 0;
    if (password.length < PASSWORD_LEAST || password.length > PASSWORD_MOST)
        return error_set(ret_error, ERROR_INVALID,
                         "a password has %d to %d bytes, and this one has %zu", PASSWORD_LEAST,
                         PASSWORD_MOST, password.length);
    while (same < password.length && password.data[same] == password.data[0])
        same++;
    if (same == password.length)
        return error_set(ret_error, ERROR_INVALID, "the password is one character, repeated");
    return 0;
}

void password_hash(struct text password, char ret_hash[PASSWORD_HASH_SIZE]) {
    _Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "room for libsodium's text");
    pthread_mutex_lock(&one_at_a_time);
    int r =
        crypto_pwhash_str(ret_hash, password.data, password.length,
                          crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE);
    pthread_mutex_unlock(&one_at_a_time);
    if (r != 0)
        check_exhausted("memory for a password");
}

bool password_verify(const char *hash, struct text password) {
    if (password.length > PASSWORD_MOST)
        return false;
    if (hash && strcmp(hash, PASSWORD_NONE) == 0)
        hash = NULL;
    pthread_mutex_lock(&one_at_a_time);
    int r = crypto_pwhash_str_verify(hash ? hash : nobody, password.data, password.length);
    pthread_mutex_unlock(&one_at_a_time);
    return hash && r == 0;
}

void secret_new(char ret_secret[SECRET_SIZE]) {
    uint8_t bytes[SECRET_HASH_SIZE];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(ret_secret, SECRET_SIZE, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof bytes);
}

void secret_hash(struct text secret, uint8_t ret_hash[SECRET_HASH_SIZE]) {
    crypto_generichash(ret_hash, SECRET_HASH_SIZE, (const unsigned char *)secret.data,
                       secret.length, NULL, 0);
}

bool secret_equal(struct text a, struct text b) {
    return a.length == b.length && hash_equal_constant_time(a.data, b.data, a.length);
}
