#!/usr/bin/env python3
"""Writes Parquet for `harrier replay --features` and `harrier export`, which start it and send it the rows.

usage: harrier-parquet FILE        never by hand: what it reads and answers is in clients/cli/parquet/parquet_pipe.h

Needs pyarrow. Batches come as Apache Arrow lays them out, so no value is looked at here; each becomes a row
group, compressed with zstd while the next one is read."""

import json
import os
import signal
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

NEEDS_PYARROW = (
    "Parquet needs pyarrow, and {python} has none ({why}). In a folder of its own: "
    "python3 -m venv ~/pyarrow && ~/pyarrow/bin/pip install pyarrow; then run harrier with "
    "PATH=~/pyarrow/bin:$PATH. CSV needs nothing: a name that does not end in .parquet"
)
HEAD = struct.Struct("<IIQ")
TOTAL = struct.Struct("<Q")
# Columns in which hardly any value comes again: a dictionary of them would only be in the way.
WITHOUT_DICTIONARY = ("transaction_id", "id", "position", "event_time", "received_time")

try:
    import pyarrow
    import pyarrow.parquet
except ImportError as error:
    sys.exit(NEEDS_PYARROW.format(python=sys.executable or "python3", why=error))

# On the way, an amount is a whole number of its last digit.
AMOUNT = pyarrow.decimal128(18, 4)
TYPES = {
    "amount": AMOUNT,
    "bool": pyarrow.bool_(),
    "int": pyarrow.int64(),
    "double": pyarrow.float64(),
    "string": pyarrow.utf8(),
    "timestamp": pyarrow.timestamp("us", tz="UTC"),
    "duration": pyarrow.duration("us"),
}


class Stream:
    """The rows as they come."""

    def __init__(self, file):
        self.file = file

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    def buffer(self, size):
        buffer = pyarrow.allocate_buffer(size)
        view = memoryview(buffer)
        while view:
            got = self.file.readinto(view)
            if not got:
                raise EOFError
            view = view[got:]
        return buffer

    def unpack(self, layout):
        return layout.unpack(self.buffer(layout.size))


def schema_of(header):
    """With the metadata as text, so that every reader of Parquet can show it."""
    fields = [pyarrow.field(column["name"], TYPES[column["type"]]) for column in header["columns"]]
    described = header["metadata"]
    metadata = {"harrier": json.dumps(described, ensure_ascii=False)}
    if described.get("policies"):
        first = described["policies"][0]
        metadata |= {"harrier.policy": first["name"], "harrier.snapshot": first["snapshot"]}
    return pyarrow.schema(fields, metadata=metadata)


def padded(size):
    return (size + 7) // 8 * 8


def amounts_of(rows, buffers):
    """The same whole numbers in decimals' width; what counts their digits is the type alone."""
    wide = pyarrow.Array.from_buffers(pyarrow.int64(), rows, buffers).cast(pyarrow.decimal128(19, 0))
    return pyarrow.Array.from_buffers(AMOUNT, rows, wide.buffers())


def batch_of(schema, rows, block):
    """Nothing but amounts is copied: the columns are parts of the block."""
    arrays, at = [], 0

    def take(size):
        nonlocal at
        part = block.slice(at, size)
        at += padded(size)
        return part

    for kind in schema.types:
        bits = (rows + 7) // 8
        buffers = [take(bits)]
        if pyarrow.types.is_string(kind):
            offsets = take(4 * (rows + 1))
            (length,) = struct.unpack("<I", offsets[4 * rows : 4 * rows + 4])
            buffers += [offsets, take(length)]
        else:
            buffers.append(take(bits if pyarrow.types.is_boolean(kind) else 8 * rows))
        arrays.append(amounts_of(rows, buffers) if kind == AMOUNT else pyarrow.Array.from_buffers(kind, rows, buffers))
    if at != block.size:
        raise ValueError(f"a batch of {block.size} bytes has {at}")
    return pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


def write_rows(stream, file):
    """Returns how many."""
    schema = schema_of(json.loads(stream.line()))
    dictionary = [name for name in schema.names if name not in WITHOUT_DICTIONARY]
    total = 0
    with (
        pyarrow.parquet.ParquetWriter(file, schema, compression="zstd", use_dictionary=dictionary) as writer,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        written = None
        while True:
            rows, columns, size = stream.unpack(HEAD)
            if rows == 0:
                break
            if columns != len(schema):
                raise ValueError(f"a batch of {columns} columns, not {len(schema)}")
            batch = batch_of(schema, rows, stream.buffer(size))
            if written:
                written.result()
            written = pool.submit(writer.write_batch, batch, row_group_size=rows)
            total += rows
        if written:
            written.result()
        (expected,) = stream.unpack(TOTAL)
        if total != expected:
            raise ValueError(f"{total} rows of {expected}")
    return total


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    # Whoever interrupts harrier interrupts this as well; harrier says what is to happen.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pyarrow.set_cpu_count(1)
    try:
        with pyarrow.OSFile(sys.argv[1], "wb") as file:
            print("ready", flush=True)
            total = write_rows(Stream(os.fdopen(0, "rb", buffering=0, closefd=False)), file)
    except EOFError:
        sys.exit("the rows ended too early")
    except OSError as error:
        sys.exit(os.strerror(error.errno) if error.errno else str(error))
    print(f"done {total}", flush=True)


if __name__ == "__main__":
    main()
