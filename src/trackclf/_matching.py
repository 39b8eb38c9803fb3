"""Strings to one table, texts to hits: all occurrences of all strings, in one vectorised pass.

The table is a trie whose edges are exact integer keys. The pass looks at each pair of neighbouring symbols
once; the few positions where some string may start are followed down the trie together.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trackclf._text import (
    FIRST_SYMBOL,
    UNICODE,
    Ints,
    Passages,
    class_table,
    code_points,
    fold_table,
    is_ascii_word,
)

Int32 = NDArray[np.int32]

_MIX = np.uint16(40503)  # odd; 2**16 / golden ratio, as in Fibonacci hashing
_BUCKETS = 7
_FEW = 500  # keys that a single sort takes no longer for
_PAIR = np.uint16(1 << _BUCKETS)  # the pair is a string; below it, one bit for each bucket of third symbols
_NEXT = np.uint16(_BUCKETS + 1)  # from here up, the bucket of the pair as the second and third symbols of a string
_GOES_ON = np.uint16(_PAIR - 1)


class Hits(NamedTuple):
    """Occurrences of strings, ordered by nothing in particular.

    Attributes
    ----------
    string : int32 (n_hits,)
        Index into the table's strings.
    start, end : int64 (n_hits,)
        Positions in the symbols of a `Passages`.
    """

    string: Int32
    start: Ints
    end: Ints

    def take(self, keep: Ints) -> "Hits":
        """Some of them, given by their places."""
        return Hits._make(column.take(keep) for column in self)


class Alphabet:
    """The characters of all strings that matter, numbered: those of `first` first, so that a comparison finds them.

    Attributes
    ----------
    symbols : uint16 (0x110000,)
        Symbol of each code point: its class, or its number, or 0.
    size : int
        One more than the largest symbol.
    """

    def __init__(self, strings: Iterable[str], first: str = "") -> None:
        classes = class_table()
        plain = [char for char in dict.fromkeys((*first, *sorted(set("".join(strings))))) if not classes[ord(char)]]
        if len(plain) + FIRST_SYMBOL > np.iinfo(np.uint16).max:
            raise ValueError(f"an alphabet of {len(plain)} characters is more than a table can number")
        own = np.zeros(UNICODE, np.uint16)
        own[code_points("".join(plain))] = np.arange(FIRST_SYMBOL, FIRST_SYMBOL + len(plain))
        self.symbols = np.where(classes > 0, classes.astype(np.uint16), own[fold_table()])
        self.symbols.setflags(write=False)
        self.size = FIRST_SYMBOL + len(plain)


class Table:
    """Strings that matter, ready to be found.

    Parameters
    ----------
    strings : sequence of str
        Normalised and distinct.
    alphabet : Alphabet
        Numbers all their characters.
    which : sequence of int, optional
        Indices of the strings to find; by default all.
    """

    def __init__(self, strings: Sequence[str], alphabet: Alphabet, which: Sequence[int] | None = None) -> None:
        self._symbols, self._size = alphabet.symbols, alphabet.size
        self._build(strings, range(len(strings)) if which is None else which)

    def _build(self, strings: Sequence[str], which: Iterable[int]) -> None:
        letters = "".join(dict.fromkeys("".join(strings)))
        symbol_of_char = dict(zip(letters, self._symbols[code_points(letters)].tolist(), strict=True))
        single = np.full(self._size, -1, np.int32)
        pairs: list[tuple[int, int, int]] = []
        thirds: dict[tuple[int, int, int], None] = {}
        opening: dict[int, int] = {}  # from the key of a pair to its state
        edges: dict[int, int] = {}
        final: list[int] = []
        for index in which:
            symbols = [symbol_of_char[char] for char in strings[index]]
            if len(symbols) == 1:
                single[symbols[0]] = index
                continue
            first, second, *rest = symbols
            if not rest:
                pairs.append((first, second, index))
                continue
            thirds[first, second, rest[0]] = None
            state = opening.setdefault(first * self._size + second, len(final))
            if state == len(final):
                final.append(-1)
            for symbol in rest:
                state = edges.setdefault(state * self._size + symbol, len(final))
                if state == len(final):
                    final.append(-1)
            final[state] = index
        self._final = np.array(final, np.int32)
        self._single = single if (single >= 0).any() else None
        self._last_single = np.uint16(np.flatnonzero(single >= 0).max(initial=FIRST_SYMBOL) - FIRST_SYMBOL)
        two = np.array(pairs, np.int64).reshape(-1, 3)
        three = np.array(list(thirds), np.int64).reshape(-1, 3)
        self._pairs = Edges({left * self._size + right: index for left, right, index in pairs}, self._size**2)
        self._opening = Edges(opening, self._size**2)
        self._edges = Edges(edges, len(final) * self._size)
        self._flags = np.zeros(1 << 16, np.uint16)
        self._flags[mix(*two[:, :2].T.astype(np.uint16))] = _PAIR
        second = mix(*three[:, 1:].T.astype(np.uint16))
        bucket = ((second * np.uint32(_MIX)) >> np.uint32(16)) % np.uint32(_BUCKETS)
        bit = np.left_shift(1, bucket).astype(np.uint16)
        np.bitwise_or.at(self._flags, mix(*three[:, :2].T.astype(np.uint16)), bit)
        np.bitwise_or.at(self._flags, second, bit << _NEXT)
        ends = code_points("".join(s[0] + s[-1] for s in strings)).reshape(-1, 2)
        self._ascii = is_ascii_word(ends) @ np.array([1, 2], np.uint8)  # 1 where it starts so, 2 where it ends so
        self._digit_left = (ends[:, 0] >= 48) & (ends[:, 0] <= 57)

    def find(self, passages: Passages) -> Hits:
        """All occurrences of all strings, overlaps included; strings that end in ASCII on word boundaries."""
        return self.on_word_boundaries(passages, self.occurrences(passages.symbols))

    def find_in(self, passages: Passages, sentences: Ints) -> Hits:
        """As `find`, in some sentences alone."""
        place = positions(passages, sentences)
        found = self.occurrences(passages.symbols.take(place))
        start = place.take(found.start)
        return self.on_word_boundaries(passages, Hits(found.string, start, start + (found.end - found.start)))

    def occurrences(self, symbols: NDArray[np.uint16]) -> Hits:
        """All occurrences of all strings, overlaps included, in a run of symbols whose last one only breaks."""
        found: list[tuple[Int32, Ints, int]] = []
        if self._single is not None:
            at = np.flatnonzero(symbols - np.uint16(FIRST_SYMBOL) <= self._last_single)  # wraps below FIRST_SYMBOL
            string = self._single.take(symbols.take(at))
            hit = np.flatnonzero(string >= 0)
            found.append((string.take(hit), at.take(hit), 1))
        # One look-up a pair tells whether it is a string, and whether with the next pair it may start a longer one.
        flags = self._flags.take(mix(symbols[:-1], symbols[1:]))
        at = np.flatnonzero((flags & _PAIR) != 0)
        string, there = self._pairs.follow(self._key(symbols, at))
        found.append((string, at[there], 2))
        at = np.flatnonzero((flags[:-1] & (flags[1:] >> _NEXT) & _GOES_ON) != 0)
        state, there = self._opening.follow(self._key(symbols, at))
        at = at[there]
        length = 2
        while len(at):
            key = state.astype(self._edges.dtype) * self._size + symbols.take(at + length)
            state, there = self._edges.follow(key)
            at = at[there]
            length += 1
            string = self._final.take(state)
            hit = np.flatnonzero(string >= 0)
            if len(hit):
                found.append((string[hit], at[hit], length))
            if len(at) and at[-1] + length == len(symbols):  # a string may end in the break that ends the run
                at, state = at[:-1], state[:-1]
        start = np.concatenate([item[1] for item in found])
        end = start + np.repeat([item[2] for item in found], [len(item[0]) for item in found])
        return Hits(np.concatenate([item[0] for item in found]), start, end)

    def openers(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Bits by `mix` of a pair, and of the next: where they have some in common, a string may start. See `occurrences`."""
        return (self._flags & (_PAIR | _GOES_ON)).astype(np.uint8), (self._flags >> _NEXT | _PAIR).astype(np.uint8)

    def _key(self, symbols: NDArray[np.uint16], at: Ints) -> NDArray[np.integer]:
        """Keys of pairs of symbols."""
        return symbols.take(at).astype(self._pairs.dtype) * self._size + symbols.take(at + 1)

    def on_word_boundaries(self, passages: Passages, hits: Hits) -> Hits:
        """Hits without those of strings that start or end in ASCII inside a longer word or number."""
        edges = self._ascii.take(hits.string)
        ascii = np.flatnonzero(edges != 0)
        if not len(ascii):
            return hits
        bad = np.zeros(len(hits.start), bool)
        at = ascii[edges[ascii] & 1 != 0]
        before = passages.folded(hits.start[at] - 1)
        bad[at] = is_ascii_word(before)
        # 2.6G is no 6G: a point or comma with a digit before it continues a number.
        number = (before == 0x2E) | (before == 0x2C)
        at = at[number & self._digit_left[hits.string[at]]]
        earlier = passages.folded(hits.start[at] - 2)
        bad[at] |= (earlier >= 48) & (earlier <= 57)
        at = ascii[edges[ascii] & 2 != 0]
        bad[at] |= is_ascii_word(passages.folded(hits.end[at]))
        return hits.take(np.flatnonzero(~bad)) if bad.any() else hits


def mix(left: NDArray[np.uint16], right: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """uint16, the shape of both: a hash of pairs of symbols."""
    return (left * _MIX) ^ right


class Edges:
    """A map from integer keys, all below `bound`, to small integers; exact, for whole arrays at once.

    Cuckoo hashing: a key lies at one of two places, so that every look-up takes two steps and no loop.
    Pagh & Rodler (2004), Cuckoo hashing, https://doi.org/10.1016/j.jalgor.2003.12.002
    """

    def __init__(self, targets: dict[int, int], bound: int) -> None:
        # Keys of 32 bits, where they are enough, take half the cache and half the time.
        wide = bound > np.iinfo(np.int32).max
        keys: NDArray[np.integer] = np.fromiter(targets, np.int64, len(targets)).astype(np.int64 if wide else np.int32)
        values = np.fromiter(targets.values(), np.int32, len(targets))
        width = 64 if wide else 32
        unsigned = np.uint64 if wide else np.uint32
        # 2**width divided by the golden ratio and by the square root of two, made odd: Fibonacci hashing.
        factors = (0x9E3779B97F4A7C15, 0xB504F333F9DE6485) if wide else (0x9E3779B1, 0xB504F333)
        self._factors = tuple(unsigned(factor) for factor in factors)
        bits = max(4, int(3 * len(keys)).bit_length())
        while not self._place(keys, values, unsigned(width - bits), bits):
            bits += 1

    def _place(self, keys: NDArray[np.integer], targets: Int32, shift: Any, bits: int) -> bool:
        """Give every key its place; False where that takes too long."""
        self._shift = shift
        owner = np.full(1 << bits, -1, np.int64)
        places = np.stack([self._slot(keys, factor) for factor in self._factors])
        side = np.zeros(len(keys), np.int64)  # which of its places each key has, or is to have
        pending = np.arange(len(keys))
        for _ in range(200):
            if not len(pending):
                break
            slot = places[side[pending], pending]
            evicted = owner[slot]
            owner[slot] = pending  # of several the last one stays
            lost = pending[owner[slot] != pending]
            pending = np.unique(np.concatenate([lost, evicted[evicted >= 0]]))
            side[pending] ^= 1
        self._keys = np.where(owner >= 0, keys[owner] if len(keys) else 0, -1).astype(keys.dtype)
        self._targets = targets[owner] if len(keys) else owner.astype(np.int32)
        return not len(pending)

    @property
    def dtype(self) -> np.dtype[Any]:
        """What keys are asked for as."""
        dtype: np.dtype[Any] = self._keys.dtype
        return dtype

    def _slot(self, keys: NDArray[np.integer], factor: Any) -> Ints:
        mixed: NDArray[Any] = keys.view(factor.dtype) * factor
        slot: Ints = (mixed >> self._shift).astype(np.int64)
        return slot

    def follow(self, wanted: NDArray[np.integer]) -> tuple[Int32, Ints]:
        """Targets of the keys that are there, and which of `wanted` those are, ascending."""
        slot = self._slot(wanted, self._factors[0])
        there = self._keys.take(slot) == wanted
        rest = np.flatnonzero(~there)
        other = self._slot(wanted[rest], self._factors[1])
        hit = self._keys.take(other) == wanted[rest]
        slot[rest] = other
        there[rest] = hit
        which = np.flatnonzero(there)
        return self._targets.take(slot[which]), which


def spread(low: Ints, count: Ints) -> tuple[Ints, Ints]:
    """Ranges laid end to end: for each of their numbers, the index of its range, and the number.

    >>> [part.tolist() for part in spread(np.array([5, 9]), np.array([2, 1]))]
    [[0, 0, 1], [5, 6, 9]]
    """
    index = np.repeat(np.arange(len(low)), count)
    first = low - np.cumsum(count) + count
    return index, np.arange(len(index)) + first.take(index)


def ascending(keys: NDArray[np.integer]) -> Ints:
    """Indices that sort non-negative keys, equal ones in their order: `np.argsort(keys, kind="stable")`, faster.

    numpy sorts 16-bit integers by radix, so longer keys are sorted 16 bits at a time, the lowest first.
    """
    if len(keys) < _FEW:
        return np.argsort(keys, kind="stable")
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    for shift in range(16, int(keys.max()).bit_length(), 16):
        digits = (keys >> shift).astype(np.uint16)
        order = order.take(np.argsort(digits.take(order), kind="stable"))
    return order


def numbered(keys: Ints) -> tuple[Ints, Ints]:
    """The different keys, ascending, and the index of each key among them.

    `np.unique(keys, return_inverse=True)`, which would import numpy.ma at a first call: a tenth of a short run.
    """
    order = ascending(keys)
    ordered = keys.take(order)
    new = np.ones(len(keys), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    index = np.empty(len(keys), np.int64)
    index[order] = np.cumsum(new) - 1
    return ordered[new], index


def positions(passages: Passages, sentences: Ints) -> Ints:
    """Positions of some sentences in the symbols, end to end; each comes with its break, so that no string reaches over."""
    low = passages.sentence_start(sentences)
    return spread(low, passages.sentence_breaks.take(sentences) + 1 - low)[1]


class Fan:
    """A one-to-many map from small integers, for whole arrays at once. `counts` are the numbers of values by key.

    >>> index, value = Fan(3, [(0, 7), (2, 8), (2, 9)])(np.array([2, 0]))
    >>> index.tolist(), value.tolist()
    ([0, 0, 1], [8, 9, 7])
    """

    def __init__(self, size: int, pairs: Iterable[tuple[int, int]]) -> None:
        array = np.array(sorted(pairs), np.int64).reshape(-1, 2)
        self._values = array[:, 1].copy()
        self._offsets = np.searchsorted(array[:, 0], np.arange(size + 1))
        self.counts = np.diff(self._offsets)
        self._some = self.counts > 0

    def __call__(self, keys: NDArray[np.integer]) -> tuple[Ints, Ints]:
        """For each value of each key: the key's index in `keys`, and the value."""
        some = np.flatnonzero(self._some.take(keys))
        keys = keys.take(some)
        index, place = spread(self._offsets.take(keys), self.counts.take(keys))
        return some.take(index), self._values.take(place)

    def __len__(self) -> int:
        """Number of keys."""
        return len(self._offsets) - 1

    def map_values(self, table: Ints) -> None:
        """Replace each value v by `table[v]`."""
        self._values = table[self._values] if len(self._values) else self._values
