"""The voices of a short text's evidence, in plain Python; see `_voices` and `_short`."""

from trackclf._lexicon import Lexicon
from trackclf._short_matching import WITHIN_CLAUSE, WITHIN_SENTENCE, Place, Sentence, Strings, lists, without
from trackclf._voices import ASSERTED, PLANNED, QUOTED

Spoken = tuple[int, Place | None]  # voice, trigger


class ShortVoices:
    """A lexicon's cues as dictionaries."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._name, self._marks = lexicon.voice, range(lexicon.marks)
        self._across = lexicon.plans_across.tolist()
        self._units = lists(lexicon.voice_units)
        self._strings = Strings(lexicon.voices, {text: n for n, text in enumerate(lexicon.voice_texts)})

    def cues(self, sentence: Sentence) -> Sentence:
        """The same sentence, with the cues that it holds."""
        out = Sentence(sentence.source, sentence.low, sentence.high)
        for hit in self._strings.find(sentence.source, sentence.low, sentence.high):
            for unit in self._units[hit[2]]:
                out.units[unit].append(hit)
        for name, unit in self._name.items():
            table, _, side = name.partition(".")
            if side not in ("", "except") and unit in out.units:
                excepted = out.units.get(self._name[f"{table}.except"], ())
                out.units[unit] = without(out.units[unit], excepted)
        return out

    def of(self, cues: Sentence, group: int, start: int, end: int) -> Spoken:
        """Voice of what stands there for a kind of label, unless it is denied."""
        if not cues.units:
            return ASSERTED, None
        name = self._name
        for n in reversed(self._marks):
            opens = cues.preceding(name[f"open {n}"], start)
            closed = cues.preceding(name[f"close {n}"], start)
            if opens and not (closed and closed[0] > opens[0]) and cues.following(name[f"close {n}"], end):
                return QUOTED, opens
        if cues.source.text[cues.high : cues.high + 1] == "?":
            asked = cues.following(name["quotation.asked"], cues.low)
            if asked:
                return QUOTED, asked
        for list_name, voice, joint in (
            ("quotation.before", QUOTED, WITHIN_SENTENCE),
            ("plan.before", PLANNED, WITHIN_SENTENCE if self._across[group] else WITHIN_CLAUSE),
        ):
            place = cues.before(name[list_name], start, joint)
            if place:
                return voice, place
        place = cues.after(name["plan.after"], end, WITHIN_CLAUSE)
        return (PLANNED, place) if place else (ASSERTED, None)
