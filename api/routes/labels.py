"""Words for codes."""

from fastapi import APIRouter

from alerts.labels import catalogue
from api.auth import CurrentUser
from api.replies import Json

router = APIRouter(tags=["labels"])


@router.get("/labels")
def labels(_: CurrentUser) -> Json:
    """Chinese and English for every kind, state, field and reason."""
    return Json(catalogue())
