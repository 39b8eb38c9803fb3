"""What may stand in the texts, found cheaply: the terms, the cues whose pieces a sentence holds, and what they ask for.

Most sentences hold neither a condition to check nor all pieces of any cue, so most of the common strings that
conditions and cues consist of are never looked at.
"""

from dataclasses import dataclass

import numpy as np

from trackclf._lexicon import WEAK, Lexicon
from trackclf._matching import Hits, Int32, positions
from trackclf._text import Bools, Ints, Passages

LENGTHS = 64


@dataclass(frozen=True, slots=True)
class Candidates:
    """Occurrences that a resolver decides on.

    Attributes
    ----------
    hits : Hits
        Terms and pieces of cues of two or more characters, ordered by nothing in particular.
    place, row : int64 (n_plain,)
        Plain terms: index into `hits`, and row of the lexicon.
    around, asked : int64, int32 (n_asked,)
        Positions of the strings that conditions ask for, ascending, and which they are; where something asks.
    unit, start, end, string : (n_units,)
        Pieces of cues, where a cue may stand, and denials; ordered by unit, then start, then length.
    anchor, cue : tuple of int64 (n_cues,)
        By kind of label: cues that may stand, and the index of their anchors among the units.
    """

    hits: Hits
    place: Ints
    row: Ints
    around: Ints
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
    number = passages.sentence_numbers
    sentence = number[hits.start]
    count = len(passages.sentence_breaks)  # a NUL ends every text, so the last break ends the last sentence
    place, row = lexicon.plain(hits.string)
    piece, unit = lexicon.units(hits.string)
    here = np.zeros((count, lexicon.unit_count), bool)
    here[sentence[piece], unit] = True
    asking = np.zeros(count, bool)
    holding = np.zeros(count, bool)
    group_of = lexicon.row_group[row]
    asking[sentence[place[(lexicon.near[row] > 0) | (lexicon.far[row] > 0)]]] = True
    chosen: list[tuple[Ints, Ints]] = []
    for group, kind in enumerate(lexicon.kinds):
        mine = place[(group_of == group) & (lexicon.kind[row] < WEAK)]
        at = np.flatnonzero(lexicon.is_anchor[group][unit])
        index, cue = lexicon.anchors[group](unit[at])
        anchor = at[index]
        for need in lexicon.cue_needs.T:
            needed = need[cue]
            ok = (needed < 0) | here[sentence[piece[anchor]], needed]
            anchor, cue = anchor[ok], cue[ok]
        where = sentence[piece[anchor]]
        holding[where] = True
        asking[where[lexicon.cue_soft[cue] | lexicon.cue_asks[cue]]] = True
        if kind in lexicon.kind_unit:
            here[sentence[mine], lexicon.kind_unit[kind]] = True
            here[where, lexicon.kind_unit[kind]] = True
        chosen.append((anchor, cue))
    asking[sentence[piece[unit == lexicon.deny["without"]]]] = True
    around, asked, support = _support(lexicon, passages, asking)
    kept = np.flatnonzero(holding[sentence[piece]] | lexicon.is_denial[unit])
    slot_of = np.full(len(piece), -1, np.int64)
    start = np.concatenate([hits.start[piece[kept]], support[1].start])
    end = np.concatenate([hits.end[piece[kept]], support[1].end])
    units = np.concatenate([unit[kept], support[0]])
    string = np.concatenate([hits.string[piece[kept]], support[1].string])
    order = np.argsort(
        (units * (len(passages.symbols) + 1) + start) * LENGTHS + np.minimum(end - start, LENGTHS - 1), kind="stable"
    )
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    slot_of[kept] = rank[: len(kept)]
    return Candidates(
        hits,
        place,
        row,
        around,
        asked,
        units[order],
        start[order],
        end[order],
        string[order],
        *zip(*(_by_place(slot_of[anchor], cue) for anchor, cue in chosen), strict=True),
    )


def _by_place(slot: Ints, cue: Ints) -> tuple[Ints, Ints]:
    order = np.argsort(slot, kind="stable")
    return slot[order], cue[order]


def _support(lexicon: Lexicon, passages: Passages, sentences: Bools) -> tuple[Ints, Int32, tuple[Ints, Hits]]:
    """What conditions ask for in some sentences, by place, and the units of single characters and denials there."""
    _, place = positions(passages, np.flatnonzero(sentences))
    found = lexicon.support.occurrences(passages.symbols[place])
    start = place[found.start]
    hits = Hits(found.string, start, start + found.end - found.start)
    hits = lexicon.support.on_word_boundaries(passages, hits)
    asked = lexicon.asked[hits.string]
    wanted = np.flatnonzero(asked >= 0)
    wanted = wanted[np.argsort(hits.start[wanted], kind="stable")]
    index, unit = lexicon.support_units(hits.string)
    return hits.start[wanted], asked[wanted], (unit, hits[index])
