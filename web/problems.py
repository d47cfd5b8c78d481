"""Errors as RFC 9457 problems: every refusal keeps its stable code and its sentence (interfaces: HTTP)."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from models.errors import Code, DanbietError
from models.findings import in_words
from web.etags import Malformed
from web.pages.page import page_of

log = logging.getLogger("danbiet.web")
API = ("/api/", "/ledger/")
RETRY_AFTER = "5"
BODY = "the body must be a JSON object, sent with 'Content-Type: application/json'"
STATUS = {
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
    Code.STALE: HTTPStatus.PRECONDITION_FAILED,
}
"""All other refusals are conflicts with what is: 409."""
CODES = {
    HTTPStatus.BAD_REQUEST: Code.INVALID,
    HTTPStatus.NOT_FOUND: Code.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: Code.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.INVALID,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Code.INVALID,
}


def status_of(code: Code) -> HTTPStatus:
    return STATUS.get(code, HTTPStatus.CONFLICT)


def problem(code: Code, detail: str, status: HTTPStatus | None = None) -> JSONResponse:
    """One error; ``status`` where the code alone does not say it."""
    status = status or status_of(code)
    headers = {"Cache-Control": "no-store"}
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers["Retry-After"] = RETRY_AFTER
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="danbiet"'
    body = {
        "type": f"/problems/{code.value}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code.value,
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Problems under the API's prefix, pages elsewhere; nothing that went wrong inside is told outside."""

    @app.exception_handler(DanbietError)
    async def refused(request: Request, error: DanbietError) -> Response:
        if not is_api(request):
            return page_of(request).failed(status_of(error.code))
        status = HTTPStatus.BAD_REQUEST if isinstance(error, Malformed) else None
        return problem(error.code, error.message, status)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        if not is_api(request):
            return page_of(request).failed(HTTPStatus.UNPROCESSABLE_ENTITY)
        finding = error.errors()[0]
        if finding["type"] == "json_invalid":
            return problem(Code.INVALID, "the body is no readable JSON", HTTPStatus.BAD_REQUEST)
        if finding["loc"] == ("body",):
            return problem(Code.INVALID, BODY)
        return problem(Code.INVALID, in_words(finding, ".".join(str(part) for part in finding["loc"][1:])))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        if not is_api(request):
            return page_of(request).failed(status)
        detail = str(error.detail)
        if detail == status.phrase:  # of the router, which knows no more
            detail = f"nothing answers {request.method} {request.url.path}: see /api/v1/openapi.json"
        told = problem(CODES.get(status, Code.INVALID), detail, status)
        told.headers.update(error.headers or {})
        return told

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("%s of a %s failed", request.method, type(request).__name__, exc_info=error)
        if not is_api(request):
            return page_of(request).failed(HTTPStatus.INTERNAL_SERVER_ERROR)
        return problem(
            Code.UNAVAILABLE, "this failed inside: it is in the log", HTTPStatus.INTERNAL_SERVER_ERROR
        )


def is_api(request: Request) -> bool:
    return request.url.path.startswith(API)
