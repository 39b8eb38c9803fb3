"""PDF to text: the lines of each page, by pdfium, joined again to the paragraphs that the layout broke."""

import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from trackclf._documents import Document
from trackclf._records import Options, UnreadableError, missing_extra

_MOST_PAGES = 10_000
_EDGE_LINES = 2  # at the top and at the foot of a page that may be running headers and footers
_LIST_ITEM = re.compile(
    r"[（(]?[一二三四五六七八九十]{1,3}[、.．)）]|第[一二三四五六七八九十百零\d]{1,5}[章节條条款編编]|[（(]?\d{1,2}[、.．)）](?!\d)|[•●○■□◆▪–]"
)
_ENDS = "。！？!?；;：:…”」』）)"
_HYPHENS = ("\x02", "\ufffe", "\u00ad")  # pdfium's marks of a word that was broken


@dataclass(frozen=True, slots=True)
class _Line:
    """One line as laid out; lengths in points."""

    text: str
    left: float
    right: float
    bottom: float
    size: float


def read_pdf(data: bytes, name: str, options: Options) -> Document:
    """The text of all pages as one, and where each page starts.

    Lines that the layout broke are joined, over the end of a page too; paragraphs, headings and items of lists stay apart.
    Headers, footers and page numbers that come again on a third of the pages are left out.

    Raises
    ------
    UnreadableError
        The library is not installed, or the file needs a password, is damaged, has too many pages, or no text.
    """
    try:
        import pypdfium2
    except ImportError as error:
        raise missing_extra("docs", error) from error
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise UnreadableError("it is encrypted: save it without a password first") from error
        raise
    with closing(document):
        if len(document) > _MOST_PAGES:
            raise UnreadableError(f"it has {len(document)} pages, more than {_MOST_PAGES}; split it first")
        pages = []
        size = 0
        for number in range(len(document)):
            pages.append(_lines(document, number, pypdfium2.raw))
            size += sum(len(line.text) for line in pages[-1])
            if size > options.most_bytes:
                raise UnreadableError(f"its text is over {options.max_size} MB; raise --max-size")
    pages = _without_running(pages)
    if not any(pages):  # or no more than what the scanning program stamps on each
        raise UnreadableError("no text: scanned? recognise it first (OCR)")
    if blank := [str(number) for number, lines in enumerate(pages, 1) if not lines]:
        shown = ", ".join(blank[:10]) + (" …" if len(blank) > 10 else "")
        options.note(f"{name}: no text on {len(blank)} of {len(pages)} pages ({shown}); empty, or scanned")
    text, starts = join(pages)
    return Document(text, pages=starts)


def _lines(document: Any, number: int, raw: Any) -> list[_Line]:
    """The lines of a page that hold more than white space, in pdfium's order."""
    import ctypes

    try:
        page = document[number]
    except Exception as error:
        raise UnreadableError(f"page {number + 1} is damaged; fetch or save the PDF again ({error})") from error
    words = page.get_textpage()
    count = words.count_chars()
    codes = [raw.FPDFText_GetUnicode(words, at) for at in range(count)]
    out = []
    first = 0
    box = [ctypes.c_double() for _ in range(4)]

    def edges(at: int) -> list[float]:
        raw.FPDFText_GetCharBox(words, at, *box)
        return [value.value for value in box]

    for at in range(count + 1):
        if at < count and codes[at] not in (10, 13):
            continue
        inside = [i for i in range(first, at) if codes[i] and not chr(min(codes[i], 0x10FFFF)).isspace()]
        if inside:
            # Beyond the Basic Multilingual Plane pdfium may give surrogates, one at a time.
            units = "".join(chr(min(code, 0x10FFFF)) for code in codes[first:at] if code)
            text = units.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
            left, _, bottom, _ = edges(inside[0])
            _, right, _, _ = edges(inside[-1])
            out.append(_Line(text, left, right, bottom, round(raw.FPDFText_GetFontSize(words, inside[0]), 1) or 1.0))
        first = at + 1
    words.close()
    page.close()
    return out


def _without_running(pages: list[list[_Line]]) -> list[list[_Line]]:
    """The pages without what comes again at one place of their top or foot; digits do not count as different."""

    def key(line: _Line) -> tuple[str, int]:
        return re.sub(r"\d+", "#", "".join(line.text[:80].split())), round(line.bottom / 5)

    counts: Counter[tuple[str, int]] = Counter()
    for lines in pages:
        order = sorted(lines, key=lambda line: line.bottom)
        counts.update({key(line) for line in order[:_EDGE_LINES] + order[-_EDGE_LINES:]})
    often = {found for found, number in counts.items() if number >= max(3, len(pages) / 3)}
    return [[line for line in lines if key(line) not in often] for lines in pages]


def join(pages: list[list[_Line]]) -> tuple[str, tuple[int, ...]]:
    """The text of laid out lines, and the code point at which each page starts."""
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    before: _Line | None = None
    column = (0.0, 0.0)
    for lines in pages:
        starting = True
        columns = _columns(lines)
        drops = [a.bottom - b.bottom for a, b in pairwise(lines) if a.bottom > b.bottom]
        pitch = median(drops) if drops else 0.0
        for line in lines:
            gap = "" if before is None else _gap(before, line, column, columns[line.left], 0.0 if starting else pitch)
            if parts and parts[-1].endswith(_HYPHENS):
                length -= 1
                parts[-1] = parts[-1][:-1]
                gap = gap.strip(" ")
            length += len(gap)
            if starting:
                starts.append(length)
                starting = False
            parts += gap, line.text
            length += len(line.text)
            before, column = line, columns[line.left]
        if starting:
            starts.append(length)
    return "".join(parts), tuple(starts)


def _columns(lines: list[_Line]) -> dict[float, tuple[float, float]]:
    """Left and right edge of the column that a line stands in, by where the line starts.

    Lines that start near each other are a column where they are three or more; others go by the whole page.
    """
    if not lines:
        return {}
    near = 2.5 * median(line.size for line in lines)
    groups: list[list[_Line]] = []
    for line in sorted(lines, key=lambda line: line.left):
        if groups and line.left - groups[-1][-1].left <= near:
            groups[-1].append(line)
        else:
            groups.append([line])
    out: dict[float, tuple[float, float]] = {}
    for group in groups:
        peers = group if len(group) > 2 else lines
        # The commonest edge, for a paragraph's first line may hang out as well as in.
        left = Counter(round(line.left) for line in peers).most_common(1)[0][0]
        out |= dict.fromkeys((line.left for line in group), (float(left), max(line.right for line in peers)))
    return out


def _gap(before: _Line, line: _Line, column: tuple[float, float], own: tuple[float, float], pitch: float) -> str:
    """What stands between two lines: nothing or a space where the layout broke a paragraph, else a blank line."""
    em = max(before.size, line.size)
    drop = before.bottom - line.bottom
    if pitch and abs(drop) < 0.3 * em and line.left >= before.right:
        return "\t"  # cells of a table
    # A line ends early where the next one's first word would still have had room.
    word = re.match("[!-~]+", line.text)
    short = column[1] - before.right > (len(word.group()) * 0.5 if word else 1.0) * em + 1.5 * em
    ended = before.text[-1] in _ENDS
    level = abs(before.left - line.left) < 0.5 * em
    indented = line.left - own[0] > 1.2 * em and not (level and not short and not ended)
    apart = (
        abs(before.size - line.size) > 0.1 * em
        or (pitch and drop > max(1.7 * pitch, 1.9 * em))
        or ((indented or short) and not (_centred(before, column) and _centred(line, own) and not ended))
        or (_LIST_ITEM.match(line.text) and (ended or short))
    )
    if apart:
        return "\n\n"
    return " " if before.text[-1].isascii() and line.text[0].isascii() else ""


def _centred(line: _Line, column: tuple[float, float]) -> bool:
    left, right = line.left - column[0], column[1] - line.right
    return left > 2.5 * line.size and abs(left - right) < 1.5 * line.size
