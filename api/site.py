"""The built console's files, and the headers that keep a page to itself."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WEB = Path(__file__).parent / "web"

# Naive UI and ECharts write style elements; scripts are files of ours alone.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NOT_BUILT = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>fleetfume</title>
<h1>fleetfume</h1>
<p>服务正在运行，但控制台未构建：在源码目录运行 <code>make console</code> 后重启服务。</p>
<p lang="en">The service is running; its console was not built. Run <code>make console</code> in the source tree,
then start the service again. The API is at <code>/api/v1</code>.</p>
</html>
"""


class Guarded:
    """ASGI middleware: HEADERS on every answer that does not say otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guard(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, guard)


class _Immutable(StaticFiles):
    """Files whose names hold a digest of what is in them."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def serve_console(app: FastAPI, web: Path = WEB) -> None:
    """Serve the files that are there now. Each by its own route: what is not one of them stays an API's 404."""
    index = web / "index.html"
    if not index.exists():
        app.add_api_route("/", _not_built, include_in_schema=False)
        return
    app.add_api_route("/", _file(index), include_in_schema=False)
    for entry in sorted(web.iterdir()):
        if entry.is_dir():
            app.mount(
                f"/{entry.name}",
                _Immutable(directory=entry) if entry.name == "assets" else StaticFiles(directory=entry),
            )
        else:
            app.add_api_route(f"/{entry.name}", _file(entry), include_in_schema=False)


def _file(path: Path) -> Callable[[Request], Awaitable[FileResponse]]:
    async def serve(_: Request) -> FileResponse:
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    return serve


async def _not_built(_: Request) -> HTMLResponse:
    return HTMLResponse(NOT_BUILT, status_code=503)
