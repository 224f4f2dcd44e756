"""Small TCP services on loopback."""

import socket
import ssl
import threading


class Service:
    """Takes connections on a port of its own and hands each to `talk`, on a thread of its own."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with connection:
            try:
                self.talk(connection)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class EchoService(Service):
    """Returns every byte, and ends its side when the client has ended."""

    def talk(self, connection):
        while data := connection.recv(1 << 16):
            connection.sendall(data)


class Greeter(Service):
    """Says its name to everybody, and hangs up when they do."""

    def __init__(self, name):
        self.name = name
        super().__init__()

    def talk(self, connection):
        connection.sendall(self.name.encode())
        while connection.recv(1 << 16):
            pass


class TlsGreeter(Greeter):
    """Greets whoever gets through the handshake. `first_bytes`: what each connection began with; `heard`: all that came
    through TLS."""

    def __init__(self, name, certificate, key):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.first_bytes = []
        self.heard = b""
        super().__init__(name)

    def talk(self, connection):
        self.first_bytes.append(connection.recv(1, socket.MSG_PEEK))
        with self.tls.wrap_socket(connection, server_side=True) as inside:
            inside.sendall(self.name.encode())
            while data := inside.recv(1 << 16):
                self.heard += data


def closed_port():
    """A port that nobody listens on, as far as anybody can know."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        return once.getsockname()[1]
