"""A second reader and writer of the archive's bytes, made from docs/ARCHIVE.md alone: for changes to an archive that
only its content can reveal, as checksums and chain still hold."""
import ctypes
import os
import struct

SEGMENT_HEADER = 64
FRAME_HEADER = 24
SYNC_MARK = 0xFFFF
TRANSACTION, SNAPSHOT, GENERATION, ENGINE = 1, 4, 5, 6

# harrier itself cannot run without these libraries.
_zstd = ctypes.CDLL("libzstd.so.1")
_zstd.ZSTD_decompress.restype = ctypes.c_size_t
_zstd.ZSTD_isError.argtypes = [ctypes.c_size_t]
_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits_withSeed.restype = ctypes.c_uint64
_xxhash.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]


def xxh3(data, seed=0):
    return _xxhash.XXH3_64bits_withSeed(data, len(data), seed)


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def paths(archive):
    """The segments in the order of their records."""
    found = []
    for folder, _, files in os.walk(archive):
        found += [os.path.join(folder, name) for name in files if name.endswith(".seg")]
    return sorted(found)


def _frames(data):
    """(position, type, payload) of each frame, sync marks too."""
    at = SEGMENT_HEADER
    while at + FRAME_HEADER <= len(data) and any(data[at : at + FRAME_HEADER]):
        _, length, position, kind = struct.unpack_from("<IIQH", data, at)
        yield position, kind, data[at + FRAME_HEADER : at + FRAME_HEADER + length]
        at += (FRAME_HEADER + length + 7) // 8 * 8


def records(archive):
    """(position, type, payload) of each record."""
    for path in paths(archive):
        with open(path, "rb") as file:
            for frame in _frames(file.read()):
                if frame[1] != SYNC_MARK:
                    yield frame


def unzstd(data, size):
    out = ctypes.create_string_buffer(size)
    length = _zstd.ZSTD_decompress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)))
    assert not _zstd.ZSTD_isError(length), length
    return out.raw[:length]


def unzstd_segment(data):
    """Of a sealed segment: its bytes as they were written, by the size that its header states."""
    return unzstd(data, struct.unpack_from("<Q", data, 24)[0])


def all_records(archive):
    """The same, of sealed segments too."""
    found = []
    for folder, _, files in os.walk(archive):
        found += [os.path.join(folder, name) for name in files if name.endswith((".seg", ".seg.zst"))]
    for path in sorted(found):
        with open(path, "rb") as file:
            data = file.read()
        if path.endswith(".zst"):
            data = unzstd_segment(data)
        for frame in _frames(data):
            if frame[1] != SYNC_MARK:
                yield frame


def _frame(position, kind, payload):
    rest = struct.pack("<IQHxxxxxx", len(payload), position, kind) + payload
    return struct.pack("<I", crc32c(rest)) + rest


def rewrite(archive, change):
    """Each record's payload becomes change(position, type, payload), or its type and payload, if that gives both;
    checksums and the chain follow."""
    chain, chains = 0, {0: 0}
    for path in paths(archive):
        with open(path, "rb") as file:
            data = file.read()
        header = bytearray(data[:SEGMENT_HEADER])
        struct.pack_into("<Q", header, 24, chain)
        struct.pack_into("<I", header, 12, crc32c(header[:12] + header[16:]))
        out = bytes(header)
        for position, kind, payload in _frames(data):
            if kind == SYNC_MARK:
                payload = payload[:8] + struct.pack("<Q", chains[position]) + payload[16:]
            else:
                payload = change(position, kind, payload)
                kind, payload = payload if isinstance(payload, tuple) else (kind, payload)
            frame = _frame(position, kind, payload)
            if kind != SYNC_MARK:
                chain = chains[position] = _xxhash.XXH3_64bits_withSeed(frame, len(frame), chain)
            out += frame + bytes(-len(frame) % 8)
        with open(path, "wb") as file:
            file.write(out)
