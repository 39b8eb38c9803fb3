"""Whether tags hold when a text is written otherwise: changes that leave its meaning as it is, and what they do to tags."""

import unicodedata
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Any, TextIO

from trackclf import _resources
from trackclf._batching import batches
from trackclf._characters import CLASS_MEMBERS, DOT, DROP, IDEOGRAPH_RANGES, SENTENCE, is_wide
from trackclf._encodings import guess_encoding
from trackclf._rows import name_of
from trackclf._tagger import Tagger
from trackclf._terminal import fit, width
from trackclf._types import Result, Tag
from trackclf._words import WORDS
from trackclf.errors import InputError

_FREQUENT = "的一是了在有和人这中大为上国我以要他时来"  # of running text
_READINGS = {"人": "rén", "业": "yè", "产": "chǎn", "能": "néng", "技": "jì", "新": "xīn", "机": "jī", "大": "dà"}
_READINGS |= {"发": "fā", "展": "zhǎn", "科": "kē", "电": "diàn", "智": "zhì", "工": "gōng", "国": "guó", "市": "shì"}
_UNRELATED = (
    "今天多云转晴，傍晚有微风。",
    "巷口的面馆换了新招牌，老街坊都去捧场。",
    "周末去爬山的人比往常多一些。",
    "她给阳台上的花浇了水，又把窗户擦了一遍。",
    "孩子们在操场上追着皮球跑。",
    "雨下了一整夜，清晨才停。",
)
_AROUND = 12  # characters shown before and after what a tag rests on


def _ideograph(char: str) -> bool:
    return any(low <= ord(char) <= high for low, high in IDEOGRAPH_RANGES)


def _ascii_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


@lru_cache(maxsize=1)
def _forms() -> dict[str, str]:
    """By character: all characters of Big5 that fold to it, itself among them where it is one."""
    out: dict[str, str] = {}
    for source, target in zip(*_resources.character_map(), strict=True):
        if _ideograph(target) and _in_big5(source):
            out.setdefault(target, target if _in_big5(target) else "")
            out[target] += source
    return out


def _in_big5(char: str) -> bool:
    try:
        return bool(char.encode("big5"))
    except UnicodeEncodeError:
        return False


def traditional(text: str, random: Random) -> str:
    """In Traditional characters: each becomes one of those of Big5 that fold to it, the same throughout the text."""
    forms = _forms()
    return text.translate({ord(char): random.choice(forms[char]) for char in dict.fromkeys(text) if char in forms})


def full_width(text: str, random: Random) -> str:
    """Letters, digits, punctuation and spaces of ASCII at full width."""
    return text.translate({32: 0x3000} | {code: code + 0xFEE0 for code in range(0x21, 0x7F)})


def upper_case(text: str, random: Random) -> str:
    """In capitals, where a capital is one character."""
    return "".join(large if len(large := char.upper()) == 1 else char for char in text)


def line_breaks(text: str, random: Random) -> str:
    """A line end at one of twenty places beside Chinese: never inside a word of letters, nor beside white space."""
    return _between(text, random, "\n", 0.05)


def spaces(text: str, random: Random) -> str:
    """A space between any two characters but those of a word of letters or a number."""
    return _between(text, random, " ", 1.0)


def _between(text: str, random: Random, what: str, share: float) -> str:
    out = [text[:1]]
    for left, right in pairwise(text):
        if (is_wide(left) or is_wide(right)) and not (left.isspace() or right.isspace()) and random.random() < share:
            out.append(what)
        out.append(right)
    return "".join(out)


def gb18030(text: str, random: Random) -> str:
    """What reading finds in the text as a file in GB18030, whose encoding it is not told; "" where it finds none."""
    content = text.encode("gb18030", "replace")
    try:
        return content.decode(guess_encoding(content)[0], "replace")
    except InputError:
        return ""


def zero_width(text: str, random: Random) -> str:
    """A zero-width character behind one of ten."""
    zeros = [char for char in CLASS_MEMBERS[DROP] if unicodedata.category(char) == "Cf"]
    return "".join(char + random.choice(zeros) if random.random() < 0.1 else char for char in text)


def pinyin(text: str, random: Random) -> str:
    """A note of pinyin, 业(yè), behind half of some frequent characters."""
    return "".join(
        f"{char}({_READINGS[char]})" if char in _READINGS and random.random() < 0.5 else char for char in text
    )


def surrounded(text: str, random: Random) -> str:
    """An unrelated sentence right before the text, and another as a paragraph after it."""
    before, after = random.sample(_UNRELATED, 2)
    return f"{before}{text}\n\n{after}"


def without_inner_punctuation(text: str, random: Random) -> str:
    """Without punctuation but what ends sentences."""
    return _without(text, CLASS_MEMBERS[SENTENCE] + CLASS_MEMBERS[DOT])


def without_punctuation(text: str, random: Random) -> str:
    """Without any punctuation, so without sentences."""
    return _without(text, "")


def _without(text: str, kept: str) -> str:
    """What stands inside a word of letters or a number, GPT-4, 3.5, stays too."""
    return "".join(
        char
        for before, char, after in zip(f"\0{text}", text, f"{text[1:]}\0", strict=False)
        if unicodedata.category(char)[0] != "P" or char in kept or (_ascii_word(before) and _ascii_word(after))
    )


def typos(text: str, random: Random, taken: Collection[int]) -> str:
    """A wrong ideograph in each hundred characters, outside the places taken: a frequent one, or two change places."""
    free = [at for at, char in enumerate(text) if at not in taken and _ideograph(char)]
    out = list(text)
    for at in random.sample(free, min(len(free), 1 + len(text) // 100)):
        if random.random() < 0.5 and at + 1 < len(text) and at + 1 not in taken and _ideograph(text[at + 1]):
            out[at], out[at + 1] = out[at + 1], out[at]
        else:
            out[at] = random.choice(_FREQUENT.replace(out[at], ""))
    return "".join(out)


CHANGES: dict[str, Callable[[str, Random], str]] = {
    "traditional": traditional,
    "full_width": full_width,
    "upper_case": upper_case,
    "line_breaks": line_breaks,
    "spaces": spaces,
    "gb18030": gb18030,
    "zero_width": zero_width,
    "pinyin": pinyin,
    "surrounded": surrounded,
    "without_inner_punctuation": without_inner_punctuation,
    "without_punctuation": without_punctuation,
}
NAMES = (*CHANGES, "typos")


def changed(result: Result, seed: str) -> Iterator[str]:
    """A text in every way of NAMES, in their order. Typos leave the terms of its tags as they are."""
    for name, change in CHANGES.items():
        yield change(result.text, Random(f"{seed} {name}"))  # noqa: S311
    taken = {at for tag in result.tags for item in tag.terms for at in range(item.start, item.end)}
    yield typos(result.text, Random(f"{seed} typos"), taken)  # noqa: S311


def stress(rows: Iterable[tuple[str, Any]], tagger: Tagger, seed: int = 0, jobs: int | None = 1) -> dict[str, Any]:
    """Tag each text as it is and changed in every way; what becomes of its tags, as plain JSON values.

    Parameters
    ----------
    rows : iterable of (text, id)
        Read once; what is kept is what changed.
    seed : int
        Texts, their order and the seed decide every change.
    jobs : int or None
        As in `Tagger.tag_many`.

    Returns
    -------
    dict
        `changes`: by kind of change and kind of label, `tags` of the texts as they are, how many of them are `lost`,
        how many are `gained`, how many stand at an `other_level`, and the share that is `unchanged`: of all tags before
        or after, those that are there before and after at the same level; 1 where there are none.
        `changed`: each tag that did, with its `id`, `change`, `label`, `what` ("lost", "gained", "other_level") and the
        `words` around its weightiest term, which is in brackets; of a lost one in the text as it is.
    """
    empty: dict[str, Any] = {"tags": 0, "lost": 0, "gained": 0, "other_level": 0}
    tally = {name: {kind.id: empty.copy() for kind in tagger.kinds} for name in NAMES}
    listed: list[dict[str, Any]] = []
    ids: deque[Any] = deque()

    def texts() -> Iterator[str]:
        for text, id in rows:
            ids.append(id)
            yield text

    done = 0
    for batch in batches(texts(), "stress"):
        before = list(tagger.tag_many(batch))
        ways = (text for n, result in enumerate(before, done) for text in changed(result, f"{seed} {n}"))
        after = tagger.tag_many(ways, jobs=jobs)
        for old in before:
            id = ids.popleft()
            for name in NAMES:
                new = next(after)
                for tag in old.tags:
                    tally[name][tag.kind]["tags"] += 1
                for what, result, tag in _differences(old, new):
                    tally[name][tag.kind][what] += 1
                    where = {"id": id, "change": name, "kind": tag.kind, "label": tag.id, "what": what}
                    listed.append(where | {"words": _words_around(result.text, tag)})
        done += len(before)
    for row in (row for of_change in tally.values() for row in of_change.values()):
        every = row["tags"] + row["gained"]
        row["unchanged"] = (row["tags"] - row["lost"] - row["other_level"]) / every if every else 1.0
    return {"stamp": tagger.stamp, "seed": seed, "texts": done, "changes": tally, "changed": listed}


def _differences(old: Result, new: Result) -> Iterator[tuple[str, Result, Tag]]:
    """What became of the tags; with each the text that its evidence stands in."""
    before, after = ({tag.id: tag for tag in result.tags} for result in (old, new))
    for id, tag in before.items():
        if id not in after:
            yield "lost", old, tag
        elif after[id].level != tag.level:
            yield "other_level", new, after[id]
    yield from (("gained", new, tag) for id, tag in after.items() if id not in before)


def _words_around(text: str, tag: Tag) -> str:
    term = max(tag.terms, key=lambda item: item.contribution)
    start, end = term.start, term.end
    return f"{text[max(0, start - _AROUND) : start]}[{text[start:end]}]{text[end : end + _AROUND]}"


def write_table(report: dict[str, Any], out: TextIO, lang: str, tagger: Tagger) -> None:
    """What `stress` gives, to read: a line for each kind of change and of label, then what changed."""
    words = WORDS[lang]
    kinds = {kind.id: kind.name if lang == "zh" else kind.name_en for kind in tagger.kinds}
    names = {label.id: name_of(label, lang, tagger.labels) for label in tagger.labels}
    first = max(width(words[name]) for name in (*NAMES, "change")) + 2
    second = max(map(width, (*kinds.values(), words["kind"]))) + 2
    columns = ("tags", "lost", "gained", "other_level", "unchanged")

    def line(change: str, kind: str, cells: Iterable[str]) -> str:
        return fit(change, first) + fit(kind, second) + "".join(_right(cell, 12) for cell in cells) + "\n"

    out.write(line(words["change"], words["kind"], (words[name] for name in columns)))
    for change, rows in report["changes"].items():
        name = words[change]
        for kind, row in rows.items():
            cells = [*(str(row[column]) for column in columns[:-1]), f"{row['unchanged']:.2%}"]
            out.write(line(name, kinds[kind], cells))
            name = ""
    out.write("\n" if report["changed"] else "")
    for item in report["changed"]:
        shown = str(item["id"]), words[item["change"]], names[item["label"]], words[item["what"]], item["words"]
        out.write("  ".join(fit(cell, width(cell)).rstrip() for cell in shown) + "\n")


def _right(text: str, columns: int) -> str:
    return " " * (columns - width(text)) + text
