/* Client tokens: who may call a server for what.
 *
 * A token is a text that a client sends with each request:
 *
 *   hrr_0f3a91c2_5d…e7        "hrr", the token's id (8 hex digits), its secret (64: 256 bits)
 *
 * The server's tokens file has a line for it, with a keyed hash of the whole text and never the
 * secret itself:
 *
 *   # comments, empty lines
 *   key 7c19d2aa 41…0b        an id and 256 bits: the key of HMAC-SHA-256
 *   token 0f3a91c2 shop key=7c19d2aa hash=9e…44 scopes=score,outcome
 *                             created=2026-11-22T08:00:00Z expires=2027-02-20T08:00:00Z weight=10
 *
 * each on one line, the settings after the name in any order, `expires` only if there is an end,
 * `weight` only if it is not 1. A
 * name is for people and may be used twice: while a client's token is being replaced, both are
 * valid. Keys come before the tokens that use them.
 *
 * The secret is 256 random bits, so the hash could not be reversed even without a key; the key
 * makes a line copied from one server's file useless in another's. Pure: files are token_file.h's.
 */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_ID_BYTES     4
#define TOKEN_ID_SIZE      (2 * TOKEN_ID_BYTES + 1) /* as text, with a NUL; likewise below */
#define TOKEN_ID_AT        4                        /* in the text */
#define TOKEN_SECRET_BYTES 32
#define TOKEN_TEXT_SIZE    (4 + 2 * TOKEN_ID_BYTES + 1 + 2 * TOKEN_SECRET_BYTES + 1)
#define TOKEN_NAME_SIZE    65
#define TOKEN_HASH_BYTES   32
#define TOKEN_KEY_BYTES    32
#define TOKENS_MAX         10000
#define TOKEN_KEYS_MAX     64
#define TOKEN_WEIGHT_MAX   100

enum token_scope {
    TOKEN_SCORE = 1,     /* Score */
    TOKEN_OUTCOME = 2,   /* ReportOutcome */
    TOKEN_ADMIN = 4,     /* all other calls */
    TOKEN_FIND = 8,      /* Find */
    TOKEN_BACKFILL = 16, /* Backfill */
    TOKEN_SCOPES_ALL = TOKEN_SCORE | TOKEN_OUTCOME | TOKEN_ADMIN | TOKEN_FIND | TOKEN_BACKFILL,
};

struct token_entry {
    char id[TOKEN_ID_SIZE];
    char name[TOKEN_NAME_SIZE];
    unsigned scopes; /* of enum token_scope, at least one */
    unsigned weight; /* of its requests when the server cannot take all: 1…TOKEN_WEIGHT_MAX */
    int64_t created_us;
    int64_t expires_us; /* not valid from then on; 0: it does not expire */
    uint8_t hash[TOKEN_HASH_BYTES];
    size_t key; /* which of the set's */
    int line;   /* in the file, from 1 */
};

struct token_set;

/* shown is what messages call the file; they begin with "shown:LINE:" and never contain a key, hash
 * or secret. ERROR_INVALID, ERROR_TOO_LARGE. */
int token_set_parse(struct text content, const char *shown, struct token_set **ret_set,
                    struct error *ret_error);
void token_set_free(struct token_set *set); /* keys are wiped; NULL is allowed */

bool token_set_has_key(const struct token_set *set);
size_t token_set_count(const struct token_set *set);
/* In the order of ids. */
const struct token_entry *token_set_at(const struct token_set *set, size_t index);
const struct token_entry *token_set_find_id(const struct token_set *set, struct text id);

enum token_finding {
    TOKEN_FOUND,
    TOKEN_MALFORMED, /* it does not have the form of a token */
    TOKEN_UNKNOWN,   /* no such id, or another secret */
};
/* Looks a token up. Any thread. Compares in constant time, and takes as long for an unknown id as
 * for a wrong secret. Whether it has expired is for the caller to check. */
enum token_finding token_set_find(const struct token_set *set, struct text token,
                                  const struct token_entry **ret_entry);

/* ---- making tokens: the caller brings the random bytes ---- */

void token_format(const uint8_t id[TOKEN_ID_BYTES], const uint8_t secret[TOKEN_SECRET_BYTES],
                  char ret_token[TOKEN_TEXT_SIZE]);
/* Fills in .key and .hash, with the last key of the set. ERROR_INVALID: it has none. */
int token_set_hash(const struct token_set *set, const char *token, struct token_entry *entry,
                   struct error *ret_error);
/* The lines of a key and of a token, with a line break. */
void token_write_key(const uint8_t id[TOKEN_ID_BYTES], const uint8_t key[TOKEN_KEY_BYTES],
                     struct buffer *out);
void token_set_write(const struct token_set *set, const struct token_entry *entry,
                     struct buffer *out);

/* 1 to 64 of A–Z a–z 0–9 . _ - */
bool token_name_is_valid(struct text name);
/* "score,outcome" → scopes; 0: not such a list. Each scope at most once. */
unsigned token_scopes_parse(struct text list);
/* 1 to TOKEN_WEIGHT_MAX, in decimal digits. */
bool token_weight_parse(struct text number, unsigned *ret_weight);
#define TOKEN_SCOPES_SIZE 40
const char *token_scopes_format(unsigned scopes, char ret_text[TOKEN_SCOPES_SIZE]);
