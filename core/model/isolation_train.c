/* Growing isolation trees, level by level. Each tree has a copy of its sample, one input behind the
 * other, and an order of its rows: a node is a stretch of that order. Chance is a counter passed
 * through a mixing function (SplitMix64), and numbers are only added, multiplied and compared, so a
 * forest is the same everywhere. */
#include "isolation.h"

#include "forest.h"

#include "core/base/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct grown_node {
    uint32_t begin, end; /* of the order */
    uint32_t depth;
    uint32_t left; /* 0: a leaf */
    uint32_t input;
    double limit;
    bool is_missing_left;
};

struct grower {
    const double *rows;
    size_t row_count, input_count;
    struct isolation_options options; /* as they hold: no depth of 0, no sample above row_count */
    uint64_t random;
    uint32_t *drawn;      /* [row_count]: all rows, those of the sample in front */
    double *values;       /* [input × sample + place] */
    uint32_t *order;      /* [sample]: places */
    uint32_t *usable;     /* [input]: of one node, the inputs with different values */
    double *lows, *highs; /* parallel */
    struct grown_node *nodes;
    size_t node_count;
};

/* ---- chance ---- */

static uint64_t draw(struct grower *grower) {
    uint64_t x = grower->random += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* 0 … n − 1, each as likely: numbers of the last, incomplete round are drawn again. */
static size_t draw_below(struct grower *grower, size_t n) {
    uint64_t x, least = -(uint64_t)n % n;
    do
        x = draw(grower);
    while (x < least);
    return (size_t)(x % n);
}

/* From 0 up, below 1. */
static double draw_share(struct grower *grower) {
    return (double)(draw(grower) >> 11) * 0x1p-53;
}

/* ---- one tree ---- */

static double bounded(double x) {
    return x > DBL_MAX ? DBL_MAX : x < -DBL_MAX ? -DBL_MAX : x;
}

static void draw_sample(struct grower *grower) {
    size_t sample = grower->options.sample;
    for (size_t i = 0; i < sample; i++) {
        size_t other = i + draw_below(grower, grower->row_count - i);
        uint32_t row = grower->drawn[other];
        grower->drawn[other] = grower->drawn[i];
        grower->drawn[i] = row;
        for (size_t k = 0; k < grower->input_count; k++)
            grower->values[k * sample + i] = bounded(grower->rows[row * grower->input_count + k]);
        grower->order[i] = (uint32_t)i;
    }
}

/* The range of an input's values in a node. false: there are not two different ones. */
static bool find_range(const struct grower *grower, const struct grown_node *node, size_t input,
                       double *ret_low, double *ret_high) {
    const double *values = &grower->values[input * grower->options.sample];
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (uint32_t i = node->begin; i < node->end; i++) {
        double x = values[grower->order[i]];
        low = x < low ? x : low; /* NaN is neither */
        high = x > high ? x : high;
    }
    *ret_low = low;
    *ret_high = high;
    return low < high;
}

/* Above low, at most high, and of few digits if such a number is there: they are a third of a
 * file. */
static double draw_limit(struct grower *grower, double low, double high) {
    char digits[32];
    double share = draw_share(grower), half = high / 2 - low / 2;
    double limit = low + share * half + share * half; /* high − low might overflow */
    if (!(limit > low && limit <= high))
        limit = high;
    snprintf(digits, sizeof digits, "%.6g", limit);
    double rounded = strtod(digits, NULL);
    return rounded > low && rounded <= high ? rounded : limit;
}

/* Brings the rows that go left to the front. Returns the first that goes right. */
static uint32_t divide(struct grower *grower, const struct grown_node *node) {
    const double *values = &grower->values[node->input * grower->options.sample];
    uint32_t to = node->begin;
    for (uint32_t i = node->begin; i < node->end; i++) {
        uint32_t place = grower->order[i];
        double x = values[place];
        if (isnan(x) ? !node->is_missing_left : !(x < node->limit))
            continue;
        grower->order[i] = grower->order[to];
        grower->order[to++] = place;
    }
    return to;
}

static bool is_left_greater(const struct grower *grower, const struct grown_node *node) {
    const double *values = &grower->values[node->input * grower->options.sample];
    size_t left = 0, right = 0;
    for (uint32_t i = node->begin; i < node->end; i++) {
        double x = values[grower->order[i]];
        left += x < node->limit;
        right += x >= node->limit;
    }
    return left >= right;
}

static void split(struct grower *grower, struct grown_node *node) {
    size_t usable = 0;
    if (node->end - node->begin < 2 || node->depth == grower->options.depth)
        return;
    for (size_t k = 0; k < grower->input_count; k++) {
        grower->usable[usable] = (uint32_t)k;
        usable += find_range(grower, node, k, &grower->lows[usable], &grower->highs[usable]);
    }
    if (usable == 0)
        return;
    size_t chosen = draw_below(grower, usable);
    node->input = grower->usable[chosen];
    node->limit = draw_limit(grower, grower->lows[chosen], grower->highs[chosen]);
    node->is_missing_left = is_left_greater(grower, node);
    node->left = (uint32_t)grower->node_count;
    uint32_t middle = divide(grower, node);
    grower->nodes[grower->node_count++] =
        (struct grown_node){.begin = node->begin, .end = middle, .depth = node->depth + 1};
    grower->nodes[grower->node_count++] =
        (struct grown_node){.begin = middle, .end = node->end, .depth = node->depth + 1};
}

/* A tree's chance depends on the seed and its number alone. */
static void grow(struct grower *grower, size_t tree) {
    grower->random = grower->options.seed;
    grower->random = draw(grower) + tree;
    grower->random = draw(grower);
    draw_sample(grower);
    grower->nodes[0] = (struct grown_node){.end = (uint32_t)grower->options.sample};
    grower->node_count = 1;
    for (size_t i = 0; i < grower->node_count; i++)
        split(grower, &grower->nodes[i]);
}

/* ---- the file ---- */

static void put_name(struct buffer *file, struct text name) {
    buffer_append_u8(file, '"');
    for (size_t i = 0; i < name.length; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c < ' ')
            buffer_printf(file, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            buffer_printf(file, "\\%c", c);
        else
            buffer_append_u8(file, c);
    }
    buffer_append_u8(file, '"');
}

static void put_limit(struct buffer *file, double limit) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.6g", limit);
    if (strtod(digits, NULL) != limit)
        snprintf(digits, sizeof digits, "%.17g", limit);
    buffer_append_string(file, digits);
}

enum member { LEFT, INPUT, LIMIT, MISSING_LEFT, ROWS, MEMBERS };

static void put_member(struct buffer *file, const struct grown_node *node, enum member member) {
    switch (member) {
    case LEFT:
        buffer_printf(file, "%ld", node->left > 0 ? (long)node->left : -1L);
        break;
    case INPUT:
        buffer_printf(file, "%u", node->input);
        break;
    case LIMIT:
        put_limit(file, node->limit);
        break;
    case MISSING_LEFT:
        buffer_printf(file, "%d", node->is_missing_left);
        break;
    case ROWS:
    case MEMBERS:
        buffer_printf(file, "%u", node->end - node->begin);
        break;
    }
}

static void put_tree(struct buffer *file, const struct grower *grower) {
    static const char *const names[MEMBERS] = {"left", "input", "limit", "missing_left", "rows"};
    for (size_t m = 0; m < MEMBERS; m++) {
        buffer_printf(file, "%s\"%s\":[", m == 0 ? "{" : ",", names[m]);
        for (size_t i = 0; i < grower->node_count; i++) {
            if (i > 0)
                buffer_append_u8(file, ',');
            put_member(file, &grower->nodes[i], (enum member)m);
        }
        buffer_append_u8(file, ']');
    }
    buffer_append_u8(file, '}');
}

static void put_head(struct buffer *file, const struct grower *grower, const struct text *inputs) {
    buffer_printf(file,
                  "{\"format\":\"isolation-forest\",\"version\":1,\"sample\":%zu,\"depth\":%zu,"
                  "\"seed\":\"%llu\",\"trained_rows\":%zu,\n\"inputs\":[",
                  grower->options.sample, grower->options.depth,
                  (unsigned long long)grower->options.seed, grower->row_count);
    for (size_t i = 0; i < grower->input_count; i++) {
        if (i > 0)
            buffer_append_u8(file, ',');
        put_name(file, inputs[i]);
    }
    buffer_append_string(file, "],\n\"trees\":[\n");
}

/* ---- the whole ---- */

static size_t depth_of(size_t sample) {
    size_t depth = 0;
    while ((size_t)1 << depth < sample)
        depth++;
    return depth;
}

static int check_options(size_t row_count, size_t input_count,
                         const struct isolation_options *options, struct error *ret_error) {
    if (row_count < 2 || row_count > UINT32_MAX)
        return error_set(ret_error, ERROR_INVALID, "%zu rows; expected 2 to %u", row_count,
                         UINT32_MAX);
    if (input_count == 0 || input_count > MODEL_INPUTS_MAX)
        return error_set(ret_error, ERROR_INVALID, "%zu inputs; expected 1 to %u", input_count,
                         MODEL_INPUTS_MAX);
    if (options->trees == 0 || options->trees > MODEL_TREES_MAX)
        return error_set(ret_error, ERROR_INVALID, "%zu trees; expected 1 to %u", options->trees,
                         MODEL_TREES_MAX);
    if (options->sample < 2 || options->sample > ISOLATION_SAMPLE_MAX)
        return error_set(ret_error, ERROR_INVALID, "a sample of %zu rows; expected 2 to %u",
                         options->sample, ISOLATION_SAMPLE_MAX);
    if (options->depth > MODEL_DEPTH_MAX)
        return error_set(ret_error, ERROR_INVALID, "a depth of %zu; expected at most %u",
                         options->depth, MODEL_DEPTH_MAX);
    return 0;
}

static void grower_init(struct grower *grower) {
    size_t sample = grower->options.sample, inputs = grower->input_count;
    grower->drawn = check_calloc(grower->row_count, sizeof *grower->drawn);
    grower->values = check_calloc(sample * inputs, sizeof *grower->values);
    grower->order = check_calloc(sample, sizeof *grower->order);
    grower->usable = check_calloc(inputs + 1, sizeof *grower->usable);
    grower->lows = check_calloc(inputs + 1, sizeof *grower->lows);
    grower->highs = check_calloc(inputs + 1, sizeof *grower->highs);
    grower->nodes = check_calloc(2 * sample, sizeof *grower->nodes); /* leaves are not empty */
}

static void grower_deinit(struct grower *grower) {
    free(grower->drawn);
    free(grower->values);
    free(grower->order);
    free(grower->usable);
    free(grower->lows);
    free(grower->highs);
    free(grower->nodes);
}

int isolation_train(const double *rows, size_t row_count, const struct text *inputs,
                    size_t input_count, const struct isolation_options *options,
                    struct buffer *file, struct error *ret_error) {
    struct grower grower = {
        .rows = rows, .row_count = row_count, .input_count = input_count, .options = *options};
    size_t nodes = 0;
    int r = check_options(row_count, input_count, options, ret_error);
    if (r < 0)
        return r;
    if (grower.options.sample > row_count)
        grower.options.sample = row_count;
    if (grower.options.depth == 0)
        grower.options.depth = depth_of(grower.options.sample);
    grower_init(&grower);
    put_head(file, &grower, inputs);
    for (size_t i = 0; i < options->trees && nodes <= MODEL_NODES_MAX; i++) {
        for (size_t k = 0; k < row_count; k++)
            grower.drawn[k] = (uint32_t)k;
        grow(&grower, i);
        nodes += grower.node_count;
        buffer_append_string(file, i > 0 ? ",\n" : "");
        put_tree(file, &grower);
    }
    buffer_append_string(file, "\n]}\n");
    grower_deinit(&grower);
    return nodes <= MODEL_NODES_MAX ? 0
                                    : error_set(ret_error, ERROR_TOO_LARGE,
                                                "more than %u nodes; ask for fewer trees, "
                                                "or for a smaller sample",
                                                MODEL_NODES_MAX);
}
