"""Taxonomies as CSV: a row a term, for people with spreadsheets."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from trackclf._encodings import guess_encoding
from trackclf._exchange import Content, toml_key, toml_value
from trackclf._setting_faults import hint
from trackclf._taxonomy_files import KINDS, LABEL_KEYS, TERM_KEYS, from_toml
from trackclf._words import WORDS
from trackclf.errors import InputError

# Spreadsheets take such a cell for a formula, a number or a date; an apostrophe before it keeps it text.
_GUARDED = re.compile(r"['=+\-@＝＋－＠\t\r\n]|[\d.,:/eE%+ -]+\Z")
_TERM_COLUMNS = tuple(key for key in TERM_KEYS if key not in ("t", "k"))
_LABEL_TYPES = {
    key: type_ for key, type_ in LABEL_KEYS.items() if key not in ("id", "kind", "name", "name_en", "terms", "remove")
}
_LABEL_TYPES |= {"folder": str}
# What people call columns; the kinds of terms go by their Chinese names too.
_CALLED = {
    "标签": "label",
    "标签编号": "label",
    "编号": "label",
    "名称": "name",
    "英文名": "name_en",
    "英文名称": "name_en",
}
_CALLED |= {"词条": "term", "词": "term", "词语": "term", "类型": "kind", "类别": "kind", "上级": "parent"}
_CALLED |= {WORDS["zh"][key]: key for key in ("source", "definition", "present", "absent", "related")}
_KINDS = {WORDS["zh"][kind]: kind for kind in KINDS} | {WORDS["zh"][kind].removesuffix("词"): kind for kind in KINDS}
_BOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how files of spreadsheet programs begin
COLUMNS = ("row", "label", "label_kind", "name", "name_en", "term", "kind", *_TERM_COLUMNS, *_LABEL_TYPES, "value")


def to_csv(content: Content) -> str:
    """Rows of labels, terms, classes, regional words and settings; for spreadsheets, with a byte order mark."""
    out = io.StringIO(newline="")
    out.write("\ufeff")
    table = csv.DictWriter(out, COLUMNS, restval="")
    table.writeheader()
    for row in _rows(content):
        table.writerow({key: _cell(value) for key, value in row.items()})
    return out.getvalue()


def _rows(content: Content) -> Iterator[dict[str, Any]]:
    for label in content.labels:
        head = {"label": label["id"], "label_kind": label["kind"]} | {key: label[key] for key in ("name", "name_en")}
        yield {"row": "label"} | head | {key: label[key] for key in _LABEL_TYPES if key in label}
        for item in label["terms"]:
            rest = {key: item[key] for key in _TERM_COLUMNS if key in item}
            yield {"row": "term"} | head | {"term": item["t"], "kind": item["k"]} | rest
    for name, item in content.classes.items():
        for text in item["terms"]:
            yield {"row": "class", "label": name, "definition": item.get("description", ""), "term": text}
    for word, other in content.regional.get("words", {}).items():
        yield {"row": "regional", "term": word, "value": other}
    for key, value in _flat(content.top):
        yield {"row": "setting", "label": key, "value": toml_value(value, wrap=False)}


def _flat(data: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Values with their dotted keys, in the order of a TOML file: plain values first."""
    for key, value in data.items():
        if not isinstance(value, dict):
            yield ".".join((*path, toml_key(key))), value
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, (*path, toml_key(key)))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        value = "|".join(str(item).replace("\\", "\\\\").replace("|", "\\|") for item in value)
    text = str(value)
    return "'" + text if _GUARDED.match(text) else text


def _list(cell: str) -> list[str]:
    return [re.sub(r"\\([\\|])", r"\1", item) for item in re.findall(r"(?:\\[\\|]|[^|])+", cell)]


def from_csv(data: bytes, name: str) -> Content:
    """Read rows as `to_csv` writes them; a table of `label` and `term` alone will do.

    Parameters
    ----------
    data : bytes
        In UTF-8, GB18030, Big5 or UTF-16; separated by commas, semicolons or tabs. Columns may have Chinese names.
    name : str
        What to call the file in messages.

    Raises
    ------
    InputError
        A row or a column cannot be read; the message names it.
    """
    if data.startswith(_BOOKS):
        raise InputError(f"{name} is a spreadsheet program's own file; save it as CSV (UTF-8) there")
    encoding, sure = guess_encoding(data)
    content = Content()
    if not sure:
        content.note("guessed", encoding)
    try:
        text = re.sub(r"sep=.[\r\n]+", "", data.decode(encoding).removeprefix("\ufeff").lstrip(), count=1)
        head = text.partition("\n")[0]
        table = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
        table.fieldnames = columns = [_column(column) for column in table.fieldnames or ()]
        named = [column for column in columns if column]
        if wrong := [column for column in named if column not in COLUMNS]:
            raise InputError(f"{name} has an unknown column {wrong[0]!r}{hint(wrong[0], COLUMNS)}; rename or delete it")
        if len({*named}) < len(named) or not {"label", "term"} <= {*named}:
            raise InputError(
                f"{name} needs the columns label and term, each column once; it has {', '.join(named) or 'none'}"
            )
        _read_rows(table, content, name)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{name} is no table of comma-separated values: {error}") from error
    return content


def _read_rows(table: "csv.DictReader[str]", content: Content, name: str) -> None:
    labels: dict[str, dict[str, Any]] = {}
    described = set()
    settings = []
    for raw in table:
        where = f"{name}: line {table.line_num}"
        if any(raw.pop(None, ())) or raw.get(""):
            raise InputError(
                f"{where} has a cell without a column; a cell that holds the separator needs quotes around it"
            )
        row = {key: _plain(cell or "") for key, cell in raw.items()}  # trailing cells may be missing
        if not any(row.values()):
            continue
        kind, id, term = row.get("row") or "term", row["label"].strip(), row["term"]
        if kind == "setting":
            settings.append(_setting(row["label"], row.get("value", ""), where))
        elif kind == "regional":
            content.regional.setdefault("words", {})[term] = row.get("value", "")
        elif kind == "class":
            item = content.classes.setdefault(id, {"description": row.get("definition", ""), "terms": []})
            item["terms"].append(term)
        elif kind not in ("label", "term"):
            raise InputError(f"{where}: row is {kind!r}, not one of label, term, class, regional, setting")
        elif not id or (kind == "term" and not term):
            raise InputError(f"{where} has no {'term' if id else 'label'}")
        else:
            label = labels.setdefault(id, {"id": id, "terms": []})
            if kind == "label" and id in described:
                raise InputError(f"{where}: the label {id!r} has a row of its own already")
            described |= {id} if kind == "label" else set()
            keys = {"label_kind": "kind"} | {key: key for key in ("name", "name_en", *_LABEL_TYPES)}
            for column, key in keys.items():
                if row.get(column) and (kind == "label" or key not in label):
                    label[key] = _typed(row[column], _LABEL_TYPES.get(key, str), f"{where}, {column}")
            if kind == "term":
                kind = row.get("kind", "").strip() or "strong"
                item = {"t": term, "k": _KINDS.get(kind, kind)}
                for key in _TERM_COLUMNS:
                    if row.get(key):
                        item[key] = _typed(row[key], TERM_KEYS[key], f"{where}, {key}")
                label["terms"].append({key: value for key, value in item.items() if value is not False})
    content.labels = list(labels.values())
    try:
        content.top = from_toml("\n".join(settings))
    except ValueError as error:
        raise InputError(f"{name}: the settings do not go together: {error}") from error


def _column(cell: str) -> str:
    plain = cell.strip().casefold()
    return _CALLED.get(plain, plain)


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell[1:]) else cell


def _setting(key: str, value: str, where: str) -> str:
    """One line of TOML; a value that a spreadsheet has rewritten, as dates are, counts as a string."""
    for line in (f"{key} = {value}", f"{key} = {toml_value(value)}"):
        try:
            from_toml(line)
            return line
        except ValueError:
            continue
    raise InputError(f"{where}: {key!r} is no setting's name")


def _typed(cell: str, type_: Any, where: str) -> Any:
    if type_ is list:
        return _list(cell)
    if type_ is bool:
        return cell.strip().casefold() in ("true", "1", "yes", "是")
    if type_ is int:
        try:
            return int(cell)
        except ValueError:
            raise InputError(f"{where}: {cell!r} is no whole number") from None
    return cell
