"""A connection to a broker, TCP or TLS, that never keeps its thread waiting longer than asked."""

import select
import socket
import ssl
from urllib.parse import SplitResult

CONNECT_TIMEOUT_S = 10.0
READ_BYTES = 1 << 18

_AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def open_connection(parts: SplitResult, tls: ssl.SSLContext | None) -> socket.socket:
    host = parts.hostname or "127.0.0.1"
    port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    connection = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "mqtts" and tls is not None:
            connection = tls.wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise
    return connection


def ready(
    connection: socket.socket, wake: socket.socket, *, reading: bool, writing: bool, wait_s: float
) -> list[socket.socket]:
    """Which of the two have something for us, after `wait_s` at most."""
    opened = reading and isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
    poll = select.poll()  # select() knows only the first 1,024 files of a process
    poll.register(wake, select.POLLIN)
    if reading or writing:
        poll.register(connection, select.POLLIN * reading | select.POLLOUT * writing)
    events = dict(poll.poll(0 if opened else 1000 * wait_s))
    found = [wake] if wake.fileno() in events else []
    readable = opened or events.get(connection.fileno(), 0) & ~select.POLLOUT
    return [*found, connection] if readable else found


def received(connection: socket.socket) -> bytes:
    """What has come; nothing, if it was less than TLS can open. ConnectionError: the broker closed it."""
    try:
        data = connection.recv(READ_BYTES)
    except _AGAIN:
        return b""
    if not data:
        raise ConnectionError("the broker closed the connection")
    return data


def sent(connection: socket.socket, data: bytearray) -> int:
    """How many bytes of `data` went out."""
    try:
        return connection.send(data)
    except _AGAIN:
        return 0


def send_last(connection: socket.socket, data: bytes) -> None:
    connection.settimeout(CONNECT_TIMEOUT_S)
    connection.sendall(data)
