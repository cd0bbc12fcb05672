#include "overlay_limit.h"

#include "core/base/option.h"
#include "server/ops/memory_limit.h"

#include <inttypes.h>

#define MIB (UINT64_C(1) << 20)

uint64_t overlay_limit_choose(int64_t bytes, struct log *log) {
    if (bytes != OPTION_AUTOMATIC)
        return (uint64_t)bytes;
    struct memory_limit memory;
    memory_limit_read("", memory_limit_machine(), &memory);
    if (memory.bytes == 0) {
        log_line(log, LOG_WARNING,
                 "overlay_limit = auto: no limit, because the system does not say how much memory "
                 "there is");
        return 0;
    }
    uint64_t limit = memory.bytes / 100 * OVERLAY_LIMIT_PERCENT;
    log_line(log, LOG_INFO, "overlay_limit = auto: %" PRIu64 " MiB, %d %% of %" PRIu64 " MiB, %s%s",
             limit / MIB, OVERLAY_LIMIT_PERCENT, memory.bytes / MIB,
             *memory.file ? "the limit in " : "the machine's memory", memory.file);
    return limit;
}
