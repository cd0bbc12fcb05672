/* Target: the reference file of a model.
 *
 *   input  the file
 *
 * It must be refused with a printable message, or be sound: edges ascend, counts add up, values
 * find a bin; and what is written of it reads back and is written the same. */
#include "common/target.h"
#include "core/model/model_reference.h"

#include <math.h>
#include <string.h>

static struct arena arena;

void target_start(void) {
    arena_init(&arena, (size_t)1 << 26);
}

static void check_bins(const struct model_bins *bins, uint64_t rows) {
    uint64_t sum = 0;
    for (size_t i = 0; i < model_bins_count(bins); i++)
        sum += bins->counts[i];
    property(sum == rows, "sum");
    property(fabs(model_bins_drift(bins, bins->counts)) < 1e-9, "drift from itself");
    property(model_bins_of(bins, NAN) == 0 && model_bins_of(bins, -INFINITY) == 1, "outer bins");
    property(model_bins_of(bins, INFINITY) == bins->edge_count + 1, "last bin");
    for (size_t i = 0; i < bins->edge_count; i++) {
        property(isfinite(bins->edges[i]), "edge %zu", i);
        property(model_bins_of(bins, bins->edges[i]) == i + 2, "an edge begins its bin");
    }
}

static void check_written(const struct model_reference *reference) {
    struct buffer first, second;
    struct model_reference again;
    struct error error;
    buffer_init(&first);
    buffer_init(&second);
    model_reference_write(reference, &first);
    int r = model_reference_read(buffer_text(&first), &arena, &again, &error);
    /* Names that need escapes may make it larger than a file may be. */
    property(r == 0 || r == -ERROR_TOO_LARGE, "%s", error.text);
    if (r == 0) {
        model_reference_write(&again, &second);
        property(first.length == second.length &&
                     memcmp(first.bytes, second.bytes, first.length) == 0,
                 "written again");
    }
    buffer_deinit(&first);
    buffer_deinit(&second);
}

bool target_run(const uint8_t *bytes, size_t size) {
    struct model_reference reference;
    struct error error;
    arena_reset(&arena);
    const struct text file = {.data = (const char *)bytes, .length = size};
    if (model_reference_read(file, &arena, &reference, &error) < 0) {
        property(error.text[0] && text_is_clean(text_of(error.text), NULL), "message");
        return false;
    }
    check_bins(&reference.score, reference.rows);
    for (size_t i = 0; i < reference.input_count; i++)
        check_bins(&reference.inputs[i], reference.rows);
    check_written(&reference);
    return true;
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    static const char *const files[] = {
        "{\"format\":\"harrier-reference-1\",\"rows\":10,\"from\":\"2025-01-01T00:00:00Z\","
        "\"until\":\"2025-02-01T00:00:00Z\",\"inputs\":[{\"name\":\"amount\",\"missing\":1,"
        "\"edges\":[-1.5,0.1,20],\"counts\":[0,4,5,0]}],"
        "\"score\":{\"missing\":0,\"edges\":[0.25],\"counts\":[3,7]}}",
        "{\"format\":\"harrier-reference-1\",\"rows\":1,\"inputs\":[{\"name\":\"a \\\"b\\\"\","
        "\"missing\":1,\"edges\":[],\"counts\":[0]},{\"name\":\"\\u00e4\",\"missing\":0,"
        "\"edges\":[-1e308,1e-320,1e308],\"counts\":[0,0,1,0]}],"
        "\"score\":{\"missing\":1,\"edges\":[],\"counts\":[0]}}",
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        seeds->add(seeds, files[i], strlen(files[i]));
}
