"""A taxonomy and learned strings compiled to arrays: what to find, and what each find asks for."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trackclf._characters import CLASS_MEMBERS, SENTENCE
from trackclf._matching import Alphabet, Fan, Table
from trackclf._taxonomy_files import GAPS, KINDS, VOICES, Slot
from trackclf._text import Ints

if TYPE_CHECKING:
    from trackclf._taxonomy import Taxonomy

ROW_KINDS = (*KINDS, "learned")
NOT, WEAK, LEARNED = (ROW_KINDS.index(kind) for kind in ("not", "weak", "learned"))
JOINTS = list(GAPS)
_BREAK = re.compile(f"[{CLASS_MEMBERS[SENTENCE]}](?!$)|\\.(?= )")  # what ends a sentence inside a string


class Lexicon:
    """A taxonomy compiled to arrays: immutable, shared between threads.

    A row is one term for one label, or one learned string for one label (kind LEARNED). Attributes by row: `label`
    int16 or int32, `kind` int8, `boundary` bool, `parts` int32 (pieces of its cue, 1 for a plain term), `texts` sequence of str (as
    in the data file), `own` int32 (index in `strings` of its text after normalisation, -1 for a cue), `origin` int32 (the
    label below that a parent has the row from, -1 for its own); `inherits` (a Fan) leads from a row to those of the parents.
    `learning` and `inheriting` (bool, by label) say which have learned strings and which are parents.
    """

    cue_unit: Ints
    label: NDArray[np.signedinteger[Any]]
    strings: Sequence[str]
    texts: Sequence[str]

    def __init__(self, taxonomy: "Taxonomy", learned: Sequence[tuple[str, str]] = ()) -> None:
        self.labels, self.declared = taxonomy.labels, taxonomy.kinds
        column = {label.id: n for n, label in enumerate(self.labels)}
        self.kinds = tuple(dict.fromkeys(label.kind for label in self.labels))
        number_of = {kind: n for n, kind in enumerate(self.kinds)}
        group_of = [number_of[label.kind] for label in self.labels]
        # Kinds that pairs are found between, by number.
        self.couples = [
            (number_of[one], number_of[two]) for one, two in taxonomy.pairs if {one, two} <= number_of.keys()
        ]
        self._string_ids: dict[str, int] = {}
        self.unit_ids: dict[Slot, int] = {}
        unit_strings: list[tuple[int, int]] = []

        def spelt(texts: Iterable[str]) -> list[str]:
            return list(dict.fromkeys(other for text in texts for other in taxonomy.spellings(text)))

        def unit(slot: Slot) -> int:
            slot = Slot(slot.text, slot.word_class)
            if slot not in self.unit_ids:
                number = self.unit_ids[slot] = len(self.unit_ids)
                members = taxonomy.classes.get(slot.word_class, ()) if slot.word_class else (slot.text,)
                unit_strings.extend((self._string(text), number) for text in spelt(members))
            return self.unit_ids[slot]

        def members(slots: Iterable[Slot]) -> frozenset[str]:
            texts = {text for slot in slots for text in taxonomy.classes.get(slot.word_class, (slot.text,))}
            return frozenset(spelt(sorted(texts - {""})))

        def union(texts: Iterable[str], name: str) -> int:
            number = self.unit_ids[Slot("", name)] = len(self.unit_ids)
            unit_strings.extend((self._string(text), number) for text in spelt(texts))
            return number

        self.denial_kinds = frozenset(taxonomy.denial.get("kinds", ()))
        # Units of the denial cues, by their names in the data.
        self.deny = {name: union(taxonomy.denial.get(name, ()), f"\0{name}") for name in VOICES["denial"]}
        rows: list[tuple[int, int, bool, int]] = []
        written: list[str] = []
        own: list[int] = []
        plain: list[tuple[int, int]] = []
        conditions: dict[frozenset[str], int] = {frozenset(): 0}  # 0 is no condition
        beside: dict[str, list[int]] = {"near": [], "far": []}
        beside_kinds: dict[str, list[tuple[int, int]]] = {"near": [], "far": []}
        cues: dict[tuple[int, tuple[Slot, ...]], int] = {}
        cue_rows: list[tuple[int, int]] = []
        origin: dict[int, int] = {}
        inherits: list[tuple[int, int]] = []
        ancestors = taxonomy.ancestors if any(label.parent for label in self.labels) else {}
        for entry in taxonomy.entries:
            for term in entry.terms:
                targets = [entry.label.id, *term.also]
                above: dict[str, list[int]] = {}
                for label in (column[id] for id in targets if id in column):
                    row = len(rows)
                    for id in ancestors.get(self.labels[label].id, ()):
                        if id not in targets and term.kind != "not":
                            above.setdefault(id, []).append(row)
                    rows.append((label, KINDS.index(term.kind), term.boundary, len(term.slots)))
                    written.append(term.text)
                    for side, slots in (("near", term.near), ("far", term.far)):
                        kinds = [slot for slot in slots if slot.word_class in self.kinds]
                        beside_kinds[side].extend((row, unit(slot)) for slot in kinds)
                        texts = members(slots)
                        if kinds and not texts:  # a condition all the same, of a string that no closed text holds
                            texts = frozenset({"\u200b" * 2})
                        beside[side].append(conditions.setdefault(texts, len(conditions)))
                    own.append(self._string(term.slots[0].text) if len(term.slots) == 1 else -1)
                    if len(term.slots) == 1:
                        for text in taxonomy.spellings(term.slots[0].text, self.labels[label].id):
                            plain.append((self._string(text), row))
                    else:
                        cue_rows.append((cues.setdefault((group_of[label], term.slots), len(cues)), row))
                for id, below in above.items():
                    row = len(rows)
                    rows.append((column[id], KINDS.index(term.kind), False, len(term.slots)))
                    written.append(term.text)
                    own.append(own[-1])
                    for conditions_of in beside.values():
                        conditions_of.append(0)
                    origin[row] = rows[below[0]][0]
                    inherits += ((lower, row) for lower in below)
        learned_rows: list[tuple[str, int]] = []
        known = set(learned)
        for text, id in learned:
            if id in column:
                for other in taxonomy.spellings(text):
                    if other == text or (other, id) not in known:
                        learned_rows.append((other, len(rows)))
                rows.append((column[id], LEARNED, False, 1))
                written.append(text)
                for conditions_of in beside.values():
                    conditions_of.append(0)
        few = len(self.labels) <= np.iinfo(np.int16).max
        self.label = np.array([row[0] for row in rows], np.int16 if few else np.int32)
        self.kind = np.array([row[1] for row in rows], np.int8)
        self.boundary = np.array([row[2] for row in rows], bool)
        self.parts = np.array([row[3] for row in rows], np.int32)
        self.label_group = np.array(group_of, np.int8)
        self.row_group = self.label_group[self.label]
        self.origin = np.full(len(rows), -1, np.int32)
        self.origin[list(origin)] = list(origin.values())
        self.inherits = Fan(len(rows), inherits) if inherits else None
        self.inheriting = np.zeros(len(self.labels), bool)
        self.inheriting[self.label[self.origin >= 0]] = True
        self.near, self.far = np.array(beside["near"], np.int64), np.array(beside["far"], np.int64)
        self.near_kinds = Fan(len(rows), beside_kinds["near"])
        self.far_kinds = Fan(len(rows), beside_kinds["far"])
        self._compile_cues([slots for _, slots in cues], cue_rows, unit)
        # What a kind of label has found serves the later kinds as a class: {track}. Last, so that its units sort last.
        wanted = [kind for kind in self.kinds if Slot("", kind) in self.unit_ids]
        renumber = np.arange(len(self.unit_ids))
        for offset, kind in enumerate(wanted):
            renumber[self.unit_ids[Slot("", kind)]] = len(self.unit_ids) + offset
        self.kind_unit = {kind: len(self.unit_ids) + offset for offset, kind in enumerate(wanted)}
        self.near_kinds.map_values(renumber)
        self.far_kinds.map_values(renumber)
        self.cue_unit = np.where(self.cue_unit >= 0, renumber[self.cue_unit], -1)
        asked = {
            text: n for n, text in enumerate(dict.fromkeys(text for texts in conditions for text in sorted(texts)))
        }
        self.member = np.zeros((len(conditions), len(asked)), bool)
        for number, texts in enumerate(conditions):
            self.member[number, [asked[text] for text in texts]] = True
        ids = [self._string(text) for text in asked]
        strings = list(self._string_ids)
        size = len(strings)
        self.asked = np.full(size, -1, np.int32)
        self.asked[ids] = np.arange(len(ids))
        self.plain = Fan(size, plain)
        # Single characters and nouns of denials are common and say nothing by themselves: with the strings of conditions
        # they are the support, looked for only in the sentences where something asks for them.
        anchoring = set(self.cue_unit[np.arange(len(self.cue_unit)), self.cue_anchor].tolist())
        common = [
            unit == self.deny["of"] or (len(strings[string]) == 1 and unit not in anchoring)
            for string, unit in unit_strings
        ]
        pairs = list(zip(unit_strings, common, strict=True))
        soft = {unit for (_, unit), is_common in pairs if is_common}
        self.units = Fan(size, [pair for pair, is_common in pairs if not is_common])
        self.support_units = Fan(size, [pair for pair, is_common in pairs if is_common])
        main = sorted({string for string, _ in plain} | {string for (string, _), is_common in pairs if not is_common})
        support = sorted(set(ids) | {string for (string, _), is_common in pairs if is_common})
        # Sentences that a string among them reaches into beyond its own: one for "st. louis".
        self.reach = max((len(_BREAK.findall(strings[string])) for string in support), default=0)
        hard = np.array([unit not in soft for unit in range(len(self.unit_ids))] + [True] * len(wanted), bool)
        self.is_denial = np.isin(np.arange(len(hard)), list(self.deny.values()))
        # Units that a sentence must hold for a cue to stand in it; -1 for those that may be single characters. Of a find
        # of another kind a cue asks by that kind's number.
        at = np.where(self.cue_unit >= 0, self.cue_unit, 0)
        fixed = hard[at] & (at < len(self.unit_ids)) & (np.arange(at.shape[1]) != self.cue_anchor[:, None])
        self.cue_needs = _left(np.where((self.cue_unit >= 0) & fixed, self.cue_unit, -1))
        self.cue_kind = np.full(len(at), -1, np.int64)
        for kind, unit_of_kind in self.kind_unit.items():
            self.cue_kind[(self.cue_unit == unit_of_kind).any(1)] = self.kinds.index(kind)
        self.row_asks = (self.near > 0) | (self.far > 0)
        index, rows_of = self.cue_rows(np.arange(len(self.cue_unit)))
        self.cue_group = np.zeros(len(self.cue_unit), np.int8)
        self.cue_group[index] = self.row_group[rows_of]
        self.cue_asks = ((self.cue_unit >= 0) & ~hard[at]).any(1)
        self.cue_asks[index[self.row_asks[rows_of]]] = True
        # What makes evidence planned or quoted has a table of its own: it is looked for only beside evidence.
        voiced: dict[str, int] = {}
        voices: list[tuple[int, int]] = []
        self.voice: dict[str, int] = {}
        self.plans_across = np.isin(self.kinds, taxonomy.plan.get("across", []))  # by kind of label
        self.marks = len(taxonomy.quotation.get("marks", ()))
        for name, cues_of in _voices(taxonomy):
            number = self.voice[name] = len(self.voice)
            voices += ((voiced.setdefault(text, len(voiced)), number) for text in spelt(cues_of))
        # So have learned strings: they are looked for only beside terms.
        self.first_learned = size
        context = list(dict.fromkeys(text for text, _ in learned_rows))
        singles = [text for which in (main, support) for text in (strings[n] for n in which) if len(text) == 1]
        singles += (text for text in voiced if len(text) == 1)
        alphabet = Alphabet([*strings, *context, *voiced], "".join(singles))
        self.symbols = alphabet.symbols
        self.table = Table(strings, alphabet, main)
        self.support = Table(strings, alphabet, support)
        self.context = Table(context, alphabet) if context else None
        self.voices = Table(list(voiced), alphabet)
        self.voice_texts = list(voiced)
        self.voice_units = Fan(len(voiced), voices)
        context_ids = {text: n for n, text in enumerate(context)}
        self.learned = Fan(len(context), [(context_ids[text], row) for text, row in learned_rows])
        self.strings, self.texts = [*strings, *context], written
        own += [size + context_ids[text] for text in written[len(own) :]]
        self.own = np.array(own, np.int32)
        self.learning = np.zeros(len(self.labels), bool)
        self.learning[self.label[self.kind == LEARNED]] = True
        del self._string_ids, self.unit_ids  # only compiling needs them

    def kind_name(self, row: int) -> str:
        """Kind of a row."""
        return ROW_KINDS[self.kind[row]]

    def _string(self, text: str) -> int:
        return self._string_ids.setdefault(text, len(self._string_ids))

    def _compile_cues(
        self, cues: list[tuple[Slot, ...]], cue_rows: list[tuple[int, int]], unit: Callable[[Slot], int]
    ) -> None:
        """One row a cue: its pieces' units and joints, the piece that it is looked for from, and the order of the others."""
        width = max((len(cue) for cue in cues), default=1)
        self.cue_unit = np.full((len(cues), width), -1, np.int64)
        self.cue_joint = np.zeros((len(cues), width), np.int8)
        self.cue_anchor = np.zeros(len(cues), np.int64)
        self.cue_steps = np.full((len(cues), width - 1), -1, np.int64)
        anchors: list[tuple[int, int]] = []
        for n, cue in enumerate(cues):
            for i, slot in enumerate(cue):
                self.cue_unit[n, i] = unit(slot)
                self.cue_joint[n, i] = JOINTS.index(slot.joint)
            # The longest literal is as a rule the rarest piece: a cue is looked for from there.
            fixed = [i for i, slot in enumerate(cue) if slot.word_class not in self.kinds]
            self.cue_anchor[n] = max(fixed, key=lambda i: (len(cue[i].text), -i))
            steps = [*range(self.cue_anchor[n] + 1, len(cue)), *range(self.cue_anchor[n] - 1, -1, -1)]
            self.cue_steps[n, : len(steps)] = steps
            anchors.append((int(self.cue_unit[n, self.cue_anchor[n]]), n))
        self.cue_rows = Fan(len(cues), cue_rows)
        self.anchors = Fan(len(self.unit_ids), anchors)


def _voices(taxonomy: "Taxonomy") -> Iterator[tuple[str, list[str]]]:
    """The lists of cues that make evidence planned or quoted, by name; of marks those that open, and those that close."""
    for name in ("plan", "quotation"):
        for side in VOICES[name]:
            if side != "marks":
                yield f"{name}.{side}", getattr(taxonomy, name).get(side, [])
    for n, pair in enumerate(taxonomy.quotation.get("marks", ())):
        yield f"open {n}", [pair[0]]
        yield f"close {n}", [pair[-1]]


def _left(needs: Ints) -> Ints:
    """Each row's numbers to the left, its -1 to the right, without the columns that hold nothing else."""
    order = np.argsort(needs < 0, axis=1, kind="stable")
    needs = np.take_along_axis(needs, order, axis=1)
    return needs[:, (needs >= 0).any(0)]
