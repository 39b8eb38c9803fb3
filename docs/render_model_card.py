"""Write `docs/model-card.md` from the shipped model, or print that of another:  python docs/render_model_card.py [MODEL]."""

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
        "found. A score is a sum of weights over sentences that count, so every tag shows what it rests on. Learned n-grams "
        "count only in sentences that hold a term of their label.",
        "",
        "| | |",
        "| --- | --- |",
        f"| format | {manifest['format']} |",
        f"| taxonomy | {manifest['taxonomy']} |",
        f"| weights, sha256 | {next(iter(manifest['files'].values()))[:16]}… |",
        f"| seed | {manifest['seed']} |",
        f"| libraries | {', '.join(f'{k} {v}' for k, v in manifest['libraries'].items())} |",
        f"| learned n-grams | {', '.join(f'{id} {count:,}' for id, count in manifest['learned'].items())} |",
        "",
        "## What it was trained on",
        "",
        f"Votes of the curated terms, of editors' topics and of authors' keywords over {corpora['texts']:,} texts of "
        f"{corpora['characters'] / 1e6:.1f} million characters (news wires, TV news, provincial work reports, research abstracts, "
        "patents, social posts, Traditional news; headlines, novels and laws as text without labels). The texts belong to "
        "their publishers and are not part of the project.",
        "",
        f"{labelled['train']:,} labelled passages: half of the fixtures written for the project, and readings of real passages "
        "(`fixtures/readings.jsonl`: places and labels, no text). Each reading was made by a reader with the label guide in "
        "hand who saw neither the lists nor any tag; many passages were chosen because an earlier tagger was unsure of them. "
        "Those of the test part were read by two readers apart, and what they labelled differently is not scored.",
        "",
        "Tracks keep the taxonomy's prior weights: context learned for them did not help (docs/measurements.md). For modes "
        "the kinds of terms, frequent terms and n-grams have learned weights.",
        "",
        *(
            [
                f"Thresholds of the modes and all probabilities were chosen on {labelled['thresholds']:,} other real passages, "
                "which nothing was learned from.",
                "",
            ]
            if labelled["thresholds"]
            else []
        ),
        "## What it measures",
        "",
    ]
    for name, report in manifest["measured"].items():
        lines += [
            f"### {name[0].upper()}{name[1:]}",
            "",
            f"{report['passages']:,} passages, none of them learned from.",
            "",
        ]
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
                f"{row['calibration']['expected_error']:.3f} (the lists alone: micro-F1 {report['prior'][kind]:.3f})"
            )
        if report["levels"]["auc"] is not None:
            lines.append(f"- level 2 ranks above level 1 with AUC {report['levels']['auc']:.3f}")
        lines.append("")
    lines += [
        "## Where it fails",
        "",
        "- Modes are hard: a list hears the words of development where only a claim counts. On passages that were chosen because "
        "a tagger was unsure, about one mode in five is wrong or missed. Wording far from official Chinese, where a mode is "
        "shown by what happens and not by words of development, is often missed: see the written passages.",
        "- A track shown only by description, without any name, product or process of its field, is missed.",
        "- 半导体 for a radio set, 芯片 as a figure of speech and the like are tagged where nothing nearby gives them away.",
        "- Six of the fifteen tracks are no official names; see the status of each tag.",
        "- Text in other languages is tagged only by the English names and abbreviations in the lists.",
        "",
    ]
    return "\n".join(lines)


SHIPPED = Path(__file__).parent.parent / "src" / "trackclf" / "model"
PAGE = Path(__file__).with_name("model-card.md")


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a model folder."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(render(manifest_of(Path(sys.argv[1]))))
    else:
        PAGE.write_text(render(manifest_of(SHIPPED)), encoding="utf-8")
