"""Sharing out GPUs: each training gets one of its own, and a scheduler's choice stands."""

import subprocess
import sys

import pytest

from pipeline_lib.runtime import gpus
from pipeline_lib.runtime.gpus import lease_gpus, visible_gpus
from pipeline_lib.runtime.locks import LockHeldError, lease_several


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(gpus, "node_local_folder", lambda: tmp_path)
    return tmp_path


def test_two_trainings_get_two_gpus():
    environ = {"CUDA_VISIBLE_DEVICES": "3, GPU-abc"}
    first, (lock,) = lease_gpus("auto", 1, environ)
    second, (other,) = lease_gpus("cuda", 1, environ)
    assert (first, second) == ({"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "GPU-abc"})
    lock.release()
    third, (again,) = lease_gpus("auto", 1, environ)
    assert third == {"CUDA_VISIBLE_DEVICES": "3"}
    other.release()
    again.release()


def test_several_gpus_are_leased_together_or_not_at_all(folder):
    environ = {"CUDA_VISIBLE_DEVICES": "0,1,2"}
    variables, locks = lease_gpus("cuda", 2, environ)
    assert variables == {"CUDA_VISIBLE_DEVICES": "0,1"}
    with pytest.raises(LockHeldError, match=r"gpu_0\.lock is held"):
        lease_several(folder, ["gpu_0", "gpu_1", "gpu_2"], 2)
    for lock in locks:
        lock.release()
    names = [name for name, _ in lease_several(folder, ["gpu_2", "gpu_0"], 2)]
    assert names == ["gpu_2", "gpu_0"]  # who did not get enough has kept none


def test_more_gpus_than_there_are_is_an_error_that_says_what_to_set():
    with pytest.raises(ValueError, match=r"asks for 3 GPUs, and this machine has 2 \(0, 1\); set training.n_processes"):
        lease_gpus("auto", 3, {"CUDA_VISIBLE_DEVICES": "0,1"})


def test_the_lease_ends_with_a_killed_process(folder):
    code = (
        "import os, signal, pathlib; from pipeline_lib.runtime import gpus;"
        f"gpus.node_local_folder = lambda: pathlib.Path({str(folder)!r});"
        "lease = gpus.lease_gpus('auto', 1, {'CUDA_VISIBLE_DEVICES': '0'});"
        "assert lease[0] == {'CUDA_VISIBLE_DEVICES': '0'};"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    variables, (lock,) = lease_gpus("auto", 1, {"CUDA_VISIBLE_DEVICES": "0"})
    assert variables == {"CUDA_VISIBLE_DEVICES": "0"}
    lock.release()


@pytest.mark.parametrize(
    "device, environ",
    [
        ("cpu", {"CUDA_VISIBLE_DEVICES": "0"}),
        ("cuda:1", {"CUDA_VISIBLE_DEVICES": "0,1"}),
        ("auto", {"CUDA_VISIBLE_DEVICES": "0", "SLURM_JOB_ID": "7"}),
        ("auto", {"CUDA_VISIBLE_DEVICES": ""}),
    ],
)
def test_nothing_is_leased_where_nothing_is_to_share(device, environ):
    assert lease_gpus(device, 1, environ) == ({}, [])


def test_without_nvidia_smi_there_is_no_gpu(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert visible_gpus({}) == []


@pytest.mark.parametrize(
    ("listed", "seen"), [("-1", []), ("", []), ("0,-1,1", ["0"]), ("2, GPU-abc", ["2", "GPU-abc"])]
)
def test_the_list_of_gpus_ends_before_one_that_is_none(listed, seen):
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": listed}) == seen
