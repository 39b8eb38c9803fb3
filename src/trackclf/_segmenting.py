"""Words, and whether a short term straddles two of them, by a private jieba tokenizer."""

import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from trackclf._compiled import read, write

_LONGEST_WORD = 16  # characters of jieba's dictionary
_RUN = re.compile(r"[\u3400-\u9fff0-9a-z]+")


class Words:
    """jieba's dictionary with its frequencies, and 0 for every beginning of a word; read character by character.

    It takes half a second to read as a whole, and few texts ask for more than some lines of it.

    Parameters
    ----------
    initials : str
        First characters of all words.
    rests : sequence of str
        By initial: the rest of each word that begins so and its frequency, all separated by spaces.
    """

    def __init__(self, initials: str, rests: Sequence[str]) -> None:
        self._rests = rests
        self._place = {initial: n for n, initial in enumerate(initials)}
        self._made: dict[str, dict[str, int]] = {}

    def after(self, initial: str) -> dict[str, int]:
        """The rest of each word that begins with a character, with its frequency."""
        made = self._made.get(initial)
        if made is None:
            place = self._place.get(initial)
            fields = self._rests[place].split(" ") if place is not None else []
            made = self._made[initial] = dict(zip(fields[::2], map(int, fields[1::2]), strict=True))
        return made

    def get(self, word: str) -> int | None:
        """Frequency of a word, 0 for a beginning, None for what is neither."""
        return self.after(word[:1]).get(word[1:])

    def __contains__(self, word: str) -> bool:
        return self.get(word) is not None

    def __getitem__(self, word: str) -> int:
        count = self.get(word)
        if count is None:
            raise KeyError(word)
        return count


class Segmenter:
    """Says whether a term straddles two words, and cuts text into words.

    The dictionary is read at the first question, jieba itself imported at the first that the dictionary does not settle.
    The tokenizer shares nothing with `jieba.dt`, so a caller's own dictionary stays as it is.
    """

    def __init__(self) -> None:
        self._words: Words | None = None
        self._total = 0
        self._tokenizer: Any = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return type(self), ()

    def straddles(self, sentence: str, start: int, end: int) -> bool:
        """Whether a word of the folded `sentence` crosses one end of [start, end) and not the other."""
        words = self._words or self._read()
        sides = sentence[max(start - 1, 0) : start + 1], sentence[end - 1 : end + 1]
        # Latin letters and digits are cut by rules of their own; otherwise the dictionary must have such a word.
        if not any(map(str.isascii, sides)) and not _may_straddle(words, sentence, start, end):
            return False
        tokenizer = self._tokenizer or self._load()
        for _, low, high in tokenizer.tokenize(sentence, HMM=False):
            covers = low <= start and high >= end
            if not covers and (low < start < high or low < end < high):
                return True
        return False

    def words(self, folded: str) -> Iterator[list[str]]:
        """The words of each run of Chinese characters, Latin letters and digits."""
        if self._words is None:
            self._read()
        tokenizer = self._tokenizer or self._load()
        return (tokenizer.lcut(run, HMM=False) for run in _RUN.findall(folded))

    def shares(self, words: Iterable[str]) -> list[float]:
        """Share of each word among the words that jieba's dictionary was counted on; 0 for what is no word."""
        known = self._words or self._read()
        return [(known.get(word) or 0) / self._total for word in words]

    def _read(self) -> Words:
        with self._lock:
            if self._words is None:
                key = _key()
                found = read(key) if key else None
                if found is None:
                    found = _compiled()
                    if key:
                        write(key, found)
                initials, rests, self._total = found
                self._words = Words(initials, rests)
            return self._words

    def _load(self) -> Any:
        with self._lock:
            if self._tokenizer is None:
                tokenizer = _jieba().Tokenizer()
                # What its initialize() does, without a file in the shared temporary folder.
                tokenizer.FREQ, tokenizer.total, tokenizer.initialized = self._words, self._total, True
                self._tokenizer = tokenizer
            return self._tokenizer


def _jieba() -> Any:
    import logging
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, on import
        import jieba

    logging.getLogger("jieba").setLevel(logging.WARNING)
    return jieba


def _key() -> str | None:
    """Key of the compiled dictionary: the file of jieba that it is made from, without importing jieba."""
    from importlib.util import find_spec

    spec = find_spec("jieba")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "dict.txt"
    try:
        stat = path.stat()
    except OSError:
        return None
    return f"words 1 {sys.byteorder} {path} {stat.st_size} {stat.st_mtime_ns}"


def _compiled() -> tuple[str, list[str], int]:
    """Initials, rests and sum of the frequencies of jieba's dictionary."""
    tokenizer = _jieba().Tokenizer()
    words, total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    rests: dict[str, list[str]] = {}
    for word, count in words.items():
        rests.setdefault(word[0], []).append(f"{word[1:]} {count}")
    return "".join(rests), [" ".join(some) for some in rests.values()], total


def _may_straddle(words: Words, sentence: str, start: int, end: int) -> bool:
    """Whether a word starts before [start, end) and ends inside, or starts inside and ends after."""
    for first in range(max(start - _LONGEST_WORD, 0), end):
        if first == start:
            continue
        rests = words.after(sentence[first])
        # The shortest that would cross an end, then longer ones; all of them begin alike.
        last, high = (start + 1, end - 1) if first < start else (end + 1, len(sentence))
        while last <= high:
            count = rests.get(sentence[first + 1 : last])
            if count is None:
                break
            if count:
                return True
            last += 1
    return False
