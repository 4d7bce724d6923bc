"""Tracking servers that refuse, hang or are killed under a real training: it ends as if there were none."""

import subprocess
from contextlib import ExitStack, closing

import pytest

from pipeline_lib import cli
from pipeline_lib.tracking.store import open_store
from tests.cli.test_train import _is_running, command, state_of, train, wait_for
from tests.reliability.faulty_python import environ, faulty_python
from tests.reliability.sessions import assert_nothing_lost, ends_of
from tests.tracking.conftest import empty_database, server  # noqa: F401 - fixtures
from tests.tracking.server_process import free_port
from tests.tracking.silent_server import SilentServer

pytestmark = pytest.mark.slow
# Until the test says that its server is in the state it shall be in.
WAIT = "import pathlib, time\nwhile not pathlib.Path({sign!r}).exists(): time.sleep(0.05)"


@pytest.mark.parametrize("fault", ["refuses", "hangs", "is killed"])
def test_a_training_loses_nothing(fault, configure, train_file, request, tmp_path):
    config, out, sign = configure(iterations=40), tmp_path / "results/runs/wave_eq_100/pde/seed_0", tmp_path / "sign"
    python = faulty_python(tmp_path, WAIT.format(sign=str(sign)))
    with ExitStack() as stack:
        if fault == "is killed":
            served = request.getfixturevalue("server")
            uri = served.uri
        elif fault == "hangs":
            silent = stack.enter_context(closing(SilentServer()))
            uri = silent.uri
        else:
            uri = f"http://127.0.0.1:{free_port()}"
        store = ["--live", "--tracking", uri, "--timeout", "2", "--interval", "0.1"]
        training = subprocess.Popen(
            [str(python), *command(config, train_file, out)[1:], *store],
            stderr=subprocess.DEVNULL,
            env=environ(),
        )
        wait_for(lambda: out.exists() and _is_running(out / "state", training.pid), seconds=300)
        if fault == "is killed":
            wait_for(lambda: (state_of(out) / "shipped.json").exists(), seconds=300)
            served.kill()
        elif fault == "hangs":
            assert silent.was_asked.wait(300)
        else:
            wait_for(lambda: (state_of(out) / "shipper.log").exists(), seconds=300)
        sign.touch()
        assert training.wait(timeout=300) == 0
    assert train(config, train_file, tmp_path / "whole").returncode == 0
    assert_nothing_lost(out, tmp_path / "whole")
    assert ends_of(out) == ["finished: "]
    found = f"sqlite:///{tmp_path / 'mlflow.db'}"
    if fault == "is killed":
        served.start()
        found = served.uri
    assert cli.main(["track", "--all", str(tmp_path / "results"), "--tracking", found]) == 0
    again = open_store(found, 10)
    (run,) = again.find(again.experiments()["wave_eq_100"], "tags.level = 'run'")
    assert run.status == "FINISHED"
