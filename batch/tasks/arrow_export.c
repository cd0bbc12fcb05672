#include "arrow_export.h"

#include "core/base/check.h"
#include "core/store/archive/file.h"

#include <stdlib.h>
#include <string.h>

#define NULLABLE 2 /* a flag of the interface */

static void release_schema(struct ArrowSchema *schema) {
    for (int64_t i = 0; i < schema->n_children; i++) {
        struct ArrowSchema *child = schema->children[i];
        if (child->release) /* else the consumer has moved it elsewhere */
            child->release(child);
        free(child);
    }
    free(schema->children);
    free(schema->private_data);
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_children; i++) {
        struct ArrowArray *child = array->children[i];
        if (child->release)
            child->release(child);
        free(child);
    }
    for (int64_t i = 0; i < array->n_buffers; i++)
        free((void *)(uintptr_t)array->buffers[i]);
    free(array->children);
    free(array->buffers);
    array->release = NULL;
}

void arrow_export_begin(size_t columns, size_t rows, struct ArrowSchema *ret_schema,
                        struct ArrowArray *ret_array) {
    *ret_schema = (struct ArrowSchema){
        .format = "+s", .name = "", .n_children = (int64_t)columns, .release = release_schema};
    ret_schema->children = check_calloc(columns, sizeof *ret_schema->children);
    *ret_array = (struct ArrowArray){.length = (int64_t)rows,
                                     .n_buffers = 1,
                                     .n_children = (int64_t)columns,
                                     .release = release_array};
    ret_array->buffers = check_calloc(1, sizeof *ret_array->buffers);
    ret_array->children = check_calloc(columns, sizeof *ret_array->children);
}

/* Name and format live in one piece of memory, which the schema frees. */
static struct ArrowSchema *export_type(const struct arrow_column *column) {
    struct ArrowSchema *schema = check_calloc(1, sizeof *schema);
    char *names = name_printf("%s%c%s", column->format, '\n', column->name);
    char *name = strchr(names, '\n');
    *name++ = '\0';
    *schema = (struct ArrowSchema){.format = names,
                                   .name = name,
                                   .flags = column->presence ? NULLABLE : 0,
                                   .release = release_schema,
                                   .private_data = names};
    return schema;
}

void arrow_export_column(size_t index, const struct arrow_column *column,
                         struct ArrowSchema *schema, struct ArrowArray *array) {
    struct ArrowArray *exported = check_calloc(1, sizeof *exported);
    *exported = (struct ArrowArray){.length = array->length,
                                    .null_count = column->presence ? -1 : 0, /* not counted */
                                    .n_buffers = column->bytes ? 3 : 2,
                                    .release = release_array};
    exported->buffers = check_calloc((size_t)exported->n_buffers, sizeof *exported->buffers);
    exported->buffers[0] = column->presence;
    exported->buffers[1] = column->values;
    if (column->bytes)
        exported->buffers[2] = column->bytes;
    schema->children[index] = export_type(column);
    array->children[index] = exported;
}
