import gzip
import json

import pytest
from conftest import ROOT

from trackclf import InputError, ModelError, Tagger
from trackclf._context import read_corpora
from trackclf._training import train
from trackclf._weights import load_weights
from trackclf.cli import main


def fixture_rows():
    files = sorted((ROOT / "fixtures" / "labelled").glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """The fixtures' own texts, as if they were a corpus, in two files."""
    folder = tmp_path_factory.mktemp("corpora")
    rows = fixture_rows()
    with gzip.open(folder / "wire.jsonl.gz", "wt", encoding="utf-8") as out:
        for row in rows:
            if row["tracks"] or row["modes"]:
                out.write(
                    json.dumps(
                        {
                            "id": row["id"],
                            "text": row["text"],
                            "subjects": ["脑机接口"] if "bci" in row["tracks"] else None,
                        }
                    )
                    + "\n"
                )
    with (folder / "everyday_unrelated.jsonl").open("w", encoding="utf-8") as out:
        for row in rows:
            if not row["tracks"] and not row["modes"]:
                out.write(json.dumps({"id": row["id"], "text": row["text"]}) + "\n")
    return folder


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    path = tmp_path_factory.mktemp("labelled") / "rows.jsonl"
    rows = [row for row in fixture_rows() if row["split"] == "train"]
    path.write_text("\n".join(json.dumps(row) for row in rows[::2]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(corpora, labelled, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "model"
    train(corpora, [labelled]).save(folder)
    return folder


def test_training_repeats_to_the_bit(model, corpora, labelled, tmp_path):
    train(corpora, [labelled]).save(tmp_path / "again")
    assert [p.name for p in (tmp_path / "again").glob("*.npz")] == [p.name for p in model.glob("*.npz")]  # its digest
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again"]  # nothing half-written stays


def test_a_trained_model_tags_and_explains(model):
    tagger = Tagger(weights=load_weights(model))
    result = tagger.tag("本市前瞻布局脑机接口，首台量子计算机下线。")
    assert {tag.id for tag in result.tracks} == {"bci", "quantum"}
    bias = dict(zip([label.id for label in tagger.labels], tagger._model.bias.tolist(), strict=True))
    for tag in result.tags:
        assert bias[tag.id] + sum(e.contribution for e in tag.evidence) == pytest.approx(tag.score, abs=1e-6)
    assert tagger.stamp["model"] != Tagger(weights=None).stamp["model"]


def test_a_new_term_works_without_training(model, make_taxonomy):
    """Labels that the model does not know take the prior."""
    from trackclf import load_taxonomy

    tagger = Tagger(load_taxonomy(make_taxonomy()), weights=load_weights(model))
    assert [tag.id for tag in tagger.tag("天算发布新品").tracks] == ["a"]


def test_promised_thresholds(model):
    weights = load_weights(model)
    tagger = Tagger(weights=weights)
    for promise, key in (("precision>=0.95", "precision"), ("recall>=0.5", "recall")):
        chosen = tagger.thresholds(promise)
        assert set(chosen) == {label.id for label in tagger.labels}
        assert sum(row[key] >= float(promise.split("=")[1]) for row in chosen.values()) >= 12
        assert all(0 <= row["coverage"] <= 1 for row in chosen.values())
    strict = Tagger(weights=weights, threshold="precision>=0.99")
    texts = [row["text"] for row in fixture_rows()[:200]]
    few = sum(len(r.tags) for r in strict.tag_many(texts))
    assert few <= sum(len(r.tags) for r in tagger.tag_many(texts))
    assert strict.stamp["model"] != tagger.stamp["model"]
    with pytest.raises(ValueError, match="a promise is"):
        tagger.thresholds("f1>0.9")
    with pytest.raises(ModelError, match="needs learned weights"):
        Tagger(weights=None, threshold="precision>=0.95")
    with pytest.raises(TypeError, match="a promise is a str"):
        Tagger(threshold=0.5)


def test_held_out_text_is_never_learned_from(corpora):
    rows = fixture_rows()
    held = rows[0]["text"]
    texts = [row["text"] for _, row in read_corpora(corpora, 10_000, [held], 0)]
    assert texts
    assert held not in texts


def test_too_little_to_learn_from(corpora, tmp_path, capsys):
    (tmp_path / "few.jsonl").write_text(json.dumps({"text": "量子", "tracks": {}}))
    with pytest.raises(InputError, match="fewer than 100"):
        train(corpora, [tmp_path / "few.jsonl"])
    with pytest.raises(InputError, match=r"holds no \.jsonl"):
        train(tmp_path / "none", [corpora / "everyday_unrelated.jsonl", corpora / "everyday_unrelated.jsonl"])
    assert (
        main(["train", "--corpora", str(corpora), "--labelled", str(tmp_path / "few.jsonl"), "-o", str(tmp_path / "m")])
        == 2
    )
    assert "fewer than 100" in capsys.readouterr().err
