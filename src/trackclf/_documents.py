"""Pages of the web and Word files to text: what is read and what is furniture, paragraphs apart by blank lines."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from trackclf._encodings import guess_encoding
from trackclf._records import GUESSED, Options, UnreadableError, missing_extra

_SAMPLE = 1 << 20
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
# Where a block of a Chinese page begins like this and is short, it is furniture: where am I, share, read on, imprint.
_OPENER = re.compile(
    r"(([您你]现?在?的?|当前|目前|所在|當前)位置|(网站)?首[页頁]\s*[>›»＞|｜]|分享[到至](微信|微博|朋友圈|qq)?"
    r"|(相关|推荐|热门|热点|延伸|更多|精彩|相關|推薦|熱門|延伸)(阅读|新闻|链接|稿件|文章|推荐|报道|閱讀|新聞|連結|報導)|猜你喜欢|[上下]一[篇条則]|版[权權]([声聲]明|所有)(侵权必究)?|免责声明|网站标识码|责任编辑|打印(本页)?|关闭窗口"
    r"|【?字[体號号])(?=\W|\d|$)|(主办|承办|主管)(单位)?\s*[:：]|[扫掃]一[扫掃]"
)
_SITE = re.compile(r"(?<=.)(\s*[_|｜–—-]+\s*[^_|｜–—-]*(网站?|網站?|政府|门户|日报|日報))+$")  # behind a page's title
_LONGEST_SITE = 100  # characters: the time of _SITE grows faster than the title
_MOST_PAGE = 2_000_000  # characters of a page's source; looking for the main text of a longer one may take minutes
_LEAST_MAIN = 10  # characters of a main text; trafilatura's own 250 are for alphabets
_SHORT = 400  # characters of a block that may be furniture
# Of HTML and, from "head" on, of what trafilatura makes of it.
_BLOCKS = re.compile(
    "address|article|aside|blockquote|body|caption|center|d[dlt]|div|fieldset|fig(caption|ure)|footer|form|h[1-6r]|header"
    "|li|main|nav|ol|option|p|pre|section|table|ul|head|list|item|quote"
)
_AFTER = {"br": "\n", "lb": "\n", "tr": "\n", "row": "\n", "td": "\t", "th": "\t", "cell": "\t"}
_UNSEEN = re.compile("script|style|noscript|template|title|r[tp]|svg|select|button|textarea|iframe|object")
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_GONE = frozenset(_WORD + name for name in ("del", "moveFrom", "pPr", "rPr", "sectPr", "instrText", "delText"))


@dataclass(frozen=True, slots=True)
class Document:
    """What a document holds: its text, what it says of itself, and where its pages start."""

    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    pages: tuple[int, ...] = ()
    encoding: str | None = None


def read_html(data: bytes, name: str, options: Options) -> Document:
    """The title and main text of a page, and its date; all that is visible where no main text is found.

    The main text is what trafilatura takes for it, after blocks have gone that Chinese pages begin by the usual words.

    Raises
    ------
    UnreadableError
        The libraries are not installed, or the bytes are not of the encoding.
    """
    try:
        import trafilatura  # noqa: F401
        from lxml import etree, html
    except ImportError as error:
        raise missing_extra("docs", error) from error
    encoding = options.encoding or _encoding(data, name, options)
    source = data.decode(encoding, "replace")
    if bad := source.count("\ufffd"):
        if bad * 20 > len(source):
            raise UnreadableError(f"not {encoding}; try --encoding")
        options.note(f"{name}: {bad} characters are not {encoding} and were lost")
    source = re.sub(r"^\ufeff?\s*<\?xml[^>]{0,200}\?>", "", source).replace("\0", "")
    if not source.strip():
        return Document("", encoding=encoding)
    tree = html.document_fromstring(source, parser=html.HTMLParser(huge_tree=True))
    title = " ".join((tree.findtext(".//title") or "").split())
    for element in list(tree.iter("rt", "rp")):
        element.drop_tree()
    etree.strip_tags(tree, "ruby", "rb")
    everything = _visible(tree)
    main, found = _main(tree) if len(source) <= _MOST_PAGE else ("", {})
    text = main or everything
    title = found.get("title") or title
    title = title[:-_LONGEST_SITE] + _SITE.sub("", title[-_LONGEST_SITE:])
    if title and title not in text[: 2 * len(title) + 100]:
        text = f"{title}\n\n{text}".rstrip()
    facts = {"title": title, "date": found.get("date")}
    return Document(text, {key: value for key, value in facts.items() if value}, encoding=encoding)


def _main(tree: Any) -> tuple[str, dict[str, str | None]]:
    """The main text of a page, or what is not furniture where there is none, with the title and the date that trafilatura finds."""
    import trafilatura
    from trafilatura.settings import set_date_params, use_config

    blocks = tree.iter("div", "p", "ul", "section", "footer", "td", "tr", "table", "nav", "aside", "span", "li")
    for element in reversed(list(blocks)):  # the inner ones first: what is around them may be the text
        if _is_furniture(element):
            element.drop_tree()
    rest = _visible(tree)
    settings = use_config()
    settings.set("DEFAULT", "MIN_EXTRACTED_SIZE", str(_LEAST_MAIN))
    found: Any = trafilatura.bare_extraction(
        tree,
        config=settings,
        include_comments=False,
        favor_recall=True,
        with_metadata=True,
        date_extraction_params=set_date_params(extensive=False),  # by the metadata alone
    )
    if found is None or found.body is None:
        return rest, {}
    main = _visible(found.body)
    whole = "".join(main.split()) in ("", "".join(rest.split()))  # then our own has more of its layout
    return rest if whole else main, {"title": found.title, "date": found.date}


def _encoding(data: bytes, name: str, options: Options) -> str:
    hints = [match.decode("ascii") for match in _CHARSET.findall(data[:4096])[:1]]
    encoding, sure = guess_encoding(data[:_SAMPLE], len(data) <= _SAMPLE, hints)
    if not sure:
        options.tell(name, GUESSED.format(encoding))
    return encoding


def _is_furniture(element: Any) -> bool:
    """Whether a block is short, begins as furniture does, and holds no two sentences."""
    head = ""
    length = stops = 0
    for part in element.itertext():
        head = head if len(head) > 20 else f"{head}\n{part}".lstrip()
        length += len(part)
        stops += part.count("。")
        if length > _SHORT or stops > 1:
            return False
    return _OPENER.match(head) is not None and element.getparent() is not None


def _visible(tree: Any) -> str:
    """The text of a tree of HTML, or of trafilatura's: blocks apart by blank lines, a row of a table on a line."""
    return tidy("".join(_pieces(tree)))


def _pieces(element: Any) -> Iterator[str]:
    tag = element.tag
    if not isinstance(tag, str) or _UNSEEN.fullmatch(tag):  # a comment's tag is a function
        return
    edge = "\n\n" if _BLOCKS.fullmatch(tag) else ""
    yield edge
    yield _squeezed(element.text)
    for child in element:
        yield from _pieces(child)
        yield _squeezed(child.tail)
    yield edge or _AFTER.get(tag, "")


def _squeezed(text: str | None) -> str:
    return re.sub(r"[ \t\r\n\f]+", " ", text or "")


def tidy(text: str) -> str:
    """No white space at either end of a line, and no more than one blank line together."""
    lines = "\n".join(line.strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def read_docx(data: bytes, name: str, options: Options) -> Document:
    """Paragraphs and tables of a Word file in their order, then its footnotes and endnotes.

    What was deleted under review is left out, what was inserted is there. A row of a table is a line, its cells apart by tabs.

    Raises
    ------
    UnreadableError
        The library is not installed, or the file is none, or larger than it may be.
    """
    try:
        import docx
        from lxml import etree
    except ImportError as error:
        raise missing_extra("docs", error) from error
    check_package(data, options)
    main = docx.Document(io.BytesIO(data)).part
    if (body := main.element.find(_WORD + "body")) is None:
        raise UnreadableError("it holds no document; fetch or save it again")
    trees = [body]
    for relation in main.rels.values():
        if (relation.reltype or "").endswith(("/footnotes", "/endnotes")) and not relation.is_external:
            # What python-docx does not know is bytes to it. No entity is looked up, as in its own parser.
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            trees.append(etree.fromstring(relation.target_part.blob, parser))
    text = tidy("\n\n".join(block for tree in trees for block in _word_blocks(tree)))
    return Document(text, {"title": title} if (title := main.core_properties.title.strip()) else {})


def _word_blocks(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag == _WORD + "p":
            yield "".join(_word_pieces(child))
            for box in child.iter(_WORD + "txbxContent"):
                if not any(True for _ in box.iterancestors("{*}Fallback")):  # the same again, for old programs
                    yield from _word_blocks(box)
        elif child.tag == _WORD + "tbl":
            rows = [
                [" ".join(_word_blocks(cell)) for cell in row.iter(_WORD + "tc")] for row in child.iter(_WORD + "tr")
            ]
            yield "\n".join("\t".join(cells) for cells in rows)
        elif isinstance(child.tag, str) and child.tag not in _GONE:
            yield from _word_blocks(child)


def _word_pieces(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag == _WORD + "t":
            yield child.text or ""
        elif child.tag == _WORD + "tab":
            yield "\t"
        elif child.tag in (_WORD + "br", _WORD + "cr"):
            yield "\n"
        elif isinstance(child.tag, str) and child.tag not in _GONE and child.tag != _WORD + "txbxContent":
            yield from _word_pieces(child)


def check_package(data: bytes, options: Options) -> None:
    """Refuse a docx or xlsx that unpacks to more than a document may have.

    Sizes are those declared: zipfile, by which the libraries read, gives no byte more.

    Raises
    ------
    UnreadableError
    """
    size = sum(item.file_size for item in zipfile.ZipFile(io.BytesIO(data)).infolist())
    if size > options.most_bytes:
        raise UnreadableError(f"unpacks to {size >> 20} MB; raise --max-size (MB, now {options.max_size})")
