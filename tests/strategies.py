"""What the property tests draw: strings, records, taxonomies, weights."""

import datetime
import random
from functools import lru_cache

import numpy as np
from _strings import Strings
from hypothesis import settings
from hypothesis import strategies as st

from trackclf import normalise
from trackclf._exchange import Content
from trackclf._taxonomy_files import KINDS, PUNCTUATION
from trackclf._weights import SPEC, Weights


def share(part):
    """Settings for a slow test: one example for so many of the others."""
    return settings(max_examples=max(settings.default.max_examples // part, 1))


PIECES = [
    *(
        "量子",
        "量子计算",
        "计算机",
        "6G",
        "6g",
        "16G",
        "2.6G",
        "6G内存",
        "large model",
        "LARGE\nmodel",
        "量子AI",
        "芯",
        "芯片",
    ),
    *(
        "算芯片",
        "片子",
        "大量子公司",
        "质量子系统",
        "玩具",
        "电脑",
        "晶",
        "晶片",
        "業鏈",
        "業",
        "天算",
        "产业",
        "产业链",
        "行业",
        "tech",
        "升级",
        "转型",
        "培育",
        "由",
        "向",
    ),
    *(
        "暂无",
        "没有",
        "也无",
        "业务",
        "产品",
        "有",
        "不涉及",
        "尚未开展",
        "不涉及上述",
        "拟",
        "计划",
        "行动计划",
        "有望",
        "《",
        "》",
        "〈",
        "〉",
        "记者问",
        "答记者问",
        "您",
        "？",
        "吗?",
        "。",
        "，",
        ",",
        "；",
        "!",
        ". ",
        ".",
        "\n",
        "\n\n",
        " ",
        "\t",
        "\u200b",
        "的",
        "加快",
        "a",
        "1",
        "、",
    ),
    *("(dī)", "（Yè）", "(lǜ", ")", "(ceo)", "(é)"),
    *("腦機", "產業鏈", "Ｇ", "【", "】", "\0", "😀", "\ud800"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)


@lru_cache(maxsize=4)
def strings(tagger):
    """Any code points, a tagger's words, layout and runs, in any mixture."""
    make = Strings(tagger)
    # From a seed: drawing each piece by hypothesis takes a hundred times as long, for smaller cases of what the others find.
    made = st.builds(
        lambda rng, most: make(rng, most), st.integers(0, 2**32 - 1).map(random.Random), st.integers(1, 24)
    )
    return texts | st.text(max_size=60) | made | made


whole = st.text(st.characters(codec="utf-8"), max_size=8)
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | whole | st.lists(whole, max_size=2)
odd_names = st.sampled_from(["title", "标题", "tracks", "more", "error", "pairs", "input_tracks", "evidence", "page"])


def rows(texts):
    """Columns of input records: an id, a text, and anything beside them."""
    names = (odd_names | whole.filter(str.strip)).filter(lambda name: name.strip() not in ("id", "text"))
    ids = st.integers() | whole.filter(str.strip)
    return st.builds(
        lambda key, text, more: {"id": key, "text": text, **more},
        ids,
        texts,
        st.dictionaries(names, values, max_size=3),
    )


def some_weights(ids, texts):
    """Learned weights of any numbers for some labels, with learned strings cut from texts."""

    def made(seed):
        rng = np.random.default_rng(seed)
        cut = {text[at : at + 2] for text in texts for at in range(len(text) - 1)}
        learned = sorted(string for string in cut if normalise(string) == string)
        sizes = {"labels": len(ids), "terms": 3, "learned": len(learned), "texts": int(rng.integers(0, 9))}
        arrays = {}
        for name, (dtype, shape) in SPEC.items():
            arrays[name] = rng.normal(0, 2, [sizes.get(size, size) for size in shape])
            arrays[name] = np.round(arrays[name], int(rng.integers(0, 4))).astype(dtype)
        arrays["term"], arrays["learned"] = np.array(["6G", "芯片", "升级"]), np.array(learned, "U2")
        for name in ("term_label", "learned_label"):
            arrays[name] = rng.integers(0, len(ids), len(arrays[name]))
        arrays["curve_truth"] = rng.integers(-1, 2, arrays["curve_truth"].shape).astype("i1")
        arrays["slope"] = np.abs(arrays["slope"])
        return Weights(**arrays, manifest={"labels": list(ids), "measured": {"f1": float(rng.random())}})

    return st.integers(0, 2**32 - 1).map(made)


WORDS = (
    "量子",
    "量子计算",
    "计算机",
    "芯片",
    "算芯",
    "产业",
    "产业链",
    "链",
    "升级",
    "转型",
    "6g",
    "ai",
    "子公司",
    "大量",
    "片",
)


@st.composite
def taxonomies(draw):
    """A sound taxonomy as its files hold it, and the strings it is made of."""
    odd = st.text(st.characters(codec="utf-8", exclude_characters="…{}"), min_size=2, max_size=5)
    word = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map("".join) | odd.filter(
        lambda text: len(normalise(text)) > 1 and not PUNCTUATION.search(normalise(text))
    )
    words = draw(st.lists(word.filter(lambda text: len(text) > 1), min_size=4, max_size=14, unique_by=normalise))
    some = st.lists(st.sampled_from(words), min_size=1, max_size=3, unique_by=normalise)
    ids = ["a", "b", "c", "m", "n"][: draw(st.integers(1, 5))]
    kind_of = {id: "track" if id in "abc" else "mode" for id in ids}
    classes = {"some": {"description": "词", "terms": draw(some)}}
    terms = {id: [] for id in ids}
    taken = set()
    for _ in range(draw(st.integers(1, 12))):
        id = draw(st.sampled_from(ids))
        piece = st.sampled_from([*words, *(("{some}", "{track}") if kind_of[id] == "mode" else ("{some}",))])
        pieces = draw(st.lists(piece, min_size=1, max_size=3))
        text = pieces[0] + "".join(draw(st.sampled_from(["", "…", "……"])) + other for other in pieces[1:])
        plain = "…" not in text and "{" not in text
        key = normalise(text)
        if key in taken or all(piece == "{track}" for piece in pieces) or text == "{some}":
            continue
        taken.add(key)
        item = {"t": text, "k": draw(st.sampled_from(KINDS))}
        for name in ("near", "far"):
            if draw(st.integers(0, 4)) == 0:
                item[name] = draw(some | st.sampled_from([["{some}"], ["片! 片. 片"], ["片。"]]))
        others = [other for other in ids if other != id]
        if item["k"] != "not" and others and draw(st.integers(0, 4)) == 0:
            item["also"] = [draw(st.sampled_from(others))]
        if plain and draw(st.integers(0, 3)) == 0:
            item["boundary"] = True
        terms[id].append(item)
    numbers = st.integers(-2000, 2000).map(lambda n: n / 256)
    prior = {
        kind: {name: draw(numbers) for name in ("bias", *KINDS[:4], "threshold")}
        | {"about": draw(st.sampled_from([6.0, float("inf")])), "slope": draw(st.floats(0.25, 4))}
        for kind in ("track", "mode")
    }
    denial = {"kinds": ["track"]} | {name: draw(some) for name in ("before", "after", "without", "of", "except")}
    plan = {name: draw(some) for name in ("before", "after", "except")}
    quotation = {"marks": ["《》"], "before": draw(some), "asked": draw(some), "except": draw(some)}
    top = {
        "schema": 1,
        "version": draw(whole.map(str.strip).filter(bool)),
        "date": datetime.date(2026, 1, 1),
        "prior": prior,
    }
    labels = [
        {"id": id, "kind": kind_of[id], "order": n, "name": f"标签{id}", "name_en": f"Label {id}", "status": "named"}
        | ({"parent": "a"} if id in "bc" and draw(st.booleans()) else {})
        | {
            "source": "测试",
            "definition": "定义",
            "definition_en": "Definition",
            "present": [],
            "absent": [" ".join(text.strip().split("\n")) for text in draw(some)],
        }
        | {"related": [other for other in ids if other > id], "terms": terms[id]}
        for n, id in enumerate(ids, 1)
    ]
    return Content(
        top | {"denial": denial, "plan": plan, "quotation": quotation},
        classes,
        {"words": {"计算机": "电脑", "芯": "晶"}},
        labels,
    ), words
