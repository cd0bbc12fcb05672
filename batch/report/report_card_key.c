#include "report_card_key.h"

static size_t find(const struct snapshot *snapshot, const char *name) {
    for (size_t i = 0; i < snapshot->plan.entity_count; i++)
        if (text_is(snapshot->plan.entities[i].name, name))
            return i;
    return SIZE_MAX;
}

size_t report_card_entity(const struct snapshot *snapshot, const char *name) {
    if (name)
        return find(snapshot, name);
    size_t card = find(snapshot, "card");
    return card != SIZE_MAX ? card : find(snapshot, "customer");
}

bool report_card_read(const struct entity_binding *card, const struct value *frame,
                      uint64_t *ret_hash) {
    uint64_t hash = 0;
    for (size_t i = 0; i < card->key_slot_count; i++) {
        struct value part = frame[card->key_slots[i]];
        if (part.type == VALUE_ABSENT || part.type == VALUE_ERROR)
            return false;
        hash = value_hash(part, hash);
    }
    *ret_hash = hash;
    return true;
}
