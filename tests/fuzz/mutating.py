"""Bytes that know what they are: members of zips, what is gzipped, and tokens of text are mutated, not only bytes.

A mutator gets bytes, the most that may come back, and a seed; so does that of single bytes, libFuzzer's own.
"""

import gzip
import io
import random
import re
import time
import zipfile
import zlib

from fuzz_store import pack

_TOKEN = re.compile(rb"<[^<>]*>|[\w.+-]+|[^\S\n]+|\n|[^\w\s]", re.ASCII)
_ODD = (
    *(b"0 -1 1e999 NaN 4294967296 18446744073709551616 1e-9 true null inf 9999-12-31 utf-16".split()),
    *(b'"" [] {} "\\ud800" [[[ ]]] \'\'\' """ \\x00 /../ = , ; # < > & \t'.split(b" ")),
    *(
        b"\n",
        b"\r",
        b"\0",
        b"9" * 5000,
        b"0x" + b"9" * 5000,
        b"[" * 1500,
        b'{"a":' * 1500,
        b"<b>" * 1500,
        "甲".encode() * 300,
        b"\xff\xfe",
    ),
)


def mutated(data, most, seed, flip, words=(), depth=0):
    """One mutation of whatever the bytes are."""
    chance = random.Random(seed)  # noqa: S311
    if chance.random() < 0.1:
        return flip(data, most)
    if depth < 3 and data.startswith(b"\x1f\x8b"):
        try:
            inner = zlib.decompressobj(31).decompress(data, 1 << 20)
        except zlib.error:
            return flip(data, most)
        out = gzip.compress(mutated(inner, 1 << 20, seed + 1, flip, words, depth + 1), 6, mtime=0)
    elif depth < 3 and data.startswith(b"PK") and (inside := members(data)):
        out = pack(_members(inside, chance, lambda raw: mutated(raw, most, seed + 1, flip, words, depth + 1)))
    elif chance.random() < 0.5:
        return flip(data, most)
    else:
        out = _tokens(data, chance, words)
    return out if len(out) <= most else flip(data, most)


def _members(inside, chance, change):
    """Members with one of them changed, or lost, doubled, renamed."""
    at = chance.randrange(len(inside))
    name, raw = inside[at]
    how = chance.random()
    if how < 0.9:
        inside[at] = name, change(raw)
    elif how < 0.93:
        del inside[at]
    elif how < 0.96:
        inside.append((chance.choice(inside)[0], raw))
    else:
        inside[at] = chance.choice(["a.txt", "b.zip", "x/../y.csv", "/z.pdf", "", "目录/\n.docx", name.upper()]), raw
    return inside


def _tokens(data, chance, words):
    """A few tokens lost, doubled, exchanged, or others in their place."""
    tokens = _TOKEN.findall(data) or [b""]
    for _ in range(chance.choice([1, 1, 2, 4, 8])):
        at = chance.randrange(len(tokens))
        end = min(len(tokens), at + chance.choice([1, 1, 1, 2, 8, 40]))
        to = chance.randrange(len(tokens))
        how = chance.choice(["lose", "double", "swap", "odd", "word", "insert"])
        if how == "lose" and len(tokens) > end - at:
            del tokens[at:end]
        elif how == "double":
            tokens[to:to] = tokens[at:end] * chance.choice([1, 1, 30])
        elif how == "swap":
            tokens[at], tokens[to] = tokens[to], tokens[at]
        else:
            new = chance.choice(words) if words and how == "word" else chance.choice(_ODD)
            tokens[at : at + (how != "insert")] = [new]
    return b"".join(tokens)


def members(data, most=1 << 20):
    """Names and bytes of a zip's members, as far as they can be read; None where it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            out = []
            for info in archive.infolist()[:100]:
                with archive.open(info) as member:
                    out.append((info.filename, member.read(most)))
            return out
    except Exception:  # whatever zipfile makes of damage
        return None


def smaller(data):
    """Bytes with something left out, the largest pieces first: members, then what is in them."""
    if data.startswith(b"PK") and (inside := members(data)):
        for n in range(len(inside)):
            yield pack(inside[:n] + inside[n + 1 :])
        for n, (name, raw) in enumerate(inside):
            for less in smaller(raw):
                yield pack([*inside[:n], (name, less), *inside[n + 1 :]])
        return
    size = len(data)
    while size := size // 2:
        for at in range(0, len(data), size):
            yield data[:at] + data[at + size :]


def smallest(data, fails, seconds):
    """Bytes that still fail, from which nothing can be left out, or what has been found in time."""
    end = time.monotonic() + seconds
    least = data
    while least is not None and time.monotonic() < end:
        data, least = least, None
        for less in smaller(data):
            if time.monotonic() > end:
                break
            if len(less) < len(data) and fails(less):
                least = less
                break
    return data
