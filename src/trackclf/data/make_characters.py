"""Write characters.json: the one-to-one character map that `trackclf` folds text with.

Run by hand when OpenCC or Unicode moves on:  python make_characters.py > characters.json
Needs the development dependency `opencc` (Apache-2.0); its notice is in NOTICE.
"""

import json
import sys
import unicodedata

import opencc

# Radicals that PDF fonts leave in place of the ideograph and that NFKC does not map.
RADICALS = dict(
    zip(
        "⺠⺟⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻮⻰⻳",
        "民母虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟卤麦黄齐齿龙龟",
        strict=True,
    )
)
HYPHENS = dict.fromkeys("‐‑‒–−﹣", "-")


def compatible(code: int) -> bool:
    """Whether NFKC may fold this code point: widths, math letters, compatibility ideographs."""
    return (
        0xFF01 <= code <= 0xFF5E
        or 0x2F00 <= code <= 0x2FD5
        or 0xF900 <= code <= 0xFAFF
        or 0x2F800 <= code <= 0x2FA1F
        or 0x1D400 <= code <= 0x1D7FF
    )


def main() -> None:
    to_simplified = {name: opencc.OpenCC(name).convert for name in ("t2s", "tw2s", "hk2s")}

    def fold(char: str) -> str:
        char = RADICALS.get(char) or HYPHENS.get(char) or char
        if compatible(ord(char)):
            wide = unicodedata.normalize("NFKC", char)
            char = wide if len(wide) == 1 else char
        for convert in to_simplified.values():
            simple = convert(char)
            char = simple if len(simple) == 1 else char
        low = char.lower()
        return low if len(low) == 1 else char

    pairs = {}
    for code in range(0x110000):
        if 0xD800 <= code <= 0xDFFF:
            continue
        char = last = chr(code)
        for _ in range(8):  # to a fixed point, so that folding twice changes nothing
            char, last = fold(char), char
            if char == last:
                break
        if char != chr(code):
            pairs[chr(code)] = char
    out = {"unicode": unicodedata.unidata_version, "from": "".join(pairs), "to": "".join(pairs.values())}
    json.dump(out, sys.stdout, ensure_ascii=False, indent=0)
    print()


if __name__ == "__main__":
    main()
