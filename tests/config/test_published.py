"""The published numbers: all files are sound, every number has its mark, a broken file is an error that says where."""

import pytest

from pipeline_lib.config.published import read_published
from pipeline_lib.config.registry import METRICS

DATASETS = {
    "wave_eq": "pde",
    "wave_eq_100": "pde",
    "moving_mnist": "pde",
    "chairs": "pde",
    "taxibj": "pde",
    "sst": "pde",
    "mnist_partial_occlusion": "dive",
    "mnist_out_of_scene": "dive",
    "mnist_varying_appearance": "dive",
    "pedestrians": "dive",
}
SOUND = """
title: A dataset
paper: pde
columns:
  mse: {title: MSE, metric: mse_per_pixel, n_frames: 4, factor: 100, direction: lower}
rows:
  - {title: PDE, variant: pde, status: recalled, values: {mse: 39.5}}
  - {title: Other, status: printed, source: table 1, values: {mse: null}}
"""


def read(tmp_path, text):
    path = tmp_path / "published.yaml"
    path.write_text(text)
    return read_published(path)


def test_every_file_in_the_repository_is_sound(repository):
    files = sorted((repository / "config" / "published").glob("*.yaml"))
    assert {file.stem for file in files} == set(DATASETS)
    for file in files:
        results = read_published(file)
        assert results.paper == DATASETS[file.stem]
        assert results.rows or file.stem == "chairs"
        for column in results.columns.values():
            if column.metric in METRICS:
                assert column.direction == METRICS[column.metric].direction
        for row in results.rows:
            assert any(value is not None for value in row.values.values())
            assert (results.paper == "dive") <= (row.status == "printed"), "the PDE paper's own were never checked"


@pytest.mark.parametrize(
    ("dataset", "variant", "column", "value", "status"),
    [
        ("wave_eq_100", "pde", "mse_40", 1.5e-5, "recalled-order-of-magnitude-only"),
        ("wave_eq_100", "pde_no_s", "mse_40", 1.6e-4, "recalled-order-of-magnitude-only"),
        ("wave_eq", "pde", "mse_40", 4.8e-5, "recalled-order-of-magnitude-only"),
        ("sst", "pde", "ssim_10", 0.6577, "recalled"),
        ("moving_mnist", "pde", "swap_psnr_95", 16.50, "recalled"),
        ("taxibj", "pde_no_s", "mse_sum_x100", 43.7, "recalled"),
        ("mnist_out_of_scene", "dive", "bce_pred", 321.29, "printed"),
        ("pedestrians", "dive", "nelbo", -0.26, "printed"),
    ],
)
def test_numbers_of_our_models(repository, dataset, variant, column, value, status):
    results = read_published(repository / "config" / "published" / f"{dataset}.yaml")
    (row,) = [row for row in results.rows if row.variant == variant]
    assert row.values[column] == value and row.status == status


def test_only_a_column_of_the_same_definition_is_comparable(tmp_path):
    results = read(tmp_path, SOUND)
    name, column = results.column("forecast", "mse_per_pixel", 4, 10)
    assert name == "mse" and column.factor == 100
    assert results.column("forecast", "mse_per_pixel", 10, 10) is None
    assert results.column("swap", "mse_per_pixel", 4, 4) is None
    assert results.column("forecast", "ssim", 4, 4) is None


def test_taxibj_is_in_the_literatures_unit_which_is_a_metric_of_ours(repository):
    results = read_published(repository / "config" / "published" / "taxibj.yaml")
    name, column = results.column("forecast", "mse_frame_sum_x100", 4, 4)
    assert (name, column.factor, column.window_set) == ("mse_sum_x100", 1.0, "published")
    assert "mse_frame_sum_x100" in METRICS
    assert {row.title: row.status for row in results.rows if "PDE" not in row.title} == dict.fromkeys(
        ("ConvLSTM", "PredRNN", "CausalLSTM", "E3D-LSTM", "MIM", "PhyDNet"), "printed"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("status: recalled", "status: remembered", "rows.0.status: given 'remembered'"),
        ("paper: pde", "papers: pde", "papers: unknown key; did you mean 'paper'"),
        ("source: table 1, ", "", "row Other: a printed number needs a source"),
        ("{mse: 39.5}", "{mae: 39.5}", "row PDE: values are given for"),
        ("39.5", ".nan", "rows.0.values.mse: given nan"),
        ("title: Other", "title: PDE", "two rows with the same title: PDE"),
        ("factor: 100", "factor: 0", "columns.mse.factor: given 0"),
        ("direction: lower", "direction: down", "columns.mse.direction: given 'down'"),
        ("title: A dataset", "title: A\ntitle: B", "'title' is given twice"),
    ],
)
def test_a_broken_file_says_what_is_wrong_and_where(tmp_path, old, new, message):
    assert SOUND.count(old) == 1
    with pytest.raises(ValueError, match="published.yaml") as caught:
        read(tmp_path, SOUND.replace(old, new))
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="none.yaml"):
        read_published(tmp_path / "none.yaml")
