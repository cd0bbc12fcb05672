"""The fast paths of Harrier, which compute the same results as general code but faster in a common case, and what each gains.

A fast path stays while it gains at least 2 % of a measurement that users have. performance.py puts this table on
docs/PERFORMANCE.md. To measure one again, make its test in the code fail ("never fast"), and compare the same count:
`decision` is tests/bench/cost/gate.py, the others are `valgrind --tool=callgrind` of the program, on an archive of 40,000
payments of 3,000 cards by tests/bench/rebuild_archive; memory is what `state speed` prints. Instructions are not time:
checksums and long hashes show no gain there, but 6 % of the CPU time of a rebuild (release programs in turns, two million
transactions).
"""

MEASURED = "2026-11-24 at 0e26640, windows, compaction and scan on 2026-11-25 at 29b59ae, JSON on 2026-11-27"

# What, where, which measurement, how much more that takes without it.
FAST_PATHS = [
    ("windows kept between reads", "core/feature/live/windows.c", "decision, instructions", "+230 %"),
    ("compaction of what is due instead of everything", "core/feature/live/compact.c", "decision, instructions; windows are rebuilt, too", "+460 %"),
    ("prefilters instead of conditions", "core/policy/prefilter/", "decision, instructions", "+35 %"),
    ("responses written without generated code", "core/wire/message/message_bytes.c", "decision, instructions", "+14 %"),
    ("requests read without generated code", "core/wire/message/message_bytes.c", "decision, instructions", "+11 %"),
    ("expressions of one name or one call", "core/policy/eval/compile.c", "decision, instructions", "+3.3 %"),
    ("feature values written directly into the frame", "core/engine/fit.c", "decision, instructions", "+3.2 %"),
    ("records read in place", "core/wire/record/record_in_place.c", "replay of 12 counts and sums, instructions", "+50 %"),
    ("skipping rows to which no rule applies", "core/engine/row_skip.c", "replay of 12 counts and sums, instructions", "+26 %"),
    ("scan instead of windows for states with up to 16 rows", "core/feature/read/scan.c", "memory of a state among a million", "+87 %"),
    ("folding all entries of an entity together", "core/feature/state/bulk.c", "rebuild, instructions", "+12 %"),
    ("checksums of short frames by the processor's instruction, hashes of long ones with AVX2", "core/base/hash.c", "rebuild of two million, CPU time", "+6 %"),
    ("plain JSON objects without a tree", "clients/cli/rows/json_flat.c", "import of 300,000 JSON lines, CPU time", "+80 %"),
    ("radix sort", "batch/base/radix_sort.c", "rebuild, instructions", "+5.6 %"),
]


def table():
    lines = ["", "## Fast paths", "",
             "A fast path computes the same result as general code, but faster in a common case. To measure what each one gains, it was",
             f"disabled (on {MEASURED};",
             "see tests/bench/fast_paths.py). Fast paths that gain less than 2 % are removed. Not measured yet: prefetching, bulk",
             "application at startup, and the hand-written codecs of the clients.", "",
             "| fast path | where | measurement | without it |", "| --- | --- | --- | --- |"]
    return lines + [f"| {what} | `{where}` | {measurement} | {more} |" for what, where, measurement, more in FAST_PATHS]
