"""Protocols of input frames are asked only of datasets and models that can serve them; metrics go where they belong."""

import json

import pytest
from pydantic import ValidationError

from pipeline_lib.config import slices
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.registry import METRICS

FRAMES = ["bce_frame_sum", "psnr_video"]
ALL = ["forecast", "reconstruction", "imputation", "missingness"]
DIVE = {"model": {"name": "dive"}, "training": {"schedule_name": "published", "epochs": 1}}


def experiment(
    model: dict, protocols: list[str], metrics: list[str], dataset: str = "mnist_out_of_scene"
) -> Experiment:
    return Experiment.model_validate(
        {
            "name": f"{dataset}/any",
            "dataset": {"name": dataset},
            "task": {"n_cond": 10, "n_pred": 10, "n_pred_test": 10},
            "evaluation": {"protocols": protocols, "metrics": metrics, "window_sets": ["all"]},
            **model,
        }
    )


def test_a_model_that_takes_videos_apart_serves_all_of_them():
    found = experiment(DIVE, ALL, [*FRAMES, "nelbo"])
    assert found.evaluation.of_input == ("reconstruction", "imputation", "missingness")
    labels = ("balanced_accuracy", "auroc", "precision_missing", "recall_missing", "component_gain")
    assert found.metrics == (*FRAMES, "nelbo", *labels)
    assert experiment(DIVE, ["forecast"], FRAMES).metrics == tuple(FRAMES)


def test_a_baseline_that_fills_frames_in_serves_imputation():
    assert experiment({"model": {"name": "copy_neighbour"}}, ["forecast", "imputation"], FRAMES).is_baseline


@pytest.mark.parametrize(
    ("model", "protocols", "metrics", "dataset", "message"),
    [
        (DIVE, ALL, FRAMES, "moving_mnist", "moving_mnist does not know what its videos do not show: leave out recon"),
        ({"model": {"name": "black"}}, ALL, FRAMES, "mnist_out_of_scene", "black does not take .* reconstruction, imp"),
        (
            {"model": {"name": "copy_neighbour"}},
            ALL,
            FRAMES,
            "mnist_out_of_scene",
            "copy_neighbour does not take videos apart into objects: leave out reconstruction, missingness",
        ),
        (
            {"model": {"name": "copy_neighbour"}},
            ["forecast"],
            FRAMES,
            "moving_mnist",
            "copy_neighbour needs what moving_mnist does not know",
        ),
        ({"model": {"name": "black"}}, ["forecast"], ["nelbo"], "mnist_out_of_scene", "black has no likelihood of vi"),
        (DIVE, ["forecast"], [*FRAMES, "nelbo"], "mnist_out_of_scene", "nelbo stands beside reconstructions: add rec"),
        (DIVE, ALL, ["nelbo"], "mnist_out_of_scene", "nelbo scores no forecast: add one that does"),
        (DIVE, ALL, [*FRAMES, "auroc"], "mnist_out_of_scene", "auroc comes with the protocol missingness by itself"),
    ],
)
def test_what_cannot_be_served_is_refused(model, protocols, metrics, dataset, message):
    with pytest.raises(ValidationError, match=message):
        experiment(model, protocols, metrics, dataset)


def test_labels_are_written_in_tables_by_their_titles():
    written = json.loads(slices.metrics([experiment(DIVE, ALL, FRAMES)]))
    assert written["auroc"] == ["AUROC", "1", "higher"] and "nelbo" not in written


def test_which_rows_count_is_a_reason_to_evaluate_again():
    parts = [
        slices.evaluation(experiment(DIVE, ALL, FRAMES, dataset))["evaluation"]
        for dataset in ("mnist_out_of_scene", "mnist_partial_occlusion")
    ]
    assert "visible_rows" not in json.loads(parts[0]) and json.loads(parts[1])["visible_rows"] == [32, 64]


def test_only_frames_are_scored_whatever_the_protocol():
    kinds = {kind: {name for name, entry in METRICS.items() if entry.kind == kind} for kind in ("video", "components")}
    assert kinds == {"video": {"nelbo"}, "components": {"component_gain"}}
