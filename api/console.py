"""The console: files built into api/web; any other path is a page of it."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response

from api.problems import Problem

router = APIRouter(include_in_schema=False)

WEB: Final = Path(__file__).parent / "web"
NOT_BUILT = """<!doctype html><meta charset="utf-8"><title>fleetfume</title>
<h1>fleetfume</h1>
<p>The server runs; its console has not been built. In a source checkout:</p>
<pre>cd api/console &amp;&amp; npm ci &amp;&amp; npm run build</pre>
<p>The API is at <a href="/api/v1/openapi.json">/api/v1</a>.</p>
"""


@router.get("/{path:path}")
def page(path: str) -> Response:
    """A file of the console, or its page, which knows what to show at `path`."""
    if path.startswith("api/"):
        raise Problem(404, f"there is nothing at /{path}")
    file = (WEB / path).resolve() if "\0" not in path else WEB
    if file.is_relative_to(WEB) and file.is_file():
        # Built files carry a digest in their name.
        lasting = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
        return FileResponse(file, headers={"Cache-Control": lasting})
    if "." in path.rsplit("/", 1)[-1]:
        raise Problem(404, f"the console has no file /{path}")
    index = WEB / "index.html"
    if not index.is_file():
        return HTMLResponse(NOT_BUILT, headers={"Cache-Control": "no-store"})
    return FileResponse(index, headers={"Cache-Control": "no-cache"})
