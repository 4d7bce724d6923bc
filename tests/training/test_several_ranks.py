"""A training on two processes: the same losses and weights as on one, whatever shares the batches leave them."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from pipeline_lib.config.training import TrainingSettings
from pipeline_lib.models.batch_norm import BatchNorm2d
from pipeline_lib.records.journal import metric_points, read_journal
from pipeline_lib.runtime.ranks import Ranks
from pipeline_lib.training.batch_norm import check_parts, synchronise
from tests.training.several_ranks import (
    CASES,
    N_ITERATIONS,
    case_trainer,
    images,
    network,
    run_two_ranks,
    weighted_loss,
)


@pytest.fixture(scope="module")
def ranks_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture
def on_two(ranks_folder, tiny_experiment):
    """Folder with what two processes have made of all cases."""
    if not (ranks_folder / "images_0.safetensors").exists():
        run_two_ranks(ranks_folder, tiny_experiment)
    return ranks_folder


def losses(journal):
    return {
        key: [value for _, _, value in curve]
        for key, curve in metric_points(read_journal(journal)).items()
        if key.startswith("loss") or key.endswith("mse_per_pixel")
    }


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_as_one_does(tiny_experiment, tmp_path, on_two, name):
    whole = case_trainer(tiny_experiment, name, tmp_path)
    whole.run()
    first, second = (load_file(on_two / f"{name}_{rank}.safetensors") for rank in range(2))
    for key, weight in whole.model.state_dict().items():
        assert torch.equal(first[key], second[key]), key
        torch.testing.assert_close(first[key], weight, rtol=1e-8, atol=1e-10)
    found, expected = losses(on_two / f"{name}_0" / "journal.jsonl"), losses(whole.journal.path)
    assert found.keys() == expected.keys() and len(found["loss"]) == N_ITERATIONS
    for key, curve in expected.items():
        assert found[key] == pytest.approx(curve, rel=1e-6), key


def test_only_the_first_process_writes(on_two):
    assert (on_two / "uneven_0" / "generation_0").exists()
    assert sorted(path.name for path in (on_two / "uneven_1").iterdir()) == ["journal.jsonl", "train.h5"]
    assert (on_two / "uneven_1" / "journal.jsonl").read_bytes() == b""


def test_synchronised_statistics_are_those_of_the_whole_batch(on_two):
    whole = network()
    weighted_loss(whole, images(), torch.arange(5)).backward()
    for rank in range(2):
        found = load_file(on_two / f"images_{rank}.safetensors")
        for name, tensor in whole.state_dict().items():
            torch.testing.assert_close(found[name], tensor, rtol=1e-10, atol=1e-12)
        for name, parameter in whole.named_parameters():
            torch.testing.assert_close(found[f"gradient.{name}"], parameter.grad, rtol=1e-8, atol=1e-10)


def test_a_kind_whose_statistics_can_not_be_shared_is_refused():
    with pytest.raises(ValueError, match=r"normalises by BatchNorm1d, .*set training.batch_norm to per_rank"):
        synchronise(nn.Sequential(BatchNorm2d(3), nn.BatchNorm1d(3)), Ranks(0, 2), TrainingSettings(iterations=1))


@pytest.mark.parametrize("batch_size, accumulation, fits", [(8, 1, True), (8, 2, True), (59, 1, False), (7, 3, False)])
def test_synchronised_statistics_want_every_process_at_every_part(batch_size, accumulation, fits):
    """60 windows: batches of 59 leave one over, and of 7 windows one process has 4, two parts, and one 3, three."""
    settings = TrainingSettings(iterations=1, batch_size=batch_size, accumulation=accumulation)
    if fits:
        check_parts(settings, Ranks(0, 2), 60)
        return
    with pytest.raises(ValueError, match="does not give each of 2 processes as many parts"):
        check_parts(settings, Ranks(0, 2), 60)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"n_processes": 3, "batch_size": 8, "accumulation": 3}, "must not exceed batch_size"),
        ({"n_processes": 2, "device": "cuda:1"}, "set device to cuda or auto"),
        ({"batch_norm": "synchronised"}, "n_processes is 1"),
        ({"n_processes": 2, "batch_norm": "synchronised", "compile": True}, "can't be compiled"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainingSettings(iterations=1, **settings)


def test_several_processes_are_part_of_the_identity_and_one_is_as_before():
    one, two = (TrainingSettings(iterations=1, n_processes=n).identity() for n in (1, 2))
    assert two == {**one, "n_processes": 2, "batch_norm": "per_rank"} and "n_processes" not in one
