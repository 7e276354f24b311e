"""The HTTP application: the API under /api/v1, the console at /, health at the root."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool

from alerts.catalogue import load_catalogue
from api import console, problems, stream
from api.auth import Attempts
from api.guard import Guard
from api.routes import alerts, auth, health, labels, leads, outlets, quarantine, registry, stats, vehicles
from api.state import Shared, make_pool
from runtime import __version__
from runtime.errors import SettingsError
from runtime.settings import Settings

ROUTERS = (auth, labels, vehicles, outlets, registry, alerts, leads, quarantine, stats, stream)


def create_app(settings: Settings, *, role: str = "all") -> FastAPI:
    """The application of one process; a `collector` has health and metrics only.

    `settings.database_url` must be set: the caller has resolved an embedded database to its URL.
    """
    if settings.database_url is None:
        raise SettingsError("the API needs a database: set FLEETFUME_DATABASE_URL")
    url = settings.database_url.get_secret_value()
    shared = Shared(settings, make_pool(url), load_catalogue(settings.rules_file))
    hub = stream.Hub(url, shared.language)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(shared.pool.open)
        try:
            if role == "collector":
                yield
            else:
                async with hub.running():
                    yield
        finally:
            await run_in_threadpool(shared.pool.close)

    app = FastAPI(
        title="fleetfume",
        version=__version__,
        summary="Waste trucks and kitchen fumes of a district: telemetry, alerts with proof, leads",
        lifespan=lifespan,
        openapi_url=None if role == "collector" else "/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.shared = shared
    app.state.role = role
    problems.add_handlers(app)
    app.add_middleware(Guard)
    app.include_router(health.router)
    if role != "collector":
        app.state.attempts = Attempts()
        app.state.hub = hub
        v1 = APIRouter(prefix="/api/v1")
        for module in ROUTERS:
            v1.include_router(module.router)
        app.include_router(v1)
        app.include_router(console.router)
    return app
