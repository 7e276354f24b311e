"""The HTTP application: health, errors, and all of the API unless the process only collects."""

import contextlib
import importlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from api import health, problems, site
from api.database import open_pool
from api.metrics import Measured
from runtime.settings import Settings


def create_app(settings: Settings, *, role: str = "all") -> FastAPI:
    """The application; `role` "collector" has /healthz, /readyz and /metrics only.

    Starts without its database: /readyz says so, and requests are refused with 503 until it is there.
    """
    assert settings.database_url is not None, "named by the caller, embedded or not"  # noqa: S101
    database_url = settings.database_url.get_secret_value()
    # Loaded by who serves it: a third of the time and memory that a collector needs to start.
    v1 = importlib.import_module("api.v1") if role != "collector" else None

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with open_pool(database_url) as pool:
            app.state.pool = pool
            async with v1.listening(app, database_url) if v1 else contextlib.nullcontext():
                yield

    app = FastAPI(
        title="fleetfume",
        version="1",
        lifespan=lifespan,
        openapi_url=f"{v1.API}/openapi.json" if v1 else None,
        # Their pages load scripts from elsewhere, which an office without internet cannot.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    app.add_middleware(site.Guarded)
    app.add_middleware(Measured)
    app.state.expected = () if role == "api" else health.COLLECTING
    app.include_router(health.router)
    if v1:
        v1.install(app, settings)
    return app
