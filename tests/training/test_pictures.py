"""Pictures while training: what they show, when they are drawn, and that weights are the same without them."""

import numpy as np
import pytest
from PIL import Image

from pipeline_lib.config.training import OptimiserSettings, ValidationSettings
from pipeline_lib.records.journal import read_journal
from pipeline_lib.training import pictures
from pipeline_lib.training.pictures import columns, frame_name, montage
from tests.training.test_loop import KilledError, killed_at
from tests.training.toy import assert_same, toy_trainer, weights


def journalled(trainer):
    return [entry.content for entry in read_journal(trainer.journal.path) if entry.kind == "artifact"]


def with_pictures(experiment, folder, interval=8, value_interval=10, **changes):
    validation = ValidationSettings(interval=value_interval, pictures_interval=interval)
    return toy_trainer(experiment, folder, validation=validation, **{"iterations": 20, **changes})


def test_a_series_from_the_untrained_to_the_finished_model_is_drawn_and_journalled(tiny_experiment, tmp_path):
    trainer = with_pictures(tiny_experiment, tmp_path, optimiser=OptimiserSettings(learning_rate=5e-3))
    trainer.run()
    found = journalled(trainer)
    assert [(content["key"], content["step"]) for content in found] == [("forecast", n) for n in (0, 8, 16, 20)]
    assert [content["path"] for content in found] == [f"pictures/forecast_{n:08d}.png" for n in (0, 8, 16, 20)]
    drawn = [np.asarray(Image.open(tmp_path / content["path"])) for content in found]
    assert not any(np.array_equal(one, other) for one, other in zip(drawn, drawn[1:], strict=False))


@pytest.mark.parametrize("value_interval", [0, 8, 7], ids=["alone", "with every value", "beside values"])
def test_weights_and_curves_are_the_same_without_pictures(tiny_experiment, tmp_path, value_interval):
    one = with_pictures(tiny_experiment, tmp_path / "with", 8, value_interval)
    other = with_pictures(tiny_experiment, tmp_path / "without", 0, value_interval)
    one.run()
    other.run()
    assert len(journalled(one)) == 4 and journalled(other) == [] and not (tmp_path / "without" / "pictures").exists()
    assert_same(weights(one), weights(other))
    assert values(one) == values(other)


def values(trainer):
    return [
        (entry.content["step"], key, value)
        for entry in read_journal(trainer.journal.path)
        if entry.kind == "metrics"
        for key, value in entry.content["values"].items()
        if key not in ("iterations_per_second", "data_wait_share")
    ]


def test_a_forecast_is_computed_once_where_a_value_and_a_picture_are_due(tiny_experiment, tmp_path):
    trainer = with_pictures(tiny_experiment, tmp_path, interval=10, value_interval=10)
    counted = []
    original = trainer.validation.attempt
    trainer.validation.attempt = lambda *given: counted.append(trainer.iteration) or original(*given)
    trainer.run()
    assert counted == [0, 10, 20]


@pytest.mark.parametrize("kill", [1, 8, 9, 17])
def test_a_resumed_training_draws_what_is_missing_and_no_more(tiny_experiment, tmp_path, kill):
    whole = with_pictures(tiny_experiment, tmp_path / "whole")
    whole.run()
    folder = tmp_path / "killed"
    with pytest.raises(KilledError):
        with_pictures(tiny_experiment, folder, stop=killed_at(kill), checkpoint_interval=3600).run()
    there = {path: path.stat().st_mtime_ns for path in (folder / "pictures").glob("*.png")}
    trainer = with_pictures(tiny_experiment, folder)
    assert trainer.restore() is False
    trainer.run()
    assert [content["step"] for content in journalled(trainer)] == [0, 8, 16, 20]
    assert {path: path.stat().st_mtime_ns for path in there} == there
    assert files(folder) == files(tmp_path / "whole")


def test_a_picture_whose_writer_was_killed_before_it_was_journalled_is_drawn_again(
    tiny_experiment, tmp_path, monkeypatch
):
    def killed(*_):
        raise KilledError

    trainer = with_pictures(tiny_experiment, tmp_path)
    monkeypatch.setattr(trainer.journal, "artifact", killed)
    with pytest.raises(KilledError):
        trainer.run()
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["forecast_00000000.png"]
    again = with_pictures(tiny_experiment, tmp_path)
    again.run()
    assert [content["step"] for content in journalled(again)] == [0, 8, 16, 20]


def files(folder):
    return {path.name: path.read_bytes() for path in (folder / "pictures").iterdir()}


def video(n_windows, n_frames, *shape):
    """Frame t of window n has the value (n * n_frames + t) / (n_windows * n_frames - 1) all over."""
    values = np.linspace(0, 1, n_windows * n_frames, dtype=np.float32).reshape(n_windows, n_frames, 1, 1, 1)
    return np.broadcast_to(values, (n_windows, n_frames, *shape))


def test_images_are_rows_of_truth_and_forecast_on_the_scale_of_the_truth(monkeypatch):
    monkeypatch.setattr(pictures, "FRAME_WIDTH", 8)
    frames = video(2, 6, 1, 8, 8)
    cond, truth = frames[:, :2], frames[:, 2:]
    forecast = np.full_like(truth, 0.5)
    forecast[0, 0], forecast[0, 1], forecast[0, 2] = np.nan, 9.0, -9.0
    drawn = np.asarray(montage(cond, truth, forecast))

    def level(row, column):
        top = pictures.TOP + (row // 2) * (2 * 8 + pictures.GAP + pictures.SPACE) + (row % 2) * (8 + pictures.GAP)
        left = pictures.LEFT + column * (8 + pictures.GAP) + (pictures.SPACE if column >= 2 else 0)
        tile = drawn[top : top + 8, left : left + 8]
        assert len(np.unique(tile)) == 1
        return int(tile[0, 0, 0])

    white = 255
    assert [level(0, k) for k in range(6)] == [round(255 * k / 11) for k in range(6)]
    assert [level(2, k) for k in range(6)] == [round(255 * k / 11) for k in range(6, 12)]
    assert [level(1, k) for k in range(6)] == [white, white, 0, 255, 0, 128]
    assert [level(3, k) for k in range(6)] == [white, white, 128, 128, 128, 128]


def test_colours_stay_and_small_frames_are_enlarged():
    frames = np.zeros((1, 3, 3, 16, 16), np.float32)
    frames[:, :, 0] = 1.0
    drawn = np.asarray(montage(frames[:, :1], frames[:, 1:], frames[:, 1:]))
    tile = drawn[pictures.TOP : pictures.TOP + 64, pictures.LEFT : pictures.LEFT + 64]
    assert (tile == [255, 0, 0]).all()


def test_other_channels_stand_beside_each_other():
    frames = np.zeros((1, 3, 2, 16, 16), np.float32)
    frames[:, :, 1] = 0.5
    frames[:, :, 1, 0, 0] = 1.0
    drawn = np.asarray(montage(frames[:, :1], frames[:, 1:], frames[:, 1:]))
    zoom = round(pictures.FRAME_WIDTH / 33)
    tile = drawn[pictures.TOP : pictures.TOP + 16 * zoom : zoom, pictures.LEFT : pictures.LEFT + 33 * zoom : zoom]
    assert (tile[:, :16] == 0).all() and (tile[:, 16] == 255).all() and (tile[1:, 17:] == 128).all()


def test_vectors_are_strips_of_pixels_against_time():
    rows = np.linspace(0, 1, 100, dtype=np.float32)
    frames = np.broadcast_to(rows, (3, 45, 1, 1, 100))
    drawn = np.asarray(montage(frames[:, :5], frames[:, 5:], frames[:, 5:]))
    strip = drawn[pictures.TOP : pictures.TOP + 100, pictures.LEFT : pictures.LEFT + 20, 0]
    assert (strip == (rows[::-1, None] * 255).round()).all()
    below = drawn[pictures.TOP + 102 : pictures.TOP + 202, pictures.LEFT : pictures.LEFT + 20, 0]
    assert (below == 255).all(), "nothing is forecast for the conditioning frames"


@pytest.mark.parametrize(("n_cond", "n_pred"), [(5, 95), (5, 10), (1, 1), (2, 5), (10, 200)])
def test_few_columns_with_the_last_conditioning_and_the_last_predicted_frame(n_cond, n_pred):
    before, after = columns(n_cond, n_pred)
    assert len(before) + len(after) <= pictures.MAX_COLUMNS and len(after) == len(set(after))
    assert before[-1] == n_cond - 1 and (after[0], after[-1]) == (0, n_pred - 1)


def test_frames_are_named_from_the_last_one_that_is_seen():
    assert [frame_name(number) for number in (-1, 0, 1, 95)] == ["t-1", "t", "t+1", "t+95"]
