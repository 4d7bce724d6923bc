"""A SLURM cluster of two nodes on this machine: two slurmd, one slurmctld, munge, no database.

It changes the machine (packages, /etc/slurm), so it is made only where `why_not` has no objection, and undone
afterwards. All of it lives in one folder; its daemons listen on this machine only.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ("slurm-wlm", "slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo", "munged")
ETC = Path("/etc/slurm")
NODES = ("n1", "n2")

# `high` takes jobs of the others off their nodes and back into the queue; cred_expire is how long these wait until they
# may start again. JobRequeue=0: it is the profile that allows it. The jobstep drops SLURM_CONF, hence /etc/slurm.
SLURM_CONF = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/munge.socket,cred_expire=15
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SrunPortRange=61000-61200
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
MpiDefault=none
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=5,sched_interval=5,batch_sched_delay=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PriorityType=priority/basic
ReturnToService=2
SlurmdParameters=config_overrides
JobRequeue=0
KillWait=20
MinJobAge=600
SlurmctldTimeout=30
SlurmdTimeout=60
AccountingStorageType=accounting_storage/none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port=17001 CPUs=8 RealMemory=40000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port=17002 CPUs=8 RealMemory=40000
PartitionName=cpu Nodes=n1,n2 Default=YES MaxTime=240 DefMemPerCPU=500 PriorityTier=1 State=UP
PartitionName=gpu Nodes=n1,n2 MaxTime=240 DefMemPerCPU=500 PriorityTier=1 State=UP
PartitionName=high Nodes=n1,n2 MaxTime=240 DefMemPerCPU=500 PriorityTier=10 PreemptMode=OFF State=UP
"""


def why_not() -> str | None:
    """Why no cluster may be made here, or None."""
    if os.environ.get("CI") != "true":
        return "changes the machine (packages, /etc/slurm): only where CI=true"
    if os.getuid() != 0:
        return "installs packages and starts daemons: needs root"
    if ETC.exists() or ETC.is_symlink():
        return f"{ETC} exists: this machine belongs to a cluster"
    if shutil.which("apt-get") is None or shutil.which("dpkg-query") is None:
        return "installs SLURM as Debian packages: there is no apt-get"
    return None


class Unavailable(Exception):
    """SLURM cannot be installed here; the message says why."""


@contextmanager
def installed() -> Iterator[None]:
    """While entered, SLURM is installed; what was not there before is removed at the end."""
    before = _packages()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Without systemd nothing may start daemons by itself; they are started below.
    policy = Path("/usr/sbin/policy-rc.d")
    has_policy = policy.exists()
    try:
        if any(shutil.which(program) is None for program in PROGRAMS):
            if not has_policy:
                policy.write_text("#!/bin/sh\nexit 101\n")
                policy.chmod(0o755)
            install = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
            for command in (install, ["apt-get", "update"], install):
                done = _apt(command, environment)
                if done.returncode == 0 and command is install:
                    break
            else:
                raise Unavailable(f"apt-get cannot install SLURM: {done.stderr.strip()[-300:]}")
        yield
    finally:
        if added := sorted(_packages() - before):
            _apt(["apt-get", "purge", "--yes", *added], environment)
        if not has_policy:
            policy.unlink(missing_ok=True)
        for folder in (ETC, Path("/etc/munge")):  # none was there: `why_not`, and a package's own
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _apt(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{' '.join(command[:2])} took longer than 240 s")


def _packages() -> set[str]:
    """Every package that is installed."""
    format_ = "--showformat=${db:Status-Abbrev} ${Package}\n"
    lines = subprocess.run(["dpkg-query", "--show", format_], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in lines.splitlines() if line.startswith("ii")}


class Cluster:
    """A running cluster, while entered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made_etc = False

    def __enter__(self) -> "Cluster":
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        for name in ("state", "spool", "run", "log", "munge"):
            (self.folder / name).mkdir(parents=True)
        conf = self.folder / "slurm.conf"
        conf.write_text(SLURM_CONF.format(folder=self.folder, host=socket.gethostname().split(".")[0]))
        self._made_etc = not ETC.exists()
        ETC.mkdir(exist_ok=True)
        (ETC / "slurm.conf").symlink_to(conf)
        self._start_munge()
        self._daemon("slurmctld")
        wait_for("slurmctld to answer", lambda: "is UP" in self.call("scontrol", "ping", check=False), 30)
        for node in NODES:
            self._daemon("slurmd", "-N", node)
        wait_for(
            "both nodes", lambda: self.call("sinfo", "--noheader", "--Node", "--states=idle").count("cpu") == 2, 60
        )

    def _start_munge(self) -> None:
        """munged refuses folders and keys that others than it can write."""
        folder = self.folder / "munge"
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        for path in (folder, key):
            shutil.chown(path, "munge", "munge")
        files = {name: folder / f"munge.{name.removesuffix('-file')}" for name in ("socket", "pid-file", "log-file")}
        options = [f"--{name}={path}" for name, path in files.items()]
        options += [f"--key-file={key}", f"--seed-file={folder / 'munge.seed'}"]
        subprocess.run(["runuser", "-u", "munge", "--", "munged", *options], check=True, timeout=60)

    def _daemon(self, *command: str) -> None:
        subprocess.run(command, check=True, timeout=60, cwd=self.folder, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """End all jobs and daemons, in the reverse order of their start, and take the configuration out of /etc."""
        for job in self.jobs(check=False):
            self.call("scancel", job, check=False)
        deadline = time.monotonic() + 40
        while self.jobs(check=False) and time.monotonic() < deadline:
            time.sleep(0.5)
        pids = [self.folder / "run" / f"slurmd.{node}.pid" for node in NODES]
        for file in (*pids, self.folder / "run" / "slurmctld.pid", self.folder / "munge" / "munge.pid"):
            if file.is_file():
                _end(int(file.read_text()))
        link = ETC / "slurm.conf"
        if link.is_symlink() and link.readlink() == self.folder / "slurm.conf":
            link.unlink()
        if self._made_etc and ETC.is_dir() and not any(ETC.iterdir()):
            ETC.rmdir()

    def call(self, *command: str, check: bool = True) -> str:
        """What a command of SLURM prints; these wait for minutes where the controller is down."""
        done = subprocess.run(["timeout", "10", *command], capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def jobs(self, check: bool = True) -> dict[str, dict[str, str]]:
        """Jobs that wait or run, by number: their comment (the plugin's: rule or group), state and node."""
        lines = self.call("squeue", "--noheader", "--format=%i|%k|%T|%N", check=check).splitlines()
        rows = [line.split("|") for line in lines]
        return {row[0]: dict(zip(("comment", "state", "node"), row[1:], strict=True)) for row in rows}

    def job(self, number: str) -> dict[str, str]:
        """All that SLURM knows of a job, also of one that has ended."""
        words = self.call("scontrol", "--oneliner", "show", "job", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)


def wait_for(what: str, is_so: Callable[[], object], seconds: float) -> None:
    """Until something is so; fails after that many seconds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.1)


def _end(pid: int, patience: float = 10.0) -> None:
    """SIGTERM, and SIGKILL where that does not help."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
