"""Another system's HTTP server, which answers as it is told and keeps what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Listener:
    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    """Taken one for each request; then `usual`."""
    usual: tuple[int, Any] = (200, {})
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Path, headers, body."""

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.heard]


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            listener.heard.append((self.path, dict(self.headers), body))
            status, said = listener.answers.pop(0) if listener.answers else listener.usual
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    listener.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
