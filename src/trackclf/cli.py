"""The command line: `trackclf tag|explain|report|review|eval|stress|train|taxonomy`. Errors become one line and a code."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from trackclf import _commands, _taxonomy_commands
from trackclf._options import DONE, USAGE
from trackclf._version import __version__
from trackclf.errors import TrackclfError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 some rows failed, 2 usage or input error."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader has seen enough (| head). Leave nothing for Python to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (KeyboardInterrupt, SystemExit) as end:
        if getattr(options, "output", None) and not getattr(options, "kept", 0):
            from trackclf._words import WORDS

            print(f"trackclf: {WORDS[getattr(options, 'lang', 'zh')]['nothing_kept']}", file=sys.stderr)
        return int(end.code or 0) if isinstance(end, SystemExit) else 130
    except TrackclfError as error:
        print(f"trackclf: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"trackclf: {error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
        return USAGE


class _Parser(argparse.ArgumentParser):
    """Says what a misspelt word may have been, with the usage of the command that it stands behind."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        option = re.search(r"unrecognized arguments:.*?(--[^\s=]+)", message)
        known = re.findall(r"[\w-]+", choice[2]) if choice else re.findall(r"--[\w-]+", self.format_help())
        if found := choice or option:
            from difflib import get_close_matches

            if close := get_close_matches(found[1], known, 1):
                message += f"; did you mean {close[0]}?"
        super().error(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="trackclf",
        description="Tag Chinese text by technology track and development mode, and show why. "
        "给中文文本标注新赛道与发展模式，并给出依据。",
    )
    parser.add_argument("--version", action="version", version=f"trackclf {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _commands.add(commands)
    _taxonomy_commands.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
