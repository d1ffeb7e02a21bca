"""A relay between a client and a registry that breaks connections in the middle of a body."""

import selectors
import socket
import struct
import threading

from .server import Server

BLOCK = 64 * 1024


class CuttingProxy:
    """A context manager on a port of its own. It breaks a connection once `after` bytes have passed on it towards the
    server ("push": reset) or the client ("pull": ended too early), as often as `times` says; then everything passes.
    `at_cut` is called each time, before the client learns of it. It relays bytes, so that TLS goes through it as it is."""

    def __init__(self, server: Server, direction: str, after: int, times: int = 1, at_cut=lambda: None):
        assert direction in ("push", "pull")
        self.server, self.direction, self.after, self.times, self.at_cut = server, direction, after, times, at_cut
        self.cuts = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closing = False
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> "CuttingProxy":
        self._accepting.start()
        return self

    def __exit__(self, *_) -> None:
        self._closing = True
        with socket.create_connection(self._listener.getsockname()):  # wakes the accept
            pass
        self._accepting.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._closing:
                client.close()
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        try:
            upstream = socket.create_connection((self.server.address, self.server.port), timeout=30)
        except OSError:
            reset(client)
            return
        passed = 0
        try:
            with selectors.DefaultSelector() as waiting:
                waiting.register(client, selectors.EVENT_READ, ("push", upstream))
                waiting.register(upstream, selectors.EVENT_READ, ("pull", client))
                while True:
                    for ready, _ in waiting.select(timeout=60):
                        direction, target = ready.data
                        block = ready.fileobj.recv(BLOCK)
                        if not block:
                            return
                        target.sendall(block)
                        if direction == self.direction:
                            passed += len(block)
                    if passed >= self.after and self._take_cut():
                        self.at_cut()
                        if self.direction == "push":
                            reset(client)
                        return
        except OSError:
            pass
        finally:
            upstream.close()
            client.close()

    def _take_cut(self) -> bool:
        with self._lock:
            if self.cuts == self.times:
                return False
            self.cuts += 1
            return True


def reset(connection: socket.socket) -> None:
    """Closes with RST: what was not read is lost, as on a broken line."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
