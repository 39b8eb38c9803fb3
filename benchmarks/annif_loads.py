"""Whether Annif loads the SKOS export; where `annif` and `trackclf[skos]` are installed:  python benchmarks/annif_loads.py."""

import tempfile
from pathlib import Path

import annif.corpus  # noqa: F401 - annif.vocab can be imported only behind it
from annif.vocab import AnnifVocabulary
from annif.vocab.skos import VocabFileSKOS
from rdflib.namespace import SKOS

from trackclf import load_taxonomy
from trackclf.cli import main


def run() -> None:
    labels = load_taxonomy(tracks="all").labels  # an export holds the candidates too
    expected = {(label.id, label.name, label.name_en) for label in labels}
    with tempfile.TemporaryDirectory() as folder:
        for to, suffix in (("turtle", "ttl"), ("jsonld", "jsonld")):
            path = Path(folder) / f"tracks.{suffix}"
            main(["taxonomy", "export", "--to", to, "-o", str(path)])
            vocabulary = AnnifVocabulary(to, folder)
            vocabulary.load_vocabulary(VocabFileSKOS(str(path)))
            subjects = [subject for _, subject in vocabulary.subjects.active]
            loaded = {(subject.notation, subject.labels["zh"], subject.labels["en"]) for subject in subjects}
            if loaded != expected:
                raise SystemExit(f"Annif read something else from {path.name}: {loaded ^ expected}")
            names = sum(1 for _ in vocabulary.as_graph().subject_objects(SKOS.altLabel))
            print(f"{path.name}: Annif loads {len(loaded)} subjects and {names} alternative names")


if __name__ == "__main__":
    run()
