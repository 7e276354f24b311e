"""The HTTP application: routes, errors, the console's files; health alone in the collector's process."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from alerts.casework.laws import load_laws
from alerts.catalogue import load_catalogue
from alerts.timestamps import authority_of
from api import auth, brokers, health, problems, site, stream
from api.auth import LoginLimits
from api.brokers import BrokerLimits
from api.database import open_pool
from api.hub import Hub
from api.keys import Keys
from api.metrics import Measured
from api.routes import (
    alerts,
    audit,
    cleanings,
    commands,
    corrections,
    credit,
    devices,
    duty,
    events,
    evidence,
    hotspots,
    kitchen_figures,
    kitchens,
    labels,
    laws,
    leads,
    links,
    office,
    officers,
    outlets,
    photos,
    quarantine,
    register,
    register_changes,
    reports,
    stats,
    transfers,
    trips,
    vehicles,
)
from runtime.settings import Settings

API = "/api/v1"
MAX_BODY_BYTES = 256 * 1024


def create_app(settings: Settings, *, role: str = "all") -> FastAPI:
    """The application; `role` "collector" has /healthz, /readyz and /metrics only.

    Starts without its database: /readyz says so, and requests are refused with 503 until it is there.
    """
    assert settings.database_url is not None, "named by the caller, embedded or not"  # noqa: S101
    database_url = settings.database_url.get_secret_value()
    watching = role != "collector"

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with open_pool(database_url) as pool:
            app.state.pool = pool
            if not watching:
                yield
                return
            app.state.hub = Hub(database_url)
            listening = asyncio.create_task(app.state.hub.run(), name="hub")
            try:
                yield
            finally:
                listening.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await listening

    app = FastAPI(
        title="fleetfume",
        version="1",
        lifespan=lifespan,
        openapi_url=f"{API}/openapi.json" if watching else None,
        # Their pages load scripts from elsewhere, which an office without internet cannot.
        docs_url=None,
        redoc_url=None,
        routes=_routes() if watching else None,
    )
    problems.install(app)
    app.add_middleware(site.Guarded)
    app.add_middleware(Measured)
    app.state.expected = () if role == "api" else health.COLLECTING
    app.include_router(health.router)
    if watching:
        app.state.settings = settings
        app.state.language = "en" if settings.language == "en" else "zh"
        app.state.catalogue = load_catalogue(settings.rules_file)
        app.state.laws = load_laws(settings.laws_file)
        app.state.authority = authority_of(settings)
        app.state.keys = Keys()
        app.state.login_limits = LoginLimits()
        app.state.broker_limits = BrokerLimits()
        site.serve_console(app)
    return app


@functools.cache
def _routes() -> list[BaseRoute]:
    """The same for every application of a process: what FastAPI makes of them at the first request takes a fifth of a
    second.
    """
    # Here rather than in FastAPI: its own limit stands outside all middleware and refuses in plain text.
    api = APIRouter(max_body_size=MAX_BODY_BYTES)
    for part in (
        auth,
        labels,
        vehicles,
        outlets,
        kitchen_figures,
        kitchens,
        cleanings,
        corrections,
        alerts,
        leads,
        photos,
        evidence,
        laws,
        transfers,
        credit,
        events,
        office,
        officers,
        duty,
        quarantine,
        commands,
        devices,
        register,  # after commands and devices: a key may hold a slash
        register_changes,
        stats,
        reports,
        trips,
        hotspots,
        links,
        audit,
        stream,
        brokers,
    ):
        api.include_router(part.router)
    whole = APIRouter()
    whole.include_router(api, prefix=API)
    return whole.routes
