"""What docs/threat-model.md promises: nothing of the input is run, and no pattern takes more than its share of time."""

import ast
import importlib
import re
import re._parser as parser
import signal
from collections import defaultdict
from functools import partial

import pytest
from conftest import ROOT

import trackclf
from trackclf import _documents, load_taxonomy
from trackclf._authoring import _Blame

SOURCE = ROOT / "src" / "trackclf"
TREES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.glob("*.py"))}

# Modules that run what they are given, and those that reach other machines or programs.
BARRED = {
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "yaml",
    "subprocess",
    "multiprocessing",
    "ctypes",
    "runpy",
}
BARRED |= {"socket", "ssl", "http", "ftplib", "smtplib", "urllib", "requests", "httpx", "asyncio", "webbrowser"}
CALLS = {"eval", "exec", "compile", "__import__", "import_module", "system", "popen", "spawnv", "execv", "load_module"}
# What stands there all the same, and why it runs nothing that was handed in.
KNOWN = {
    ("_parallel", "pickle"),  # the tagger, to the processes that it begins itself
    ("_parallel", "multiprocessing"),  # the tracker of those processes
    ("_skos", "urllib.parse"),  # quotes ids
    ("_skos_reading", "urllib.parse"),
    ("__init__", "import_module"),  # the package's own modules, by a table of its own
    ("_pdf", "ctypes"),  # pdfium's own structures
}


def used(tree):
    """Modules that are imported, and functions that are called by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (alias.name for alias in node.names if alias.name in CALLS)
        elif isinstance(node, ast.Call):
            of_re = isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "re.compile"
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            yield name if name in CALLS and not of_re else ""
            yield from ("allow_pickle" for word in node.keywords if word.arg == "allow_pickle" and not is_false(word))


def is_false(word):
    return isinstance(word.value, ast.Constant) and word.value.value is False


def test_nothing_of_the_input_can_run():
    barred = {
        (module, name)
        for module, tree in TREES.items()
        for name in used(tree)
        if name.partition(".")[0] in BARRED or name in CALLS | {"allow_pickle"}
    }
    assert barred == KNOWN
    assert used_of("np.load(x, allow_pickle=True); __import__(x); from os import system") == {
        "allow_pickle",
        "__import__",
        "os",
        "system",
    }
    (names,) = (
        node
        for node in ast.walk(TREES["__init__"])
        if isinstance(node, ast.Call) and "import_module" in ast.dump(node.func)
    )
    assert ast.unparse(names.args[0]) == "f'trackclf.{_HOMES[name]}'"
    assert all((SOURCE / f"{home}.py").exists() for home in trackclf._HOMES.values())


def used_of(code):
    return set(used(ast.parse(code.replace("; ", "\n")))) - {""}


LONG = 100_000
# The longest input that a pattern is given, where the code bounds it.
BOUNDED = {"_SITE": 100, "_CHARSET": 4096}
ANCHORED = {"match", "fullmatch"}


def methods():
    """By name of a compiled pattern: what is asked of it anywhere."""
    found = defaultdict(set)
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, (ast.Name, ast.Attribute)):
                found[getattr(node.value, "attr", getattr(node.value, "id", ""))].add(node.attr)
    return {
        name: attributes & (ANCHORED | {"search", "sub", "subn", "split", "findall", "finditer"})
        for name, attributes in found.items()
    }


def patterns():
    """Every pattern of the source: where it stands, itself, how it is asked, the longest input."""
    asked = methods()
    for name in TREES:
        if name == "__main__":
            continue
        module = importlib.import_module("trackclf" if name == "__init__" else f"trackclf.{name}")
        for key, value in vars(module).items():
            if isinstance(value, re.Pattern):
                yield f"{name}.{key}", value, asked.get(key) or {"finditer"}, BOUNDED.get(key, LONG)
        for node in ast.walk(TREES[name]):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args:
                first, method = node.args[0], ast.unparse(node.func)[3:]
                text = getattr(module, first.id, None) if isinstance(first, ast.Name) else getattr(first, "value", None)
                if isinstance(text, str | bytes) and method != "escape":
                    asks = {method} if method != "compile" else {"finditer"}
                    if method != "compile":  # those have a name
                        yield f"{name}:{node.lineno}", re.compile(text), asks, LONG
    taxonomy = load_taxonomy()
    yield "Taxonomy._regional_pattern", taxonomy._regional_pattern, {"sub"}, LONG
    blame = _Blame(taxonomy, taxonomy)
    longest = sorted(blame._slots, key=lambda key: -len(blame._slots[key]))
    for key in longest[:3]:  # those with the most gaps
        yield f"_Blame {key}", blame._pattern(key), {"search"}, LONG


def characters(pattern):
    """Characters that a pattern tells apart: its letters, one of each range and class."""
    found = {}

    def walk(items):
        for code, value in items:
            code = str(code)
            if code in ("LITERAL", "NOT_LITERAL"):
                found[chr(value)] = None
            elif code == "RANGE":
                found[chr(value[0])] = None
            elif code == "CATEGORY":
                found.update(dict.fromkeys({"SPACE": " \n", "DIGIT": "7"}.get(str(value)[-5:].strip("_"), "a")))
            elif code in ("IN", "ATOMIC_GROUP"):
                walk(value)
            elif code == "BRANCH":
                for branch in value[1]:
                    walk(branch)
            elif code.endswith("REPEAT"):
                walk(value[2])
            elif code == "SUBPATTERN":
                walk(value[3])
            elif code.startswith("ASSERT"):
                walk(value[1])

    walk(
        parser.parse(
            pattern.pattern, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
        )
    )
    return list(found)


def hostile(pattern, length):
    """Runs of one character and of two in turn, behind what a match may begin with and before what it cannot end with."""
    letters = [*characters(pattern)[:5], "中"]
    for head in ("", letters[0]):
        for letter in letters:
            yield head + letter * length + "\x02"
    for one in letters[:3]:
        for other in letters:
            yield (one + other) * (length // 2) + "\x02"
    text = "".join(characters(pattern)) or "中"
    yield text * (length // len(text)) + "\x02"


def ask(pattern, methods, text):
    text = text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text
    for method in methods:
        if method in ANCHORED | {"search", "split"}:
            getattr(pattern, method)(text)
        else:
            for _ in pattern.finditer(text):
                pass


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
def test_no_pattern_takes_long():
    """What grows with the square of a hundred thousand characters takes minutes, not a second."""
    assert hangs(lambda: ask(re.compile(r"\s*x"), {"search"}, " " * LONG))
    assert not hangs(lambda: ask(re.compile(r"\s*x"), {"match"}, " " * LONG))
    seen, slow = 0, []
    for where, pattern, asked, longest in patterns():
        seen += 1
        slow += [
            (where, text[:3], text[-2:])
            for text in hostile(pattern, longest)
            if hangs(partial(ask, pattern, asked, text))
        ][:1]
    assert not slow
    assert seen > 50


class TooLongError(BaseException):  # which no reader takes for a damaged file
    pass


def hangs(call, seconds=1.0):
    def stop(*_):
        raise TooLongError

    before = signal.signal(signal.SIGVTALRM, stop)  # of this process's own time
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        call()
    except TooLongError:
        return True
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return False


def test_a_hostile_title_is_read_in_bounded_time(tmp_path):
    pytest.importorskip("trafilatura")
    path = tmp_path / "page.html"
    page = f"<html><title>甲{'_' * LONG}x</title><p>" + "今天下雨。" * (_documents._MOST_PAGE // 5)
    path.write_text(page, encoding="utf-8")
    assert not hangs(lambda: list(trackclf.read(path)), seconds=5)


@pytest.mark.parametrize("page", ["reliability", "threat-model"])
def test_the_tests_that_a_page_names_are_there(page):
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", text))
    assert len(named) > 10
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), (file, test)
