"""XXH3-64 with a seed, for up to 128 bytes: a second implementation, from the specification
(github.com/Cyan4973/xxHash, doc/xxhash_spec.md), so that arms can be computed without the programs under test."""
import struct

MASK = (1 << 64) - 1
PRIME_1, PRIME_2, PRIME_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
MIX_1, MIX_2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def le32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def le64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def swap(value, size):
    return int.from_bytes(value.to_bytes(size, "little"), "big")


def rotate(value, bits):
    return (value << bits | value >> (64 - bits)) & MASK


def fold(a, b):
    product = a * b
    return (product ^ product >> 64) & MASK


def avalanche(h):
    h ^= h >> 37
    h = h * MIX_1 & MASK
    return h ^ h >> 32


def mix(data, at, secret, seed):
    return fold(le64(data, at) ^ (le64(SECRET, secret) + seed & MASK),
                le64(data, at + 8) ^ (le64(SECRET, secret + 8) - seed & MASK))


def short(data, seed):
    size = len(data)
    if size == 0:
        h = seed ^ le64(SECRET, 56) ^ le64(SECRET, 64)
    elif size <= 3:
        combined = data[0] << 16 | data[size >> 1] << 24 | data[-1] | size << 8
        h = combined ^ ((le32(SECRET, 0) ^ le32(SECRET, 4)) + seed & MASK)
    elif size <= 8:
        seed ^= swap(seed & 0xFFFFFFFF, 4) << 32
        keyed = le32(data, size - 4) + (le32(data, 0) << 32) ^ ((le64(SECRET, 8) ^ le64(SECRET, 16)) - seed & MASK)
        keyed ^= rotate(keyed, 49) ^ rotate(keyed, 24)
        keyed = keyed * MIX_2 & MASK
        keyed ^= (keyed >> 35) + size
        keyed = keyed * MIX_2 & MASK
        return keyed ^ keyed >> 28
    else:
        low = le64(data, 0) ^ ((le64(SECRET, 24) ^ le64(SECRET, 32)) + seed & MASK)
        high = le64(data, size - 8) ^ ((le64(SECRET, 40) ^ le64(SECRET, 48)) - seed & MASK)
        return avalanche(size + swap(low, 8) + high + fold(low, high) & MASK)
    h ^= h >> 33
    h = h * PRIME_2 & MASK
    h ^= h >> 29
    h = h * PRIME_3 & MASK
    return h ^ h >> 32


def xxh3(data, seed=0):
    size = len(data)
    assert size <= 128
    if size <= 16:
        return short(data, seed)
    total = size * PRIME_1
    for step in reversed(range((size - 1) // 32 + 1)):
        total += mix(data, 16 * step, 32 * step, seed) + mix(data, size - 16 * (step + 1), 32 * step + 16, seed)
    return avalanche(total & MASK)
