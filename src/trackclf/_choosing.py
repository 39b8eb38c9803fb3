"""Which files of a folder or of an archive are read: by their endings and by the patterns asked for."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from trackclf._records import Options

SUFFIXES = {
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".docx": "docx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".pdf": "pdf",
    ".parquet": "parquet",
    ".gz": "gz",
    ".zip": "zip",
}


# What is passed over, and what to save it as.
_INSTEAD = dict.fromkeys((".doc", ".wps", ".rtf", ".odt"), ".docx") | dict.fromkeys((".xls", ".et", ".ods"), ".xlsx")
_INSTEAD |= dict.fromkeys((".ppt", ".pptx", ".dps"), ".pdf") | dict.fromkeys((".rar", ".7z"), ".zip")


def chosen_names(names: Iterable[str], where: str, options: Options) -> list[str]:
    """The names to read; says how many are not, and of which kinds."""
    chosen, over = _sorted_out(names, options)
    if over and chosen:
        count = sum(map(len, over.values()))
        options.note(f"{where}: {count} files passed over ({', '.join(sorted(over)[:20])}){_advice(over)}")
    return chosen


def advice(names: Iterable[str], options: Options) -> str:
    """What to save the files as that are passed over, where that is known: the end of a sentence."""
    return _advice(_sorted_out(names, options)[1])


def _advice(over: dict[str, list[str]]) -> str:
    said = []
    for other in dict.fromkeys(_INSTEAD.values()):
        names = [name for kind in over if _INSTEAD.get(kind.lower()) == other for name in over[kind]]
        if names:
            said.append(f"; save {', '.join(names[:3])}{' …' if len(names) > 3 else ''} as {other}")
    return "".join(said)


def _sorted_out(names: Iterable[str], options: Options) -> tuple[list[str], dict[str, list[str]]]:
    """The names to read, and by their kinds those that fit the patterns and are passed over."""
    chosen: list[str] = []
    over: dict[str, list[str]] = {}
    for name in names:
        parts = name.split("/")
        if fits(name, options.exclude) or (options.include and not fits(name, options.include)):
            continue
        if any((part.startswith((".", "~$")) and part.strip(".")) or part == "__MACOSX" for part in parts):
            kind = "hidden"  # or the lock of an open document
        elif options.include or suffix_format(name):
            chosen.append(name)
            continue
        else:
            kind = Path(name).suffix or parts[-1]
        over.setdefault(kind, []).append(name)
    return chosen, over


def fits(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether the path, a folder it lies in, or a name on the way fits a pattern; `*` takes "/" too, as `**` does.

    A pattern that begins with "/" is of the whole path, or of a folder of it from the top.
    """
    parts = name.split("/")
    paths = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    tried = {*parts, *paths, *("/" + path for path in paths)}
    wanted = {pattern.rstrip("/") for pattern in patterns}
    wanted |= {pattern.replace("**/", "") for pattern in wanted}  # which may stand for no folder
    return any(fnmatchcase(item, pattern) for pattern in wanted for item in tried)


def suffix_format(name: str) -> str | None:
    """What a file is by its name, or None: a format, "gz" around one, or "zip"."""
    path = Path(name.lower())
    found = SUFFIXES.get(path.suffix)
    return found if found != "gz" or suffix_format(path.stem) else None
