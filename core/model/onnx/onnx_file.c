/* Protobuf is unpacked into memory with a limit: the messages of a file of 16 MiB, each two bytes,
 * would take gigabytes. */
#include "onnx.h"

#include "core/base/buffer.h"
#include "core/base/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define UNPACKED_MAX ((size_t)256 << 20)

struct bounded {
    struct arena *arena;
    bool is_full;
};

static void *bounded_alloc(void *self, size_t size) {
    struct bounded *bounded = self;
    void *memory = arena_alloc(bounded->arena, size);
    bounded->is_full |= !memory;
    return memory;
}

static void bounded_free(void *self, void *memory) {
    (void)self;
    (void)memory;
}

int onnx_unpack(struct text file, struct arena *arena, const Onnx__Model **ret_model,
                struct error *ret_error) {
    struct bounded bounded = {.arena = arena};
    ProtobufCAllocator allocator = {
        .alloc = bounded_alloc, .free = bounded_free, .allocator_data = &bounded};
    size_t limit = arena->limit;
    arena->limit = arena->used + UNPACKED_MAX;
    const Onnx__Model *model =
        onnx__model__unpack(&allocator, file.length, (const uint8_t *)file.data);
    arena->limit = limit;
    if (!model && bounded.is_full)
        return error_set(ret_error, ERROR_TOO_LARGE, "unpacked, it takes more than %zu MiB",
                         UNPACKED_MAX >> 20);
    if (!model)
        return error_set(ret_error, ERROR_INVALID, "not a model of ONNX: no such protobuf message");
    *ret_model = model;
    return 0;
}

/* ---- messages ---- */

int onnx_refuse(struct onnx *onnx, enum error_code code, const char *format, ...) {
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (!onnx->node)
        return error_set(onnx->error, code, "%s", what);
    struct text name = onnx_text(onnx->node->name), type = onnx_text(onnx->node->op_type);
    return error_set(onnx->error, code, "node \"%.*s\" (%.*s): %s",
                     (int)(name.length < 60 ? name.length : 60), name.data ? name.data : "",
                     (int)(type.length < 60 ? type.length : 60), type.data ? type.data : "", what);
}

void *onnx_room(struct onnx *onnx, size_t count, size_t size) {
    void *memory = arena_calloc(onnx->forest->arena, count ? count : 1, size);
    check(memory);
    return memory;
}

/* ---- attributes ---- */

const Onnx__Attribute *onnx_attribute(const struct onnx *onnx, const char *name) {
    for (size_t i = 0; i < onnx->node->n_attribute; i++)
        if (text_is(onnx_text(onnx->node->attribute[i]->name), name))
            return onnx->node->attribute[i];
    return NULL;
}

int64_t onnx_int(const struct onnx *onnx, const char *name, int64_t otherwise) {
    const Onnx__Attribute *attribute = onnx_attribute(onnx, name);
    return attribute && attribute->has_i ? attribute->i : otherwise;
}

struct text onnx_string(const struct onnx *onnx, const char *name, const char *otherwise) {
    const Onnx__Attribute *attribute = onnx_attribute(onnx, name);
    return attribute && attribute->has_s ? onnx_text(attribute->s) : text_of(otherwise);
}

int onnx_floats(struct onnx *onnx, const char *name, const double **ret_numbers,
                size_t *ret_count) {
    char tensor_name[64];
    const Onnx__Attribute *attribute = onnx_attribute(onnx, name);
    snprintf(tensor_name, sizeof tensor_name, "%s_as_tensor", name);
    const Onnx__Attribute *tensor = onnx_attribute(onnx, tensor_name);
    if (tensor && tensor->t) {
        struct onnx_value value;
        int r = onnx_tensor(onnx, tensor->t, MODEL_NODES_MAX, &value);
        if (r == 0 && value.kind != ONNX_CONSTANT)
            r = onnx_refuse(onnx, ERROR_INVALID, "%s is not of numbers", tensor_name);
        if (r < 0)
            return r;
        *ret_numbers = value.numbers;
        *ret_count = value.count;
        return 0;
    }
    size_t count = attribute ? attribute->n_floats : 0;
    double *numbers = onnx_room(onnx, count, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (double)attribute->floats[i];
    *ret_numbers = numbers;
    *ret_count = count;
    return 0;
}

/* ---- tensors ---- */

enum { TYPE_FLOAT = 1, TYPE_INT32 = 6, TYPE_INT64 = 7, TYPE_STRING = 8, TYPE_DOUBLE = 11 };

/* Number i of the tensor, from whichever of its fields has them. */
static double number_at(const Onnx__Tensor *tensor, size_t i) {
    const uint8_t *raw = tensor->raw_data.data;
    bool is_raw = tensor->has_raw_data;
    switch (tensor->data_type) {
    case TYPE_FLOAT: {
        float number;
        uint32_t bits = is_raw ? load_u32(raw + 4 * i) : 0;
        memcpy(&number, &bits, sizeof number);
        return (double)(is_raw ? number : tensor->float_data[i]);
    }
    case TYPE_DOUBLE: {
        double number;
        uint64_t bits = is_raw ? load_u64(raw + 8 * i) : 0;
        memcpy(&number, &bits, sizeof number);
        return is_raw ? number : tensor->double_data[i];
    }
    case TYPE_INT32:
        return is_raw ? (double)(int32_t)load_u32(raw + 4 * i) : (double)tensor->int32_data[i];
    default:
        return is_raw ? (double)(int64_t)load_u64(raw + 8 * i) : (double)tensor->int64_data[i];
    }
}

static size_t count_of(const Onnx__Tensor *tensor) {
    bool is_short = tensor->data_type == TYPE_FLOAT || tensor->data_type == TYPE_INT32;
    if (tensor->has_raw_data)
        return tensor->raw_data.len % (is_short ? 4 : 8) == 0
                   ? tensor->raw_data.len / (is_short ? 4 : 8)
                   : SIZE_MAX;
    return tensor->data_type == TYPE_FLOAT    ? tensor->n_float_data
           : tensor->data_type == TYPE_DOUBLE ? tensor->n_double_data
           : tensor->data_type == TYPE_INT32  ? tensor->n_int32_data
                                              : tensor->n_int64_data;
}

int onnx_tensor(struct onnx *onnx, const Onnx__Tensor *tensor, size_t count_max,
                struct onnx_value *ret_value) {
    struct text name = onnx_text(tensor->name);
    int length = (int)(name.length < 60 ? name.length : 60);
    const char *shown = name.data ? name.data : "";
    *ret_value = (struct onnx_value){.name = name, .kind = ONNX_LABELS};
    if (name.length > MODEL_NAME_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "a tensor's name is longer than %u bytes",
                           MODEL_NAME_MAX);
    if (tensor->data_type == TYPE_STRING)
        return 0;
    if (tensor->data_type != TYPE_FLOAT && tensor->data_type != TYPE_DOUBLE &&
        tensor->data_type != TYPE_INT32 && tensor->data_type != TYPE_INT64)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "tensor \"%.*s\" is of type %d; expected float, double, int32 or int64",
                           length, shown, tensor->data_type);
    if (tensor->data_location != 0)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "tensor \"%.*s\" is in another file", length,
                           shown);
    size_t count = 1;
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] < 1 || (uint64_t)tensor->dims[i] > count_max / count)
            return onnx_refuse(onnx, ERROR_TOO_LARGE,
                               "tensor \"%.*s\" is empty or has more than %zu numbers", length,
                               shown, count_max);
        count *= (size_t)tensor->dims[i];
    }
    if (count_of(tensor) != count)
        return onnx_refuse(onnx, ERROR_INVALID,
                           "tensor \"%.*s\" has not as many numbers as its shape", length, shown);
    double *numbers = onnx_room(onnx, count, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = number_at(tensor, i);
    ret_value->kind = ONNX_CONSTANT;
    ret_value->is_float = tensor->data_type == TYPE_FLOAT;
    ret_value->sizes = tensor->dims;
    ret_value->rank = tensor->n_dims;
    ret_value->numbers = numbers;
    ret_value->count = count;
    return 0;
}

/* ---- values ---- */

const struct onnx_value *onnx_input(struct onnx *onnx, size_t index) {
    if (index >= onnx->node->n_input) {
        onnx_refuse(onnx, ERROR_INVALID, "it has no input %zu", index + 1);
        return NULL;
    }
    struct text name = onnx_text(onnx->node->input[index]);
    for (size_t i = onnx->value_count; i-- > 0;)
        if (text_equal(onnx->values[i].name, name))
            return &onnx->values[i];
    onnx_refuse(onnx, ERROR_INVALID, "input \"%.*s\" is not the output of an earlier node",
                (int)(name.length < 60 ? name.length : 60), name.data ? name.data : "");
    return NULL;
}

bool onnx_has_output(const struct onnx *onnx, size_t index) {
    return index < onnx->node->n_output && onnx->node->output[index].len > 0;
}

int onnx_give(struct onnx *onnx, size_t index, struct onnx_value value) {
    if (!onnx_has_output(onnx, index))
        return 0;
    if (onnx->value_count == ONNX_VALUES_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "more than %u values", ONNX_VALUES_MAX);
    value.name = onnx_text(onnx->node->output[index]);
    if (value.name.length > MODEL_NAME_MAX) /* each is compared with thousands of others */
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "an output's name is longer than %u bytes",
                           MODEL_NAME_MAX);
    onnx->values[onnx->value_count++] = value;
    return 0;
}

char onnx_operation_of(struct text type) {
    static const struct {
        const char *name;
        char operation;
    } operations[] = {{"Add", '+'}, {"Sub", '-'}, {"Mul", '*'}, {"Div", '/'}};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (text_is(type, operations[i].name))
            return operations[i].operation;
    return 0;
}
