"""The rows of the measurement, and their tables."""

import dataclasses
import statistics

FIGURES = ("rate", "p50_us", "p99_us", "server_us", "client_us")
RATE, P50, P99, SERVER, CLIENT = range(len(FIGURES))

# (peer, ours): the minimum ratio of our rate to theirs, and of their p99 to ours.
TARGETS = {
    ("fastapi_32", "harrier_nng_32"): (50, 50),
    ("fastapi_32", "harrier_lib_32"): (80, None),
    ("redis_lua_pipeline_16", "harrier_batch_16"): (5, None),
}


@dataclasses.dataclass
class Row:
    name: str  # in the figures
    words: str
    in_flight: str
    servers: list
    stream: str  # rows with the same server continue each other's sequence of payments
    measure: object  # (first payment, seconds) → (rate, p50, p99, next payment)
    ours: tuple = ()  # the rows it is compared with
    # rate, p50, p99, and processor time per payment of the servers and of the client; all but the rate in µs
    rounds: list = dataclasses.field(default_factory=list)

    def median(self, at):
        return statistics.median(values[at] for values in self.rounds)


def print_table(rows):
    by_name = {row.name: row for row in rows}
    head = f"{'rate/s':>10} {'min':>10} {'max':>10} {'p50 µs':>10} {'p99 µs':>10}   processor µs each: server, client"
    print(f"\n{'':<44} {'in flight':>9} {head}")
    for row in rows:
        rates = [values[RATE] for values in row.rounds]
        print(f"{row.words:<44} {row.in_flight:>9} {row.median(RATE):10,.0f} {min(rates):10,.0f} {max(rates):10,.0f}", end="")
        print(f" {row.median(P50):10,.0f} {row.median(P99):10,.0f} {row.median(SERVER):20.1f} {row.median(CLIENT):10.1f}")
    print(f"\n{'':<44} {'in flight':>9} {'harrierd':>38} {'× rate':>8} {'p99 ÷':>8} {'processor ÷':>11}  target")
    for row in rows:
        for name in row.ours:
            print_ratios(row, by_name[name])


def print_ratios(row, ours):
    times, part = ours.median(RATE) / row.median(RATE), row.median(P99) / ours.median(P99)
    least, tail = TARGETS.get((row.name, ours.name), (None, None))
    target = f"≥ {least} × its rate: {'met' if times >= least else 'MISSED'}" if least else ""
    if tail:
        target += f"; ≤ 1/{tail} of its p99: {'met' if part >= tail else 'MISSED'}"
    processor = row.median(SERVER) / ours.median(SERVER)
    print(f"{row.words:<44} {row.in_flight:>9} {ours.words:>38} {times:8.1f} {part:8.1f} {processor:11.1f}  {target}".rstrip())


def write_figures(path, rows, remarks):
    """Writes a line for each figure and round."""
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"# {remark}\n" for remark in remarks)
        for row in rows:
            for values in row.rounds:
                file.writelines(f"peers_{row.name}_{what}\t{value:.2f}\n" for what, value in zip(FIGURES, values, strict=True))


