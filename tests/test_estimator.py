import inspect
import pickle
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import TOP, TRACK, label_file
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_array
from sklearn.utils.estimator_checks import check_estimators_overwrite_params, parametrize_with_checks

from trackclf import ModelError, Tagger, TermFeaturizer, TrackClassifier, load_taxonomy
from trackclf._features import ngrams

ABOUT = ["本市发布低空航线图，无人机送餐开通", "低空飞行服务站启用", "无人机航线覆盖全区", "低空无人机起降点建成"]
OTHER = ["天气晴朗，适合郊游", "食堂今天供应面条", "图书馆延长开放", "会议改到下午三点"]
TEXTS = [f"{text}，第{n}次。" for n in range(4) for text in ABOUT + OTHER]
Y = np.tile([[1]] * 4 + [[0]] * 4, (4, 1))


@pytest.fixture(scope="module")
def fitted():
    return TrackClassifier(**SMALL, labels=["flight"]).fit(TEXTS, Y)


def spell(rows):
    """Numbers as texts: each column a word that stands or not."""
    words = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"
    return ["。".join(words[n % 20] + words[(n + 7) % 20] for n in np.flatnonzero(row > 0)) for row in rows]


class SpeltClassifier(TrackClassifier):
    """Lets scikit-learn's checks, which bring numbers and classes, run everything behind the reading of texts."""

    def _texts(self, rows):
        if sparse.issparse(rows):
            raise TypeError("sparse input is not supported: dense data is required")
        return spell(check_array(rows, dtype=np.float64, estimator=self))

    def _columns(self, y, labels, known):
        values = y if y is None else np.asarray(y)
        if values is not None and values.ndim == 1:
            values = values[:, None]
        numeric = values is not None and values.dtype.kind in "iufb"
        if numeric and values.shape[1] == 1 and np.isfinite(values).all() and not (values % 1).any():
            values = (values == values.max()).astype(int)  # one class against the others
        if labels is None and values is not None:
            labels = [f"new{n}" for n in range(values.shape[1])]
        return super()._columns(values, labels, known)

    def _more_tags(self):
        return super()._more_tags() | {"X_types": ["2darray"], "_xfail_checks": EXEMPT}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = True, False
        return tags


# Why each does not hold for an estimator over texts.
TEXTS_ONLY = "a list of texts has no columns to count"
CLASSES = "y names classes in one column; a multi-label estimator takes a column of 0 and 1 for each label"
EXEMPT = {
    "check_n_features_in": TEXTS_ONLY,
    "check_n_features_in_after_fitting": TEXTS_ONLY,
    "check_classifiers_classes": CLASSES,
    "check_classifiers_train": CLASSES,
    "check_decision_proba_consistency": CLASSES,
    "check_classifier_not_supporting_multiclass": CLASSES,
    "check_classifiers_one_label": "what is never known to be absent teaches nothing, so the label stays as it was",
    "check_classifier_multioutput": "thresholds have the best F1, so a label may be present below a probability of 0.5",
    "check_supervised_y_no_nan": "NaN is an unknown label; inf is refused in words of our own",
    "check_sample_weight_equivalence_on_dense_data": "n-grams weigh by how many texts hold them, folds are of texts",
    "check_sample_weights_invariance": "n-grams weigh by how many texts hold them, folds are of texts",  # until 1.5
}


def small_taxonomy():
    folder = Path(tempfile.mkdtemp(prefix="trackclf-test-"))
    for name, text in {"taxonomy.toml": TOP, "tracks/a.toml": label_file("a", "track", 1, TRACK[:2])}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return str(folder)


SMALL = {"taxonomy": small_taxonomy(), "weights": None}
NEW = "expected_failed_checks" in inspect.signature(parametrize_with_checks).parameters  # since 1.6; before, tags


@parametrize_with_checks(
    [SpeltClassifier(cv=2, **SMALL)], **({"expected_failed_checks": lambda _: EXEMPT} if NEW else {})
)
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_learns_a_label_that_no_taxonomy_knows(fitted):
    assert fitted.predict(["无人机开通低空航线", "今天食堂的面条"]).tolist() == [[1], [0]]
    assert fitted.classes_.tolist() == ["flight"]
    assert fitted.learned_.tolist() == [True]
    assert fitted.coef_.shape == (1, len(fitted.get_feature_names_out()))
    probability = fitted.predict_proba(TEXTS)
    assert ((probability > 0) & (probability < 1)).all()
    assert fitted.score(TEXTS, Y) == 1.0
    again = TrackClassifier(**SMALL, labels=["flight"]).fit(TEXTS, Y)
    assert np.array_equal(again.coef_, fitted.coef_)
    best = fitted.get_feature_names_out()[fitted.coef_[0].argsort()[-8:]]
    assert any("低空" in name or "无人" in name for name in best)


def test_few_examples_leave_the_tagger_as_it_is(tagger):
    texts = ["脑机接口产业化提速。", "量子计算机下线。", "天气很好。", "首台光刻机交付。"]
    classifier = TrackClassifier().fit(texts, [["bci"], ["quantum"], [], ["ic"]])
    columns = [[label.id for label in tagger.labels].index(id) for id in classifier.classes_]
    assert not classifier.learned_.any()
    model = tagger._model
    new = [*texts, "脑机接口与量子芯片", ""]
    score = tagger.scores(new)[:, columns]
    assert np.allclose(classifier.decision_function(new), score - model.threshold[columns], atol=1e-6)
    assert np.allclose(classifier.predict_proba(new), tagger.probabilities(new)[:, columns], atol=1e-6)
    tags = [{tag.id for tag in result.tags} for result in tagger.tag_many(new)]
    got = classifier.predict(new)
    assert [[int(id in found) for id in classifier.classes_] for found in tags] == got.tolist()


def test_learns_against_the_terms_where_the_examples_say_so(small):
    good, bad = [f"量子计算进展{n}" for n in "甲乙丙丁戊己"], [f"量子计算玩偶{n}" for n in "甲乙丙丁戊己"]
    truth = np.array([[1]] * 6 + [[0]] * 6)
    classifier = TrackClassifier(small.taxonomy, None, labels=["a"]).fit(good + bad, truth)
    assert classifier.learned_.tolist() == [True]
    assert classifier.predict(["量子计算进展", "量子计算玩偶"]).tolist() == [[1], [0]]
    told = TrackClassifier(small.taxonomy, None, labels=["a"]).fit(good + bad, np.where(truth == 0, -1, 1))
    assert not told.learned_.any()  # nothing is known to be absent


def test_forms_of_y():
    texts, lists = ["甲", "乙", "丙"], [["x"], {"y", "x"}, ()]
    matrix = np.array([[1, 0], [1, 1], [0, 0]])
    expected = TrackClassifier(**SMALL, labels=["x", "y"]).fit(texts, matrix)
    for given in (lists, np.array([["x"], ["x", "y"], []], object), sparse.csr_matrix(matrix), matrix.tolist()):
        other = TrackClassifier(**SMALL, labels=["x", "y"]).fit(iter(texts), given)
        assert other.classes_.tolist() == ["x", "y"]
        assert np.array_equal(other.intercept_, expected.intercept_)
    assert TrackClassifier().fit(texts, [["z"], ["quantum"], ["bci"]]).classes_.tolist() == ["quantum", "bci", "z"]
    unknown = TrackClassifier(**SMALL, labels=["x"]).fit(TEXTS, np.where(np.arange(32)[:, None] < 20, Y, np.nan))
    also = TrackClassifier(**SMALL, labels=["x"]).fit(TEXTS, np.where(np.arange(32)[:, None] < 20, Y, -1))
    assert np.array_equal(unknown.coef_, also.coef_)
    assert unknown.score(TEXTS, np.full((32, 1), np.nan)) in (0.0, 1.0)


def test_a_misspelt_id_is_pointed_out():
    texts, lists = ["甲", "乙", "丙"], [["quantom"], ["BCI"], ["drones"]]
    with pytest.warns(UserWarning, match="is '(bci|quantum)' meant") as shown:
        assert TrackClassifier().fit(texts, lists).classes_.tolist() == ["BCI", "drones", "quantom"]
    assert [next(id for id in ("quantum", "bci") if repr(id) in str(w.message)) for w in shown] == ["bci", "quantum"]
    assert all(w.filename == __file__ for w in shown)
    TrackClassifier(labels=["quantom", "BCI", "drones"]).fit(texts, lists)  # said to be new


def test_a_taxonomy_is_hashed_and_pickled_alike_after_use():
    import joblib

    fresh, used = load_taxonomy(SMALL["taxonomy"]), load_taxonomy(SMALL["taxonomy"])
    assert used.digest
    assert used.spellings("量子")
    assert used.labels
    assert joblib.hash(fresh) == joblib.hash(used)
    again = pickle.loads(pickle.dumps(used))  # noqa: S301
    assert (again, again.digest) == (used, used.digest)
    check_estimators_overwrite_params("SpeltClassifier", SpeltClassifier(load_taxonomy(SMALL["taxonomy"]), None, cv=2))


def test_letters_that_touch_ideographs_are_words_of_their_own():
    assert ngrams("由6G组成", 2, 4) == ["6g", "组成"]


def test_common_words_weigh_less_than_rare_ones(fitted):
    weight = dict(zip(fitted._features.strings, fitted._features.weight, strict=True))
    assert weight["会议"] < weight["图书馆"] < weight["面条"]


def test_tables():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"flight": Y[:, 0], "text": TEXTS})
    classifier = TrackClassifier(**SMALL).fit(table["text"], table[["flight"]])
    assert classifier.classes_.tolist() == ["flight"]
    assert classifier.score(table["text"], table[["flight"]]) == 1.0
    with pytest.raises(TypeError, match="choose its column"):
        classifier.predict(table)
    featurizer = TermFeaturizer(sparse_output=False).set_output(transform="pandas")
    shown = featurizer.fit_transform(["脑机接口"])
    assert shown["bci:脑机接口"].tolist() == [1]


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "match"),
    [
        ("甲", [[1]], {}, TypeError, "wrap it"),
        (["甲", 3], [[1], [0]], {}, TypeError, "got int at index 1"),
        ([], [], {}, ValueError, "no text"),
        (["甲"], [[1, 0]], {}, ValueError, "name each column"),
        (["甲"], [[1, 0]], {"labels": ["a"]}, ValueError, "names 1"),
        (["甲"], [[2]], {"labels": ["a"]}, ValueError, "unknown"),
        (["甲"], ["a"], {}, ValueError, "list of label ids"),
        (["甲"], [1], {"labels": ["a"]}, ValueError, "reshape"),
        (["甲"], [["b"]], {"labels": ["a"]}, ValueError, "none of: a"),
        (["甲"], [["a"], ["a"]], {}, ValueError, "1 texts, y has 2"),
        (["甲"], [[1, 1]], {"labels": ["a", "a"]}, ValueError, "each another"),
        (["甲"], [["a"]], {"cv": 1}, ValueError, "from 2"),
    ],
)
def test_wrong_input_says_what_to_do(x, y, options, error, match):
    with pytest.raises(error, match=match):
        TrackClassifier(**SMALL, **options).fit(x, y)


def test_weights_of_texts():
    with pytest.raises(ValueError, match="negative"):
        TrackClassifier(**SMALL, labels=["x"]).fit(TEXTS, Y, sample_weight=-np.ones(32))
    half = np.arange(32) < 16
    weighed = TrackClassifier(**SMALL, labels=["x"]).fit(TEXTS, Y, sample_weight=half.astype(float))
    alone = TrackClassifier(**SMALL, labels=["x"]).fit(TEXTS[:16], Y[:16])
    assert np.array_equal(weighed.coef_, alone.coef_)
    lifted = TrackClassifier(**SMALL, labels=["x"]).fit(TEXTS, Y, sample_weight=np.where(Y[:, 0], 5.0, 1.0))
    assert lifted.decision_function(["甲"])[0, 0] != weighed.decision_function(["甲"])[0, 0]


def test_inside_scikit_learn(fitted):
    classifier = TrackClassifier(**SMALL, labels=["flight"], cv=2)
    assert cross_val_score(classifier, TEXTS, Y, cv=3, n_jobs=2).tolist() == [1.0, 1.0, 1.0]
    lists = [["flight"] if row else [] for row in Y[:, 0]]
    assert cross_val_score(classifier, TEXTS, lists, cv=KFold(2, shuffle=True, random_state=0)).min() == 1.0
    search = GridSearchCV(classifier, {"C": [1.0, 10.0]}, cv=2).fit(TEXTS, Y)
    assert search.best_score_ == 1.0
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "coef_")
    pipe = make_pipeline(TermFeaturizer(binary=True), LogisticRegression())
    texts, which = ["脑机接口临床", "量子计算机", "脑机接口植入", "量子通信"], [1, 0, 1, 0]
    assert pipe.fit(texts, which).predict(["脑机接口", "量子计算"]).tolist() == [1, 0]
    whole = make_pipeline(TrackClassifier(**SMALL, labels=["flight"])).fit(TEXTS, Y)
    assert whole.score(TEXTS, Y) == 1.0
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert np.array_equal(again.decision_function(TEXTS), fitted.decision_function(TEXTS))


def test_metadata_routing():
    weight = (np.arange(32) < 16).astype(float)
    with config_context(enable_metadata_routing=True):
        asked = TrackClassifier(**SMALL, labels=["x"], cv=2).set_fit_request(sample_weight=True)
        asked.set_score_request(sample_weight=True)
        search = GridSearchCV(asked, {"C": [1.0]}, cv=KFold(2, shuffle=True, random_state=0))
        search.fit(TEXTS, Y, sample_weight=weight)
        assert search.best_score_ > 0.5
        used = search.best_estimator_
    assert np.array_equal(used.coef_, TrackClassifier(**SMALL, labels=["x"], cv=2, C=1.0).fit(TEXTS[:16], Y[:16]).coef_)


def test_term_counts(small):
    texts = ["6G与6g。暂无芯片产品。", "芯里有量子，量子计算", "", "量" * 10]
    featurizer = TermFeaturizer(small.taxonomy).fit(texts)
    names = featurizer.get_feature_names_out().tolist()
    assert len(set(names)) == len(names)
    assert "a:6G内存" not in names
    counts = featurizer.transform(texts)
    assert sparse.issparse(counts)
    assert (counts.shape, counts.dtype) == ((4, len(names)), np.int64)
    column = names.index("a:6G")
    assert counts[0, column] == 2
    assert counts[0, names.index("b:芯片")] == 0  # denied
    assert TermFeaturizer(small.taxonomy, binary=True).fit(texts).transform(texts)[0, column] == 1
    dense = TermFeaturizer(small.taxonomy, sparse_output=False).fit(texts).transform(texts)
    assert np.array_equal(dense, counts.toarray())
    found = {
        (n, f"{tag.id}:{e.term}") for n, r in enumerate(small.tag_many(texts)) for tag in r.tags for e in tag.evidence
    }
    counted = {(int(n), names[k]) for n, k in zip(*counts.nonzero(), strict=True)}
    assert {(n, name) for n, name in found if name in names} <= counted
    with pytest.raises(TypeError, match="wrap it"):
        featurizer.transform("6G")


def test_own_folder(make_taxonomy):
    folder = make_taxonomy()
    classifier = TrackClassifier(str(folder)).fit(["6G", "甲"], [["a"], []])
    assert classifier.predict(["6G时代"]).tolist() == [[1]]
    assert clone(TrackClassifier(load_taxonomy(folder))).fit(["6G", "甲"], [["a"], []]).predict(["6G"]).tolist() == [
        [1]
    ]


def test_save_and_load(fitted, small, tmp_path):
    fitted.save(tmp_path / "m")
    loaded = TrackClassifier.load(tmp_path / "m")
    assert np.array_equal(loaded.decision_function(TEXTS), fitted.decision_function(TEXTS))
    assert np.array_equal(loaded.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert loaded.get_feature_names_out().tolist() == fitted.get_feature_names_out().tolist()
    assert loaded.get_params()["labels"] == ["flight"]
    own = TrackClassifier(small.taxonomy, None).fit(["6G", "甲"], [["a"], []])
    own.save(tmp_path / "m")  # in place of the other
    assert TrackClassifier.load(tmp_path / "m").predict(["6G"]).tolist() == [[1]]
    archive = next((tmp_path / "m").glob("*.npz"))
    archive.write_bytes(archive.read_bytes()[:-1])
    with pytest.raises(ModelError, match="not the file"):
        TrackClassifier.load(tmp_path / "m")
    Tagger(weights=None).save(tmp_path / "t")
    with pytest.raises(ModelError, match="classifier"):
        TrackClassifier.load(tmp_path / "t")
