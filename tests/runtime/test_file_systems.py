"""What kind of file system a folder is on, and what can be done there."""

import errno
import fcntl

import pytest

from pipeline_lib.runtime import file_systems
from pipeline_lib.runtime.file_systems import Trial, file_system, is_network, nearest_folder, try_out

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / {home} rw - nfs4 server:/home rw
31 30 0:31 / {home}/my\\040disk rw - xfs /dev/sdb rw
32 22 0:32 / {home}/twice rw - ext4 /dev/sdc rw
33 32 0:33 / {home}/twice rw master:1 - fuse.sshfs me@there rw
a line of another kind
34 22 0:34 / /other rw -
"""


def test_the_innermost_and_latest_mount_says_the_kind(tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(home=tmp_path))
    for name, kind in [("a", "nfs4"), ("my disk/b", "xfs"), ("my diskette", "nfs4"), ("twice", "fuse.sshfs")]:
        assert file_system(tmp_path / name, mounts) == kind
    assert file_system(tmp_path.parent, mounts) == "ext4"
    assert file_system(tmp_path, tmp_path / "none") is None


def test_this_machine_tells_of_its_own_folders(tmp_path):
    assert file_system(tmp_path)


@pytest.mark.parametrize(
    ("kind", "is_one"),
    [("nfs", True), ("nfs4", True), ("lustre", True), ("fuse.sshfs", True), ("ext4", False), ("fuseblk", False)],
)
def test_network_file_systems_are_known(kind, is_one):
    assert is_network(kind) is is_one and not is_network(None)


def test_a_trial_leaves_nothing(tmp_path):
    assert try_out(tmp_path) == Trial(None, True)
    assert list(tmp_path.iterdir()) == []
    assert nearest_folder(tmp_path / "a" / "b") == tmp_path
    assert "No such file" in try_out(tmp_path / "none").error


def test_a_file_system_without_locks_or_room_is_told(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert try_out(tmp_path) == Trial(None, False)
    monkeypatch.setattr(file_systems.tempfile, "TemporaryFile", full)
    assert try_out(tmp_path) == Trial("No space left on device", None)
