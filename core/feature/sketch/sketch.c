#include "sketch.h"

#include "core/base/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_BITS   10
#define RANK_MAX     (64 - INDEX_BITS + 1)
#define ESTIMATE_MAX 0x1p62

/* MurmurHash3's finaliser: every bit of the value reaches every bit of the hash. */
static uint64_t mix(uint64_t value) {
    uint64_t h = value + UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

/* The leading bits choose the register; its rank is the place of the first 1 in the rest. */
static unsigned place(uint64_t value, uint8_t *ret_rank) {
    uint64_t hash = mix(value), rest = hash << INDEX_BITS;
    *ret_rank = (uint8_t)(rest == 0 ? RANK_MAX : __builtin_clzll(rest) + 1);
    return (unsigned)(hash >> (64 - INDEX_BITS));
}

void registers_add(struct registers *registers, uint64_t value) {
    uint8_t rank;
    uint8_t *at = &registers->of[place(value, &rank)];
    *at = rank > *at ? rank : *at;
}

bool registers_would_change(const struct registers *registers, uint64_t value) {
    uint8_t rank;
    unsigned i = place(value, &rank);
    return rank > registers->of[i];
}

/* Four registers lie in three bytes, the first in the lowest bits. */
static void unpack(const uint8_t *bytes, uint8_t ret_four[4]) {
    uint32_t three = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
    for (int i = 0; i < 4; i++)
        ret_four[i] = three >> (6 * i) & 0x3f;
}

static void pack(const uint8_t four[4], uint8_t *bytes) {
    uint32_t three = 0;
    for (int i = 0; i < 4; i++)
        three |= (uint32_t)four[i] << (6 * i);
    for (int i = 0; i < 3; i++)
        bytes[i] = (uint8_t)(three >> (8 * i));
}

void registers_add_packed(struct registers *registers, const uint8_t *bytes) {
    for (size_t i = 0; i < SKETCH_REGISTERS; i += 4) {
        uint8_t four[4];
        unpack(bytes + i / 4 * 3, four);
        for (size_t j = 0; j < 4; j++)
            if (four[j] > registers->of[i + j])
                registers->of[i + j] = four[j];
    }
}

/* Returns whether it changed the packed registers. */
static bool add_packed(uint8_t *packed, uint64_t value) {
    uint8_t rank, four[4];
    unsigned i = place(value, &rank);
    uint8_t *at = packed + i / 4 * 3;
    unpack(at, four);
    if (four[i % 4] >= rank)
        return false;
    four[i % 4] = rank;
    pack(four, at);
    return true;
}

static double sigma(double x) {
    if (x == 1)
        return INFINITY;
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x) {
    if (x == 0 || x == 1)
        return 0;
    double y = 1, z = 1 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

int64_t registers_estimate(const struct registers *registers) {
    const double m = SKETCH_REGISTERS, alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    uint32_t of_rank[RANK_MAX + 1] = {0};
    for (size_t i = 0; i < SKETCH_REGISTERS; i++)
        of_rank[registers->of[i] < RANK_MAX ? registers->of[i] : RANK_MAX]++;
    double z = m * tau(1 - of_rank[RANK_MAX] / m);
    for (int rank = RANK_MAX - 1; rank > 0; rank--)
        z = 0.5 * (z + of_rank[rank]);
    z += m * sigma(of_rank[0] / m);
    double estimate = alpha * m * m / z + 0.5; /* of damaged registers: as large as can be */
    return estimate < ESTIMATE_MAX ? (int64_t)estimate : (int64_t)ESTIMATE_MAX;
}

/* Sketches. */

/* Memory for values grows in steps, so that most additions need none. */
#define VALUES_STEP 8

void sketch_deinit(struct sketch *sketch) {
    free(sketch->values);
    *sketch = (struct sketch){0};
}

size_t sketch_bytes(const struct sketch *sketch) {
    if (sketch->is_estimated)
        return SKETCH_REGISTERS_BYTES;
    return (sketch->count + VALUES_STEP - 1u) / VALUES_STEP * VALUES_STEP * sizeof(uint64_t);
}

static void make_registers(struct sketch *sketch) {
    uint8_t *packed = check_calloc(SKETCH_REGISTERS_BYTES, 1);
    for (uint32_t i = 0; i < sketch->count; i++)
        add_packed(packed, sketch->values[i]);
    free(sketch->values);
    *sketch = (struct sketch){.packed = packed, .is_estimated = true};
}

/* The first value that is not less. */
static uint32_t find_value(const struct sketch *sketch, uint64_t value) {
    uint32_t low = 0, high = sketch->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sketch->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert_value(struct sketch *sketch, uint32_t at, uint64_t value) {
    if (sketch->count % VALUES_STEP == 0)
        sketch->values =
            check_reallocarray(sketch->values, sketch->count + VALUES_STEP, sizeof *sketch->values);
    memmove(&sketch->values[at + 1], &sketch->values[at],
            (sketch->count - at) * sizeof *sketch->values);
    sketch->values[at] = value;
    sketch->count++;
}

void sketch_add(struct sketch *sketch, uint64_t value) {
    if (!sketch->is_estimated) {
        uint32_t at = find_value(sketch, value);
        if (at < sketch->count && sketch->values[at] == value)
            return;
        if (sketch->count < SKETCH_VALUES_MAX) {
            insert_value(sketch, at, value);
            return;
        }
        make_registers(sketch);
    }
    add_packed(sketch->packed, value);
}

/* The greater of each two registers. */
static void add_registers(uint8_t *packed, const uint8_t *others) {
    for (size_t i = 0; i < SKETCH_REGISTERS_BYTES; i += 3) {
        uint8_t four[4], other[4];
        unpack(packed + i, four);
        unpack(others + i, other);
        for (int j = 0; j < 4; j++)
            four[j] = other[j] > four[j] ? other[j] : four[j];
        pack(four, packed + i);
    }
}

void sketch_add_all(struct sketch *sketch, const struct sketch *other) {
    if (other->is_estimated && !sketch->is_estimated)
        make_registers(sketch);
    if (other->is_estimated)
        add_registers(sketch->packed, other->packed);
    for (uint32_t i = 0; i < other->count; i++)
        sketch_add(sketch, other->values[i]);
}

void sketch_encode(const struct sketch *sketch, struct buffer *bytes) {
    buffer_append_u8(bytes, sketch->is_estimated ? SKETCH_VALUES_MAX + 1 : sketch->count);
    for (uint32_t i = 0; i < sketch->count; i++)
        buffer_append_u64(bytes, sketch->values[i]);
    if (sketch->is_estimated)
        buffer_append(bytes, sketch->packed, SKETCH_REGISTERS_BYTES);
}

/* No register has a rank that there is not. */
static bool are_possible(const uint8_t *packed) {
    bool possible = true;
    for (size_t i = 0; i < SKETCH_REGISTERS_BYTES; i += 3) {
        uint8_t four[4];
        unpack(packed + i, four);
        for (int j = 0; j < 4; j++)
            possible &= four[j] <= RANK_MAX;
    }
    return possible;
}

void sketch_decode(struct cursor *cursor, struct sketch *ret_sketch) {
    uint8_t count = cursor_u8(cursor);
    if (count > SKETCH_VALUES_MAX + 1)
        cursor->failed = true;
    if (cursor->failed)
        return;
    if (count == SKETCH_VALUES_MAX + 1) {
        struct text packed = cursor_text(cursor, SKETCH_REGISTERS_BYTES);
        if (cursor->failed || !are_possible((const uint8_t *)packed.data)) {
            cursor->failed = true;
            return;
        }
        make_registers(ret_sketch);
        memcpy(ret_sketch->packed, packed.data, SKETCH_REGISTERS_BYTES);
        return;
    }
    for (uint32_t i = 0; i < count && !cursor->failed; i++) {
        uint64_t value = cursor_u64(cursor);
        if (i > 0 && value <= ret_sketch->values[i - 1])
            cursor->failed = true;
        if (!cursor->failed)
            insert_value(ret_sketch, i, value);
    }
}
