"""Keeps the test process from reaching any other machine."""

import ipaddress
import socket
import sys


class NetworkGuard:
    """From its construction on, this process can connect, send and resolve names on this machine only.

    Python reports each such call to its audit hooks before it is made, so that nothing is sent. A refused call raises
    PermissionError and is noted in `attempts`, because libraries often catch the error and try again.
    """

    # Whose second argument is the address that a socket is to reach, and whose first is a name to be looked up.
    TO_AN_ADDRESS = ("socket.connect", "socket.sendto", "socket.sendmsg")
    LOOKING_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self._own_names = {"", "localhost", "localhost.localdomain", "ip6-localhost", socket.gethostname().lower()}
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in self.TO_AN_ADDRESS:
            # Only internet addresses are tuples that begin with a host: the path of a Unix socket is a string.
            host = arguments[1][0] if isinstance(arguments[1], tuple) else None
        elif event in self.LOOKING_UP:
            host = arguments[0]
        else:
            return
        if isinstance(host, bytes):
            host = host.decode("ascii", "replace")
        if isinstance(host, str) and not self._is_own(host):
            self.attempts.append(f"{event} {host}")
            raise PermissionError(f"tests must not reach for the network: {event} {host}")

    def _is_own(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.split("%")[0])
        except ValueError:
            return host.lower() in self._own_names
        return address.is_loopback or address.is_unspecified
