"""One page of the board: language, headers that every page has, and errors told as pages."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from models.errors import Code, DanbietError
from web.office import Office, TheOffice
from web.pages import changes, words
from web.pages.language import Language, Tongue, translations

FOLDER = Path(__file__).parents[1]
STATIC = FOLDER / "static"
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PUBLIC = {"Cache-Control": "public, max-age=60"}
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of pages that only who has the receipt may see: kept nowhere, and their address told to nobody."""
SIGNED_IN = {**PRIVATE, "Referrer-Policy": "same-origin"}
"""Of pages with forms that act: a browser that tells nobody the address says ``Origin: null`` with the form, too."""

STATUS_OF = {
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.INVALID: HTTPStatus.NOT_FOUND,
    Code.ILLEGAL_ACTION: HTTPStatus.CONFLICT,
    Code.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
RETRY_AFTER = "30"


def current() -> datetime:
    """The only clock of the pages; tests put theirs in its place."""
    return datetime.now(UTC)


def fingerprint(name: str) -> str:
    """Changes with the file, so that a browser may keep it for ever."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


@cache
def environment(language: Language) -> Environment:
    """Templates that speak ``language``; everything is escaped, and a missing name is an error."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]  # of the extension
    made.globals["style"] = f"/static/board.css?v={fingerprint('board.css')}"
    made.globals["mark"] = f"/static/mark.svg?v={fingerprint('mark.svg')}"
    made.globals["words"] = words
    made.globals["change_told"] = changes.told
    return made


@dataclass(frozen=True)
class Page:
    """What a route needs to answer with a page."""

    request: Request
    office: Office
    t: Tongue
    now: datetime

    @property
    def language(self) -> Language:
        return self.t.language

    def url(self, path: str, **query: str | None) -> str:
        """A path of ours in the language of this page; what is None or empty is left out."""
        told = {name: value for name, value in query.items() if value}
        if self.language is not Language.VIETNAMESE:
            told["lang"] = self.language.value
        return f"{path}?{urlencode(told)}" if told else path

    def in_other_language(self) -> str:
        told = [(name, value) for name, value in self.request.query_params.multi_items() if name != "lang"]
        if self.language.other is not Language.VIETNAMESE:
            told.append(("lang", self.language.other.value))
        path = self.request.url.path
        return f"{path}?{urlencode(told)}" if told else path

    def absolute(self, path: str) -> str:
        return str(self.request.base_url).rstrip("/") + path

    @property
    def publisher(self) -> str:
        """Who publishes: the agency that stands above most others."""
        catalogue = self.office.catalogue
        roots = Counter(catalogue.chain(code)[-1] for code in catalogue.agencies)
        return catalogue.agencies[roots.most_common(1)[0][0]].name if roots else self.office.installation

    def render(
        self,
        template: str,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] = PUBLIC,
        **context: Any,
    ) -> HTMLResponse:
        later = {"Retry-After": RETRY_AFTER} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
        body = (
            environment(self.language)
            .get_template(template)
            .render(
                page=self, t=self.t, count=self.t.count, url=self.url, lang=self.language.value, **context
            )
        )
        return HTMLResponse(
            body,
            status_code=status,
            headers={
                **SECURITY,
                "Content-Language": self.language.value,
                **headers,
                **later,
            },
        )

    def failed(self, status: HTTPStatus, headers: Mapping[str, str] = PRIVATE) -> HTMLResponse:
        """The page that says what is wrong and what to do, in words of this status."""
        title, sentence = words.ERRORS.get(status, words.ERRORS[HTTPStatus.INTERNAL_SERVER_ERROR])
        return self.render(
            "error.html",
            status=status,
            headers=headers,
            title=self.t.say(title),
            sentence=self.t.say(sentence),
        )


def page_of(request: Request, now: datetime | None = None) -> Page:
    """The page that ``request`` asks for; also for handlers outside the routes, such as one for unknown paths."""
    office: Office = request.app.state.office
    asked = request.query_params.get("lang")
    language = Language.ENGLISH if asked == Language.ENGLISH else Language.VIETNAMESE
    return Page(request, office, Tongue(language, office.zone), now or current())


def _page(request: Request, _office: TheOffice, now: Annotated[datetime, Depends(current)]) -> Page:
    return page_of(request, now)


ThePage = Annotated[Page, Depends(_page)]


class PageRoute(APIRoute):
    """A route whose refusals are told as pages, in the reader's language; what answers GET answers HEAD."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.methods is not None  # noqa: S101 - a route of FastAPI always has some
        if "GET" in self.methods:
            self.methods.add("HEAD")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await answer(request)
            except DanbietError as error:
                status = STATUS_OF.get(error.code, HTTPStatus.BAD_REQUEST)
            except RequestValidationError:
                status = HTTPStatus.BAD_REQUEST
            except HTTPException as error:
                status = HTTPStatus(error.status_code)
            return page_of(request).failed(status)

        return handler
