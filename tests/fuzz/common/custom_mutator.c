/* Half of libFuzzer's changes keep the input's shape (shape.h). Other engines change inputs as they
 * do. */
#include "core/base/check.h"
#include "shape.h"

#include <string.h>

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t size_max, unsigned seed);
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t size_max);

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t size_max, unsigned seed) {
    static struct buffer changed;
    struct chance chance = {.state = seed};
    if (!changed.bytes)
        buffer_init(&changed);
    buffer_clear(&changed);
    if ((chance_below(&chance, 2) == 0 || !LLVMFuzzerMutate) && size > 0 &&
        shape_change(&chance, bytes, size, &changed) && changed.length > 0 &&
        changed.length <= size_max) {
        memcpy(bytes, changed.bytes, changed.length);
        return changed.length;
    }
    return LLVMFuzzerMutate ? LLVMFuzzerMutate(bytes, size, size_max) : size;
}
