/* LightGBM's models as text, version v4 (LightGBM 4.x): lines of key=value, a header, then a block
 * for each tree. Gbdt_model_text.cpp and tree.cpp of LightGBM write and read it.
 *
 * Splits and leaves of a tree are numbered apart; a child below zero is the leaf ~child. What
 * follows "end of trees" is for people. */
#include "forest.h"

#include <math.h>
#include <stdlib.h>

#define NEAR_ZERO ((double)1e-35f) /* its kZeroThreshold, a float */

struct lightgbm {
    struct text left; /* of the file */
    size_t line;      /* that messages are about */
    size_t taken;     /* lines */
    struct forest *forest;
    struct error *error;
    size_t tree;
};

/* ---- lines ---- */

static struct text take_line(struct lightgbm *reader) {
    struct text left = reader->left;
    const char *end = left.length ? memchr(left.data, '\n', left.length) : NULL;
    size_t length = end ? (size_t)(end - left.data) : left.length;
    reader->left.data += length + (end != NULL);
    reader->left.length -= length + (end != NULL);
    reader->line = ++reader->taken;
    if (length > 0 && left.data[length - 1] == '\r')
        length--;
    return (struct text){.data = left.data, .length = length};
}

static bool begins(struct text line, const char *word) {
    size_t length = strlen(word);
    return line.length >= length && memcmp(line.data, word, length) == 0;
}

static struct text after(struct text line, const char *word) {
    size_t length = strlen(word);
    return (struct text){.data = line.data + length, .length = line.length - length};
}

/* The next word of a line; length 0: there is none. */
static struct text take_word(struct text *line) {
    while (line->length > 0 && *line->data == ' ')
        line->data++, line->length--;
    struct text word = {.data = line->data};
    while (word.length < line->length && line->data[word.length] != ' ')
        word.length++;
    line->data += word.length;
    line->length -= word.length;
    return word;
}

static int refuse(struct lightgbm *reader, const char *what) {
    return error_set(reader->error, ERROR_INVALID, "line %zu: %s", reader->line, what);
}

/* ---- numbers ---- */

/* strtod() would also accept "nan" and hexadecimal numbers. No program sets a locale. */
static bool parse_number(struct text word, double *ret_number) {
    char string[64], *end;
    if (word.length == 0 || word.length >= sizeof string)
        return false;
    if (text_is(word, "inf")) { /* a limit that only missing values are not below */
        *ret_number = HUGE_VAL;
        return true;
    }
    for (size_t i = 0; i < word.length; i++)
        if (!strchr("0123456789+-.eE", word.data[i]))
            return false;
    memcpy(string, word.data, word.length);
    string[word.length] = '\0';
    double number = strtod(string, &end);
    if (*end != '\0' || !isfinite(number))
        return false;
    *ret_number = number;
    return true;
}

/* A whole number from least to most. */
static int read_whole(struct lightgbm *reader, struct text word, double least, double most,
                      double *ret_number) {
    double number;
    if (!parse_number(word, &number) || number < least || number > most || number != floor(number))
        return error_set(reader->error, ERROR_INVALID,
                         "line %zu: \"%.*s\" is not a whole number from %.0f to %.0f", reader->line,
                         (int)(word.length < 40 ? word.length : 40), word.data ? word.data : "",
                         least, most);
    *ret_number = number;
    return 0;
}

/* Exactly `count` numbers. */
static int read_numbers(struct lightgbm *reader, struct text list, size_t count,
                        double **ret_numbers) {
    if (count > list.length) /* each takes a byte: no more memory than the file is worth */
        return refuse(reader, "too few numbers");
    double *numbers = arena_calloc(reader->forest->arena, count ? count : 1, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        if (!numbers || !parse_number(take_word(&list), &numbers[i]))
            return error_set(reader->error, ERROR_INVALID,
                             "line %zu: number %zu of %zu is missing or not a number", reader->line,
                             i + 1, count);
    if (take_word(&list).length > 0)
        return error_set(reader->error, ERROR_INVALID, "line %zu: more than %zu numbers",
                         reader->line, count);
    *ret_numbers = numbers;
    return 0;
}

/* ---- a tree ---- */

enum block_key {
    NUM_LEAVES,
    NUM_CAT,
    SPLIT_FEATURE,
    THRESHOLD,
    DECISION_TYPE,
    LEFT_CHILD,
    RIGHT_CHILD,
    LEAF_VALUE,
    LEAF_COUNT,
    INTERNAL_COUNT,
    CAT_BOUNDARIES,
    CAT_THRESHOLD,
    IS_LINEAR,
    BLOCK_KEYS
};

struct block {
    struct text values[BLOCK_KEYS]; /* .data NULL: missing */
    size_t lines[BLOCK_KEYS];
};

static void read_block(struct lightgbm *reader, struct block *ret_block) {
    static const char *const names[BLOCK_KEYS] = {[NUM_LEAVES] = "num_leaves=",
                                                  [NUM_CAT] = "num_cat=",
                                                  [SPLIT_FEATURE] = "split_feature=",
                                                  [THRESHOLD] = "threshold=",
                                                  [DECISION_TYPE] = "decision_type=",
                                                  [LEFT_CHILD] = "left_child=",
                                                  [RIGHT_CHILD] = "right_child=",
                                                  [LEAF_VALUE] = "leaf_value=",
                                                  [LEAF_COUNT] = "leaf_count=",
                                                  [INTERNAL_COUNT] = "internal_count=",
                                                  [CAT_BOUNDARIES] = "cat_boundaries=",
                                                  [CAT_THRESHOLD] = "cat_threshold=",
                                                  [IS_LINEAR] = "is_linear="};
    *ret_block = (struct block){0};
    for (;;) {
        struct text line = take_line(reader);
        if (line.length == 0)
            return;
        for (size_t i = 0; i < BLOCK_KEYS; i++)
            if (begins(line, names[i])) {
                ret_block->values[i] = after(line, names[i]);
                ret_block->lines[i] = reader->line;
            }
    }
}

/* The numbers of a key, if the block has it; *ret_numbers NULL: not, and it is optional. */
static int block_numbers(struct lightgbm *reader, const struct block *block, enum block_key key,
                         const char *name, bool is_optional, size_t count, double **ret_numbers) {
    if (!block->values[key].data) {
        *ret_numbers = NULL;
        return is_optional
                   ? 0
                   : error_set(reader->error, ERROR_INVALID, "tree %zu: no %s", reader->tree, name);
    }
    reader->line = block->lines[key];
    return read_numbers(reader, block->values[key], count, ret_numbers);
}

static int block_whole(struct lightgbm *reader, const struct block *block, enum block_key key,
                       const char *name, double least, double most, size_t *ret_number) {
    double number = 0;
    if (!block->values[key].data)
        return error_set(reader->error, ERROR_INVALID, "tree %zu: no %s", reader->tree, name);
    reader->line = block->lines[key];
    int r = read_whole(reader, block->values[key], least, most, &number);
    if (r == 0)
        *ret_number = (size_t)number;
    return r;
}

struct tree_numbers {
    double *inputs, *limits, *types, *left, *right, *leaves, *leaf_covers, *covers, *bounds, *words;
    size_t splits, leaf_count, sets;
};

static int read_sets(struct lightgbm *reader, const struct block *block,
                     struct tree_numbers *numbers) {
    if (numbers->sets == 0)
        return 0;
    int r = block_numbers(reader, block, CAT_BOUNDARIES, "cat_boundaries", false, numbers->sets + 1,
                          &numbers->bounds);
    if (r < 0)
        return r;
    double last = 0;
    for (size_t i = 0; i <= numbers->sets; i++) {
        double bound = numbers->bounds[i];
        if (bound < last || bound > MODEL_WORDS_MAX || bound != floor(bound) ||
            (i == 0 && bound != 0) || bound - last > MODEL_CATEGORIES_MAX / 32)
            return refuse(reader, "cat_boundaries do not ascend from 0 in steps of at most 2048");
        last = bound;
    }
    r = block_numbers(reader, block, CAT_THRESHOLD, "cat_threshold", false, (size_t)last,
                      &numbers->words);
    for (size_t i = 0; i < (size_t)last && r == 0; i++)
        if (numbers->words[i] < 0 || numbers->words[i] > UINT32_MAX ||
            numbers->words[i] != floor(numbers->words[i]))
            r = refuse(reader, "cat_threshold is not of whole numbers of 32 bits");
    return r;
}

static int read_tree_numbers(struct lightgbm *reader, const struct block *block,
                             struct tree_numbers *ret_numbers) {
    struct tree_numbers numbers = {0};
    size_t linear = 0;
    int r = block_whole(reader, block, NUM_LEAVES, "num_leaves", 1, MODEL_NODES_MAX / 2,
                        &numbers.leaf_count);
    if (r == 0)
        r = block_whole(reader, block, NUM_CAT, "num_cat", 0, MODEL_NODES_MAX, &numbers.sets);
    if (r == 0 && block->values[IS_LINEAR].data)
        r = block_whole(reader, block, IS_LINEAR, "is_linear", 0, 1, &linear);
    if (r == 0 && linear)
        r = error_set(reader->error, ERROR_UNSUPPORTED,
                      "line %zu: linear trees (linear_tree) are not supported", reader->line);
    if (r < 0)
        return r;
    numbers.splits = numbers.leaf_count - 1;
    const struct {
        enum block_key key;
        const char *name;
        bool is_optional;
        size_t count;
        double **numbers;
    } parts[] = {
        {SPLIT_FEATURE, "split_feature", false, numbers.splits, &numbers.inputs},
        {THRESHOLD, "threshold", false, numbers.splits, &numbers.limits},
        {DECISION_TYPE, "decision_type", false, numbers.splits, &numbers.types},
        {LEFT_CHILD, "left_child", false, numbers.splits, &numbers.left},
        {RIGHT_CHILD, "right_child", false, numbers.splits, &numbers.right},
        {LEAF_COUNT, "leaf_count", true, numbers.leaf_count, &numbers.leaf_covers},
        {INTERNAL_COUNT, "internal_count", true, numbers.splits, &numbers.covers},
        {LEAF_VALUE, "leaf_value", false, numbers.leaf_count, &numbers.leaves},
    };
    size_t first = numbers.splits > 0 ? 0 : sizeof parts / sizeof *parts - 1;
    for (size_t i = first; i < sizeof parts / sizeof *parts && r == 0; i++)
        r = block_numbers(reader, block, parts[i].key, parts[i].name, parts[i].is_optional,
                          parts[i].count, parts[i].numbers);
    if (r == 0)
        r = read_sets(reader, block, &numbers);
    if (r == 0)
        *ret_numbers = numbers;
    return r;
}

/* Splits come first, then leaves. */
static size_t child_of(const struct tree_numbers *numbers, double child) {
    if (child != floor(child) || child >= (double)numbers->splits ||
        child < -(double)numbers->leaf_count)
        return SIZE_MAX;
    return child >= 0 ? (size_t)child : numbers->splits + (size_t)(-1 - child);
}

#define TYPE_CATEGORICAL  1u
#define TYPE_DEFAULT_LEFT 2u

static int read_split(struct lightgbm *reader, const struct tree_numbers *numbers, size_t i,
                      size_t first_word, struct forest_node *node) {
    double kind = numbers->types[i], input = numbers->inputs[i];
    if (kind < 0 || kind > 15 || kind != floor(kind) || (unsigned)kind >> 2 == 3)
        return error_set(reader->error, ERROR_UNSUPPORTED, "tree %zu: split %zu: decision_type %g",
                         reader->tree, i, kind);
    if (input < 0 || input >= (double)reader->forest->input_count || input != floor(input))
        return error_set(reader->error, ERROR_INVALID,
                         "tree %zu: split %zu: there is no input with number %g", reader->tree, i,
                         input);
    static const enum forest_missing missing[] = {FOREST_MISSING_NONE, FOREST_MISSING_ZERO,
                                                  FOREST_MISSING_NAN};
    *node = (struct forest_node){
        .test = FOREST_AT_MOST,
        .missing = missing[(unsigned)kind >> 2],
        .default_left = (unsigned)kind & TYPE_DEFAULT_LEFT,
        .input = (uint32_t)input,
        .left = child_of(numbers, numbers->left[i]),
        .right = child_of(numbers, numbers->right[i]),
        .value = numbers->limits[i],
        .cover = numbers->covers ? numbers->covers[i] : -1,
    };
    if (!((unsigned)kind & TYPE_CATEGORICAL))
        return 0;
    double set = numbers->limits[i];
    if (set < 0 || set >= (double)numbers->sets || set != floor(set))
        return error_set(reader->error, ERROR_INVALID,
                         "tree %zu: split %zu: there is no set of categories with number %g",
                         reader->tree, i, set);
    size_t begin = (size_t)numbers->bounds[(size_t)set],
           end = (size_t)numbers->bounds[(size_t)set + 1];
    node->test = FOREST_CATEGORY;
    node->default_left = false;
    node->members_left = true;
    node->first_word = first_word + begin;
    node->word_count = end - begin;
    return 0;
}

static int read_tree(struct lightgbm *reader, size_t output) {
    struct block block;
    struct tree_numbers numbers = {0};
    struct forest_node *nodes;
    read_block(reader, &block);
    int r = read_tree_numbers(reader, &block, &numbers);
    if (r < 0)
        return r;
    size_t word_count = numbers.sets ? (size_t)numbers.bounds[numbers.sets] : 0, first_word = 0;
    uint32_t *words;
    r = forest_add_tree(reader->forest, output, numbers.splits + numbers.leaf_count, &nodes,
                        reader->error);
    if (r == 0)
        r = forest_add_words(reader->forest, word_count, &first_word, &words, reader->error);
    for (size_t i = 0; i < word_count && r == 0; i++)
        words[i] = (uint32_t)numbers.words[i];
    for (size_t i = 0; i < numbers.splits && r == 0; i++)
        r = read_split(reader, &numbers, i, first_word, &nodes[i]);
    for (size_t i = 0; i < numbers.leaf_count && r == 0; i++)
        nodes[numbers.splits + i] =
            (struct forest_node){.test = FOREST_LEAF,
                                 .value = numbers.leaves[i],
                                 .cover = numbers.leaf_covers ? numbers.leaf_covers[i]
                                          : numbers.splits    ? -1
                                                              : 1};
    return r;
}

/* ---- the header ---- */

static const struct {
    const char *name;
    enum forest_link link;
} objectives[] = {
    {"binary", FOREST_LINK_LOGISTIC},
    {"cross_entropy", FOREST_LINK_LOGISTIC},
    {"xentropy", FOREST_LINK_LOGISTIC},
    {"multiclass", FOREST_LINK_SOFTMAX},
    {"multiclassova", FOREST_LINK_ONE_VERSUS_ALL},
    {"regression", FOREST_LINK_IDENTITY},
    {"regression_l1", FOREST_LINK_IDENTITY},
    {"huber", FOREST_LINK_IDENTITY},
    {"fair", FOREST_LINK_IDENTITY},
    {"quantile", FOREST_LINK_IDENTITY},
    {"mape", FOREST_LINK_IDENTITY},
    {"poisson", FOREST_LINK_EXP},
    {"gamma", FOREST_LINK_EXP},
    {"tweedie", FOREST_LINK_EXP},
};

static int read_objective(struct lightgbm *reader, struct text words) {
    struct forest *forest = reader->forest;
    struct text name = take_word(&words);
    size_t i = 0, count = sizeof objectives / sizeof *objectives;
    while (i < count && !text_is(name, objectives[i].name))
        i++;
    if (i == count)
        return error_set(reader->error, ERROR_UNSUPPORTED,
                         "line %zu: objective \"%.*s\" is not supported; expected binary, "
                         "multiclass, regression or another of docs/MODELS.md",
                         reader->line, (int)(name.length < 60 ? name.length : 60), name.data);
    forest->link = objectives[i].link;
    for (struct text word = take_word(&words); word.length > 0; word = take_word(&words)) {
        if (text_is(word, "sqrt"))
            forest->link = FOREST_LINK_SQUARE;
        if (begins(word, "sigmoid:") && (!parse_number(after(word, "sigmoid:"), &forest->sigmoid) ||
                                         !isfinite(forest->sigmoid) || forest->sigmoid <= 0))
            return refuse(reader, "the sigmoid is not a number above 0");
    }
    return 0;
}

static int read_names(struct lightgbm *reader, struct text words) {
    struct forest *forest = reader->forest;
    for (size_t i = 0; i < forest->input_count; i++) {
        struct text name = take_word(&words);
        if (name.length == 0 || name.length > MODEL_NAME_MAX)
            return error_set(reader->error, ERROR_INVALID,
                             "line %zu: name %zu of %zu is missing or longer than %u bytes",
                             reader->line, i + 1, forest->input_count, MODEL_NAME_MAX);
        forest->inputs[i] = name;
    }
    return take_word(&words).length > 0 ? refuse(reader, "more names than max_feature_idx says")
                                        : 0;
}

struct header {
    double classes, trees_per_round, last_input;
    struct text names;
    size_t names_line;
};

static int read_header_line(struct lightgbm *reader, struct text line, struct header *header) {
    if (begins(line, "version=") && !text_is(line, "version=v4"))
        return error_set(reader->error, ERROR_UNSUPPORTED,
                         "line %zu: %.*s; expected version=v4, which LightGBM 4.x writes",
                         reader->line, (int)(line.length < 40 ? line.length : 40), line.data);
    if (begins(line, "num_class="))
        return read_whole(reader, after(line, "num_class="), 1, MODEL_OUTPUTS_MAX,
                          &header->classes);
    if (begins(line, "num_tree_per_iteration="))
        return read_whole(reader, after(line, "num_tree_per_iteration="), 1, MODEL_OUTPUTS_MAX,
                          &header->trees_per_round);
    if (begins(line, "max_feature_idx="))
        return read_whole(reader, after(line, "max_feature_idx="), 0, MODEL_INPUTS_MAX - 1,
                          &header->last_input);
    if (begins(line, "objective="))
        return read_objective(reader, after(line, "objective="));
    if (begins(line, "feature_names=")) {
        header->names = after(line, "feature_names=");
        header->names_line = reader->line;
    }
    reader->forest->divides |= text_is(line, "average_output");
    return 0;
}

/* Up to the empty line before the first tree. */
static int read_header(struct lightgbm *reader) {
    struct forest *forest = reader->forest;
    struct header header = {.last_input = -1};
    if (!text_is(take_line(reader), "tree"))
        return refuse(reader, "not \"tree\", as a model of LightGBM begins");
    for (struct text line = take_line(reader); line.length > 0; line = take_line(reader)) {
        int r = read_header_line(reader, line, &header);
        if (r < 0)
            return r;
    }
    if (header.last_input < 0 || !header.names.data || header.trees_per_round < 1)
        return refuse(reader, "the header lacks max_feature_idx, feature_names or "
                              "num_tree_per_iteration");
    forest->input_count = (size_t)header.last_input + 1;
    forest->output_count = (size_t)header.trees_per_round;
    forest->inputs = arena_calloc(forest->arena, forest->input_count, sizeof *forest->inputs);
    forest->base = arena_calloc(forest->arena, forest->output_count, sizeof *forest->base);
    bool has_classes =
        forest->link == FOREST_LINK_SOFTMAX || forest->link == FOREST_LINK_ONE_VERSUS_ALL;
    if (has_classes != (forest->output_count > 1) && forest->link != FOREST_LINK_NONE)
        return refuse(reader, "num_tree_per_iteration does not fit the objective");
    reader->line = header.names_line;
    return read_names(reader, header.names);
}

int lightgbm_read(struct text file, struct forest *forest, struct error *ret_error) {
    struct lightgbm reader = {.left = file, .forest = forest, .error = ret_error};
    forest->near_zero = NEAR_ZERO;
    int r = read_header(&reader);
    while (r == 0) {
        struct text line = take_line(&reader);
        if (line.length == 0 && reader.left.length == 0)
            return refuse(&reader, "the file ends before \"end of trees\"");
        if (text_is(line, "end of trees"))
            break;
        if (!begins(line, "Tree="))
            continue;
        r = read_tree(&reader, reader.tree % forest->output_count);
        reader.tree++;
    }
    if (r == 0 && reader.tree % forest->output_count != 0)
        r = error_set(ret_error, ERROR_INVALID, "%zu trees for %zu classes", reader.tree,
                      forest->output_count);
    if (r == 0 && forest->divides && reader.tree == 0)
        r = error_set(ret_error, ERROR_INVALID, "average_output, but no trees");
    return r;
}
