"""Print the model card of a model that `trackclf train` wrote:  python docs/render_model_card.py MODEL > card.md."""

import json
import sys
from pathlib import Path
from typing import Any


def render(manifest: dict[str, Any]) -> str:
    """Return the page."""
    corpora, labelled = manifest["corpora"], manifest["labelled"]
    lines = [
        "# Model card",
        "",
        "## What it is",
        "",
        "A table of strings with a weight per label: the curated terms of the taxonomy, and character n-grams that learning "
        "found. A score is a sum of weights over sentences that count, so every tag shows what it rests on.",
        "",
        "| | |",
        "| --- | --- |",
        f"| format | {manifest['format']} |",
        f"| taxonomy | {manifest['taxonomy']} |",
        f"| weights, sha256 | {manifest['sha256'][:16]}… |",
        f"| seed | {manifest['seed']} |",
        f"| libraries | {', '.join(f'{k} {v}' for k, v in manifest['libraries'].items())} |",
        f"| learned strings | {manifest['learned']} |",
        "",
        "## What it was trained on",
        "",
        f"Votes of the curated terms, of editors' topics and of authors' keywords over {corpora['texts']:,} texts of "
        f"{corpora['characters'] / 1e6:.1f} million characters (news wires, TV news, provincial work reports, research abstracts, "
        "patents, social posts, Traditional news; headlines, novels and laws as text without labels). The texts belong to "
        "their publishers and are not part of the project. "
        f"{labelled['train']:,} labelled passages set the few numbers a label: half of the fixtures written for the project, "
        "and readings of real passages (`fixtures/readings.jsonl`: places and labels, no text), which two readers labelled "
        "apart; where they differed on a mode it is not scored.",
        "",
        "Context was learned for: "
        + ", ".join(f"{kind}s" for kind, use in manifest["context"].items() if use)
        + "."
        + (
            f" Thresholds and probabilities were chosen on {labelled['thresholds']:,} other real passages, which were never "
            "learned from."
            if labelled["thresholds"]
            else ""
        ),
        "",
        "## What it measures",
        "",
    ]
    for name, report in manifest["measured"].items():
        lines += [f"### {name}", "", f"{report['passages']} passages, none of them learned from.", ""]
        lines += [
            "| label | present | precision | recall | F1 | 95 % interval |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for id, row in report["labels"].items():
            low, high = row["f1_interval"]
            lines.append(
                f"| {id} | {row['present']} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} | {low:.3f}–{high:.3f} |"
            )
        lines.append("")
        for kind, row in report["kinds"].items():
            lines.append(
                f"- {kind}s: micro-F1 {row['micro']['f1']:.3f}, macro-F1 {row['macro_f1']:.3f}, expected calibration error "
                f"{row['calibration']['expected_error']:.3f}"
            )
        if report["levels"]["auc"] is not None:
            lines.append(f"- level 2 ranks above level 1 with AUC {report['levels']['auc']:.3f}")
        lines.append("")
    lines += [
        "## Where it fails",
        "",
        "- Modes are hard: readers themselves agree on about nine in ten. Wording far from official Chinese, where a mode is "
        "shown by what happens and not by words of development, is often missed.",
        "- A track shown only by description, without any name, product or process of its field, is missed.",
        "- 半导体 for a radio set, 芯片 as a figure of speech and the like are tagged where nothing nearby gives them away.",
        "- Six of the fifteen tracks are no official names; see the status of each tag.",
        "- Text in other languages is tagged only by the English names and abbreviations in the lists.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(render(json.loads((Path(sys.argv[1]) / "manifest.json").read_text(encoding="utf-8"))))
