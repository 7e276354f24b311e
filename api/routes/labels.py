"""Words for codes, in Chinese and English."""

from fastapi import APIRouter

from alerts.labels import catalogue
from api.answers import Answer
from api.auth import AnyCaller
from api.shapes import Shape

router = APIRouter(tags=["labels"])


class LabelShape(Shape):
    zh: str
    en: str


@router.get("/labels", response_model=dict[str, LabelShape])
def labels(_: AnyCaller) -> Answer:
    """`{code: {"zh": …, "en": …}}` for every code the API shows."""
    return Answer(catalogue())
