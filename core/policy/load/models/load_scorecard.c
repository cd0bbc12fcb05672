/* A scorecard is a sum of points: each input adds those of the first bin that it falls into. It
 * becomes a model like any other, with one tree for each input: a chain of its bins.
 *
 *   age: [{missing: true, points: -10}, {below: 25, points: -40}, {points: 15}]
 *   channel: [{in: [pos, atm], points: 20}, {points: 0}]
 *
 * The last bin has no condition: it takes the rest, of texts also those that no bin names and what
 * is missing. */
#include "load_scorecard.h"

#include "core/base/check.h"

#include <float.h>

#define BINS_MAX 1000u /* of one input */

struct scorecard_loader {
    struct load *load;
    const struct reader *reader;
    struct forest forest;
    struct text *categories; /* of the input being read */
    const struct tree_node **category_nodes;
    size_t category_count, category_capacity;
};

enum bin_key { BELOW, IN, MISSING, POINTS, SHARE, BIN_KEYS };

struct bin {
    enum { BIN_BELOW, BIN_IN, BIN_MISSING, BIN_REST } kind;
    double below, points, share;
    size_t first_word, word_count;
};

/* ---- one bin ---- */

static bool add_category(struct scorecard_loader *loader, const struct tree_node *item) {
    struct text t;
    if (!read_text(loader->reader, item, "a category", 1000, &t))
        return false;
    if (loader->category_count == loader->category_capacity) {
        read_diagnostic(loader->reader, item, "more than %zu categories",
                        loader->category_capacity);
        return false;
    }
    loader->category_nodes[loader->category_count] = item;
    loader->categories[loader->category_count++] = t;
    return true;
}

/* Of all bins at once, sorted: there may be tens of thousands. */
static bool check_categories(struct scorecard_loader *loader) {
    struct model_binding binding = {.categories = loader->categories,
                                    .category_count = loader->category_count};
    size_t twice = model_binding_sort(&binding, &loader->load->scratch);
    if (twice == SIZE_MAX)
        return true;
    read_diagnostic(loader->reader, loader->category_nodes[twice],
                    "\"%" TEXT_FORMAT "\" is in two bins", TEXT_ARGS(loader->categories[twice]));
    return false;
}

static bool read_in(struct scorecard_loader *loader, const struct tree_node *node,
                    struct bin *bin) {
    struct error error;
    uint32_t *words = NULL;
    size_t first = loader->category_count;
    if (!read_list(loader->reader, node, "in"))
        return false;
    for (const struct tree_node *item = node->first; item; item = item->next)
        if (!add_category(loader, item))
            return false;
    bin->kind = BIN_IN;
    bin->word_count = loader->category_count / 32 + 1;
    if (forest_add_words(&loader->forest, bin->word_count, &bin->first_word, &words, &error) < 0) {
        read_diagnostic(loader->reader, node, "%s", error.text);
        return false;
    }
    for (size_t i = first; i < loader->category_count; i++)
        words[i / 32] |= UINT32_C(1) << i % 32;
    return true;
}

static bool read_condition(struct scorecard_loader *loader, const struct tree_node *node,
                           struct key *keys, struct bin *bin) {
    int conditions =
        (keys[BELOW].node != NULL) + (keys[IN].node != NULL) + (keys[MISSING].node != NULL);
    bool is_missing = true;
    if (conditions > 1) {
        read_diagnostic(loader->reader, node,
                        "expected one of \"below\", \"in\" and \"missing\" of a bin");
        return false;
    }
    bin->kind = BIN_REST;
    if (keys[IN].node)
        return read_in(loader, keys[IN].node, bin);
    if (keys[BELOW].node) {
        bin->kind = BIN_BELOW;
        return read_double(loader->reader, keys[BELOW].node, "below", &bin->below);
    }
    if (!keys[MISSING].node)
        return true;
    bin->kind = BIN_MISSING;
    if (!read_bool(loader->reader, keys[MISSING].node, "missing", &is_missing))
        return false;
    if (!is_missing)
        read_diagnostic(loader->reader, keys[MISSING].node, "expected missing: true");
    return is_missing;
}

static bool read_bin(struct scorecard_loader *loader, const struct tree_node *node,
                     struct bin *ret_bin) {
    struct key keys[BIN_KEYS] = {[BELOW] = {"below", false, NULL},
                                 [IN] = {"in", false, NULL},
                                 [MISSING] = {"missing", false, NULL},
                                 [POINTS] = {"points", true, NULL},
                                 [SHARE] = {"share", false, NULL}};
    struct bin bin = {.share = 1};
    if (!read_keys(loader->reader, node, "a bin", keys, BIN_KEYS) ||
        !read_condition(loader, node, keys, &bin) ||
        !read_double(loader->reader, keys[POINTS].node, "points", &bin.points))
        return false;
    if (keys[SHARE].node && !read_double(loader->reader, keys[SHARE].node, "share", &bin.share))
        return false;
    if (!(bin.share > 0)) {
        read_diagnostic(loader->reader, keys[SHARE].node, "expected a share above 0");
        return false;
    }
    *ret_bin = bin;
    return true;
}

/* ---- the bins of an input ---- */

static bool check_order(struct scorecard_loader *loader, const struct tree_node *node,
                        const struct bin *bins, size_t i, bool is_last) {
    const struct bin *bin = &bins[i], *before = i > 0 ? &bins[i - 1] : NULL;
    if ((bin->kind == BIN_REST) != is_last) {
        read_diagnostic(loader->reader, node,
                        is_last ? "the last bin takes the rest; expected no condition"
                                : "only the last bin may be without a condition");
        return false;
    }
    if (bin->kind == BIN_MISSING && i > 0) {
        read_diagnostic(loader->reader, node, "\"missing\" must be the first bin");
        return false;
    }
    if (before && ((bin->kind == BIN_BELOW && before->kind == BIN_IN) ||
                   (bin->kind == BIN_IN && before->kind != BIN_IN))) {
        read_diagnostic(loader->reader, node,
                        "expected bins with \"below\" or with \"in\", not both; \"missing\" is for "
                        "numbers");
        return false;
    }
    if (bin->kind == BIN_BELOW && before && before->kind == BIN_BELOW &&
        bin->below <= before->below) {
        read_diagnostic(loader->reader, node, "\"below\" must increase from bin to bin");
        return false;
    }
    return true;
}

/* Node 2i tests bin i, node 2i + 1 is its leaf; the last bin is a leaf alone. What is missing takes
 * the right child, but for a bin of its own, which nothing else is below. */
static bool add_chain(struct scorecard_loader *loader, const struct tree_node *node, size_t input,
                      const struct bin *bins, size_t count) {
    struct forest_node *nodes = NULL;
    struct error error;
    double cover = 0;
    if (forest_add_tree(&loader->forest, 0, 2 * count - 1, &nodes, &error) < 0) {
        read_diagnostic(loader->reader, node, "%s", error.text);
        return false;
    }
    for (size_t i = count; i-- > 0;) {
        const struct bin *bin = &bins[i];
        cover += bin->share;
        struct forest_node leaf = {.test = FOREST_LEAF, .value = bin->points, .cover = bin->share};
        nodes[i + 1 < count ? 2 * i + 1 : 2 * i] = leaf;
        if (i + 1 == count)
            continue;
        nodes[2 * i] = (struct forest_node){
            .test = bin->kind == BIN_IN ? FOREST_CATEGORY : FOREST_LESS,
            .missing = FOREST_MISSING_NAN,
            .default_left = bin->kind == BIN_MISSING,
            .members_left = true,
            .input = (uint32_t)input,
            .left = 2 * i + 1,
            .right = 2 * i + 2,
            .value = bin->kind == BIN_MISSING ? -DBL_MAX : bin->below,
            .cover = cover,
            .first_word = bin->first_word,
            .word_count = bin->word_count,
        };
    }
    return true;
}

static size_t count_categories(const struct tree_node *node) {
    size_t count = 0;
    for (const struct tree_node *item = node->first; item; item = item->next) {
        const struct tree_node *in = tree_child(item, "in");
        count += in ? in->child_count : 0;
    }
    return count;
}

static bool read_input(struct scorecard_loader *loader, const struct tree_node *node,
                       size_t input) {
    if (!read_list(loader->reader, node, "the bins of an input"))
        return false;
    size_t count = node->child_count;
    if (count == 0 || count > BINS_MAX) {
        read_diagnostic(loader->reader, node, "%zu bins; expected 1 to %u", count, BINS_MAX);
        return false;
    }
    loader->category_count = 0;
    loader->category_capacity = count_categories(node);
    if (loader->category_capacity > MODEL_CATEGORIES_MAX)
        loader->category_capacity = MODEL_CATEGORIES_MAX;
    loader->categories = arena_calloc(loader->load->arena, loader->category_capacity + 1,
                                      sizeof *loader->categories);
    loader->category_nodes = arena_calloc(&loader->load->scratch, loader->category_capacity + 1,
                                          sizeof *loader->category_nodes);
    struct bin *bins = arena_calloc(&loader->load->scratch, count, sizeof *bins);
    check(loader->categories && loader->category_nodes && bins);
    size_t i = 0;
    for (const struct tree_node *item = node->first; item; item = item->next, i++)
        if (!read_bin(loader, item, &bins[i]) ||
            !check_order(loader, item, bins, i, i + 1 == count))
            return false;
    return check_categories(loader) && add_chain(loader, node, input, bins, count);
}

/* ---- the whole ---- */

static bool read_points(struct scorecard_loader *loader, const struct tree_node *node,
                        struct scorecard *scorecard) {
    struct arena *arena = loader->load->arena;
    size_t count = node->child_count;
    const struct text **categories = arena_calloc(arena, count + 1, sizeof *categories);
    size_t *counts = arena_calloc(arena, count + 1, sizeof *counts);
    loader->forest.inputs = arena_calloc(arena, count + 1, sizeof *loader->forest.inputs);
    check(categories && counts && loader->forest.inputs);
    bool good = true;
    for (const struct tree_node *item = node->first; item; item = item->next) {
        size_t input = loader->forest.input_count++;
        loader->forest.inputs[input] = item->key->text;
        if (item->key->text.length == 0 || item->key->text.length > MODEL_NAME_MAX) {
            read_diagnostic(loader->reader, item->key, "expected a name of at most %u bytes",
                            MODEL_NAME_MAX);
            good = false;
        }
        good &= read_input(loader, item, input);
        categories[input] = loader->categories;
        counts[input] = loader->category_count;
    }
    scorecard->categories = categories;
    scorecard->category_counts = counts;
    return good;
}

bool load_scorecard(struct load *load, const struct reader *reader, const struct tree_node *node,
                    struct scorecard *ret_scorecard) {
    struct scorecard_loader loader = {.load = load, .reader = reader};
    struct scorecard scorecard = {0};
    struct key keys[] = {{"base", false, NULL}, {"points", true, NULL}};
    double base = 0;
    struct error error;
    forest_init(&loader.forest, &load->scratch);
    loader.forest.output_count = 1;
    loader.forest.base = &base;
    if (!read_keys(reader, node, "scorecard", keys, 2) ||
        (keys[0].node && !read_double(reader, keys[0].node, "base", &base)) ||
        !read_mapping(reader, keys[1].node, "points"))
        return false;
    if (keys[1].node->child_count > MODEL_INPUTS_MAX) {
        read_diagnostic(reader, keys[1].node, "more than %u inputs", MODEL_INPUTS_MAX);
        return false;
    }
    if (!read_points(&loader, keys[1].node, &scorecard))
        return false;
    if (model_new(&loader.forest, load->arena, &scorecard.model, &error) < 0) {
        read_diagnostic(reader, node, "%s", error.text);
        return false;
    }
    *ret_scorecard = scorecard;
    return true;
}
