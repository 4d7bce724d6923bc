"""A server that accepts connections and never answers."""

import socket
import threading


class SilentServer:
    """Accepts connections, reads what is sent, and never answers."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.was_asked = threading.Event()
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections.append(connection)
            connection.recv(1)
            self.was_asked.set()

    def is_waited_for(self):
        """Whether the first who asked is still there, waiting for the answer."""
        connection = self.connections[0]
        connection.setblocking(False)
        try:
            while connection.recv(65536):
                pass
            return False
        except BlockingIOError:
            return True

    def close(self):
        self._socket.close()
        for connection in self.connections:
            connection.close()
