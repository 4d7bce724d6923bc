"""predictions.h5 comes back as it was written, is whole or absent, and names itself when it is not one."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from pipeline_lib.records.predictions import (
    DecompositionExamples,
    Examples,
    Predictions,
    SwapExamples,
    SwapGrid,
    read_predictions,
    write_predictions,
)


def predictions(seed: int | None = 0, with_swap: bool = True) -> Predictions:
    generator = np.random.default_rng(0)
    return Predictions(
        per_window={
            "forecast": {
                "published": {"mse_per_pixel": generator.uniform(size=3)},
                "all": {"mse_per_pixel": generator.uniform(size=7), "other": np.full(7, 1e-300)},
            },
            "swap": {"all": {"mse_per_pixel": generator.uniform(size=4)}},
        },
        examples=Examples(
            cond=generator.uniform(size=(2, 5, 1, 1, 10)).astype(np.float32),
            truth=generator.uniform(size=(2, 15, 1, 1, 10)).astype(np.float32),
            prediction=generator.uniform(size=(2, 15, 1, 1, 10)).astype(np.float32),
            window=np.array([1, 6]),
            video=np.array([0, 1]),
            start=np.array([1, 2]),
        ),
        facts={
            "experiment": "wave_eq_100/pde",
            "title": "PDE – without S",
            "seed": seed,
            "n_cond": 5,
            "pixel_rows": np.array([3, 1, 2]),
        },
        swap=swap_examples(generator) if with_swap else None,
        swap_grid=swap_grid(generator) if with_swap else None,
    )


def swap_examples(generator: np.random.Generator) -> SwapExamples:
    cond, pred = (3, 5, 1, 1, 10), (3, 15, 1, 1, 10)
    parts = {"content": cond, "motion": cond, "truth": pred, "prediction": pred}
    videos = {name: generator.uniform(size=shape).astype(np.float32) for name, shape in parts.items()}
    return SwapExamples(**videos, item=np.array([0, 2, 3]))


def swap_grid(generator: np.random.Generator) -> SwapGrid:
    parts = {"content": (3, 5, 1, 1, 10), "motion": (2, 20, 1, 1, 10), "prediction": (3, 2, 15, 1, 1, 10)}
    return SwapGrid(**{name: generator.uniform(size=shape).astype(np.float32) for name, shape in parts.items()})


SHAPES_OF_PARTS = {
    "observed": (2, 5, 1, 4, 6),
    "complete": (2, 8, 1, 4, 6),
    "reconstruction": (2, 5, 1, 4, 6),
    "imputation": (2, 5, 1, 4, 6),
    "forecast": (2, 3, 1, 4, 6),
    "component": (2, 8, 3, 1, 4, 6),
    "box": (2, 8, 3, 4),
    "visibility": (2, 5, 3),
    "visible": (2, 5, 3),
    "window": (2,),
    "missing": (2, 5, 2),
}


def decompositions(generator: np.random.Generator, with_labels: bool) -> DecompositionExamples:
    parts = {name: generator.uniform(size=shape) for name, shape in SHAPES_OF_PARTS.items()}
    types = {"visible": bool, "missing": bool, "window": np.int64}
    typed = {name: (10 * part).round().astype(types.get(name, np.float32)) for name, part in parts.items()}
    return DecompositionExamples(**{name: part for name, part in typed.items() if with_labels or name != "missing"})


def test_everything_comes_back(tmp_path):
    path, written = tmp_path / "predictions.h5", predictions()
    write_predictions(path, written)
    found = read_predictions(path)
    assert {
        protocol: {name: set(metrics) for name, metrics in sets.items()} for protocol, sets in found.per_window.items()
    } == {
        "forecast": {"published": {"mse_per_pixel"}, "all": {"mse_per_pixel", "other"}},
        "swap": {"all": {"mse_per_pixel"}},
    }
    for protocol, sets in written.per_window.items():
        for name, metrics in sets.items():
            for metric, values in metrics.items():
                np.testing.assert_array_equal(found.per_window[protocol][name][metric], values)
                assert found.per_window[protocol][name][metric].dtype == np.float64
    for part in ("cond", "truth", "prediction", "window", "video", "start"):
        np.testing.assert_array_equal(getattr(found.examples, part), getattr(written.examples, part))
    assert found.examples.prediction.dtype == np.float32
    for part in ("content", "motion", "truth", "prediction", "item"):
        np.testing.assert_array_equal(getattr(found.swap, part), getattr(written.swap, part))
    for part in ("content", "motion", "prediction"):
        np.testing.assert_array_equal(getattr(found.swap_grid, part), getattr(written.swap_grid, part))
    assert {key: found.facts[key] for key in ("experiment", "title", "seed", "n_cond")} == {
        "experiment": "wave_eq_100/pde",
        "title": "PDE – without S",
        "seed": 0,
        "n_cond": 5,
    }
    np.testing.assert_array_equal(found.facts["pixel_rows"], [3, 1, 2])


def test_names_of_windows_come_back_where_a_dataset_has_them(tmp_path):
    path, written = tmp_path / "predictions.h5", predictions()
    write_predictions(path, written)
    assert read_predictions(path).examples.name is None
    named = replace(written.examples, name=np.array([b"2016-03-16, from 01:00 on", "längst".encode()]))
    write_predictions(path, replace(written, examples=named))
    found = read_predictions(path).examples.name
    assert [bytes(name).decode() for name in found] == ["2016-03-16, from 01:00 on", "längst"]


def test_where_no_swap_was_evaluated_there_are_no_examples_of_it(tmp_path):
    write_predictions(tmp_path / "predictions.h5", predictions(with_swap=False))
    found = read_predictions(tmp_path / "predictions.h5")
    assert found.swap is None and found.swap_grid is None


@pytest.mark.parametrize("with_labels", [True, False])
def test_decompositions_come_back_with_true_labels_or_without(tmp_path, with_labels):
    path, written = tmp_path / "predictions.h5", predictions()
    write_predictions(path, written)
    assert read_predictions(path).decomposition is None
    examples = decompositions(np.random.default_rng(0), with_labels)
    write_predictions(path, replace(written, decomposition=examples))
    with h5py.File(path) as file:
        assert set(file["decomposition"]) == {*SHAPES_OF_PARTS} - ({"missing"} if not with_labels else set())
    found = read_predictions(path).decomposition
    for part in SHAPES_OF_PARTS:
        wanted, there = getattr(examples, part), getattr(found, part)
        assert (wanted is None) == (there is None)
        if wanted is not None:
            np.testing.assert_array_equal(there, wanted)
            assert there.dtype == wanted.dtype, part


def test_a_baseline_has_no_seed(tmp_path):
    write_predictions(tmp_path / "predictions.h5", predictions(seed=None))
    assert "seed" not in read_predictions(tmp_path / "predictions.h5").facts


def test_equal_content_gives_equal_bytes(tmp_path):
    for name in ("one", "other"):
        write_predictions(tmp_path / name, predictions())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "predictions.h5"
    write_predictions(path, predictions())
    before = path.read_bytes()
    broken = predictions()
    with pytest.raises(TypeError):
        write_predictions(path, Predictions(broken.per_window, broken.examples, {"title": object()}))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_a_predictions_file_is_said_to_be_none(tmp_path):
    path = tmp_path / "predictions.h5"
    with pytest.raises(ValueError, match="predictions.h5: does not exist; evaluate the run first"):
        read_predictions(path)
    path.write_text("no HDF5")
    with pytest.raises(ValueError, match="predictions.h5: damaged or not a predictions file"):
        read_predictions(path)
    with h5py.File(path, "w") as file:
        file["per_window/all/mse"] = [1.0]
    with pytest.raises(ValueError, match="not a predictions file of this version"):
        read_predictions(path)
    write_predictions(path, predictions())
    with h5py.File(path, "r+") as file:
        del file["examples/truth"]
    with pytest.raises(ValueError, match="damaged"):
        read_predictions(path)
    write_predictions(path, predictions())
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match="predictions.h5: damaged"):
        read_predictions(path)
