"""A TCP proxy on loopback that can be told to misbehave: cut, half-open, slow.

It stands between two parts of ours, so that the network between them can be spoilt while both live on.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterable
from typing import Literal, Self

from tests.parts.run import free_port

Mode = Literal["open", "cut", "half_open"]
CHUNK = 1 << 16


class FaultProxy:
    """Forwards connections to `target_port`; `port` is its own, the same all its life."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target_port = target_port
        self._mode: Mode = "open"
        self._delay_s = 0.0
        self._bytes_per_s = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._to_target: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def open(self) -> None:
        """All is well, from now on. What was half-open stays so: nobody tells the ends."""
        self._mode, self._delay_s, self._bytes_per_s = "open", 0.0, 0

    def cut(self) -> None:
        """Connections break off, and new ones break off at once."""
        self._mode = "cut"
        self._break_off(self._writers)

    def half_open(self) -> None:
        """The far end is gone and the near end is not told: what it sends is swallowed, nothing comes back.

        New connections fare alike, until `open`.
        """
        self._mode = "half_open"
        self._break_off(self._to_target)

    def slow(self, *, delay_s: float, bytes_per_s: int = 0) -> None:
        """Each piece takes `delay_s` longer; 0 `bytes_per_s`: as many as there are."""
        self._delay_s, self._bytes_per_s = delay_s, bytes_per_s

    def _break_off(self, writers: Iterable[asyncio.StreamWriter]) -> None:
        done = threading.Event()

        def run() -> None:
            for writer in writers:
                writer.transport.abort()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _close(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _serve(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        self._writers.add(near_out)
        far_out = None
        try:
            if self._mode == "open":
                far, far_out = await asyncio.open_connection("127.0.0.1", self._target_port)
                self._writers.add(far_out)
                self._to_target.add(far_out)
                await asyncio.gather(self._pump(near, far_out), self._pump(far, near_out))
            if self._mode == "half_open":
                while await near.read(CHUNK):
                    pass
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for writer in filter(None, (near_out, far_out)):
                writer.transport.abort()
                self._writers.discard(writer)
                self._to_target.discard(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                if self._delay_s or self._bytes_per_s:
                    await asyncio.sleep(
                        self._delay_s + (len(data) / self._bytes_per_s if self._bytes_per_s else 0)
                    )
                writer.write(data)
                await writer.drain()
        if self._mode != "half_open":
            writer.transport.abort()
