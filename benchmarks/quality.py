"""Precision, recall and F1 of the shipped tagger on labelled text.

    python benchmarks/quality.py PATH [--errors LABEL] [--json]

PATH is JSON Lines, one passage a line: `text`, and `tracks` and `modes` as objects from label id to level.
A level of 1 or 2 (or "1-2") is present, "?" is not scored, and what is not listed is absent.
With `--errors`, the passages that a label gets wrong are printed with their evidence.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from trackclf import Tagger


def truth(rows: list[dict[str, Any]], ids: list[str]) -> np.ndarray:
    """int8 (n_rows, n_labels): 1 present, 0 absent, -1 not scored."""
    out = np.zeros((len(rows), len(ids)), np.int8)
    for n, row in enumerate(rows):
        for id, level in {**row.get("tracks", {}), **row.get("modes", {})}.items():
            if id not in ids:
                sys.exit(f"line {n + 1}: no label {id!r}; labels are {', '.join(ids)}")
            out[n, ids.index(id)] = -1 if level == "?" else 1
    return out


def f1(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """F1; 1 where there is nothing to find and nothing was found."""
    total = 2 * tp + fp + fn
    return np.where(total > 0, 2 * tp / np.maximum(total, 1), 1.0)


def measure(rows: list[dict[str, Any]], tagger: Tagger) -> dict[str, Any]:
    """Counts and F1 by label, micro and macro by kind, and how well scores rank level 2 above 1."""
    ids = [label.id for label in tagger.labels]
    want = truth(rows, ids)
    results = list(tagger.tag_many([row["text"] for row in rows]))
    got = np.array([[id in {tag.id for tag in result.tags} for id in ids] for result in results])
    scored = want >= 0
    tp = (got & (want == 1)).sum(0)
    fp = (got & (want == 0) & scored).sum(0)
    fn = (~got & (want == 1)).sum(0)
    out: dict[str, Any] = {"labels": {}, "kinds": {}}
    for n, id in enumerate(ids):
        out["labels"][id] = {
            "present": int((want[:, n] == 1).sum()),
            "tp": int(tp[n]),
            "fp": int(fp[n]),
            "fn": int(fn[n]),
            "f1": float(f1(tp[n], fp[n], fn[n])),
        }
    for kind in dict.fromkeys(label.kind for label in tagger.labels):
        mine = np.array([label.kind == kind for label in tagger.labels])
        out["kinds"][kind] = {
            "micro_precision": float(tp[mine].sum() / max(tp[mine].sum() + fp[mine].sum(), 1)),
            "micro_recall": float(tp[mine].sum() / max(tp[mine].sum() + fn[mine].sum(), 1)),
            "micro_f1": float(f1(tp[mine].sum(), fp[mine].sum(), fn[mine].sum())),
            "macro_f1": float(f1(tp[mine], fp[mine], fn[mine]).mean()),
        }
    out["level_auc"] = level_auc(rows, results)
    out["results"] = results
    out["want"] = want
    return out


def level_auc(rows: list[dict[str, Any]], results: list[Any]) -> float:
    """Share of (level 2, level 1) couples of the same kind of tag whose scores are in that order."""
    scores: dict[int, list[float]] = {1: [], 2: []}
    for row, result in zip(rows, results, strict=True):
        for tag in result.tracks:
            level = row.get("tracks", {}).get(tag.id)
            if level in (1, 2):
                scores[level].append(tag.score)
    two, one = np.array(scores[2]), np.array(scores[1])
    if not len(one) or not len(two):
        return float("nan")
    return float((two[:, None] > one).mean() + (two[:, None] == one).mean() / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--errors", metavar="LABEL", help="print the passages that this label gets wrong")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.path.read_text(encoding="utf-8").splitlines() if line.strip()]
    tagger = Tagger()
    out = measure(rows, tagger)
    results, want = out.pop("results"), out.pop("want")
    if options.json:
        print(json.dumps(out | {"passages": len(rows)}))
        return
    print(f"{'label':22}{'present':>8}{'tp':>6}{'fp':>6}{'fn':>6}{'F1':>8}")
    for id, row in out["labels"].items():
        print(f"{id:22}{row['present']:8}{row['tp']:6}{row['fp']:6}{row['fn']:6}{row['f1']:8.3f}")
    for kind, row in out["kinds"].items():
        print(kind, "  ".join(f"{name} {value:.3f}" for name, value in row.items()))
    print(f"level 2 above level 1: AUC {out['level_auc']:.3f}   passages {len(rows)}")
    if options.errors:
        n = [label.id for label in tagger.labels].index(options.errors)
        for row, result, levels in zip(rows, results, want, strict=True):
            tag = next((tag for tag in result.tags if tag.id == options.errors), None)
            if levels[n] >= 0 and (tag is not None) != (levels[n] == 1):
                print("\n" + ("MISSED " if tag is None else "WRONG ") + str(row.get("id", "")), row.get("genre", ""))
                print(row["text"])
                if tag:
                    print("   ", [(e.text, e.cue, e.kind, e.contribution) for e in tag.evidence])


if __name__ == "__main__":
    main()
