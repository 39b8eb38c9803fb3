"""What each character is and folds to, without numpy: the definition that `_text` follows for whole arrays.

Folding is one-to-one (width, case, Traditional to Simplified), so it never moves a place. Notes of pinyin, 产(chǎn)业(yè),
count as zero-width characters. Closing up leaves out these and the white space that line ends and layout put inside
Chinese text.
"""

import re
from functools import lru_cache

from trackclf import _resources

# Classes of characters that shape the text; 0 is for those that only spell.
DROP, SPACE, NEWLINE, TAB, DOT, COMMA, CLAUSE, SENTENCE, HARD = range(1, 10)


def _chars(*ranges: tuple[int, int]) -> str:
    return "".join(chr(code) for low, high in ranges for code in range(low, high + 1))


CLASS_MEMBERS = {
    DROP: "\u00ad\u034f\u061c\u180e\ufeff"
    + _chars((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F)),
    SPACE: " \r\u00a0\u1680\u202f\u205f\u3000" + _chars((0x2000, 0x200A)),
    NEWLINE: "\n\u000b\u000c\u0085\u2028\u2029",
    TAB: "\t",
    DOT: ".．",
    COMMA: ",，﹐",
    CLAUSE: ";；:：﹔﹕—…|｜",
    SENTENCE: "!！?？。｡【】",
    HARD: "\0",
}
CLOSERS = "\"'”’」』）)》〉]］"
# Scripts and punctuation that are written without spaces around them.
WIDE_RANGES = ((0x2E80, 0x2FFF), (0x3001, 0x9FFF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0x20000, 0x3FFFF))
WIDE_PUNCTUATION = "“”‘’—…·"
IDEOGRAPH_RANGES = ((0x3007, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))

# Letters of pinyin with a tone; with capitals, all folded from or in this range.
TONED, TONED_RANGE = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ", (0xC0, 0x1DC)
_TONED = re.compile(f"[{TONED}]")

_LAYOUT = "".join(CLASS_MEMBERS[kind] for kind in range(DROP, TAB + 1))
_RUN = re.compile(f"[{re.escape(_LAYOUT)}]+")
_WHITE = re.compile(f"[^{re.escape(CLASS_MEMBERS[DROP])}]")
_LINE = re.compile(f"[{re.escape(CLASS_MEMBERS[NEWLINE])}]")
# A note of pinyin behind an ideograph, with what closing up would leave out before and inside it.
_ZEROS = re.escape(CLASS_MEMBERS[DROP])
_ZERO, _BLANK = f"[{_ZEROS}]*", f"[{_ZEROS}{re.escape(CLASS_MEMBERS[SPACE])}]*"
_NOTE = rf"{_BLANK}(?:{_LINE.pattern}{_BLANK})?\({_ZERO}(?=[a-zü{_ZEROS}]*[{TONED}])(?:[a-zü{TONED}]{_ZERO}){{1,6}}\)"
_IDEOGRAPHS = "".join(f"{chr(low)}-{chr(high)}" for low, high in IDEOGRAPH_RANGES)
_NOTES = f"(?<=[{_IDEOGRAPHS}])(?:{_NOTE})+"  # compiled by the first text that asks for it


@lru_cache(maxsize=1)
def folds() -> dict[int, str]:
    """Characters that fold to another, for `str.translate`. Folding twice changes nothing."""
    return {ord(source): target for source, target in zip(*_resources.character_map(), strict=True)}


def is_wide(char: str) -> bool:
    """Whether a folded character is written without spaces around it."""
    return char in WIDE_PUNCTUATION or any(low <= ord(char) <= high for low, high in WIDE_RANGES)


def normalise(text: str) -> str:
    """Fold and close up a string, as matching sees it.

    Width, case and script are folded one to one; zero-width characters and notes of pinyin are left out. A run of
    white space is left out where it touches Chinese or stands at an end, unless it holds a tab, a blank line, or the
    line end after a finished sentence; between other scripts it becomes one space.
    `normalise(normalise(x)) == normalise(x)`.

    >>> normalise("腦機 接口ＡＩ")
    '脑机接口ai'
    """
    table = folds()
    out = blank_notes(text.translate(table))
    return _RUN.sub(_close, out) if _RUN.search(out) else out


def blank_notes(folded: str) -> str:
    """A folded string with zero-width characters for each note of pinyin, so that no place moves.

    A note is one to six letters in a parenthesis right after an ideograph, at least one of them with a tone.

    >>> blank_notes("产(chǎn)业(yè)").replace("\u200b", "")
    '产业'
    """
    if not _TONED.search(folded):
        return folded
    return re.sub(_NOTES, lambda notes: "\u200b" * len(notes.group()), folded)


def close_text(folded: str) -> tuple[str, list[int] | None]:
    """A folded string closed up, and where each character of it stands in `folded`; None where none has moved.

    As `normalise` does it, but a paragraph ends in one line end.
    """
    parts: list[str] = []
    origin: list[int] = []
    at = 0
    for run in _RUN.finditer(folded):
        stays = _close(run)[:1]
        parts += folded[at : run.start()], stays
        origin += range(at, run.start())
        if stays and (first := _WHITE.search(run.group())):
            origin.append(run.start() + first.start())
        at = run.end()
    if not parts:
        return folded, None
    return "".join(parts) + folded[at:], [*origin, *range(at, len(folded))]


def _close(run: re.Match[str]) -> str:
    """What stands for a run of white space and zero-width characters."""
    text, inside = run.string, run.group()
    left = text[run.start() - 1] if run.start() else "\0"
    right = text[run.end()] if run.end() < len(text) else "\0"
    if not _WHITE.search(inside):
        return ""
    if "\t" in inside:
        return "\t"
    if "\0" in (left, right):
        return ""
    last = text[run.start() - 2] if left in CLOSERS and run.start() > 1 else left
    lines = len(_LINE.findall(inside))
    if lines >= 2 or (lines and last in CLASS_MEMBERS[SENTENCE]):
        return "\n\n"  # a single one would close up the next time
    return "" if is_wide(left) or is_wide(right) else " "
