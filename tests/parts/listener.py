"""Another system's HTTP server, which answers as it is told and keeps what it was sent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from tests.parts.posts import answering


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

    def answer(path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        listener.heard.append((path, dict(headers), body))
        status, said = listener.answers.pop(0) if listener.answers else listener.usual
        return status, said if isinstance(said, bytes) else json.dumps(said).encode()

    with answering(answer) as url:
        listener.url = f"{url}/hook"
        yield listener
