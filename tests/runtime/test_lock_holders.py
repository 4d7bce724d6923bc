"""Locks are asked who holds them, and stay as they are."""

import os
import socket
from pathlib import Path

import pytest

from pipeline_lib.runtime.lock_holders import LockState, is_running, lock_state, processes_in
from pipeline_lib.runtime.locks import FileLock


def test_a_lock_tells_its_holder_before_and_after(tmp_path):
    path = tmp_path / ".lock"
    with FileLock(path):
        state = lock_state(path)
        assert (state.is_held, state.pid, state.host) == (True, os.getpid(), socket.gethostname())
        assert state.is_of_this_machine
        assert lock_state(path) == state, "asking leaves it held"
        text = path.read_text()
    assert lock_state(path) == LockState(path, False, "")
    path.write_text(text)
    assert not lock_state(path).is_held and lock_state(path).pid == os.getpid() and path.read_text() == text
    with FileLock(path):
        assert lock_state(path).is_held, "asking has not kept it"


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"process x on y", b"process 99999999999999999999 on y since"])
def test_a_text_that_names_nobody_names_nobody(tmp_path, content):
    path = tmp_path / ".lock"
    path.write_bytes(content)
    state = lock_state(path)
    assert not state.is_held and state.pid is None and state.host is None


def test_a_lock_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError):
        lock_state(tmp_path / ".lock")
    assert list(tmp_path.iterdir()) == []


def test_processes_are_found_by_their_folder_and_command():
    assert is_running(os.getpid()) and not is_running(999_999_999)
    here = processes_in(Path.cwd(), "python")
    assert os.getpid() in here and os.getpid() not in processes_in(Path.cwd(), "no such word")
    assert os.getpid() not in processes_in(Path.cwd().parent, "python")
