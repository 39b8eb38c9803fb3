"""How far a run has come, on standard error: a bar (tqdm) on a terminal, a line now and then otherwise."""

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from trackclf._words import WORDS

_BAR = 1.0, 0.2  # seconds before it is first drawn, and between times
_LINES = 30.0, 30.0


class Meter:
    """Counts files and bytes as they are read, and characters as they are tagged; shows them in a run that takes long.

    Parameters
    ----------
    lang : str
    files : callable
        The files that will be read, or None where that is not known (standard input); asked for when first shown.
    quiet : bool
        Show nothing.
    bar : bool
        Whether there may be a bar, that is, whether the terminal is not also shown the output.
    """

    def __init__(
        self, lang: str, files: Callable[[], Iterable[Path] | None], quiet: bool = False, bar: bool = True
    ) -> None:
        self._words, self._lang, self._list = WORDS[lang], lang, files
        self._terminal = sys.stderr.isatty()
        first, self._every = _BAR if self._terminal else _LINES
        self._bar: Any = None
        self._total: tuple[int, int] | None = None  # files and bytes
        self._listed = False
        self._files = self._before = self._size = self._characters = 0
        self._stream: BinaryIO | None = None
        self._begun = time.monotonic()
        self._due = float("inf") if quiet or (self._terminal and not bar) else self._begun + first
        self._from = (self._begun, 0, 0)

    def opened(self, path: Path, stream: BinaryIO | None) -> None:
        """A file begins, and what was open before has been read. How far it is read is asked of the stream, if it has one."""
        self._before, self._files = self._before + self._size, self._files + 1
        self._size, self._stream = path.stat().st_size, stream
        self.look()

    def start(self) -> None:
        """Tagging begins: rates count from here on."""
        self._from = (time.monotonic(), self._position(), self._characters)

    def add(self, text: str) -> None:
        """A text is done."""
        self._characters += len(text)
        self.look()

    def look(self) -> None:
        """Show how it stands, if it is time to."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + self._every
            self._show()

    def say(self, message: str) -> None:
        """Print a line on standard error, above the bar."""
        if self._bar is not None:
            self._bar.clear()
        print(message, file=sys.stderr)
        if self._bar is not None:
            self._bar.refresh()

    def __enter__(self) -> "Meter":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: Any) -> None:
        if error is None and (self._bar is not None or (not self._terminal and self._listed)):
            self._show(last=True)
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _position(self) -> int:
        try:
            return self._before + (self._stream.tell() if self._stream else 0)
        except (OSError, ValueError):  # it is closed, so it has been read
            return self._before + self._size

    def _show(self, last: bool = False) -> None:
        from tqdm import tqdm

        if not self._listed:
            self._listed = True
            files = self._list()
            sizes = None if files is None else [path.stat().st_size for path in files if path.exists()]
            self._total = None if sizes is None else (len(sizes), sum(sizes))
        begun, base, characters = self._from
        seconds = max(time.monotonic() - begun, 1e-3)
        position = self._position()
        words = self._words
        parts = []
        if self._total:
            done = self._files if last else max(self._files - 1, 0)
            parts.append(words["files_done"].format(done=f"{done:,}", total=f"{self._total[0]:,}"))
        parts.append(words["characters_done"].format(n=self._amount(self._characters)))
        parts.append(words["rate"].format(n=self._amount((self._characters - characters) / seconds)))
        if self._total and position > base and not last:
            left = max(self._total[1] - position, 0) * seconds / (position - base)
            parts.append(words["time_left"].format(time=tqdm.format_interval(left)))
        else:
            parts.append(words["time_taken"].format(time=tqdm.format_interval(time.monotonic() - self._begun)))
        text = words["between"].join(parts)
        if not self._terminal:
            print(f"trackclf: {text}", file=sys.stderr)
            return
        if self._bar is None:
            tqdm.monitor_interval = 0  # no thread of its own: here it says when to draw
            form = "{percentage:3.0f}%|{bar}| {desc}" if self._total else "{desc}"
            total = self._total[1] if self._total else None
            self._bar = tqdm(total=total, bar_format=form, dynamic_ncols=True, file=sys.stderr)
        self._bar.n = min(position, self._total[1]) if self._total else position
        self._bar.set_description_str(text)

    def _amount(self, n: float) -> str:
        if self._lang == "zh" and n >= 10_000:
            return f"{n / 1e8:,.2f} 亿" if n >= 1e8 else f"{n / 1e4:,.0f} 万"
        return f"{n:,.0f}"
