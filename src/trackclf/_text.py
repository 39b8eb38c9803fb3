"""Text as arrays of code points: what `_characters` defines, for whole batches, with every place kept.

`Passages.place` maps what closing up leaves back to the caller's own string.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from trackclf import _resources
from trackclf._characters import (
    CLASS_MEMBERS,
    CLAUSE,
    CLOSERS,
    COMMA,
    DOT,
    DROP,
    HARD,
    NEWLINE,
    SENTENCE,
    SPACE,
    TAB,
    TONED,
    TONED_RANGE,
    WIDE_PUNCTUATION,
    WIDE_RANGES,
    blank_notes,
)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

UNICODE = 0x110000
_ZERO_WIDTH = 0x200B
FIRST_SYMBOL = 16  # a matcher numbers its own symbols from here; below are the classes


@lru_cache(maxsize=1)
def fold_table() -> NDArray[np.uint32]:
    """uint32 (0x110000,): what each code point folds to. Folding twice changes nothing."""
    table = np.arange(UNICODE, dtype=np.uint32)
    source, target = _resources.character_map()
    table[code_points(source)] = code_points(target)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def class_table() -> NDArray[np.uint8]:
    """uint8 (0x110000,): the class of each code point, 0 for those that only spell."""
    table = np.zeros(UNICODE, np.uint8)
    for number, members in CLASS_MEMBERS.items():
        table[code_points(members)] = number
    table.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def _wide_table() -> Bools:
    """Bool (0x110000,): scripts and punctuation that are written without spaces around them."""
    table = _ranges(WIDE_RANGES)
    table[code_points(WIDE_PUNCTUATION)] = True
    return table


def _ranges(ranges: tuple[tuple[int, int], ...]) -> Bools:
    table = np.zeros(UNICODE, bool)
    for low, high in ranges:
        table[low : high + 1] = True
    return table


def code_points(text: str) -> NDArray[np.uint32]:
    """uint32 (len(text),): the code points of a string; lone surrogates stand for themselves."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4")).astype(np.uint32, copy=False)


def to_string(codes: NDArray[np.uint32]) -> str:
    """The string of code points: `to_string(code_points(text)) == text`."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")


def is_ascii_word(codes: NDArray[np.uint32]) -> Bools:
    """Whether each folded code point is one of a-z and 0-9."""
    return ((codes >= 97) & (codes <= 122)) | ((codes >= 48) & (codes <= 57))


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing up decided about a run of code points.

    Attributes
    ----------
    drop : int64 (n_dropped,)
        Positions to leave out, ascending.
    space : int64
        White space that stays, as one space.
    newline : int64
        Line ends that stay, as a paragraph's end.
    tab : int64
        Tabs that stay: they separate fields.
    """

    drop: Ints
    space: Ints
    newline: Ints
    tab: Ints


def close_up(codes: NDArray[np.uint32], at: Ints) -> Closed:
    """Decide which of the white space and zero-width characters at `at` stay.

    The rule is that of `trackclf._characters.normalise`.
    """
    classes = class_table()
    kind = classes[codes[at]]
    first = np.flatnonzero(np.diff(at, prepend=-2) > 1)  # of each run, in `at`
    stop = np.append(first[1:], len(at))
    white = np.add.reduceat(kind != DROP, first)
    lines = np.add.reduceat(kind == NEWLINE, first)
    tabs = np.add.reduceat(kind == TAB, first)
    before = at[first] - 1
    after = at[stop - 1] + 1
    # A NUL stands at both ends, so that every run has neighbours.
    left = np.where(before >= 0, codes[before], 0)
    right = np.where(after < len(codes), codes[np.minimum(after, len(codes) - 1)], 0)
    wide = _wide_table()
    fold = fold_table()
    loose = wide[fold[left]] | wide[fold[right]] | (classes[left] == HARD) | (classes[right] == HARD)
    closer = np.isin(left, code_points(CLOSERS))
    last = np.where(closer & (before >= 1), codes[np.maximum(before - 1, 0)], left)
    ended = (lines >= 1) & (classes[last] == SENTENCE)
    keep_line = ((lines >= 2) | ended) & (tabs == 0) & (classes[left] != HARD) & (classes[right] != HARD)
    keep_space = ~loose & ~keep_line & (tabs == 0) & (white > 0)
    run = np.repeat(np.arange(len(first)), stop - first)
    rank = np.arange(len(at)) - first[run]
    # The run's first white character stands for it; zero-width ones before it go.
    lead = np.where(kind != DROP, rank, len(at))
    lead = np.minimum.reduceat(lead, first)
    chosen = rank == lead[run]
    kept = chosen & (keep_line | keep_space | (tabs > 0))[run]
    return Closed(
        drop=at[~kept],
        space=at[kept & keep_space[run]],
        newline=at[kept & keep_line[run]],
        tab=at[kept & (tabs > 0)[run]],
    )


class Passages:
    """Several texts as one closed-up run of symbols, with the way back to each.

    Parameters
    ----------
    texts : sequence of str
    table : uint16 (0x110000,)
        Symbol of each code point: its class, or a matcher's own number from FIRST_SYMBOL on, or 0.

    Attributes
    ----------
    texts : sequence of str
    codes : uint32 (n_codes,)
        All code points as given, a NUL after each text.
    symbols : uint16 (n_symbols,)
        After closing up.
    """

    def __init__(self, texts: Sequence[str], table: NDArray[np.uint16]) -> None:
        self.texts = texts
        self.codes = code_points("\0".join(texts) + "\0")
        codes = self._without_notes()
        symbols = table.take(codes)
        shifted = symbols - np.uint16(DROP)  # wraps, so that one comparison finds DROP to TAB
        at = np.flatnonzero(shifted <= TAB - DROP)
        self._drop: Ints | None = None  # positions in `codes` that closing up left out
        if len(at):
            closed = close_up(codes, at)
            symbols[closed.space] = SPACE
            symbols[closed.newline] = NEWLINE
            symbols[closed.tab] = TAB
            keep = np.ones(len(symbols), bool)
            keep[closed.drop] = False
            symbols = symbols[keep]
            self._drop = closed.drop
        self.symbols = symbols

    def _without_notes(self) -> NDArray[np.uint32]:
        """`codes` with zero-width characters for notes of pinyin."""
        low, high = TONED_RANGE
        at = np.flatnonzero(self.codes - np.uint32(low) <= high - low)  # wraps, so that one comparison finds all
        at = at[np.isin(fold_table().take(self.codes.take(at)), code_points(TONED))] if len(at) else at
        if not len(at):
            return self.codes
        codes, starts = self.codes.copy(), self.starts
        for n in np.unique(np.searchsorted(starts, at, side="right") - 1).tolist():
            part = codes[starts[n] : starts[n + 1]]
            folded = fold_table().take(part)
            part[code_points(blank_notes(to_string(folded))) != folded] = _ZERO_WIDTH
        return codes

    @cached_property
    def starts(self) -> Ints:
        """int64 (n_texts + 1,): where each text starts in `codes`."""
        lengths = np.fromiter(map(len, self.texts), np.int64, len(self.texts)) + 1
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])

    @cached_property
    def _ends(self) -> Ints:
        """Position in `symbols` of the NUL after each text."""
        end = self.starts[1:] - 1
        return end if self._drop is None else end - np.searchsorted(self._drop, end)

    @property
    def lengths(self) -> Ints:
        """int64 (n_texts,): characters of each text after closing up."""
        return np.diff(self._ends, prepend=-1) - 1

    @cached_property
    def _shift(self) -> Ints:
        drop = np.zeros(0, np.int64) if self._drop is None else self._drop
        return drop - np.arange(len(drop))

    def place(self, at: Ints) -> Ints:
        """Positions in `codes` of positions in `symbols`."""
        if self._drop is None:
            return at
        return at + np.searchsorted(self._shift, at, side="right")

    def sentence_start(self, sentence: NDArray[np.integer]) -> Ints:
        """First position in `symbols` of some sentences."""
        return np.where(sentence > 0, self.sentence_breaks.take(sentence - 1) + 1, 0)

    @cached_property
    def sentence_texts(self) -> Ints:
        """int64 (n_sentences,): index of the text that each sentence belongs to."""
        last = self.sentence_numbers.take(self._ends)
        return np.repeat(np.arange(len(last)), np.diff(last, prepend=-1))

    @cached_property
    def _stops(self) -> tuple[Ints, NDArray[np.uint16]]:
        """Positions in `symbols` of all that ends something, ascending, and their classes.

        A dot that ends a sentence is of class SENTENCE here, another is no stop.
        """
        at = np.flatnonzero(self.symbols - np.uint16(NEWLINE) <= HARD - NEWLINE)  # wraps below NEWLINE
        kind = self.symbols.take(at)
        dots = np.flatnonzero(kind == DOT)
        if len(dots):
            after = self.symbols.take(at[dots] + 1)  # a NUL ends every text
            ends = (after == SPACE) | (after == NEWLINE) | (after == HARD)
            kind[dots] = np.where(ends, SENTENCE, DOT)
            keep = np.flatnonzero(kind != DOT)
            at, kind = at.take(keep), kind.take(keep)
        return at, kind

    @cached_property
    def sentence_breaks(self) -> Ints:
        """Positions in `symbols` that end a sentence, ascending."""
        at, kind = self._stops
        return at.take(np.flatnonzero((kind >= SENTENCE) | (kind == NEWLINE)))

    @cached_property
    def sentence_numbers(self) -> NDArray[np.int32]:
        """int32 (n_symbols,): index of the sentence that each symbol belongs to; a break belongs to what it ends."""
        lengths = np.diff(
            self.sentence_breaks, prepend=-1
        )  # a NUL ends every text, so the last break is the last symbol
        return np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)

    @cached_property
    def paragraph_breaks(self) -> Ints:
        """Positions in `symbols` that end a paragraph, ascending."""
        at, kind = self._stops
        return np.asarray(at[(kind == NEWLINE) | (kind == HARD)])

    @cached_property
    def clause_breaks(self) -> Ints:
        """Positions in `symbols` that end a clause, ascending; every sentence break is among them."""
        at, kind = self._stops
        inner = np.flatnonzero((kind == COMMA) | (kind == CLAUSE))
        inner = inner[self._is_digit(at.take(inner) - 1)]
        inner = inner[self._is_digit(at.take(inner) + 1)]
        return np.delete(at, inner)  # 1,000 and 10:30

    def folded(self, at: Ints) -> NDArray[np.uint32]:
        """Folded code points at positions in `symbols`; NUL outside."""
        inside = (at >= 0) & (at < len(self.symbols))
        codes = fold_table()[self.codes[self.place(np.where(inside, at, 0))]]
        return np.where(inside, codes, np.uint32(0))

    def _is_digit(self, at: Ints) -> Bools:
        codes = self.folded(at)
        return (codes >= 48) & (codes <= 57)
