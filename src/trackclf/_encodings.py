"""Bytes to text: which encoding a sample is in, by mark, by strict decoding, by how Chinese the result looks."""

import codecs
import re
from collections.abc import Iterable

from trackclf.errors import InputError

UNDECODED = re.compile("[\udc80-\udcff]")  # what errors="surrogateescape" leaves
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CHINESE = ("gb18030", "big5hkscs", "utf-16-le", "utf-16-be")
_LEAST = 0.02  # share of common characters in anything that may pass for Chinese
_LOOKED_AT = 1 << 16
# The most frequent characters of running text, in Simplified and in Traditional writing.
_COMMON = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形"
    "這為個國時來們動產種後學經進裡電實現體機當點從業應開還會說過發對於與關長無區軟積員議將資訊場計劃務設備網統領創術電車馬東門問間見"
    "技术新企业科市公司创项目研究展资金报告建设系统服务智能，。、：；“”（）"
)


def check_encoding(name: str) -> None:
    """Refuse a name that no encoding has.

    Raises
    ------
    InputError
    """
    try:
        b"  ".decode(name)
    except UnicodeError:
        pass
    except (LookupError, ValueError):
        raise InputError(f"no encoding is called {name!r}; try utf-8, gb18030, big5 or utf-16") from None


def guess_encoding(sample: bytes, whole: bool = True, hints: Iterable[str] = ()) -> tuple[str, bool]:
    """Name of the encoding of a sample, and whether it is sure.

    It is where there is a byte order mark, where the sample is strict UTF-8, and where it decodes by a hint
    and the result does not look less Chinese than by any other. Otherwise GB18030, Big5 and UTF-16 are tried,
    and the one whose result looks most like Chinese is taken; then charset-normalizer is asked, where it is installed.

    Parameters
    ----------
    sample : bytes
    whole : bool
        Whether the sample is all there is; otherwise it may end within a character.
    hints : iterable of str
        What the document says of itself, as a page's `<meta charset>`; names that mean nothing are passed over.

    Raises
    ------
    InputError
        Nothing fits.
    """
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding, True
    if _decode(sample, "utf-8", whole) is not None and sample.count(0) * 10 <= len(sample):
        return "utf-8", True
    named = [wide for hint in hints if (wide := _widest(hint)) is not None]
    looks = {}
    for encoding in dict.fromkeys([*named, *_CHINESE]):
        text = _decode(sample, encoding, whole)
        if text:
            looks[encoding] = sum(char in _COMMON for char in text) / len(text)
    best = max(looks, key=lambda encoding: looks[encoding], default="")
    for encoding in named:
        if encoding in looks and (looks[encoding] == looks[best] or looks[best] < _LEAST):
            return encoding, True
    if best and looks[best] >= _LEAST:
        return best, False
    # Damaged in places: rows will say so, one by one, and pages by a note.
    for encoding in ("utf-8", *_CHINESE[:2]):
        text = sample.decode(encoding, "replace")
        common = sum(char in _COMMON for char in text)
        if text.count("\ufffd") * 20 < len(text) and (encoding == "utf-8" or common >= _LEAST * len(text)):
            return encoding, False
    if detected := _detect(sample):
        return detected, False
    raise InputError("its encoding was not recognised. Try --encoding gb18030, big5 or utf-16")


def _detect(sample: bytes) -> str | None:
    """What charset-normalizer takes it for, where that is text of some language."""
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return None
    best = from_bytes(sample[:_LOOKED_AT]).best()
    return best.encoding if best is not None and best.language != "Unknown" and best.chaos < 0.1 else None


def _widest(hint: str) -> str | None:
    """Python's name of an encoding; what pages call gb2312 or big5 is often wider, as browsers know."""
    try:
        b"  ".decode(hint.strip(), "replace")
    except (LookupError, ValueError):  # none, none of text (base64), or one that a damaged page ends (idna)
        return None
    name = codecs.lookup(hint.strip()).name
    return {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}.get(name, name)


def _decode(sample: bytes, encoding: str, whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample, final=whole)
    except UnicodeError:
        return None
