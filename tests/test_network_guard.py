"""The guard in conftest.py: other machines are out of reach, this one is not. 192.0.2.0/24 is nobody's, by RFC 5737."""

import socket
import subprocess
import sys
import textwrap

import pytest


@pytest.mark.parametrize(
    "reach",
    [
        lambda: socket.create_connection(("192.0.2.1", 80), timeout=0.1),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 53)),
        lambda: socket.getaddrinfo("example.org", 443),
        lambda: socket.gethostbyname("example.org"),
    ],
    ids=["connect", "sendto", "getaddrinfo", "gethostbyname"],
)
def test_another_machine_is_out_of_reach_and_the_attempt_is_noted(reach, network_attempts):
    with pytest.raises(PermissionError, match="must not reach for the network"):
        reach()
    assert len(network_attempts) == 1
    network_attempts.clear()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_can_be_reached(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection((host, server.getsockname()[1]), timeout=5) as client:
            assert client.getpeername()[0] == "127.0.0.1"


def test_a_swallowed_refusal_fails_the_test(tmp_path, repository):
    file = tmp_path / "test_swallows.py"
    file.write_text(
        textwrap.dedent("""
            import socket

            def test_tries_and_goes_on():
                try:
                    socket.create_connection(("192.0.2.1", 80), timeout=0.1)
                except OSError:
                    pass
            """)
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", f"--rootdir={tmp_path}", str(file)]
    outcome = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=60)
    assert outcome.returncode == 1
    assert "Failed: reached for the network: socket.getaddrinfo 192.0.2.1" in outcome.stdout
