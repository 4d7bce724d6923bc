"""A training that runs out of memory ends with a sentence, and the journal has it as the reason."""

import pytest
import torch

from pipeline_lib.cli.train_process import run_process
from pipeline_lib.cli.training_request import training_request
from pipeline_lib.config.loading import read_experiment
from pipeline_lib.data.resident import ResidentWindows
from pipeline_lib.models.pde.model import PdeModel
from tests.cli.test_train import configure, statuses, train_file  # noqa: F401 - the fixtures

SAID = "CUDA out of memory. Tried to allocate 2.00 GiB"


def lacking(*_):
    raise torch.OutOfMemoryError(SAID)


@pytest.mark.parametrize(
    ("place", "doing", "advice"),
    [
        (
            (PdeModel, "loss_terms"),
            "training",
            "training.batch_size 8, training.accumulation 1; try training.accumulation 2",
        ),
        ((ResidentWindows, "sample"), "loading data and model", "a device with more memory is needed"),
    ],
)
def test_the_reason_of_the_failed_run_says_what_to_try(
    configure,  # noqa: F811
    train_file,  # noqa: F811
    tmp_path,
    monkeypatch,
    place,
    doing,
    advice,
):
    monkeypatch.setattr(*place, lacking)
    config = configure(validation={"interval": 10, "pictures_interval": 0})
    request = training_request(read_experiment(config, {}), 0, train_file, tmp_path / "run")
    request.state.mkdir(parents=True)
    with pytest.raises(ValueError) as caught:
        run_process(request, None)
    status, reason = statuses(request.journal)[-1]
    assert status == "failed" and reason == str(caught.value)
    assert reason.startswith(f"out of memory while {doing}: the CPU had ") and advice in reason
    assert SAID in reason and str(request.paths.config) in reason
