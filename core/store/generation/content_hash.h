/* The hash that says what a generation holds: over (table, key, value) in order, the same for
 * states in memory and in tables; and the formats of the small values. Private to store/. */
#pragma once

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/policy/eval/threshold.h"
#include "core/wire/record/record.h"
#include "known_id.h"

#include <stdbool.h>
#include <stdint.h>

/* Adds an entry: lengths of table, key and value (32 bits each, little-endian), then their bytes.
 * The lengths keep two different sequences from giving the same bytes. */
void content_hash_add(struct hash_stream *stream, struct text table, struct text key,
                      struct text value);

/* The same bytes in memory, for callers that collect entries before they are hashed. */
static inline size_t content_hash_size(struct text table, struct text key, struct text value) {
    return 3 * sizeof(uint32_t) + table.length + key.length + value.length;
}
void content_hash_put(uint8_t *at, struct text table, struct text key, struct text value);
/* Reads an entry among several: returns where the next one starts. Texts point into the bytes. */
const uint8_t *content_hash_next(const uint8_t *at, struct text *ret_table, struct text *ret_key,
                                 struct text *ret_value);

/* "state:card": the table of an entity's states; free() it. */
char *content_hash_state_table(struct text entity);
#define CONTENT_IDS_TABLE        "ids"
#define CONTENT_LISTS_TABLE      "lists"
#define CONTENT_THRESHOLDS_TABLE "thresholds"
#define CONTENT_BASELINES_TABLE  "baselines"
#define CONTENT_SOURCES_TABLE    "sources"
#define CONTENT_POLICY_TABLE     "policy"

/* Table "ids": the hash, big-endian so that it sorts → position (8 bytes, little-endian), label (1)
 */
#define ID_KEY_SIZE   8
#define ID_VALUE_SIZE 9
void id_key_put(uint64_t id_hash, uint8_t ret_key[ID_KEY_SIZE]);
void id_value_put(struct known_id known, uint8_t ret_value[ID_VALUE_SIZE]);
/* false: the bytes are not such a key or value */
bool id_key_get(struct text key, uint64_t *ret_id_hash);
bool id_value_get(struct text value, struct known_id *ret_known);

/* Table "lists": number of the part (4 bytes, big-endian) → the bytes of
 * core/wire/bytes/list_part.h. Empty when no list was ever changed. */
#define LIST_KEY_SIZE 4
void list_key_put(uint32_t number, uint8_t ret_key[LIST_KEY_SIZE]);

/* Table "sources": number of the source (as of a part of a list) → the bytes of
 * core/wire/bytes/source_state.h. Empty when no transaction had a source. */

/* Table "thresholds": this one key → the bytes of core/wire/bytes/threshold_set.h. Empty when there
 * are none.
 */
#define THRESHOLDS_KEY "set"

/* Table "baselines": generation_baseline_hash(), big-endian, then the group's key → the value, IEEE
 * 754 (8 bytes, little-endian). Empty when no threshold keeps its groups there.
 */
#define BASELINE_KEY_MAX    (8 + THRESHOLD_KEY_MAX)
#define BASELINE_VALUE_SIZE 8
size_t baseline_key_put(uint64_t hash, struct text key, uint8_t ret_key[BASELINE_KEY_MAX]);
bool baseline_key_get(struct text bytes, uint64_t *ret_hash, struct text *ret_key);
bool baseline_value_get(struct text value, double *ret_value);

/* Table "policy": number of the file (4 bytes, big-endian) → length of the path (4 bytes,
 * little-endian), path, content */
#define POLICY_KEY_SIZE 4
void policy_key_put(uint32_t number, uint8_t ret_key[POLICY_KEY_SIZE]);
bool policy_value_get(struct text value, struct policy_file *ret_file);
