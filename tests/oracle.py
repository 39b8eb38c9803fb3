"""The tagger once more, slow and obvious: plain strings, plain loops, no numpy. Tests hold the fast one to it."""

import unicodedata
from collections import defaultdict
from functools import cache
from unittest.mock import patch

from trackclf import Taxonomy, _characters
from trackclf._taxonomy_files import GAPS, KINDS

ASCII_WORD = set("abcdefghijklmnopqrstuvwxyz0123456789")
DIGITS = set("0123456789")


def occurrences(text, string):
    at = text.find(string)
    while at >= 0:
        end = at + len(string)
        before, after = text[at - 1 : at], text[end : end + 1]
        ok = not (string[0] in ASCII_WORD and before in ASCII_WORD and before)
        ok &= not (string[-1] in ASCII_WORD and after in ASCII_WORD and after)
        if string[0] in DIGITS and at >= 2 and before in ".," and text[at - 2] in DIGITS:
            ok = False
        if ok:
            yield at, end
        at = text.find(string, at + 1)


def breaks(text):
    sentence, clause = set(), set()
    for at, char in enumerate(text):
        after = text[at + 1 : at + 2]
        if char in "!?。｡【】\n\0" or (char == "." and after in ("", " ", "\n", "\0")):
            sentence.add(at)
        if char in ";:—…|﹔﹕\t":
            clause.add(at)
        if char in ",﹐":
            clause.add(at)
        if char in ";:,﹔﹕﹐—…|" and 0 < at < len(text) - 1 and text[at - 1] in DIGITS and after in DIGITS:
            clause.discard(at)
    return sentence, clause | sentence


def is_ideograph(char):
    code = ord(char)
    return (
        code == 0x3007
        or 0x3400 <= code <= 0x4DBF
        or 0x4E00 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3FFFF
    )


def note_at(text, at):
    """The end of a note of pinyin that starts at a place; 0 without one."""
    letters = text[at + 1 : text.find(")", at)] if text[at] == "(" and ")" in text[at:] else ""
    bare = [unicodedata.normalize("NFD", char) for char in letters]
    known = all(char[0] in "abcdefghijklmnopqrstuvwxyz" for char in bare)
    marks = [char[1:] for char in bare]
    tones = {"\u0304", "\u0301", "\u030c", "\u0300"}
    spelt = all(
        (mark in ("", *tones) and (not mark or char[0] in "aeiou"))
        or (char[0] == "u" and mark[0] == "\u0308" and mark[1:] in ("", *tones))
        for char, mark in zip(bare, marks, strict=True)
    )
    toned = any(mark[-1:] in tones for mark in marks)
    return at + len(letters) + 2 if 1 <= len(letters) <= 6 and known and spelt and toned else 0


def without_notes(normalised):
    """A normalised text without notes of pinyin: what 产(chǎn)业(yè) loses."""
    out, at = "", 0
    while at < len(normalised):
        end = note_at(normalised, at) if out and is_ideograph(out[-1]) else 0
        if end:
            at = end
        else:
            out += normalised[at]
            at += 1
    return out


def normalise(text):
    """As trackclf does it, but for the notes: they are taken out once all else is done, as long as there are any."""
    with patch.object(_characters, "blank_notes", str):
        closed = _characters.normalise(text)
        while (less := without_notes(closed)) != closed:
            closed = _characters.normalise(less)
    return closed


class Oracle:
    def __init__(self, tagger):
        """Take the taxonomy and the plain numbers; everything else is done here."""
        self.taxonomy: Taxonomy = tagger.taxonomy
        self.spellings = cache(self.taxonomy.spellings)
        self.straddles = tagger._resolver.straddles
        self.kinds = [kind.id for kind in self.taxonomy.kinds]
        self.order = {term: n for n, term in enumerate(t for e in self.taxonomy.entries for t in e.terms)}
        model, lexicon = tagger._model, tagger._resolver.lexicon
        ids = [label.id for label in self.taxonomy.labels]
        self.biases = dict(zip(ids, model.bias.tolist(), strict=True))
        self.thresholds = dict(zip(ids, model.threshold.tolist(), strict=True))
        gates = zip((model.gate / 256).tolist(), (model.gate_alone / 256).tolist(), strict=True)
        self.gates = dict(zip(ids, gates, strict=True))
        kinds = [lexicon.kind_name(row) for row in range(len(lexicon.label))]
        rows = zip(lexicon.label.tolist(), kinds, lexicon.texts, model.weight.tolist(), strict=True)
        self.weight = {(ids[label], kind, text): units / 256 for label, kind, text, units in rows}
        learned = [(id, text, w) for (id, kind, text), w in self.weight.items() if kind == "learned"]
        own = {(id, text) for id, text, _ in learned}
        self.learned = [  # each with its spellings, but for those that were learned themselves
            (id, text, w, [t for t in self.spellings(text) if t == text or (id, t) not in own])
            for id, text, w in learned
        ]

    def tag(self, text):
        """Scores by label id, and two sorted lists of (label, term, kind, contribution, voice, trigger): counted, denied."""
        self.text = normalise(text)
        self.sentence_breaks, self.clause_breaks = breaks(self.text)
        self.kind_hits = {}
        self.cache = {}
        finds, self.denials_found = [], []  # (label, kind, weight, [(start, end, string)])
        for kind in self.kinds:
            finds += self.find_kind(kind)
        beside = {(id, self.sentence_of(part[0])) for id, _, _, parts in finds for part in parts}
        for id, _, weight, spellings in self.learned:
            first = {}
            for spelling in spellings:
                for a, b in occurrences(self.text, spelling):
                    at = self.sentence_of(a)
                    first[at] = min(first.get(at, (a, b, spelling)), (a, b, spelling))
            finds += [(id, "learned", weight, [part]) for at, part in first.items() if (id, at) in beside]
        cells = defaultdict(list)  # one sentence, one label
        for label, kind, weight, parts in finds:
            units = round(weight * 256)
            spoken = self.spoken(parts[0], label)
            for n, (start, _, string) in enumerate(parts):
                share = units // len(parts) + (n < units % len(parts))
                cells[self.sentence_of(start), label].append((label, string, kind, share / 256, *spoken))
        scores = {label.id: self.bias(label) for label in self.taxonomy.labels}
        evidence = []
        best = defaultdict(float)
        for (_, label), items in cells.items():
            total = sum(item[3] for item in items)
            sure = any(item[2] in ("core", "strong", "entity") for item in items)
            if total >= self.gates[label][0 if sure else 1]:
                scores[label] += total
                evidence += items
            else:
                best[label] = max(best[label], total)
        counted = {item[0] for item in evidence}
        for label in self.taxonomy.labels:
            if label.id not in counted:
                miss = min(scores[label.id] + best[label.id], self.thresholds[label.id] - 1 / 256)
                scores[label.id] = max(miss, scores[label.id])
        return scores, sorted(evidence), sorted(self.denials_found)

    def bias(self, label):
        return self.biases[label.id]

    def sentence_of(self, at):
        return sum(b < at for b in self.sentence_breaks)

    def hits_of(self, slot):
        if slot.word_class in self.kinds:
            return self.kind_hits.get(slot.word_class, [])
        if slot not in self.cache:
            strings = self.taxonomy.classes[slot.word_class] if slot.word_class else [slot.text]
            spelt = {other for string in strings for other in self.spellings(string)}
            self.cache[slot] = [(a, b) for string in spelt for a, b in occurrences(self.text, string)]
        return self.cache[slot]

    def near_ok(self, term, start):
        here = self.sentence_of(start)

        def beside(slots):
            return any(self.sentence_of(a) == here for slot in slots for a, _ in self.hits_of(slot))

        return (not term.near or beside(term.near)) and not beside(term.far)

    def joined(self, left, right, joint):
        if right - left > GAPS[joint]:
            return False
        stops = {"": (), "…": self.clause_breaks, "……": self.sentence_breaks}[joint]
        return not any(left <= b < right for b in stops)

    def cue_spans(self, slots):
        """Spans of a cue, each a list of parts, from its longest literal outwards."""
        fixed = [i for i, slot in enumerate(slots) if slot.word_class not in self.kinds]
        anchor = max(fixed, key=lambda i: (len(slots[i].text), -i))
        bare = [type(s)(s.text, s.word_class) for s in slots]
        found = {}
        for hit in sorted(self.hits_of(bare[anchor])):
            parts = [hit]
            for i in range(anchor + 1, len(slots)):
                later = [h for h in self.hits_of(bare[i]) if h[0] >= parts[-1][1]]
                nearest = min(later, key=lambda h: (h[0], h[1]), default=None)
                if nearest is None or not self.joined(parts[-1][1], nearest[0], slots[i].joint):
                    break
                parts.append(nearest)
            else:
                for i in range(anchor - 1, -1, -1):
                    earlier = [h for h in self.hits_of(bare[i]) if h[1] <= parts[0][0]]
                    nearest = max(earlier, default=None)
                    if nearest is None or not self.joined(nearest[1], parts[0][0], slots[i + 1].joint):
                        break
                    parts.insert(0, nearest)
                else:
                    end = parts[-1][1]
                    if end not in found or parts[0][0] >= found[end][0][0]:
                        found[end] = parts
        return list(found.values())

    def find_kind(self, kind):
        plain, cancels, cues = [], [], []
        labels = {label.id: label for label in self.taxonomy.labels}
        for entry in self.taxonomy.entries:
            for term in entry.terms:
                for id in [entry.label.id, *term.also]:
                    if labels[id].kind != kind:
                        continue
                    if len(term.slots) == 1:
                        for text in self.spellings(term.slots[0].text, id):
                            for a, b in occurrences(self.text, text):
                                if self.near_ok(term, a):
                                    plain.append((id, a, b, term))
                    else:
                        for parts in self.cue_spans(term.slots):
                            if self.near_ok(term, parts[0][0]):
                                if term.kind == "not":
                                    cancels.append((id, parts[0][0], parts[-1][1]))
                                else:
                                    cues.append((id, term, parts))
        negative = cancels + [(id, a, b) for id, a, b, term in plain if term.kind == "not"]
        plain = [(id, a, b, term) for id, a, b, term in plain if term.kind != "not"]
        out = self.settled(plain, cues, negative, self.straddling)
        if kind in self.taxonomy.denial.get("kinds", ()):
            denied = [self.denied(parts[0]) for _, _, parts in out]
            answer = min(self.hits("denial", "question"), default=None)
            label_denied = {}
            for (id, _, _), no in zip(out, denied, strict=True):
                if no:
                    label_denied[id] = min(no, label_denied.get(id, no))
            denied = [
                no or ((answer or label_denied.get(id)) if self.asked(parts[0][0]) else None)
                for (id, _, parts), no in zip(out, denied, strict=True)
            ]
        else:
            denied = [None] * len(out)
        sure = [parts for (_, term, parts), no in zip(out, denied, strict=True) if term.kind != "weak" and not no]
        self.kind_hits[kind] = [part[:2] for parts in sure for part in parts]
        out = self.rolled_up([(*item, no) for item, no in zip(out, denied, strict=True)], negative)
        for id, term, parts, no in out:
            if no:
                said = "denied", self.text[slice(*no)]
                self.denials_found += [(id, string, term.kind, 0.0, *said) for _, _, string in parts]
        return [(id, term.kind, self.weight[id, term.kind, term.text], parts) for id, term, parts, no in out if not no]

    def spoken(self, part, label):
        """Voice of what nothing denies, and what makes it so."""
        start, end, _ = part
        here = self.sentence_of(start)
        for pair in reversed(self.taxonomy.quotation.get("marks", ())):
            opens, closes = (
                [hit for hit in occurrences(self.text, mark) if self.sentence_of(hit[0]) == here] for mark in pair
            )
            before = [hit for hit in opens if hit[1] <= start]
            closed = any(before and before[-1] < hit and hit[1] <= start for hit in closes)
            if before and not closed and any(hit[0] >= end for hit in closes):
                return "quoted", self.text[slice(*before[-1])]
        asking = [hit for hit in self.bare("quotation", "asked") if self.sentence_of(hit[0]) == here]
        if self.asked(start) and asking:
            return "quoted", self.text[slice(*min(asking))]
        found = self.preceded(self.bare("quotation", "before"), start, "……")
        if found:
            return "quoted", self.text[slice(*found)]
        kind = next(item.kind for item in self.taxonomy.labels if item.id == label)
        joint = "……" if kind in self.taxonomy.plan.get("across", ()) else "…"
        plan = self.preceded(self.bare("plan", "before"), start, joint) or self.followed(
            self.bare("plan", "after"), end
        )
        return ("planned", self.text[slice(*plan)]) if plan else ("asserted", "")

    def rolled_up(self, finds, negative):
        """With each parent what stands below it; there too the longest wins and a `not` cancels."""
        own = {e.label.id: list(e.terms) for e in self.taxonomy.entries}
        below = defaultdict(set)
        for label in self.taxonomy.labels:
            for up in self.taxonomy.ancestors[label.id]:
                below[up].add(label.id)
        out = [find for find in finds if find[0] not in below]
        for parent, children in below.items():
            also = {t for terms in own.values() for t in terms if parent in t.also} | set(own[parent])
            mine = [f for f in finds if f[0] == parent or (f[0] in children and f[1] not in also)]
            mine.sort(key=lambda find: bool(find[3]))  # what one label below denies, another may not
            no = {(term, parts[0][0]): denied for _, term, parts, denied in reversed(mine)}
            spans = {}
            for _, term, parts, _ in mine:
                if len(parts) == 1:
                    rank = KINDS.index(term.kind), self.order[term]
                    spans[parts[0][:2]] = min(spans.get(parts[0][:2], (rank, term)), (rank, term), key=lambda x: x[0])
            plain = [(parent, a, b, term) for (a, b), (_, term) in spans.items()]
            cues = [(parent, term, parts) for n, (_, term, parts, _) in enumerate(mine) if len(parts) > 1]
            cues = [(parent, t, [p[:2] for p in parts]) for _, t, parts in cues]
            stands = self.settled(plain, cues, [item for item in negative if item[0] == parent])
            out += [(*find, no[find[1], find[2][0][0]]) for find in stands]
        return out

    def settled(self, plain, cues, negative, straddling=None):
        """What stands inside each label: the longest string wins, a `not` cancels, nothing counts twice."""
        out = []
        for id, a, b, term in plain:
            if any(i == id and s <= a and b <= e for i, s, e in negative):
                continue
            if any(i == id and s <= a and b <= e and (s, e) != (a, b) for i, s, e, _ in plain):
                continue
            if any((i, s, e) == (id, a, b) and self.order[t] < self.order[term] for i, s, e, t in plain):
                continue  # two terms whose regional spelling is the same: the first stands
            if straddling and term.boundary and straddling(a, b):
                continue
            out.append((id, term, [(a, b, self.text[a:b])]))
        rank = {label.id: n for n, label in enumerate(self.taxonomy.labels)}

        def inside(part, spans):
            return any(s <= part[0] and part[1] <= e for s, e in spans)

        standing = []
        for id, term, parts in cues:
            negatives = [(s, e) for i, s, e in negative if i == id]
            telling = [p[0][:2] for i, t, p in out if i == id and KINDS.index(t.kind) <= KINDS.index(term.kind)]
            if not any(inside(p, negatives) for p in parts) and not all(inside(p, telling) for p in parts):
                standing.append((id, term, parts))
        for place in (lambda parts: parts[-1][1], lambda parts: parts[0][0]):
            best = {}
            for id, term, parts in standing:
                key = rank[id], place(parts)
                value = KINDS.index(term.kind), -len(parts), self.order[term], (id, term, parts)
                best[key] = min(best.get(key, value), value, key=lambda v: v[:3])
            standing = [value[3] for value in best.values()]
        kept = []
        for id, term, parts in out:
            telling = [
                p for i, t, ps in standing if i == id and KINDS.index(t.kind) <= KINDS.index(term.kind) for p in ps
            ]
            if not inside(parts[0], telling):
                kept.append((id, term, parts))
        return kept + [(id, term, [(a, b, self.text[a:b]) for a, b in parts]) for id, term, parts in standing]

    def asked(self, at):
        end = min((b for b in self.sentence_breaks if b >= at), default=None)
        return end is not None and self.text[end] == "?"

    def straddling(self, start, end):
        low = max([b + 1 for b in self.sentence_breaks if b < start] + [0, start - 12])
        high = min([b for b in self.sentence_breaks if b >= start] + [len(self.text), end + 12])
        return self.straddles(self.text[low:high], start - low, end - low)

    def denied(self, part):
        """The span of what denies it, or None."""
        start, end, _ = part
        excepted = self.hits("denial", "except")
        without = [h for h in self.hits("denial", "without") if not any(a < h[1] and h[0] < b for a, b in excepted)]
        return (
            self.preceded(self.hits("denial", "before"), start)
            or self.followed(self.hits("denial", "after"), end)
            or (self.followed(self.hits("denial", "of"), end) and self.preceded(without, start))
        )

    def hits(self, table, side):
        strings = getattr(self.taxonomy, table).get(side, ())
        spelt = {other for s in strings for other in self.spellings(s)}
        return [h for s in spelt for h in occurrences(self.text, s)]

    def bare(self, table, side):
        """The hits that overlap none of the table's exceptions."""
        excepted = self.hits(table, "except")
        return [h for h in self.hits(table, side) if not any(a < h[1] and h[0] < b for a, b in excepted)]

    def preceded(self, hits, start, joint="…"):
        earlier = max((h for h in hits if h[1] <= start), default=None)
        return earlier if earlier is not None and self.joined(earlier[1], start, joint) else None

    def followed(self, hits, end):
        later = min((h for h in hits if h[0] >= end), key=lambda h: (h[0], h[1]), default=None)
        return later if later is not None and self.joined(end, later[0], "…") else None


assert KINDS[-1] == "not"
