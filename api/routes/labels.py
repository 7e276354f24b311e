"""Words for codes, in Chinese and English."""

from fastapi import APIRouter

from alerts.labels import catalogue
from api.answers import Answer
from api.auth import AnyCaller

router = APIRouter(tags=["labels"])


@router.get("/labels")
def labels(_: AnyCaller) -> Answer:
    """`{code: {"zh": …, "en": …}}` for every code the API shows."""
    return Answer(catalogue())
