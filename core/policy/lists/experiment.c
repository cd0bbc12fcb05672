/* An entry is 16 hexadecimal digits, 5 digits of the share, the key, a space, and the name, which
 * has none. */
#include "experiment.h"

#include "core/base/hash.h"
#include "core/policy/lang/read.h"

#include <inttypes.h>

#define ID_DIGITS    (HASH_HEX_SIZE - 1)
#define SHARE_DIGITS 5
#define PERCENT_E6   (1000000u / EXPERIMENT_SHARE_ALL) /* from parts to millionths */

static bool is_name(struct text name) {
    bool is = name.length > 0 && name.length <= EXPERIMENT_NAME_MAX;
    for (size_t i = 0; i < name.length && is; i++) {
        char c = name.data[i];
        is = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_' || c == '.';
    }
    return is;
}

bool experiment_init(struct experiment *experiment, struct text name, struct text key,
                     uint32_t share, uint64_t snapshot_id) {
    static const char domain[] = "experiment/";
    char seeded[sizeof domain + EXPERIMENT_NAME_MAX];
    if (!is_name(name) || key.length == 0 || key.length > EXPERIMENT_KEY_MAX)
        return false;
    *experiment = (struct experiment){.share = share, .snapshot_id = snapshot_id};
    memcpy(experiment->name, name.data, name.length);
    memcpy(experiment->key, key.data, key.length);
    memcpy(seeded, domain, sizeof domain - 1);
    memcpy(seeded + sizeof domain - 1, name.data, name.length);
    experiment->seed = hash64(seeded, sizeof domain - 1 + name.length, 0);
    experiment->field = transaction_field_parse(key);
    return true;
}

bool experiment_equal(const struct experiment *a, const struct experiment *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->key, b->key) == 0 && a->share == b->share &&
           a->snapshot_id == b->snapshot_id;
}

static struct text key_of(const struct experiment *experiment,
                          const struct transaction *transaction) {
    if (experiment->field != FIELD_COUNT)
        return transaction->fields[experiment->field];
    struct text name = text_of(experiment->key);
    for (size_t i = 0; i < transaction->attribute_count; i++) {
        const struct attribute *attribute = &transaction->attributes[i];
        if (attribute->type == ATTRIBUTE_TEXT && text_equal(attribute->name, name))
            return attribute->text;
    }
    return (struct text){0};
}

enum arm experiment_arm(const struct experiment *experiment,
                        const struct transaction *transaction) {
    struct text key = key_of(experiment, transaction);
    if (key.length == 0)
        return ARM_NONE;
    uint64_t part = hash64(key.data, key.length, experiment->seed) % EXPERIMENT_SHARE_ALL;
    return part < experiment->share ? ARM_CHALLENGER : ARM_CHAMPION;
}

void experiment_put_entry(struct buffer *buffer, const struct experiment_record *record) {
    char hex[HASH_HEX_SIZE];
    hash_hex(record->snapshot_id, hex);
    buffer_append(buffer, hex, ID_DIGITS);
    buffer_printf(buffer, "%0*" PRIu32 "%" TEXT_FORMAT " %" TEXT_FORMAT, SHARE_DIGITS,
                  record->share, TEXT_ARGS(record->key), TEXT_ARGS(record->name));
}

bool experiment_read(const struct list_addition *addition, struct experiment *ret_experiment) {
    struct text entry = addition->value, key, name;
    struct experiment experiment;
    uint64_t snapshot_id;
    uint32_t share = 0;
    if (entry.length < ID_DIGITS + SHARE_DIGITS ||
        hash_parse_hex((struct text){.data = entry.data, .length = ID_DIGITS}, &snapshot_id) < 0)
        return false;
    for (size_t i = ID_DIGITS; i < ID_DIGITS + SHARE_DIGITS; i++) {
        if (entry.data[i] < '0' || entry.data[i] > '9')
            return false;
        share = share * 10 + (uint32_t)(entry.data[i] - '0');
    }
    key = (struct text){.data = entry.data + ID_DIGITS + SHARE_DIGITS,
                        .length = entry.length - ID_DIGITS - SHARE_DIGITS};
    size_t space = key.length;
    while (space > 0 && key.data[space - 1] != ' ')
        space--;
    if (space == 0)
        return false;
    name = (struct text){.data = key.data + space, .length = key.length - space};
    key.length = space - 1;
    if (!experiment_init(&experiment, name, key, share, snapshot_id))
        return false;
    experiment.position = addition->position;
    experiment.since_us = addition->receive_time_us;
    *ret_experiment = experiment;
    return true;
}

void experiment_put_share(struct buffer *buffer, uint32_t share) {
    read_put_percent(buffer, share * PERCENT_E6);
    buffer_append(buffer, "%", 1);
}
