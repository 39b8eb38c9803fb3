"""The command line: `trackclf tag|explain|report|review|eval|stress|train|taxonomy`. Errors become one line and a code."""

import argparse
import errno
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from trackclf import _commands, _taxonomy_commands
from trackclf._options import DONE, USAGE
from trackclf._standard import silence, standard_streams
from trackclf._version import __version__
from trackclf.errors import TrackclfError

# What to do about errors of the system.
_REMEDIES = {
    errno.EACCES: "choose another place, or change its permissions",
    errno.EBADF: "is standard output closed? Name a file with -o FILE",
    errno.EDQUOT: "free some space, or write to another disk",
    errno.EFBIG: "free some space, or write to another disk",
    errno.ENOSPC: "free some space, or write to another disk",
    errno.EROFS: "choose another place",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 some rows failed, 2 usage or input error."""
    with standard_streams():
        options = _parser().parse_args(argv)
        try:
            code: int = options.run(options)
            sys.stdout.flush()
            return code
        except BrokenPipeError:
            silence(sys.stdout)  # the reader has seen enough (| head)
            return DONE
        except (KeyboardInterrupt, SystemExit) as end:
            if getattr(options, "output", None) and not getattr(options, "kept", 0):
                from trackclf._words import WORDS

                print(f"trackclf: {WORDS[getattr(options, 'lang', 'zh')]['nothing_kept']}", file=sys.stderr)
            return int(end.code or 0) if isinstance(end, SystemExit) else 130
        except TrackclfError as error:
            message = str(error)
        except MemoryError:
            message = (
                "memory ran out; free some or raise its limit, use fewer --jobs, or split texts that are very long"
            )
        except OSError as error:
            silence(sys.stdout)
            message = f"{error.filename or 'output'}: {error.strerror or error}"
            if str(error.filename).startswith(os.path.dirname(__file__)):
                message += "; reinstall trackclf"
            elif error.errno == errno.ENOENT and not error.filename:  # by tempfile
                message = f"{error.strerror}; set TMPDIR to a folder that can be written to"
            elif error.errno in _REMEDIES:
                message += f"; {_REMEDIES[error.errno]}"
        print(f"trackclf: {message}", file=sys.stderr)
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
