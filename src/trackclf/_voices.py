"""In which voice evidence is said: denied, planned, quoted or asserted, and by what.

Denials decide which terms stand, so they come with the finds. What is planned or quoted is looked for only in the
sentences that hold evidence.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trackclf._finds import CLAUSE, SENTENCE, Finds, Units, trigger_place
from trackclf._lexicon import Lexicon
from trackclf._matching import numbered
from trackclf._text import Bools, Ints, Passages

VOICES = ("asserted", "planned", "denied", "quoted")
ASSERTED, PLANNED, DENIED, QUOTED = range(len(VOICES))
QUESTION = ord("?")


class Voices(NamedTuple):
    """The voice of each of some finds.

    Attributes
    ----------
    voice : int8 (n_parts,)
        Index in VOICES.
    start, end : int64 (n_parts,)
        Where the cue stands that makes it so, in the symbols of the `Passages`; -1 for what is asserted.
    """

    voice: NDArray[np.int8]
    start: Ints
    end: Ints


def voices_of(lexicon: Lexicon, passages: Passages, finds: Finds) -> Voices:
    """The voice of each find; of a cue with gaps that of its first piece. Denied stands before quoted, that before planned."""
    count = len(finds.row)
    voice, low, high = np.zeros(count, np.int8), np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    sentence, number = numbered(passages.sentence_numbers.take(finds.start).astype(np.int64))
    units, holds = _units(lexicon, passages, sentence)
    near = np.flatnonzero(holds.take(number))  # the others have no cue in their sentence
    start, end = finds.start.take(near), finds.end.take(near)
    name = lexicon.voice

    def mark(number: int, slot: Ints, there: Bools) -> None:
        at = np.flatnonzero(there)
        place = near.take(at)
        voice[place], low[place], high[place] = number, units.start.take(slot.take(at)), units.end.take(slot.take(at))

    mark(PLANNED, *units.after(name["plan.after"], end, CLAUSE))
    group = lexicon.row_group.take(finds.row.take(near))
    mark(
        PLANNED, *units.before(name["plan.before"], start, np.where(lexicon.plans_across.take(group), SENTENCE, CLAUSE))
    )
    mark(QUOTED, *units.before(name["quotation.before"], start, SENTENCE))
    first = passages.sentence_start(passages.sentence_numbers.take(start))
    final = passages.sentence_breaks.take(passages.sentence_numbers.take(start))
    slot, there = units.following(np.full(len(near), name["quotation.asked"]), first)
    mark(QUOTED, slot, there & (units.start.take(slot) < final) & (passages.folded(final) == QUESTION))
    for n in range(lexicon.marks):
        opens, closes = (np.full(len(near), name[f"{side} {n}"]) for side in ("open", "close"))
        slot, there = units.preceding(opens, start)
        last, closed = units.preceding(closes, start)
        there &= (units.start.take(slot) >= first) & ~(closed & (units.start.take(last) > units.start.take(slot)))
        last, closed = units.following(closes, end)
        mark(QUOTED, slot, there & closed & (units.start.take(last) < final))
    at = np.flatnonzero(finds.denied)
    voice[at] = DENIED
    low[at], high[at] = trigger_place(finds.trigger.take(at))
    whole = finds.first_parts()
    return Voices(voice[whole], low[whole], high[whole])


def _units(lexicon: Lexicon, passages: Passages, sentences: Ints) -> tuple[Units, Bools]:
    """The cues in some sentences, and whether each sentence holds any."""
    hits = lexicon.voices.find_in(passages, sentences)
    index, unit = lexicon.voice_units(hits.string)
    start, end = hits.start.take(index), hits.end.take(index)
    order = np.lexsort((end, start, unit))
    units = Units(passages, unit.take(order), start.take(order), end.take(order), hits.string.take(index.take(order)))
    for name in ("plan", "quotation"):
        for side in ("before", "after", "asked"):
            if (unit_of := lexicon.voice.get(f"{name}.{side}")) is not None:
                units = units.without(unit_of, lexicon.voice[f"{name}.except"])
    holds = np.zeros(len(sentences), bool)
    holds[np.searchsorted(sentences, passages.sentence_numbers.take(units.start))] = True
    return units, holds
