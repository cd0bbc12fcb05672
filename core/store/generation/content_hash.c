/* Keys that are numbers are big-endian, so that LMDB's order of bytes is their order; values are
 * little-endian, as everywhere else in the formats. */
#include "content_hash.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/store/archive/file.h"

static void put_big(uint8_t *at, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

void content_hash_add(struct hash_stream *stream, struct text table, struct text key,
                      struct text value) {
    uint8_t lengths[12];
    store_u32(lengths, (uint32_t)table.length);
    store_u32(lengths + 4, (uint32_t)key.length);
    store_u32(lengths + 8, (uint32_t)value.length);
    hash_stream_add(stream, lengths, sizeof lengths);
    hash_stream_add(stream, table.data, table.length);
    hash_stream_add(stream, key.data, key.length);
    hash_stream_add(stream, value.data, value.length);
}

/* The layout of content_hash_add() in one piece: hashing it gives the same hash. */
void content_hash_put(uint8_t *at, struct text table, struct text key, struct text value) {
    const struct text parts[3] = {table, key, value};
    for (int i = 0; i < 3; i++)
        store_u32(at + 4 * i, (uint32_t)parts[i].length);
    at += 12;
    memcpy(at, table.data, table.length);
    at += table.length;
    if (value.data == key.data + key.length) { /* LMDB stores them one after the other */
        memcpy(at, key.data, key.length + value.length);
        return;
    }
    memcpy(at, key.data, key.length);
    if (value.length)
        memcpy(at + key.length, value.data, value.length);
}

const uint8_t *content_hash_next(const uint8_t *at, struct text *ret_table, struct text *ret_key,
                                 struct text *ret_value) {
    const char *bytes = (const char *)at + 12;
    *ret_table = (struct text){.data = bytes, .length = load_u32(at)};
    *ret_key = (struct text){.data = bytes + ret_table->length, .length = load_u32(at + 4)};
    *ret_value = (struct text){.data = ret_key->data + ret_key->length, .length = load_u32(at + 8)};
    return (const uint8_t *)ret_value->data + ret_value->length;
}

char *content_hash_state_table(struct text entity) {
    return name_printf("state:%" TEXT_FORMAT, TEXT_ARGS(entity));
}

void id_key_put(uint64_t id_hash, uint8_t ret_key[ID_KEY_SIZE]) {
    put_big(ret_key, id_hash, ID_KEY_SIZE);
}

void id_value_put(struct known_id known, uint8_t ret_value[ID_VALUE_SIZE]) {
    store_u64(ret_value, known.position);
    ret_value[8] = (uint8_t)known.label;
}

bool id_key_get(struct text key, uint64_t *ret_id_hash) {
    if (key.length != ID_KEY_SIZE)
        return false;
    uint64_t hash = 0;
    for (size_t i = 0; i < ID_KEY_SIZE; i++)
        hash = hash << 8 | (uint8_t)key.data[i];
    *ret_id_hash = hash;
    return true;
}

/* Called for every id that is read: checks the length and the label, so damage is noticed. */
bool id_value_get(struct text value, struct known_id *ret_known) {
    if (value.length != ID_VALUE_SIZE || (uint8_t)value.data[8] >= LABEL_COUNT)
        return false;
    *ret_known = (struct known_id){.position = load_u64((const uint8_t *)value.data),
                                   .label = (enum label)value.data[8]};
    return true;
}

void list_key_put(uint32_t number, uint8_t ret_key[LIST_KEY_SIZE]) {
    put_big(ret_key, number, LIST_KEY_SIZE);
}

size_t baseline_key_put(uint64_t hash, struct text key, uint8_t ret_key[BASELINE_KEY_MAX]) {
    check(key.length <= THRESHOLD_KEY_MAX);
    put_big(ret_key, hash, 8);
    memcpy(ret_key + 8, key.data, key.length);
    return 8 + key.length;
}

bool baseline_key_get(struct text bytes, uint64_t *ret_hash, struct text *ret_key) {
    if (bytes.length <= 8 || bytes.length > BASELINE_KEY_MAX)
        return false;
    id_key_get((struct text){.data = bytes.data, .length = 8}, ret_hash);
    *ret_key = (struct text){.data = bytes.data + 8, .length = bytes.length - 8};
    return true;
}

bool baseline_value_get(struct text value, double *ret_value) {
    if (value.length != BASELINE_VALUE_SIZE)
        return false;
    uint64_t bits = load_u64((const uint8_t *)value.data);
    memcpy(ret_value, &bits, sizeof bits);
    return true;
}

void policy_key_put(uint32_t number, uint8_t ret_key[POLICY_KEY_SIZE]) {
    put_big(ret_key, number, POLICY_KEY_SIZE);
}

bool policy_value_get(struct text value, struct policy_file *ret_file) {
    if (value.length < 4)
        return false;
    uint32_t path_length = load_u32((const uint8_t *)value.data);
    if (path_length > value.length - 4)
        return false;
    const char *path = value.data + 4;
    *ret_file = (struct policy_file){
        .path = {.data = path, .length = path_length},
        .content = {.data = path + path_length, .length = value.length - 4 - path_length},
    };
    return true;
}
