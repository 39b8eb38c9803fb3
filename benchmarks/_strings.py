"""Adversarial strings from a seeded generator: what goes wrong in text, and a tagger's own words in any writing, mixed.

The property tests draw from it too, through hypothesis.
"""

import random
from typing import Any

from trackclf import _resources

RANGES = (  # first and last code point
    (0x0, 0x20),  # controls
    (0x21, 0x7E),
    (0x7F, 0xBF),
    (0xC0, 0x24F),  # letters with marks, those of pinyin among them
    (0x300, 0x36F),  # combining
    (0x590, 0x6FF),  # written from right to left
    (0x1100, 0x11FF),  # pieces of syllables
    (0x1E00, 0x1FFF),
    (0x2000, 0x206F),  # spaces, zero width, directions
    (0x2460, 0x24FF),
    (0x2E80, 0x2FFF),  # radicals
    (0x3000, 0x303F),
    (0x3400, 0x9FFF),
    (0x4E00, 0x9FFF),
    (0xD800, 0xDFFF),  # surrogates, alone
    (0xE000, 0xF8FF),  # private use
    (0xF900, 0xFAFF),
    (0xFE00, 0xFE4F),  # variation selectors, vertical forms
    (0xFEFF, 0xFFEF),  # byte order mark, full width
    (0xFFF0, 0xFFFF),  # no characters
    (0x10000, 0x10FFFF),
    (0x1F300, 0x1FAFF),  # emoji
    (0x20000, 0x3FFFF),
    (0xE0000, 0xE01EF),  # tags
)
LAYOUT = ("\n", "\r\n", "\n\n", " ", "\u3000", "\t", "\u200b", "\ufeff", "\u2028", "\0", "\x0b", "\u00ad", "\r")
NOTES = ("(yī)", "（Lǜ）", "(e\u200bé)", "(chan)", "(", "（", "(ǎ", "ǜ)", ")")
STOPS = (*"。！？!?.,，、；：…—|“”‘’《》「」（）()[]【】·/-", "……", "吗？", ". ", "1,000", "10:30", "2.6")
WORDS = (  # noqa: SIM905  # plans, quotation, questions and what else may turn a meaning round
    "拟 拟投资 力争 鼓励 探索 计划 有望 将 争取 研究 是否 吗 请问 记者问 据《 》报道 没有 不 无 未 并非 有没有 不仅 澄清 传闻 的 和 "
    "在 公司 业务 产品 我们认为 今天天气很好"
).split()


class Strings:
    """Strings that try a tagger: `strings(rng)` makes one.

    Parameters
    ----------
    tagger : Tagger
        Its terms, pieces of cues, learned strings and what denies, plans or quotes are among the words.
    """

    def __init__(self, tagger: Any) -> None:
        lexicon = tagger._resolver.lexicon
        first = lexicon.first_learned
        self._terms = (*lexicon.strings[:first], *lexicon.strings[first:][::8])
        taxonomy = tagger.taxonomy
        voices = (taxonomy.denial, taxonomy.plan, taxonomy.quotation)
        self._words = (*WORDS, *(word for lists in voices for words in lists.values() for word in words))
        self._alike: dict[str, list[str]] = {}  # by what they fold to
        for char, folded in zip(*_resources.character_map(), strict=True):
            self._alike.setdefault(folded, [folded]).append(char)

    def __call__(self, rng: random.Random, most: int = 48) -> str:
        """A string of `most` pieces at most; now and then one piece is a long run."""
        count = rng.randrange(1, rng.choice((2, 4, 8, 16, most)) + 1)
        return "".join(self._piece(rng) for _ in range(count))

    def _piece(self, rng: random.Random) -> str:
        kind = rng.randrange(16)
        if kind < 5:
            return rng.choice(self._terms)
        if kind < 7:
            return self._rewritten(rng.choice(self._terms), rng)
        if kind < 9:
            return rng.choice(self._words)
        if kind < 11:
            return rng.choice(STOPS)
        if kind < 12:
            return rng.choice(LAYOUT)
        if kind < 13:
            return rng.choice(NOTES)
        if kind < 15 or rng.randrange(8):
            return _character(rng)
        run = rng.choice((_character(rng), rng.choice(self._terms), rng.choice(LAYOUT + NOTES), "的"))
        return run * rng.choice((2, 5, 40))

    def _rewritten(self, term: str, rng: random.Random) -> str:
        """A term in other characters that fold to its own, broken, noted, in capitals, or cut."""
        how = rng.randrange(5)
        if how == 0:
            return rng.choice(LAYOUT).join(term)
        if how == 1:
            return term[rng.randrange(2) :][: rng.randrange(1, len(term) + 1)]
        if how == 2:
            return rng.choice(NOTES[:3]).join(term)
        if how == 3:
            return term.upper()
        return "".join(rng.choice(self._alike.get(char, (char,))) for char in term)


def _character(rng: random.Random) -> str:
    return chr(rng.randint(*rng.choice(RANGES)))
