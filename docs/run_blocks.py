"""Run the blocks of a page of the documentation, in order, in a copy of docs/sample.

    python docs/run_blocks.py PAGE…      what a page's commands print takes the place of what it shows

```python    a doctest session, one a page
```console   commands after `$ ` (continued after `> `), and what they print; `...` stands for anything
```sh        commands that need what a test has not (a network, hours): only that they parse is looked at
All other languages are files; one with a name after the language lies in the folder.
"""

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

from trackclf.cli import _parser

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"^```(\w*) ?(\S*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ (.*(?:\n> .*)*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_READ_ONLY = ("", "toml", "json", "csv", "html", "turtle", "text")


def run_page(page: Path, write: bool = False) -> None:
    """Run all blocks of a page; AssertionError where one prints something else than it shows, unless it is to be written."""
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        shutil.copytree(ROOT / "docs" / "sample", ".", dirs_exist_ok=True)
        for _, name, content in _BLOCK.findall(text):
            if name:
                Path(name).write_text(content, encoding="utf-8")
        variables: dict[str, Any] = {"__name__": "__main__"}

        def run(block: re.Match[str]) -> str:
            language, _, content = block.groups()
            where = f"{page.name}, line {text.count(chr(10), 0, block.start()) + 1}"
            if language == "python":
                _session(content, where, variables)
            elif language == "console":
                return block[0].replace(content, _commands(content, where, write))
            elif language == "sh":
                _parsed(content, where)
            else:
                assert language in _READ_ONLY, f"{where}: a block of {language}"
            return block[0]

        done = _BLOCK.sub(run, text)
    if write and done != text:
        page.write_text(done, encoding="utf-8")


def _session(content: str, where: str, variables: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(content, variables, where, where, 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=report.append, clear_globs=False)
    variables |= test.globs
    assert test.examples, f"{where}: nothing to run"
    assert runner.failures == 0, "".join(report)


def _commands(content: str, where: str, write: bool) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "PYTHONUTF8": "1", "COLUMNS": "100", "NO_COLOR": "1"}
    assert _COMMAND.sub("", content) == "", f"{where}: a block of commands starts with one"

    def run(found: re.Match[str]) -> str:
        command, shown = found.groups()
        script = ["bash", "-c", command.replace("\n> ", "\n")]
        done = subprocess.run(script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", env=env)
        assert done.returncode in (0, 1, 2), f"{where}: {command}\n{done.stdout}"
        same = doctest.OutputChecker().check_output(shown, done.stdout, doctest.ELLIPSIS)
        assert same or write, f"{where}: $ {command}\n{done.stdout}"
        return found[0] if same else f"$ {command}\n{done.stdout}"

    return _COMMAND.sub(run, content)


def _parsed(content: str, where: str) -> None:
    """Our own commands must parse; what `make` is to make and the extras that `pip` is to install must be there."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    def installs(words: list[str]) -> None:
        asked = re.findall(r"\[(.*?)\]", " ".join(words))
        assert set(",".join(asked).split(",")) <= {"", *extras}, f"{where}: {words}"

    check: dict[str, Callable[[list[str]], Any]] = {
        "trackclf": _parser().parse_args,
        "pip": installs,
        "make": lambda words: subprocess.run(["make", "-n", *words], cwd=ROOT, check=True, capture_output=True),  # noqa: S607
    }
    for line in content.splitlines():
        program, *words = shlex.split(line, comments=True) or [""]
        program = Path(program).name
        assert program in (*check, "", "python", "git", "cd"), f"{where}: {line}"
        if program in check:
            check[program](words)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        run_page(Path(name).resolve(), write=True)
