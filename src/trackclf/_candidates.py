"""What may stand in the texts, found cheaply: the terms, the cues whose pieces a sentence holds, and what they ask for.

Most sentences hold neither a condition to check nor all pieces of any cue, so most of the common strings that
conditions and cues consist of are never looked at.
"""

from typing import NamedTuple

import numpy as np

from trackclf._lexicon import WEAK, Lexicon
from trackclf._matching import Hits, Int32, ascending
from trackclf._text import Bools, Ints, Passages

LENGTHS = 64
COLUMNS = 256  # of the notes on what a sentence holds: enough to tell most units apart, few enough for the cache


class Candidates(NamedTuple):
    """Occurrences that a resolver decides on.

    Attributes
    ----------
    hits : Hits
        Terms and pieces of cues of two or more characters, ordered by nothing in particular.
    place, row : int64 (n_plain,)
        Plain terms: index into `hits`, and row of the lexicon.
    first : int64 (n_sentences + 1,)
        Where in `asked` the strings of each sentence are.
    asked : int32 (n_asked,)
        Strings that conditions ask for, sentence by sentence, where something asks.
    unit, start, end, string : (n_units,)
        Pieces of cues, where a cue may stand, and denials; ordered by unit, then start, then length.
    anchor, cue : tuple of int64 (n_cues,)
        By kind of label: cues that may stand, and the index of their anchors among the units.
    """

    hits: Hits
    place: Ints
    row: Ints
    first: Ints
    asked: Int32
    unit: Ints
    start: Ints
    end: Ints
    string: Int32
    anchor: tuple[Ints, ...]
    cue: tuple[Ints, ...]


def find_candidates(lexicon: Lexicon, passages: Passages) -> Candidates:
    """All that may stand in the texts."""
    hits = lexicon.table.find(passages)
    sentence = passages.sentence_numbers.take(hits.start)
    count = len(passages.sentence_breaks)  # a NUL ends every text, so the last break ends the last sentence
    place, row = lexicon.plain(hits.string)
    piece, unit = lexicon.units(hits.string)
    cell = _cells(sentence.take(piece), unit)
    here = np.zeros(count * COLUMNS, bool)
    here[cell] = True
    # Cues whose pieces their sentence holds.
    anchor, cue = lexicon.anchors(unit)
    where = sentence.take(piece.take(anchor))
    for need in lexicon.cue_needs.T:
        needed = need.take(cue)
        stays = np.flatnonzero((needed < 0) | here.take(_cells(where, needed)))
        anchor, cue, where = anchor.take(stays), cue.take(stays), where.take(stays)
    anchor, cue, where = _beside_kinds(lexicon, row, sentence.take(place), anchor, cue, where, count)
    # What they ask for, and what the conditions of terms ask for, is looked for in their sentences alone.
    asking = np.zeros(count, bool)
    asking[sentence[place[lexicon.row_asks.take(row)]]] = True
    asking[where[lexicon.cue_asks.take(cue)]] = True
    asking[sentence[piece[unit == lexicon.deny["without"]]]] = True
    needs = np.zeros(count * COLUMNS, bool)
    needs.reshape(-1, COLUMNS)[:, : len(lexicon.deny)] = True  # denials are the first units
    for needed in lexicon.cue_unit[cue].T:
        needs[_cells(where, needed)[needed >= 0]] = True
    first, asked, others, support = _support(lexicon, passages, asking, needs)
    kept = np.flatnonzero(needs.take(cell))
    units = np.concatenate([unit.take(kept), others])
    start = np.concatenate([hits.start.take(piece.take(kept)), support.start])
    end = np.concatenate([hits.end.take(piece.take(kept)), support.end])
    string = np.concatenate([hits.string.take(piece.take(kept)), support.string])
    order = ascending((units * (len(passages.symbols) + 1) + start) * LENGTHS + np.minimum(end - start, LENGTHS - 1))
    slot = np.empty(len(unit), np.int64)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    slot[kept] = rank[: len(kept)]
    anchor = slot.take(anchor)
    group = lexicon.cue_group.take(cue)
    return Candidates(
        hits,
        place,
        row,
        first,
        asked,
        units.take(order),
        start.take(order),
        end.take(order),
        string.take(order),
        tuple(anchor[group == n] for n in range(len(lexicon.kinds))),
        tuple(cue[group == n] for n in range(len(lexicon.kinds))),
    )


def _cells(sentence: Int32, unit: Ints) -> Ints:
    """Where a sentence notes a unit. Units share columns: a note means that the unit may be there."""
    return sentence * np.int64(COLUMNS) + (unit & (COLUMNS - 1))


def _beside_kinds(
    lexicon: Lexicon, row: Ints, sentence: Int32, anchor: Ints, cue: Ints, where: Int32, count: int
) -> tuple[Ints, Ints, Int32]:
    """The cues that ask for no find of another kind, and those whose sentence may hold one: {track} and the like."""
    asks = lexicon.cue_kind.take(cue)
    stays = asks < 0
    asking = np.flatnonzero(~stays)
    if len(asking):
        for group in range(len(lexicon.kinds)):
            sure = (lexicon.row_group.take(row) == group) & (lexicon.kind.take(row) < WEAK)
            holds = np.zeros(count, bool)
            holds[sentence[sure]] = True
            holds[where[stays & (lexicon.cue_group.take(cue) == group)]] = True
            mine = asking[asks[asking] == group]
            stays[mine] = holds[where[mine]]
    return anchor[stays], cue[stays], where[stays]


def _support(lexicon: Lexicon, passages: Passages, sentences: Bools, needs: Bools) -> tuple[Ints, Int32, Ints, Hits]:
    """What conditions ask for in some sentences, and the units of single characters and denials there."""
    number = passages.sentence_numbers
    for _ in range(lexicon.reach):
        sentences[1:] |= sentences[:-1]
    hits = lexicon.support.find_in(passages, np.flatnonzero(sentences))
    asked = lexicon.asked.take(hits.string)
    wanted = np.flatnonzero(asked >= 0)
    there = number.take(hits.start.take(wanted))
    wanted = wanted.take(ascending(there))
    first = np.append(0, np.cumsum(np.bincount(there, minlength=len(sentences))))
    index, unit = lexicon.support_units(hits.string)
    kept = np.flatnonzero(needs.take(_cells(number.take(hits.start.take(index)), unit)))
    return first, asked.take(wanted), unit.take(kept), hits.take(index.take(kept))
