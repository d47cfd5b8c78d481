"""The desk: an official's dossiers by the time that is left, what may be done there, and signing in with a key."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from models.access import Principal, Role
from models.errors import Code, Refusal
from models.instants import whole
from models.lateness import Lateness, LatenessState
from models.views import Snapshot, StepState
from store import keys, queries
from web.api.bodies import tidy
from web.pages.figures import procedure_name, step_name
from web.pages.lookup import attempts_of
from web.pages.page import PRIVATE, Page, PageRoute, ThePage
from web.permissions import Operation
from web.scope import agencies_of, visible
from web.security import COOKIE, allowed

router = APIRouter(route_class=PageRoute, include_in_schema=False)
SHOWN = 200
SIGNED_IN_FOR = 12 * 3600
"""Seconds: a working day; then the key is asked for again."""
FIELDS = (
    *("action", "step", "official", "agency", "reason", "amount", "unit", "text"),
    *("lateness", "decision", "cause"),
)
MayWork = Annotated[Principal, Depends(allowed(Operation.WORK))]
Text = Annotated[str, Form(max_length=12_000)]


class Task(NamedTuple):
    """One dossier on the desk."""

    code: str
    procedure: str
    steps: list[str]
    due_at: datetime | None
    is_late: bool


def same_origin(request: Request) -> None:
    """A form of ours was sent from a page of ours: nobody else's page may act with a browser's cookie."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    foreign = site not in (None, "same-origin", "none")
    if foreign or (origin is not None and urlsplit(origin).netloc != request.headers.get("Host")):
        raise Refusal(Code.FORBIDDEN, "this form was sent from another site")


OurForm = Depends(same_origin)


# --- signing in ----------------------------------------------------------------------------------------------------


@router.get("/sign-in")
def sign_in_form(page: ThePage) -> Response:
    return page.render("sign_in.html", headers=PRIVATE, wrong=False)


@router.post("/sign-in", dependencies=[OurForm])
def sign_in(page: ThePage, key: Annotated[str, Form(max_length=200)]) -> Response:
    """The key itself is the session: it is kept by the browser alone, and ends with it, or when it is revoked."""
    attempts = attempts_of(page)
    address = page.request.client.host if page.request.client else ""
    attempts.check(address, "sign-in")
    if keys.find(page.office.engine, key.strip(), whole(datetime.now(UTC))) is None:
        attempts.failed(address, f"sign-in from {address}")
        return page.render("sign_in.html", status=HTTPStatus.UNAUTHORIZED, headers=PRIVATE, wrong=True)
    answer = RedirectResponse(page.url("/desk"), HTTPStatus.SEE_OTHER, PRIVATE)
    answer.set_cookie(
        COOKIE,
        key.strip(),
        max_age=SIGNED_IN_FOR,
        path="/",
        httponly=True,
        samesite="strict",
        secure=page.request.url.scheme == "https",
    )
    return answer


@router.post("/sign-out", dependencies=[OurForm])
def sign_out(page: ThePage) -> Response:
    answer = RedirectResponse(page.url("/"), HTTPStatus.SEE_OTHER, PRIVATE)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


# --- the list ------------------------------------------------------------------------------------------------------


@router.get("/desk")
def desk(page: ThePage, principal: MayWork) -> Response:
    """What one holds; for a supervisor what the units below hold, and the answers that wait for a review."""
    own = principal.official if principal.role is Role.OFFICIAL else None
    found = queries.list_dossiers(
        page.office.engine,
        official=own,
        within=None if own else principal.within(page.office.catalogue),
        limit=SHOWN,
    )
    tasks = [_task(page, each, own) for each in found.items if each.view.status.is_open]
    waiting = queries.lateness_page(
        page.office.engine,
        official=own,
        states=(LatenessState.RECORDED,),
        within=principal.within(page.office.catalogue),
        limit=SHOWN,
    ).items
    return page.render("desk.html", headers=PRIVATE, principal=principal, tasks=tasks, waiting=waiting)


def _task(page: Page, snapshot: Snapshot, own: str | None) -> Task:
    view, catalogue = snapshot.view, page.office.catalogue
    held = [
        step
        for step in view.steps
        if step.state in (StepState.RUNNING, StepState.PAUSED) and own in (None, step.official)
    ]
    return Task(
        view.code,
        procedure_name(catalogue, view.procedure),
        [step_name(catalogue, view.procedure, step.key) for step in held],
        snapshot.next_deadline_at,
        any(step.late for step in held),
    )


# --- one dossier ---------------------------------------------------------------------------------------------------


@router.get("/desk/{code}")
async def case(page: ThePage, principal: MayWork, code: str, done: str = "") -> Response:
    snapshot = await visible(page.office, principal, code)
    return _case(page, principal, snapshot, done=bool(done))


@router.post("/desk/{code}", dependencies=[OurForm])
async def act(page: ThePage, principal: MayWork, code: str) -> Response:
    """One action, from whichever of the forms; what is refused is said above the form, and nothing is lost."""
    snapshot = await visible(page.office, principal, code)
    form = await page.request.form(max_fields=20, max_part_size=50_000)
    given: dict[str, Any] = {
        name: value.strip() for name in FIELDS if isinstance(value := form.get(name), str) and value.strip()
    }
    try:
        starter = await page.office.connect()
        actor = principal.actor(page.office.catalogue, agencies_of(snapshot))
        await starter.act(snapshot.view.code, tidy(given), actor=actor)
    except Refusal as refusal:
        shown = await visible(page.office, principal, code)
        return _case(page, principal, shown, refusal=refusal, given=given)
    return RedirectResponse(page.url(f"/desk/{snapshot.view.code}", done="1"), HTTPStatus.SEE_OTHER, PRIVATE)


def _case(
    page: Page,
    principal: Principal,
    snapshot: Snapshot,
    *,
    refusal: Refusal | None = None,
    given: dict[str, Any] | None = None,
    done: bool = False,
) -> Response:
    catalogue, view = page.office.catalogue, snapshot.view
    latenesses = queries.latenesses(page.office.engine, dossier=view.code)
    return page.render(
        "case.html",
        status=HTTPStatus.CONFLICT if refusal else HTTPStatus.OK,
        headers=PRIVATE,
        principal=principal,
        view=view,
        procedure=procedure_name(catalogue, view.procedure),
        names={step.key: step_name(catalogue, view.procedure, step.key) for step in view.steps},
        active=[step for step in view.steps if step.state is StepState.RUNNING],
        colleagues=sorted(
            official.id
            for official in catalogue.officials.values()
            if official.agency in {step.agency for step in view.steps}
        ),
        to_answer=[each for each in latenesses if _answers(principal, each)],
        to_review=[
            each
            for each in latenesses
            if principal.role in (Role.SUPERVISOR, Role.ADMIN) and each.state is LatenessState.RECORDED
        ],
        refusal=refusal,
        given=given or {},
        done=done,
    )


def _answers(principal: Principal, lateness: Lateness) -> bool:
    """The named official answers; the unit's head where no person is named."""
    named = lateness.official or lateness.head
    return lateness.state is LatenessState.RECORDED and named is not None and principal.official == named
