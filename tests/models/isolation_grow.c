/* Grows an isolation forest from rows of another program:
 * `isolation_grow ROWS INPUTS TREES SAMPLE DEPTH SEED`, ROWS as for model_rows. The forest goes to
 * standard output; its inputs are called x0, x1 … */
#include "core/base/check.h"
#include "core/model/isolation.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    struct error error;
    struct buffer file;
    FILE *in = argc == 7 ? fopen(argv[1], "rb") : NULL;
    if (!in || fseek(in, 0, SEEK_END) < 0) {
        fprintf(stderr, "usage: isolation_grow ROWS INPUTS TREES SAMPLE DEPTH SEED\n");
        return 64;
    }
    size_t inputs = strtoul(argv[2], NULL, 10), size = (size_t)ftell(in);
    double *rows = check_malloc(size + 1);
    rewind(in);
    check(fread(rows, 1, size, in) == size);
    fclose(in);
    struct text *names = check_calloc(inputs + 1, sizeof *names);
    char(*digits)[24] = check_calloc(inputs + 1, sizeof *digits);
    for (size_t i = 0; i < inputs; i++) {
        int length = snprintf(digits[i], sizeof digits[i], "x%zu", i);
        names[i] = (struct text){.data = digits[i], .length = (size_t)length};
    }
    const struct isolation_options options = {.trees = strtoul(argv[3], NULL, 10),
                                              .sample = strtoul(argv[4], NULL, 10),
                                              .depth = strtoul(argv[5], NULL, 10),
                                              .seed = strtoull(argv[6], NULL, 10)};
    buffer_init(&file);
    size_t count = inputs ? size / sizeof *rows / inputs : 0;
    int r = isolation_train(rows, count, names, inputs, &options, &file, &error);
    if (r < 0)
        fprintf(stderr, "%s\n", error.text);
    else
        fwrite(file.bytes, 1, file.length, stdout);
    buffer_deinit(&file);
    free(rows);
    free(names);
    free(digits);
    return r == 0 && fflush(stdout) == 0 ? 0 : 1;
}
