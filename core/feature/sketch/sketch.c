#include "sketch.h"

#include <math.h>
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

bool sketch_add_in_place(uint8_t *packed, uint64_t value) {
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

void sketch_clear(struct sketch *sketch) {
    sketch->is_exact = true;
    sketch->count = 0;
}

static void make_registers(struct sketch *sketch) {
    sketch->is_exact = false;
    memset(&sketch->registers, 0, sizeof sketch->registers);
    for (uint32_t i = 0; i < sketch->count; i++)
        registers_add(&sketch->registers, sketch->values[i]);
    sketch->count = 0;
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

void sketch_add(struct sketch *sketch, uint64_t value) {
    if (!sketch->is_exact) {
        registers_add(&sketch->registers, value);
        return;
    }
    uint32_t count = sketch->count;
    bool is_last = count == 0 || sketch->values[count - 1] < value; /* they come in order */
    uint32_t at = is_last ? count : find_value(sketch, value);
    if (at < count && sketch->values[at] == value)
        return;
    memmove(&sketch->values[at + 1], &sketch->values[at], (count - at) * sizeof *sketch->values);
    sketch->values[at] = value;
    if (++sketch->count > SKETCH_VALUES_MAX)
        make_registers(sketch);
}

void sketch_add_view(struct sketch *sketch, const struct sketch_view *view) {
    if (!view->is_exact && sketch->is_exact)
        make_registers(sketch);
    if (!view->is_exact)
        registers_add_packed(&sketch->registers, view->bytes);
    for (uint32_t i = 0; view->is_exact && i < view->count; i++)
        sketch_add(sketch, sketch_view_value(view, i));
}

void sketch_encode(const struct sketch *sketch, struct buffer *bytes) {
    buffer_append_u8(bytes, sketch->is_exact ? (uint8_t)sketch->count : SKETCH_VALUES_MAX + 1);
    for (uint32_t i = 0; i < sketch->count; i++)
        buffer_append_u64(bytes, sketch->values[i]);
    if (sketch->is_exact)
        return;
    uint8_t *at = buffer_reserve(bytes, SKETCH_REGISTERS_BYTES);
    for (size_t i = 0; i < SKETCH_REGISTERS; i += 4)
        pack(&sketch->registers.of[i], at + i / 4 * 3);
    bytes->length += SKETCH_REGISTERS_BYTES;
}

uint64_t sketch_view_value(const struct sketch_view *view, size_t i) {
    return load_u64(view->bytes + 8 * i);
}

bool sketch_view_holds(const struct sketch_view *view, uint64_t value) {
    size_t low = 0, high = view->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t there = sketch_view_value(view, middle);
        if (there == value)
            return true;
        if (there < value)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* No register has a rank that there is not. */
static bool are_possible(const uint8_t *bytes) {
    bool possible = true;
    for (size_t i = 0; i < SKETCH_REGISTERS_BYTES; i += 3) {
        uint8_t four[4];
        unpack(bytes + i, four);
        for (int j = 0; j < 4; j++)
            possible &= four[j] <= RANK_MAX;
    }
    return possible;
}

struct sketch_view sketch_take(struct cursor *cursor) {
    struct sketch_view view = {.count = cursor_u8(cursor)};
    view.is_exact = view.count <= SKETCH_VALUES_MAX;
    if (view.count > SKETCH_VALUES_MAX + 1)
        cursor->failed = true;
    if (!view.is_exact)
        view.count = 0;
    size_t size = view.is_exact ? 8 * (size_t)view.count : SKETCH_REGISTERS_BYTES;
    view.bytes = (const uint8_t *)cursor_text(cursor, size).data;
    return view;
}

bool sketch_view_is_sound(const struct sketch_view *view) {
    if (!view->is_exact)
        return are_possible(view->bytes);
    for (uint32_t i = 1; i < view->count; i++)
        if (sketch_view_value(view, i - 1) >= sketch_view_value(view, i))
            return false;
    return true;
}
