"""All that officers and other systems ask for, under /api/v1, and the console's files: not in a collector's process."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from alerts.casework.laws import load_laws
from alerts.catalogue import load_catalogue
from alerts.timestamps import authority_of
from api import auth, brokers, site, stream
from api.auth import LoginLimits
from api.brokers import BrokerLimits
from api.hub import Hub
from api.keys import Keys
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


def install(app: FastAPI, settings: Settings) -> None:
    """Give `app` the routes and the console's files, and in its state what they look for; the pool is the caller's."""
    app.router.routes.extend(_routes())
    app.state.settings = settings
    app.state.language = "en" if settings.language == "en" else "zh"
    app.state.catalogue = load_catalogue(settings.rules_file)
    app.state.laws = load_laws(settings.laws_file)
    app.state.authority = authority_of(settings)
    app.state.keys = Keys()
    app.state.login_limits = LoginLimits()
    app.state.broker_limits = BrokerLimits()
    site.serve_console(app)


@contextlib.asynccontextmanager
async def listening(app: FastAPI, database_url: str) -> AsyncIterator[None]:
    """What is committed reaches the streams of `app` while the block runs."""
    app.state.hub = Hub(database_url)
    hearing = asyncio.create_task(app.state.hub.run(), name="hub")
    try:
        yield
    finally:
        hearing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hearing


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
