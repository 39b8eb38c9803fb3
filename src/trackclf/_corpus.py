"""Counts over a corpus for authors: what becomes of each term, and the runs of words beside each label's terms."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from trackclf._candidates import find_candidates
from trackclf._lexicon import NOT, WEAK, Lexicon
from trackclf._matching import Int32
from trackclf._segmenting import Segmenter
from trackclf._tagger import Tagger
from trackclf._text import Ints, Passages, to_string

EXAMPLES = 2
_WORDS = 4  # words of a candidate, at most
_LONGEST = 12  # its characters
_HELD = 1_000_000  # runs of words that are counted at a time
_INNER = frozenset("的了着过是在有和与及或等这那其之于将被把对从向为以而且但并也都就又还很更最不没未无")
# A candidate begins and ends with none of these words, and holds no word of `_INNER`.
OUTER = _INNER.union(
    "个种项家年月日中上下里内外后前到由让使给比约近达超各该本此每我你他她它们",
    re.findall(
        "..", "我们他们一个一种这个这些可以进行通过以及目前已经其中因此如果由于对于关于为了能够没有同时此外包括成为"
    ),
)


class Corpus:
    """Counts over all sentences of a corpus."""

    def __init__(self, tagger: Tagger) -> None:
        self._resolver = tagger._resolver
        self.lexicon: Lexicon = self._resolver.lexicon
        self.segmenter = Segmenter()
        rows, labels = len(self.lexicon.label), len(self.lexicon.labels)
        self.sentences = 0
        self.tagged = [0] * labels
        # By row of the lexicon: occurrences, those inside a `not` or a longer term, and which string did it first.
        self.occurrences, self.cancelled, self.covered = np.zeros((3, rows), np.int64)
        self.by: dict[int, str] = {}
        self.missed: dict[int, list[str]] = {}  # examples of all three
        # By row: finds, sentences and texts with it, texts where it is alone, and examples of these.
        self.finds, self.in_sentences, self.in_texts, self.alone = np.zeros((4, rows), np.int64)
        self.examples: dict[int, list[str]] = {}
        self.seen: set[int] = set()  # hashes of the different sentences
        self.shown: list[str] = []  # those with terms, as written
        self.text_of: list[int] = []  # and the text that each is from
        self.runs: Counter[str] = Counter()
        self.runs_of: list[dict[str, list[int]]] = [{} for _ in range(labels)]  # by label: index in `shown`
        self.beside: Counter[str] = Counter()  # runs in sentences with a term of any label
        self._floor = self._texts = 0

    def read(self, texts: Sequence[str]) -> None:
        """Count one batch."""
        lexicon = self.lexicon
        passages = Passages(texts, lexicon.symbols)
        finds = self._resolver.find(passages)
        finds = finds.take(~finds.denied)
        sentence = passages.sentence_numbers.take(finds.start).astype(np.int64)
        self._count_finds(passages, finds.row, sentence)
        self._count_misses(passages, finds.row, finds.start, finds.end)
        sure = np.flatnonzero(lexicon.kind.take(finds.row) < WEAK)
        masks: dict[int, list[tuple[int, int]]] = {}
        labels: dict[int, set[int]] = {}
        for n, label, start, end in zip(
            sentence.take(sure).tolist(),
            lexicon.label.take(finds.row.take(sure)).tolist(),
            finds.start.take(sure).tolist(),
            finds.end.take(sure).tolist(),
            strict=True,
        ):
            masks.setdefault(n, []).append((start, end))
            labels.setdefault(n, set()).add(label)
        folded = to_string(passages.folded(np.arange(len(passages.symbols))))
        low = 0
        for n, high in enumerate(passages.sentence_breaks.tolist()):
            if high > low:
                self.sentences += 1
                key = hash(folded[low:high])
                if key not in self.seen:
                    self.seen.add(key)
                    runs = self._runs(folded, low, high, masks.get(n, []))
                    self._count_runs(passages, n, runs, labels.get(n, set()))
            low = high + 1
        self._texts += len(texts)
        while len(self.runs) > _HELD:
            self._floor += 1
            self.runs = Counter({run: count for run, count in self.runs.items() if count > self._floor})

    def _runs(self, folded: str, low: int, high: int, masks: list[tuple[int, int]]) -> tuple[set[str], set[str]]:
        """Runs of words in a sentence that overlap none of the masked places: all, and those that touch none either.

        What touches a term is a part of a longer name, 设备 in 半导体设备, or says what becomes of it.
        """
        every: set[str] = set()
        free: set[str] = set()
        at = low
        for start, end in sorted([*masks, (high, high)]):
            segment = folded[at:start] if start > at else ""
            pieces = list(self.segmenter.words(segment)) if segment else []
            for n, words in enumerate(pieces):
                touched = at > low and n == 0 and segment.startswith(words[0])
                touching = start < high and n == len(pieces) - 1 and segment.endswith(words[-1])
                for first, word in enumerate(words):
                    if word in OUTER:
                        continue
                    run = ""
                    for last in range(first, min(first + _WORDS, len(words))):
                        run += words[last]
                        if words[last] in _INNER or words[last].isdigit() or len(run) > _LONGEST:
                            break
                        if len(run) > 1 and words[last] not in OUTER:
                            every.add(run)
                            if not (touched and first == 0) and not (touching and last == len(words) - 1):
                                free.add(run)
            at = max(at, end)
        return every, free

    def _count_runs(self, passages: Passages, sentence: int, runs: tuple[set[str], set[str]], labels: set[int]) -> None:
        every, free = runs
        self.runs.update(every)
        if not labels:
            return
        self.beside.update(free)
        for label in labels:
            self.tagged[label] += 1
            for run in free:
                self.runs_of[label].setdefault(run, []).append(len(self.shown))
        self.shown.append(_shown(passages, sentence))
        self.text_of.append(self._texts + int(passages.sentence_texts[sentence]))

    def _count_finds(self, passages: Passages, row: Int32, sentence: Ints) -> None:
        rows, labels = len(self.lexicon.label), len(self.lexicon.labels)
        self.finds += np.bincount(row, minlength=rows)
        self.in_sentences += np.bincount(np.unique(sentence * rows + row) % rows, minlength=rows)
        key, first = np.unique(passages.sentence_texts.take(sentence) * rows + row, return_index=True)
        text, mine = key // rows, key % rows
        self.in_texts += np.bincount(mine, minlength=rows)
        cell = text * labels + self.lexicon.label.take(mine)
        alone = np.bincount(cell).take(cell) == 1 if len(cell) else np.zeros(0, bool)
        self.alone += np.bincount(mine[alone], minlength=rows)
        for n, where in zip(mine[alone].tolist(), sentence[first[alone]].tolist(), strict=True):
            examples = self.examples.setdefault(n, [])
            if len(examples) < EXAMPLES:
                examples.append(_shown(passages, where))

    def _count_misses(self, passages: Passages, row: Int32, start: Ints, end: Ints) -> None:
        """Occurrences of plain terms that do not stand, and what they stand in."""
        lexicon = self.lexicon
        rows, size = len(lexicon.label), len(passages.symbols) + 1
        candidates = find_candidates(lexicon, passages)
        own, hits = candidates.row, candidates.hits.take(candidates.place)
        self.occurrences += np.bincount(own, minlength=rows)
        negative = lexicon.kind.take(own) == NOT
        stands = np.isin(own * np.int64(size) + hits.start, row * np.int64(size) + start)
        missing = np.flatnonzero(~stands & ~negative)
        for n, at in zip(own[missing].tolist(), hits.start[missing].tolist(), strict=True):
            examples = self.missed.setdefault(n, [])
            if len(examples) < EXAMPLES:
                examples.append(_shown(passages, int(passages.sentence_numbers[at])))
        base = lexicon.label.take(own).astype(np.int64) * size
        where = base + hits.start, base + hits.end
        for counts, low, high in (
            (self.cancelled, where[0][negative], where[1][negative]),
            (self.covered, *(lexicon.label.take(row).astype(np.int64) * size + at for at in (start, end))),
        ):
            inside, outer = _inside(where[0][missing], where[1][missing], low, high)
            counts += np.bincount(own[missing[inside]], minlength=rows)
            for n, span in zip(own[missing[inside]].tolist(), outer.tolist(), strict=True):
                if n not in self.by:
                    a, b = int(low[span]) % size, int(high[span]) % size
                    self.by[n] = to_string(passages.folded(np.arange(a, b)))
            missing = np.delete(missing, inside)


def _inside(start: Ints, end: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Spans [start, end) that lie in one of [low, high): their indices, and that of one they lie in."""
    order = np.argsort(low, kind="stable")
    reach = np.maximum.accumulate(high[order])
    widest = np.maximum.accumulate(np.where(reach == high[order], np.arange(len(order)), 0))
    slot = np.searchsorted(low[order], start, side="right") - 1
    within = np.flatnonzero(slot >= 0)
    within = within[reach[slot[within]] >= end[within]]
    return within, order[widest[slot[within]]]


def _shown(passages: Passages, sentence: int) -> str:
    """A sentence as written, on one line."""
    breaks = passages.sentence_breaks
    low, high = (int(breaks[sentence - 1]) + 1 if sentence else 0), int(breaks[sentence])
    first, last = passages.place(np.array([low, high])).tolist()
    text = to_string(passages.codes[first : last + 1])
    return " ".join(text.replace("\0", " ").split())
