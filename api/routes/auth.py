"""Signing in."""

import math
from typing import Annotated

from fastapi import APIRouter, Form, Request

from api import auth
from api.auth import (
    NAME_MOST,
    PASSWORD_MOST,
    TOKEN_LIFE_S,
    Attempts,
    CurrentUser,
)
from api.problems import Problem
from api.replies import Json
from api.state import Parts

router = APIRouter(tags=["auth"])


@router.post("/auth/token")
def sign_in(
    request: Request,
    parts: Parts,
    username: Annotated[str, Form(max_length=NAME_MOST)],
    password: Annotated[str, Form(max_length=PASSWORD_MOST)],
) -> Json:
    """A bearer token for a name and a password."""
    attempts: Attempts = request.app.state.attempts
    keys = (f"name {username}", f"address {request.client.host if request.client else ''}")
    if (wait_s := attempts.begin(*keys)) is not None:
        seconds = math.ceil(wait_s)
        raise Problem(
            429, f"too many failed attempts; wait {seconds} s", headers={"Retry-After": str(seconds)}
        )
    signed_in = auth.sign_in(parts.pool, username, password)
    if signed_in is None:
        raise Problem(401, "name or password is wrong", headers={"WWW-Authenticate": "Bearer"})
    attempts.succeeded(*keys)
    user, token = signed_in
    return Json(
        {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": TOKEN_LIFE_S,
            "user": user._asdict(),
        },
        headers={"Cache-Control": "no-store"},
    )


@router.get("/me")
def me(user: CurrentUser) -> Json:
    """Who is signed in."""
    return Json(user._asdict())
