"""Sharing out GPUs: each training gets one of its own, and a scheduler's choice stands."""

import subprocess
import sys

import pytest

from pipeline_lib.runtime import gpus
from pipeline_lib.runtime.gpus import lease_gpu, visible_gpus


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(gpus, "node_local_folder", lambda: tmp_path)
    return tmp_path


def test_two_trainings_get_two_gpus():
    environ = {"CUDA_VISIBLE_DEVICES": "3, GPU-abc"}
    first, lock = lease_gpu("auto", environ)
    second, other = lease_gpu("cuda", environ)
    assert (first, second) == ({"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "GPU-abc"})
    lock.release()
    third, again = lease_gpu("auto", environ)
    assert third == {"CUDA_VISIBLE_DEVICES": "3"}
    other.release()
    again.release()


def test_the_lease_ends_with_a_killed_process(folder):
    code = (
        "import os, signal, pathlib; from pipeline_lib.runtime import gpus;"
        f"gpus.node_local_folder = lambda: pathlib.Path({str(folder)!r});"
        "lease = gpus.lease_gpu('auto', {'CUDA_VISIBLE_DEVICES': '0'});"
        "assert lease[0] == {'CUDA_VISIBLE_DEVICES': '0'};"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    variables, lock = lease_gpu("auto", {"CUDA_VISIBLE_DEVICES": "0"})
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
    assert lease_gpu(device, environ) == ({}, None)


def test_without_nvidia_smi_there_is_no_gpu(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert visible_gpus({}) == []
