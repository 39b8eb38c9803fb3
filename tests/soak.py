"""Both ways of the tagger against the oracle, on as many characters as time allows; counts texts, characters, differences.

    python tests/soak.py [--seconds N] [--characters N] [--seed N] [--corpus PATH]

Texts are adversarial strings and generated sentences, or those of JSON Lines; two thirds of the time goes to the shipped taxonomy, the rest
to small ones with every feature of the format. It ends when the time is over and so many characters were compared.
"""

import argparse
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path

import conftest  # and with it where the benchmarks are
from _common import SHARES, corpus, phrases, sentences
from _strings import Strings
from test_layers import HIERARCHY
from test_oracle import agrees

from trackclf import Tagger, _short


class Source:
    """A tagger, and texts that try it."""

    def __init__(self, name, tagger, rng, path=None):
        self.name, self.tagger, self.rng = name, tagger, rng
        self.texts = self.characters = self.differences = 0
        self.seconds = 0.0
        self._strings = Strings(tagger)
        terms = phrases(rng) if name == "shipped" else list(tagger._resolver.lexicon.strings)
        self._pools = [sentences(share, terms, rng) for share in SHARES.values()]
        self._corpus = corpus(path) if path else None

    def text(self):
        """The next text, of one character up to some thousand."""
        if self._corpus is not None:
            return next(self._corpus, None)
        length = self.rng.choice((1, 300, 1000, 3000, 3000))
        which = self.rng.randrange(3)
        out = ""
        while len(out) < length:
            out += self.rng.choice(self._pools[which]) if which < 2 else self._strings(self.rng)
        return out

    def compare(self, text):
        """Let the oracle judge one text."""
        begun = time.monotonic()
        try:
            agrees(self.tagger, text)
        except Exception as error:
            self.differences += 1
            print(f"{self.name}: {text!a}\n{str(error)[:500]}", flush=True)
        self.texts += 1
        self.characters += len(text)
        self.seconds += time.monotonic() - begun


def main():
    """Compare, and say how much was."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--characters", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--corpus", metavar="PATH", help="JSON Lines with a text in each line, for the shipped taxonomy"
    )
    options = parser.parse_args()
    warnings.simplefilter("error")
    _short._FIRST = 0
    taggers = {"shipped": Tagger()}
    with tempfile.TemporaryDirectory() as place:
        for name, files in {"small": conftest.SMALL, "hierarchy": HIERARCHY}.items():
            taggers[name] = Tagger.from_taxonomy(conftest.write_files(Path(place) / name, files))
        sources = []
        for name, tagger in taggers.items():
            rng = random.Random(f"{options.seed} {name}")  # noqa: S311  # which texts are tried
            sources.append(Source(name, tagger, rng, options.corpus if name == "shipped" else None))
        begun = time.monotonic()
        while time.monotonic() - begun < options.seconds or sum(one.characters for one in sources) < options.characters:
            # The next is the one that is furthest behind its share of the time.
            source = min(sources, key=lambda source: source.seconds / (4 if source.name == "shipped" else 1))
            text = source.text()
            if text is None:
                break
            source.compare(text)
    for one in sources:
        print(f"{one.name:10} {one.texts:9,} texts  {one.characters:12,} characters  {one.differences} differences")
    texts, characters = sum(one.texts for one in sources), sum(one.characters for one in sources)
    wrong, took = sum(one.differences for one in sources), time.monotonic() - begun
    print(f"{texts:,} texts, {characters:,} characters in {took:.0f} s, seed {options.seed}: {wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
