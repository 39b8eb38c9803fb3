"""Write `docs/benchmarks.md` and its plot from `docs/benchmarks/*.jsonl`, which `make bench` measures."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("benchmarks")
PAGE = Path(__file__).with_name("benchmarks.md")
PLOT = FOLDER / "scaling.svg"

Row = dict[str, Any]
AXES = {"texts": "texts", "characters": "characters", "terms": "terms of the taxonomy", "labels": "labels"}
LARGE = 1_000_000  # characters from which on a call's own cost is spread over many


def rows_of(folder: Path) -> list[Row]:
    """All rows, program by program."""
    lines = (path.read_text(encoding="utf-8").splitlines() for path in sorted(folder.glob("*.jsonl")))
    return [json.loads(line) for some in lines for line in some]


def cell(row: Row, name: str, form: str) -> str:
    """A figure; a wrong answer has none."""
    if name in row:
        return format(row[name], form)
    return "wrong answer" if row.get("right") is False else ""


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table and an empty line."""
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines)] + [""]


def grid(rows: Sequence[Row], across: str, along: str, name: str, form: str) -> list[str]:
    """One figure by two fields."""
    columns = list(dict.fromkeys(row[across] for row in rows))
    out = []
    for value in dict.fromkeys(row[along] for row in rows):
        mine = {row[across]: row for row in rows if row[along] == value}
        out.append([value, *(cell(mine[column], name, form) if column in mine else "" for column in columns)])
    return table(["", *columns], out)


def text_kind(rows: Sequence[Row]) -> str:
    """What the texts of some rows are."""
    return "own text" if any(row.get("corpus") for row in rows) else "generated text"


def speed(rows: Sequence[Row]) -> list[str]:
    """Characters a second."""
    per_thousand = {
        row["texts"]: 1000 * row["evidence"] / row["characters"]
        for row in rows
        if row["model"] == "shipped" and row["call"] == "scores"
    }
    found = "; ".join(f"{name} {rate:.0f}" for name, rate in per_thousand.items())
    out = [
        "## Speed",
        "",
        "Million characters a second (`python benchmarks/speed.py`). Evidence is consumed; `pairs` reads the matrix of pairs of each "
        "result too. Generated texts: short ones are a sentence or two, medium ones about 200 characters, a very long one is the "
        "whole in one string; in sparse text one clause in 50 holds a term of the taxonomy, in dense text every second one. Pieces of "
        f"evidence in 1,000 characters, with the shipped model: {found}.",
        "",
    ]
    many = [row | {"by": f"`{row['call']}`"} for row in rows if not alone(row)]
    for model, name in {"shipped": "The shipped model", "none": "The taxonomy alone, `Tagger(weights=None)`"}.items():
        mine = [row for row in many if row["model"] == model]
        out += [f"{name}:", "", *grid(mine, "by", "texts", "million_characters_a_second", ".1f")]
    one = [row | {"by": f"{row['model']}, `{row['call']}`"} for row in rows if alone(row)]
    return [
        *out,
        f"One text of about {one[0]['characters'] / one[0]['count']:.0f} characters in a call, µs:",
        "",
        *grid(one, "by", "texts", "microseconds", ",.0f"),
    ]


def alone(row: Row) -> bool:
    """Whether each call had one text."""
    return str(row.get("texts", "")).startswith("one text")


def rivals(rows: Sequence[Row]) -> list[str]:
    """Beside other tools."""
    measured = [row for row in rows if "skipped" not in row]
    by_task = {task: [row for row in measured if row["task"] == task] for task in ("trackclf", "learn", "find")}
    own = by_task["trackclf"][0]
    floor = by_task["learn"][0]["constant_guess"] if by_task["learn"] else 0.0
    found = next((row for row in by_task["find"] if row["overlapping"]), None)

    def lines(task: str, *more: tuple[str, str]) -> list[list[str]]:
        return [
            [row["tool"], wheels(row) or "Python's own"]
            + [cell(row, name, form) for name, form in (*more, ("million_characters_a_second", ".2f"))]
            for row in by_task[task]
        ]

    rate = "million characters a second"
    out = [
        "## Beside other tools",
        "",
        f"The same {own['texts']:,} texts of {own['characters'] / 1e6:.2f} million characters ({text_kind(rows)}) in one run "
        "(`python benchmarks/rivals.py`). No other tool does the same job, so there are two jobs that each does a part of.",
        "",
        *table(["trackclf", "package", rate], lines("trackclf")),
        "Tools that learn. They learned trackclf's own tags on as many other texts, and predict them on these, from string to labels. "
        f"An answer counts as right from a micro-F1 of 0.1 above the best constant guess ({floor:.3f}) on; how well they would do on "
        "labels of people is another question ([measurements](measurements.md)). fastText gets characters with spaces "
        "between, so it needs no segmenter.",
        "",
        *table(
            ["tool", "package", "micro-F1", "seconds to learn", rate],
            lines("learn", ("micro_f1", ".3f"), ("seconds_to_make", ".1f")),
        ),
    ]
    if found:
        out += [
            f"Tools that find strings. They find the {found['terms']:,} plain terms and count them by label, all but trackclf's table "
            "in a Python loop, in text that was normalised before the clock ran. An answer is right if its counts are exactly those of "
            "a plain loop: all "
            f"occurrences that overlap ({found['found']:,}), but for `re`, which finds the longest at the first place and goes on behind "
            "it, and is timed on every twentieth text. This is less than trackclf as a whole does: no normalising, word ends, "
            "conditions, cues with gaps, denials, learned context, or evidence.",
            "",
            *table(
                ["tool", "package", "seconds to build", rate],
                lines("find", ("seconds_to_make", ".2f")),
            ),
        ]
    return out + skipped(rows, "tool")


def wheels(row: Row) -> str:
    """Packages of a tool: name, version and wheel tag."""
    return "; ".join(f"{name} {item['version']}, {item['wheel']}" for name, item in row["packages"].items())


def skipped(rows: Sequence[Row], name: str) -> list[str]:
    """What could not be measured, and why."""
    out = [f"- {row[name]}: not measured, {row['skipped']}" for row in rows if "skipped" in row]
    return [*out, ""] if out else []


def scaling(rows: Sequence[Row]) -> list[str]:
    """Time and memory along four axes."""
    points = {axis: [row for row in rows if row["axis"] == axis and row["right"]] for axis in AXES}
    costs = [row["nanoseconds_a_character"] for row in points["characters"] if row["characters"] >= LARGE]
    out = [
        "## How it grows",
        "",
        f"`Tagger.scores` on {text_kind(rows)} (`python benchmarks/scaling.py`), each point a process of its own. Peak memory includes "
        "Python, numpy, the tagger, the pool of texts and the scores. Terms and labels are those of generated taxonomies, of plain "
        f"terms of three to six random characters; {max((row['value'] for row in points['terms']), default=0):,} is the most terms, and "
        "the labels share 20,000.",
        "",
        "![Time and memory by texts, characters, terms and labels](benchmarks/scaling.svg)",
        "",
    ]
    if costs:
        middle = (max(costs) + min(costs)) / 2
        out += [
            f"From {LARGE:,} characters on, a character costs between {min(costs):.0f} and {max(costs):.0f} ns: linear within "
            f"±{(max(costs) - middle) / middle:.0%}. Below, the cost of a call shows.",
            "",
        ]
    for axis, name in AXES.items():
        lines = [
            [
                f"{row['value']:,}",
                cell(row, "seconds_to_make", ".2f"),
                cell(row, "seconds", ".4f"),
                cell(row, "nanoseconds_a_character", ",.0f"),
                cell(row, "peak_mb", ",.0f"),
            ]
            for row in rows
            if row["axis"] == axis
        ]
        head = [name, "seconds to compile", "seconds", "ns a character", "peak MB"]
        if axis not in ("terms", "labels"):
            head, lines = head[:1] + head[2:], [line[:1] + line[2:] for line in lines]
        out += table(head, lines)
    return out


def memory(rows: Sequence[Row]) -> list[str]:
    """Peak memory."""
    lines = [
        [
            row["what"],
            f"{row['texts']:,}" if "texts" in row else "",
            f"{row['characters'] / 1e6:.1f}" if "texts" in row else "",
            cell(row, "peak_mb", ",.0f"),
        ]
        for row in rows
    ]
    return [
        "## Memory",
        "",
        f"Peak resident memory in MB of 10^6 bytes, each row a process of its own, {text_kind(rows)} from a generator "
        "(`python benchmarks/memory.py`). `tag_many` keeps nothing of what it "
        "has given; `scores` keeps its answer, 4 bytes a label and text.",
        "",
        *table(["what", "texts", "million characters", "peak MB"], lines),
    ]


def startup(rows: Sequence[Row]) -> list[str]:
    """Time to start."""
    lines = [[row["what"].replace("|", "\\|"), cell(row, "milliseconds", ",.1f")] for row in rows]
    return [
        "## Starting",
        "",
        "Best of several rounds, by the clock (`python benchmarks/startup.py`). The first rows are whole processes, from start to "
        "end; below, steps inside one that has imported numpy. The word lists lie compiled in the cache but where it says so.",
        "",
        *table(["what", "ms"], lines),
    ]


def jobs(rows: Sequence[Row]) -> list[str]:
    """More processes."""
    out = ["## More processes", ""]
    if all("skipped" in row for row in rows):
        return [*out, f"Not measured: {rows[0]['skipped']}.", ""]
    alone = {row["texts"]: row.get("texts_a_second") for row in rows if row["jobs"] == 1}
    lines = []
    for row in rows:
        base, mine = alone.get(row["texts"]), row.get("texts_a_second")
        lines.append(
            [
                str(row["jobs"]),
                f"{row['texts']:,}",
                cell(row, "texts_a_second", ",.0f"),
                f"{mine / base:.2f}" if base and mine else "",
                cell(row, "peak_mb", ",.0f"),
            ]
        )
    return [
        *out,
        f"`tag_many(texts, jobs=N)` on {text_kind(rows)}, by the clock, workers started before (`python benchmarks/jobs.py`). The "
        "memory is that of the caller's process, with 1 million characters of text in it.",
        "",
        *table(["jobs", "texts", "texts a second", "times one process", "peak MB"], lines),
    ]


def taxonomy_size(rows: Sequence[Row]) -> list[str]:
    """A generated taxonomy beside the shipped one."""
    labels = next(row["labels"] for row in rows if row["taxonomy"] == "own")
    everyday = "the text of a corpus" if rows[0]["corpus"] else "the same text without any term"
    return [
        "## A large taxonomy",
        "",
        f"A generated folder of {labels:,} labels on three levels beside the shipped taxonomy, both without learned weights "
        f"(`python benchmarks/taxonomy_size.py`). Each tags text with its own terms in one of fifty clauses, and {everyday}. The first "
        "start reads, checks and compiles the folder (the shipped one is not checked); later ones take what is kept in the cache.",
        "",
        *grid(rows, "taxonomy", "figure", "value", ",.3f"),
    ]


def long_run(rows: Sequence[Row]) -> list[str]:
    """Killed and resumed; memory by the size of the input."""
    lines = [
        [
            row["what"],
            f"{row['records']:,}",
            f"{row['input_mb']:,.0f}",
            str(row["jobs"]),
            cell(row, "seconds", ",.0f"),
            cell(row, "peak_mb", ",.0f"),
            f"{row['kills']} of {row['kills']}" if row["kills"] and row["right"] else "",
            cell(row, "resumed_peak_mb", ",.0f"),
        ]
        for row in rows
    ]
    head = ["input", "records", "MB", "jobs", "seconds", "peak MB", "equal after a kill", "peak MB when resumed"]
    return [
        "## Long runs",
        "",
        "`trackclf tag INPUT -o FILE` on generated text, a table to CSV and a folder to JSON Lines, by the clock on all cores "
        "(`python benchmarks/long_run.py`): what an uninterrupted run takes, and how often the output was the same, byte for byte, after "
        "the process was killed (SIGKILL) at a random moment and resumed. The memory is that of the caller's process.",
        "",
        *table(head, lines),
    ]


def weaknesses(rows: Sequence[Row]) -> list[str]:
    """What the figures say against it."""
    right = [row for row in rows if row.get("right")]
    out = []
    finders = [row for row in right if row.get("task") == "find"]
    own = next((row for row in right if row.get("tool") == "scores"), None)
    if finders and own:
        faster = [
            row
            for row in finders
            if not row["tool"].startswith("trackclf")
            and row["million_characters_a_second"] > own["million_characters_a_second"]
        ]
        if faster:
            named = ", ".join(
                f"{row['tool']} {row['million_characters_a_second'] / own['million_characters_a_second']:.1f} times"
                for row in faster
            )
            out.append(
                f"- Where only plain strings are to be found and counted, an automaton is faster than `scores`: {named}."
            )
    learners = [row for row in right if row.get("task") == "learn"]
    if learners and own:
        named = ", ".join(
            row["tool"] for row in learners if row["million_characters_a_second"] > own["million_characters_a_second"]
        )
        if named:
            out.append(f"- Faster at predicting than `scores`, at the micro-F1 above: {named}.")
    one = [row for row in right if alone(row) and row["model"] == "shipped"]
    many = [row for row in right if row.get("program") == "speed" and row.get("call") == "scores" and not alone(row)]
    if one and many:
        best = max(row["million_characters_a_second"] for row in many)
        slow = one[0]["characters"] / one[0]["count"] / one[0]["microseconds"]
        out.append(
            f"- One short text a call costs {one[0]['microseconds']:,.0f} µs, {best / slow:.0f} times as much a character as in the best "
            "batch: hand over many at once."
        )
    dense = [row for row in many if row["model"] == "shipped"]
    if len(dense) > 1:
        low, high = (pick(dense, key=lambda row: row["million_characters_a_second"]) for pick in (min, max))
        out.append(
            f"- Speed depends on the text: {high['million_characters_a_second']:.1f} million characters a second ({high['texts']}) "
            f"down to {low['million_characters_a_second']:.1f} ({low['texts']}), with the shipped model."
        )
    count, labels = ([row for row in right if row.get("axis") == axis] for axis in ("texts", "labels"))
    if len(count) > 1:
        low, high = count[-2:]
        per_text = (high["peak_mb"] - low["peak_mb"]) * 1e6 / (high["texts"] - low["texts"])
        out.append(
            f"- `scores` of many texts in one call takes memory: {per_text:,.0f} bytes a text between {low['texts']:,} and "
            f"{high['texts']:,} texts, of which the answer is 72. `tag_many` does not."
        )
    if len(labels) > 1:
        few = min(labels, key=lambda row: abs(row["value"] - 18))
        if labels[-1]["nanoseconds_a_character"] > 1.25 * few["nanoseconds_a_character"]:
            out.append(
                f"- Many labels cost: a character takes {labels[-1]['nanoseconds_a_character']:.0f} ns with {labels[-1]['value']} labels, "
                f"{few['nanoseconds_a_character']:.0f} with {few['value']}, the terms being as many."
            )
    cold = next((row for row in right if row.get("what") == "load a Tagger, no cache"), None)
    if cold:
        out.append(f"- Without the cache, every start compiles the word lists: {cold['milliseconds']:,.0f} ms.")
    one, two = ([row for row in right if row["program"] == "jobs" and row["jobs"] == n] for n in (1, 2))
    one_job = {row["texts"]: row["texts_a_second"] for row in one}
    if two and two[-1]["texts"] in one_job:
        gains = [
            f"{row['texts_a_second'] / one_job[row['texts']]:.2f} times one for {row['texts']:,} texts" for row in two
        ]
        out.append(
            f"- Two jobs do {', '.join(gains)}: the first characters are done while workers are not there yet, texts and results travel, "
            "and results are made by the caller's process."
        )
    if own and text_kind([own]) == "generated text":
        out.append(
            "- Generated text is not real text: it has fewer words and no grammar. `make bench CORPUS=FILE` measures your own."
        )
    return ["## Weaknesses", "", *out, ""] if out else []


SECTIONS: dict[str, Callable[[Sequence[Row]], list[str]]] = {
    "speed": speed,
    "rivals": rivals,
    "scaling": scaling,
    "memory": memory,
    "startup": startup,
    "jobs": jobs,
    "taxonomy_size": taxonomy_size,
    "long_run": long_run,
}


def render(rows: Sequence[Row]) -> str:
    """Return the page."""
    first = rows[0]
    machine, versions = first["machine"], first["versions"]
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench` from [its measurements](benchmarks/); `make bench CORPUS=FILE` takes texts of your own, JSON Lines with a "
        "`text` in each. A figure is given only where the answer was right; each program says at its head what that means.",
        "",
        f"{machine['processor']}, {machine['architecture']}, {machine['cores']} cores, {machine['system']}; "
        f"{', '.join(f'{name} {number}' for name, number in versions.items())}.",
        "",
        "Where nothing else is said, the program keeps to one core with one thread, and the time is the processor time of the best of "
        "several runs, the tagger loaded and warm: on an idle core that is the time on the clock. Generated texts are common words in "
        "sentences of one to four clauses, with terms of the taxonomy among them, a few often and most seldom.",
        "",
    ]
    for name, section in SECTIONS.items():
        mine = [row for row in rows if row["program"] == name]
        if mine:
            lines += section(mine)
    return "\n".join(lines + weaknesses(rows))


def plot(rows: Sequence[Row], path: Path) -> None:
    """Time a character and peak memory along the axes, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "trackclf", "svg.fonttype": "none"})  # the same figures, the same file
    from matplotlib import pyplot

    figure, grid = pyplot.subplots(2, len(AXES), figsize=(14, 6), sharex="col", layout="constrained")
    for column, (axis, name) in enumerate(AXES.items()):
        mine = [row for row in rows if row.get("axis") == axis and row["right"]]
        for panel, field, title in zip(
            grid[:, column], ("nanoseconds_a_character", "peak_mb"), ("ns a character", "peak memory, MB"), strict=True
        ):
            panel.plot([row["value"] for row in mine], [row[field] for row in mine], marker="o")
            panel.set_xscale("log")
            panel.minorticks_off()
            panel.grid(alpha=0.3)
            if field == "nanoseconds_a_character" and axis in ("texts", "characters"):
                panel.set_yscale("log")
            else:
                panel.set_ylim(bottom=0)
            if not column:
                panel.set_ylabel(title)
        grid[1, column].set_xlabel(name)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    measured = rows_of(FOLDER)
    PAGE.write_text(render(measured), encoding="utf-8")
    plot(measured, PLOT)
