/* A linear scan: jumps are ignored, so slots of branches that a frame would skip are included. */
#include "expression_reads.h"

#include "program.h"

void expression_reads(const struct expression *expression, bool *reads, size_t slot_count) {
    for (uint32_t i = 0; i < expression->length; i++) {
        const struct instruction *at = &expression->code[i];
        uint64_t slot = slot_count;
        if (at->operation == OPERATION_SLOT || at->operation == OPERATION_HAS)
            slot = at->slot;
        else if (at->operation == OPERATION_THRESHOLD)
            slot = at->target;
        if (slot < slot_count)
            reads[slot] = true;
    }
}

void expression_reads_lists(const struct expression *expression, const struct list *lists,
                            size_t list_count, bool *reads) {
    for (uint32_t i = 0; i < expression->length; i++)
        for (size_t j = 0; j < list_count && expression->code[i].operation == OPERATION_IN_LIST;
             j++)
            if (expression->code[i].list == &lists[j])
                reads[j] = true;
}
