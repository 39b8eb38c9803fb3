"""Strings to one table, texts to hits: all occurrences of all strings, in one vectorised pass.

The table is a trie whose edges are exact integer keys. The pass looks at each pair of neighbouring symbols
once; the few positions where some string may start are followed down the trie together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf._text import (
    FIRST_SYMBOL,
    UNICODE,
    Bools,
    Ints,
    Passages,
    class_table,
    code_points,
    fold_table,
    is_ascii_word,
)

Int32 = NDArray[np.int32]

_FILTER_BITS = 16
_MIX = np.uint16(40503)  # odd; 2**16 / golden ratio, as in Fibonacci hashing


@dataclass(frozen=True, slots=True)
class Hits:
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

    def __getitem__(self, keep: Bools | Ints) -> "Hits":
        return Hits(self.string[keep], self.start[keep], self.end[keep])


class Alphabet:
    """The characters of all strings that matter, numbered.

    Attributes
    ----------
    symbols : uint16 (0x110000,)
        Symbol of each code point: its class, or its number, or 0.
    size : int
        One more than the largest symbol.
    """

    def __init__(self, strings: Iterable[str]) -> None:
        classes = class_table()
        plain = sorted(char for char in set("".join(strings)) if not classes[ord(char)])
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
        edges: dict[int, int] = {}
        final = [-1]
        size = self._size
        for index in which:
            state = 0
            for char in strings[index]:
                key = state * size + symbol_of_char[char]
                state = edges.get(key, -1)
                if state < 0:
                    state = edges[key] = len(final)
                    final.append(-1)
            final[state] = index
        self._final = np.array(final, np.int32)
        single = np.full(size, -1, np.int32)
        for key, target in edges.items():
            if key < size:
                single[key] = final[target]
        self._single = single if (single >= 0).any() else None
        keys = np.fromiter(edges, np.int64, len(edges))
        targets = np.fromiter(edges.values(), np.int32, len(edges))
        self._edges = Edges(keys, targets)
        # Pairs of symbols that start a string, as keys of their own, and a small filter over them.
        symbol_of = np.full(len(final), -1, np.int64)
        symbol_of[targets[keys < size]] = keys[keys < size]
        second = symbol_of[keys // size] >= 0
        left, right = symbol_of[keys[second] // size], keys[second] % size
        self._pairs = Edges(left * size + right, targets[second])
        self._filter = np.zeros(1 << _FILTER_BITS, bool)
        self._filter[_mix(left.astype(np.uint16), right.astype(np.uint16))] = True
        ends = code_points("".join(s[0] + s[-1] for s in strings)).reshape(-1, 2)
        self._ascii_left, self._ascii_right = is_ascii_word(ends).T
        self._digit_left = (ends[:, 0] >= 48) & (ends[:, 0] <= 57)

    def find(self, passages: Passages) -> Hits:
        """All occurrences of all strings, overlaps included; strings that end in ASCII on word boundaries."""
        return self.on_word_boundaries(passages, self.occurrences(passages.symbols))

    def occurrences(self, symbols: NDArray[np.uint16]) -> Hits:
        """All occurrences of all strings, overlaps included, in a run of symbols."""
        found: list[tuple[Int32, Ints, int]] = []
        if self._single is not None:
            string = self._single[symbols]
            at = np.flatnonzero(string >= 0)
            found.append((string[at], at, 1))
        at = np.flatnonzero(self._filter[_mix(symbols[:-1], symbols[1:])])
        key = symbols[at].astype(self._pairs.dtype) * self._size + symbols[at + 1]
        state, there = self._pairs.follow(key)
        at = at[there]
        length = 2
        while len(at):
            string = self._final[state]
            hit = np.flatnonzero(string >= 0)
            if len(hit):
                found.append((string[hit], at[hit], length))
            inside = np.flatnonzero(at + length < len(symbols))
            state, at = state[inside], at[inside]
            key = state.astype(self._edges.dtype) * self._size + symbols[at + length]
            state, there = self._edges.follow(key)
            at = at[there]
            length += 1
        found.append((np.zeros(0, np.int32), np.zeros(0, np.int64), 0))
        start = np.concatenate([item[1] for item in found])
        end = start + np.repeat([item[2] for item in found], [len(item[0]) for item in found])
        return Hits(np.concatenate([item[0] for item in found]), start, end)

    def on_word_boundaries(self, passages: Passages, hits: Hits) -> Hits:
        """Hits without those of strings that start or end in ASCII inside a longer word or number."""
        bad = np.zeros(len(hits.start), bool)
        at = np.flatnonzero(self._ascii_left[hits.string])
        before = passages.folded(hits.start[at] - 1)
        bad[at] = is_ascii_word(before)
        # 2.6G is no 6G: a point or comma with a digit before it continues a number.
        number = (before == 0x2E) | (before == 0x2C)
        at = at[number & self._digit_left[hits.string[at]]]
        earlier = passages.folded(hits.start[at] - 2)
        bad[at] |= (earlier >= 48) & (earlier <= 57)
        at = np.flatnonzero(self._ascii_right[hits.string])
        bad[at] |= is_ascii_word(passages.folded(hits.end[at]))
        return hits[~bad] if bad.any() else hits


def _mix(left: NDArray[np.uint16], right: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return (left * _MIX) ^ right


class Edges:
    """A map from integer keys to states, by open addressing with linear probing; exact, for whole arrays at once."""

    def __init__(self, keys: Ints, targets: Int32) -> None:
        bits = max(4, int(4 * len(keys)).bit_length())
        # Keys of 32 bits, where they are enough, take half the cache and half the time.
        keys = keys.astype(np.int32 if not len(keys) or keys.max() <= np.iinfo(np.int32).max else np.int64)
        width = 8 * keys.itemsize
        # 2**width / golden ratio, as in Fibonacci hashing
        self._factor = np.uint32(0x9E3779B1) if width == 32 else np.uint64(0x9E3779B97F4A7C15)
        self._shift = type(self._factor)(width - bits)
        self._keys = np.full(1 << bits, -1, keys.dtype)
        self._targets = np.zeros(1 << bits, np.int32)
        slot = self._slot(keys)
        pending = np.arange(len(keys))
        while len(pending):
            free = pending[self._keys[slot[pending]] < 0]
            _, first = np.unique(slot[free], return_index=True)
            placed = free[first]
            self._keys[slot[placed]] = keys[placed]
            self._targets[slot[placed]] = targets[placed]
            pending = pending[self._keys[slot[pending]] != keys[pending]]
            slot[pending] = (slot[pending] + 1) & (len(self._keys) - 1)

    @property
    def dtype(self) -> np.dtype[Any]:
        """What keys are asked for as."""
        return self._keys.dtype

    def _slot(self, keys: NDArray[np.integer]) -> Ints:
        mixed: NDArray[Any] = keys.view(self._factor.dtype) * self._factor
        return (mixed >> self._shift).astype(np.int64)

    def follow(self, wanted: NDArray[np.integer]) -> tuple[Int32, Ints]:
        """States of the keys that are there, and which of `wanted` those are, ascending."""
        slot = self._slot(wanted)
        found = self._keys[slot]
        there = found == wanted
        asking = np.flatnonzero(~there & (found >= 0))
        while len(asking):
            slot[asking] = (slot[asking] + 1) & (len(self._keys) - 1)
            found = self._keys[slot[asking]]
            hit = found == wanted[asking]
            there[asking[hit]] = True
            asking = asking[~hit & (found >= 0)]
        which = np.flatnonzero(there)
        return self._targets[slot[which]], which


def spread(low: Ints, count: Ints) -> tuple[Ints, Ints]:
    """Ranges laid end to end: for each of their numbers, the index of its range, and the number.

    >>> [part.tolist() for part in spread(np.array([5, 9]), np.array([2, 1]))]
    [[0, 0, 1], [5, 6, 9]]
    """
    index = np.repeat(np.arange(len(low)), count)
    return index, np.arange(len(index)) + np.repeat(low - np.cumsum(count) + count, count)


def positions(passages: Passages, sentences: Ints) -> tuple[Ints, Ints]:
    """Positions of some sentences, end to end: the index in `sentences` and the position in the symbols.

    Each comes with its break, so that no string reaches over.
    """
    breaks = passages.sentence_breaks
    low = np.where(sentences > 0, breaks[sentences - 1] + 1, 0)
    return spread(low, breaks[sentences] + 1 - low)


class Fan:
    """A one-to-many map from small integers, for whole arrays at once.

    >>> index, value = Fan(3, [(0, 7), (2, 8), (2, 9)])(np.array([2, 0]))
    >>> index.tolist(), value.tolist()
    ([0, 0, 1], [8, 9, 7])
    """

    def __init__(self, size: int, pairs: Iterable[tuple[int, int]]) -> None:
        array = np.array(sorted(pairs), np.int64).reshape(-1, 2)
        self._values = array[:, 1].copy()
        self._offsets = np.searchsorted(array[:, 0], np.arange(size + 1))

    def __call__(self, keys: NDArray[np.integer]) -> tuple[Ints, Ints]:
        """For each value of each key: the key's index in `keys`, and the value."""
        low = self._offsets[keys]
        index, place = spread(low, self._offsets[keys + 1] - low)
        return index, self._values[place]

    def __len__(self) -> int:
        """Number of keys."""
        return len(self._offsets) - 1

    @property
    def counts(self) -> Ints:
        """Number of values of each key."""
        return np.diff(self._offsets)

    def map_values(self, table: Ints) -> None:
        """Replace each value v by `table[v]`."""
        self._values = table[self._values] if len(self._values) else self._values
