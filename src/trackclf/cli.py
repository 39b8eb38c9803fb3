"""The command line: `trackclf tag|explain|report|review|eval|stress|train|taxonomy`. Errors become one line and a code."""

import argparse
import os
import sys
from collections.abc import Sequence

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
    except KeyboardInterrupt:
        return 130
    except TrackclfError as error:
        print(f"trackclf: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"trackclf: {error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
        return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
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
