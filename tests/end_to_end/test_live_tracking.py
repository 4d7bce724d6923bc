"""The real training against a tracking server that accepts and never answers."""

import json
import subprocess
import sys
from contextlib import closing

from pipeline_lib.config.loading import write_experiment
from pipeline_lib.data import wave_eq
from pipeline_lib.records.journal import read_journal
from tests.tracking.silent_server import SilentServer


def test_a_silent_server_neither_holds_up_nor_fails_a_training(tiny_experiment, tmp_path):
    """Order of events: the server is asked, the training finishes, and only then does the asking end, unanswered."""
    endless = tiny_experiment.training.model_copy(update={"iterations": 10**7, "checkpoint_interval": 3600})
    write_experiment(tiny_experiment.model_copy(update={"training": endless}), tmp_path / "endless.yaml")
    wave_eq.prepare(tiny_experiment.dataset, tmp_path / "train.h5", tmp_path / "test.h5")
    with closing(SilentServer()) as server:
        command = [sys.executable, "-m", "pipeline_lib", "train", str(tmp_path / "endless.yaml"), "--seed", "0"]
        files = ["--train-file", str(tmp_path / "train.h5"), "--out", str(tmp_path / "run")]
        store = ["--tracking", server.uri, "--live", "--timeout", "600", "--interval", "0.1"]
        process = subprocess.Popen([*command, *files, *store], stderr=subprocess.PIPE, text=True)
        assert server.was_asked.wait(90), "nothing was shipped"
        process.terminate()
        errors = process.communicate(timeout=60)[1]
        assert process.returncode == 143 and "saved at iteration" in errors
        # Nothing was answered, and nobody waited the 600 seconds that an answer may take.
        saved = int(errors.split("saved at iteration ")[1].split(",")[0])

        enough = tiny_experiment.training.model_copy(update={"iterations": saved + 1500})
        write_experiment(tiny_experiment.model_copy(update={"training": enough}), tmp_path / "enough.yaml")
        server.was_asked.clear()
        process = subprocess.Popen(
            [*command[:4], str(tmp_path / "enough.yaml"), *command[5:], *files, *store], stderr=subprocess.DEVNULL
        )
        assert server.was_asked.wait(90), "nothing was shipped"
        assert process.wait(timeout=300) == 0
    (state,) = (tmp_path / "run" / "state").iterdir()
    entries = list(read_journal(state / "journal.jsonl"))
    assert entries[-1].content["status"] == "finished"
    assert json.loads((tmp_path / "run" / "training.json").read_text())["iterations"] == saved + 1500
    assert not (state / "shipped.json").exists(), "the server that never answered is said to have stored something"
