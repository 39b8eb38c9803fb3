"""A large taxonomy of one's own beside the shipped one: reading and compiling its folder, and the speed of tagging. On one core.

    python benchmarks/taxonomy_size.py [--labels N] [--terms N] [--corpus PATH] [--json FILE]

The folder is generated: labels on three levels, each with its share of the terms; of the terms a tenth has a condition, a
twentieth is a cue with a gap, a twentieth a `not`. Each taxonomy tags text that holds its own terms in one of fifty clauses,
and the same everyday text without any, or that of a corpus. Right means that the compiled file gives the same results as the
folder, and that each result that should hold a term does.
"""

import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import (
    SHARES,
    Report,
    best,
    corpus,
    in_process,
    options_or_point,
    parser,
    peak_mb,
    phrases,
    sentences,
    texts_of,
)

LENGTHS = (2, 3, 4, 5, 6)
CHARACTERS = 1_000_000
TOP = """schema = 1
version = "generated"
date = 2026-01-01
[kinds.track]
folder = "tracks"
name = "赛道"
name_en = "Track"
[prior.track]
bias = -3.0
core = 4.0
strong = 4.0
entity = 4.0
weak = 0.5
threshold = 0.0
about = 6.0
slope = 1.0
"""


def strings_of(count: int, rng: random.Random) -> list[str]:
    """Distinct strings of two to six of the 3,755 common characters of GB 2312 that stay as they are."""
    from trackclf import normalise

    common = bytes(b for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF) for b in (high, low))
    text = normalise(common.decode("gb2312", "ignore"))
    out: dict[str, None] = {}
    while len(out) < count:
        out.setdefault("".join(rng.choices(text, k=rng.choice(LENGTHS))))
    return list(out)


def write_folder(folder: Path, labels: int, terms: int) -> list[str]:
    """Write the taxonomy; returns plain terms that tag by themselves."""
    rng = random.Random(2)
    strings = strings_of(terms, rng)
    (folder / "tracks").mkdir(parents=True)
    (folder / "taxonomy.toml").write_text(TOP, encoding="utf-8")
    tops, plain = max(1, labels // 200), []
    for n in range(labels):
        lines = []
        for at in range(n, terms, labels):
            text, chance = strings[at], rng.random()
            if chance < 0.05:
                lines.append((4, text, f'{{ t = "{text}", k = "not" }}'))
            elif chance < 0.1:
                cue = f"{text}…{strings[rng.randrange(terms)]}"
                lines.append((1, cue, f'{{ t = "{cue}", k = "strong" }}'))
            elif chance < 0.2:
                lines.append((0, text, f'{{ t = "{text}", k = "core", near = ["{strings[rng.randrange(terms)]}"] }}'))
            else:
                lines.append((0, text, f'{{ t = "{text}", k = "core" }}'))
                plain.append(text)
        # A tenth of the labels are in the middle: below one of the tops, above the rest.
        parent = (
            "" if n < tops else f"label-{n % tops}" if n < labels // 10 else f"label-{tops + n % (labels // 10 - tops)}"
        )
        head = {"id": f"label-{n}", "kind": "track", "name": f"标签{n}", "name_en": f"Label {n}", "status": "named"}
        head |= {"source": "生成", "definition": "生成的标签", "definition_en": "Generated."} | (
            {"parent": parent} if parent else {}
        )
        body = [f'{key} = "{value}"' for key, value in head.items()]
        body += [f"order = {n}", "present = []", "absent = []", "related = []", "terms = ["]
        body += [f"  {line}," for _, _, line in sorted(lines)]
        (folder / "tracks" / f"label-{n}.toml").write_text("\n".join([*body, "]", ""]), encoding="utf-8")
    rng.shuffle(plain)
    return plain


def measure(labels: int, terms: int, path: str | None, runs: int, characters: int) -> dict[str, Any]:
    """Figures of one taxonomy; without labels the shipped one."""
    from trackclf import Tagger

    with tempfile.TemporaryDirectory() as place:
        os.environ["TRACKCLF_CACHE"] = str(Path(place) / "cache")
        folder = Path(place) / "taxonomy"
        rng = random.Random(1)
        words = write_folder(folder, labels, terms) if labels else phrases(rng)

        def made() -> Any:
            return Tagger.from_taxonomy(folder, weights=None) if labels else Tagger(weights=None)

        start = time.process_time()
        first = made()
        making = time.process_time() - start
        start = time.process_time()
        tagger = made()
        starting = time.process_time() - start
        pools = {
            "with its terms": texts_of(sentences(SHARES["sparse"], words, rng), 400, characters, rng),
            "everyday": list(corpus(path, characters))
            if path
            else texts_of(sentences(0, words, rng), 400, characters, rng),
        }
        out: dict[str, Any] = {"first start, s": making, "next starts, s": starting}
        right = first.stamp == tagger.stamp
        for name, texts in pools.items():
            size = sum(map(len, texts))
            sample = texts[:200]
            right &= [r.to_dict() for r in first.tag_many(sample)] == [r.to_dict() for r in tagger.tag_many(sample)]
            for what, call in {"scores": tagger.scores, "tag_many": lambda texts: list(tagger.tag_many(texts))}.items():
                seconds = best(lambda call=call, texts=texts: call(texts), runs)
                out[f"{what}, {name}, ns a character"] = seconds / size * 1e9
        out["peak memory, MB"] = peak_mb()
        if labels:
            found = tagger.tag("，".join(words[:50])).tags
            right &= len(found) >= min(labels, 25)
        return out | {"right": bool(right), "labels": len(tagger.labels)}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--labels", type=int, default=3000, help="(default: 3000)")
    options.add_argument("--terms", type=int, default=60_000, help="(default: 60000)")
    options = options_or_point(options, measure)
    labels, terms = (60, 600) if options.quick else (options.labels, options.terms)
    columns = {"taxonomy": "<10", "labels": "7,d", "figure": "<44", "value": "10.3f"}
    report = Report(options, columns)
    for name, labels_of, terms_of in (("shipped", 0, 0), ("own", labels, terms)):
        point = {
            "labels": labels_of,
            "terms": terms_of,
            "path": options.corpus,
            "runs": 1 if options.quick else 3,
            "characters": 20_000 if options.quick else CHARACTERS,
        }
        got = in_process(__file__, point)
        right, count = got.pop("right"), got.pop("labels")
        for figure, value in got.items():
            report.add(right, {"value": value}, taxonomy=name, labels=count, figure=figure, corpus=bool(options.corpus))
    report.close()


if __name__ == "__main__":
    main()
