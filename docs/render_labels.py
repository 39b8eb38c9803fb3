"""Render docs/labels.md from the shipped taxonomy:  python docs/render_labels.py."""

from pathlib import Path

from trackclf import Taxonomy, load_taxonomy

PAGE = Path(__file__).parent / "labels.md"
HEAD = """# The labels

Rendered from the label files by `python docs/render_labels.py`; the tests hold it to them.

A track is present at level 1 (named: in a list, in passing) or at level 2 (the text is about it). What is only denied
is absent, and so are figures of speech, fiction and pieces of other words. A firm, product or project known above all
for one track counts as naming it. A mode is the path by which a place, firm or team develops an industry or a
technology: it needs a subject and a claim of development. Status: *named* in published text, *headline* seen in a
headline, *provisional* a reconstruction that is not official, *candidate* a track that waits: it is not looked for
unless it is asked for (`--tracks`, `Tagger(tracks=…)`) or takes the place of another in `taxonomy.toml`.
"""
CANDIDATES = "# Candidates\n"


def render(taxonomy: Taxonomy) -> str:
    """Return the page, of a taxonomy with all its tracks."""
    waiting = [entry for entry in taxonomy.entries if entry.label.status == "candidate"]
    active = [entry for entry in taxonomy.entries if entry not in waiting]
    parts = [HEAD]
    for entry in [*active, *waiting]:
        if waiting and entry is waiting[0]:
            parts.append(CANDIDATES)
        label = entry.label
        counts = {
            kind: sum(term.kind == kind for term in entry.terms) for kind in ("core", "strong", "entity", "weak", "not")
        }
        parts.append(
            f"## {label.name} · {label.name_en} (`{label.id}`)\n\n*{label.kind}, {label.status}*\n\n"
            f"{entry.definition}\n\n{entry.definition_en}\n\n"
            f"- 包含:{'；'.join(entry.present)}\n- 不包含:{'；'.join(entry.absent)}\n- 出处:{entry.source}\n"
            f"- {', '.join(f'{n} {kind}' for kind, n in counts.items())}\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(load_taxonomy(tracks="all")), encoding="utf-8")
