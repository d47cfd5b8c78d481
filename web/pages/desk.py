"""The desk: an official's dossiers by the time that is left, what may be done there, and signing in with a key."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from models.access import Principal, Role
from models.errors import Code, DanbietError, Refusal, Unavailable
from models.instants import whole
from models.lateness import Lateness, LatenessState, minutes
from models.views import Snapshot, Status, StepState
from store import keys, queries
from web.api.bodies import tidy
from web.pages.figures import procedure_name, step_name
from web.pages.lookup import attempts_of
from web.pages.page import SIGNED_IN, Page, PageRoute, ThePage
from web.pages.refusals import verdict
from web.pages.words import N_
from web.permissions import MAY, Operation
from web.scope import agencies_of, visible
from web.security import COOKIE, allowed

router = APIRouter(route_class=PageRoute, include_in_schema=False)
SHOWN = 200
LATE, TODAY, LATER = N_("Late now"), N_("Due today"), N_("Later, the least time left first")
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
    holders: list[str]
    due_at: datetime | None
    left: float | None
    """Working minutes up to the next deadline; None: there is none, or the clock stands."""
    is_late: bool
    is_paused: bool


def same_origin(request: Request) -> None:
    """A form of ours was sent from a page of ours: nobody else's page may act with a browser's cookie."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    else:
        foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("Host")
    if foreign:
        raise Refusal(Code.FORBIDDEN, "this form was sent from another site")


OurForm = Depends(same_origin)


# --- signing in ----------------------------------------------------------------------------------------------------


@router.get("/sign-in")
def sign_in_form(page: ThePage) -> Response:
    return page.render("sign_in.html", headers=SIGNED_IN, wrong=False)


@router.post("/sign-in", dependencies=[OurForm])
def sign_in(page: ThePage, key: Annotated[str, Form(max_length=200)]) -> Response:
    """The key itself is the session: it is kept by the browser alone, and ends with it, or when it is revoked."""
    attempts = attempts_of(page)
    address = page.request.client.host if page.request.client else ""
    attempts.check(address, "sign-in")
    if keys.find(page.office.engine, key.strip(), whole(datetime.now(UTC))) is None:
        attempts.failed(address, f"sign-in from {address}")
        return page.render("sign_in.html", status=HTTPStatus.UNAUTHORIZED, headers=SIGNED_IN, wrong=True)
    answer = RedirectResponse(page.url("/desk"), HTTPStatus.SEE_OTHER, SIGNED_IN)
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
    answer = RedirectResponse(page.url("/"), HTTPStatus.SEE_OTHER, SIGNED_IN)
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
        open_only=True,
        limit=SHOWN,
    )
    tasks = [_task(page, each, own) for each in found.items]
    tasks.sort(key=lambda task: (task.left is None, task.left, task.code))
    waiting = queries.lateness_page(
        page.office.engine,
        official=own,
        states=(LatenessState.RECORDED,),
        within=principal.within(page.office.catalogue),
        limit=SHOWN,
    ).items
    return page.render(
        "desk.html",
        headers=SIGNED_IN,
        principal=principal,
        parts=_parts(page, tasks),
        is_cut=found.next_cursor is not None,
        shown=SHOWN,
        own=own is not None,
        waiting=waiting,
        may_hand_in=principal.role in MAY[Operation.SUBMIT],
    )


def _parts(page: Page, tasks: list[Task]) -> list[tuple[str, list[Task]]]:
    """What is late, what will be today, and the rest; each with its heading."""
    today = page.t.local(page.now).date()
    late = [task for task in tasks if task.is_late]
    rest = [task for task in tasks if not task.is_late]
    due = [task for task in rest if task.due_at is not None and page.t.local(task.due_at).date() <= today]
    later = [task for task in rest if task not in due]
    parts = [(LATE, late), (TODAY, due), (LATER, later)]
    return [(heading, own) for heading, own in parts if own]


def _task(page: Page, snapshot: Snapshot, own: str | None) -> Task:
    view, catalogue = snapshot.view, page.office.catalogue
    held = [
        step
        for step in view.steps
        if step.state in (StepState.RUNNING, StepState.PAUSED) and own in (None, step.official)
    ]
    due, left = snapshot.next_deadline_at, None
    if due is not None and view.procedure in catalogue.procedures:
        left = minutes(catalogue.calendar_of(view.procedure).working_time(page.now, max(due, page.now)))
    return Task(
        view.code,
        procedure_name(catalogue, view.procedure),
        [step_name(catalogue, view.procedure, step.key) for step in held],
        sorted({step.official or step.agency for step in held}),
        due,
        left,
        any(step.late for step in held),
        view.status is Status.PAUSED,
    )


# --- one dossier ---------------------------------------------------------------------------------------------------


@router.get("/desk/{code}")
async def case(page: ThePage, principal: MayWork, code: str, done: str = "") -> Response:
    snapshot = await visible(page.office, principal, code)
    return _case(page, principal, snapshot, done=bool(done))


@router.post("/desk/{code}", dependencies=[OurForm])
async def act(page: ThePage, principal: MayWork, code: str) -> Response:
    """One action, from whichever of the forms; what is refused is said above the form, and nothing is lost.

    The form says which sequence its page was read at. Of two people with the page open the second is refused; the same
    person sending the same form once more (a double click) gets the first answer, for sequence and fields name it.
    """
    snapshot = await visible(page.office, principal, code)
    form = await page.request.form(max_fields=20, max_part_size=50_000)
    given: dict[str, Any] = {
        name: value.strip() for name in FIELDS if isinstance(value := form.get(name), str) and value.strip()
    }
    try:
        expected = _expected(form.get("sequence"))
        once = None if expected is None else _once(principal, code, expected, given)
        starter = await page.office.connect()
        actor = principal.actor(page.office.catalogue, agencies_of(snapshot))
        await starter.act(snapshot.view.code, tidy(given), actor=actor, id=once, expected=expected)
    except (Refusal, Unavailable) as error:
        shown = await visible(page.office, principal, code)
        return _case(page, principal, shown, error=error, given=given)
    return RedirectResponse(
        page.url(f"/desk/{snapshot.view.code}", done="1"), HTTPStatus.SEE_OTHER, SIGNED_IN
    )


def _expected(told: object) -> int | None:
    """The sequence in a form; None: whoever sends it has not read the page."""
    if told is None:
        return None
    if not isinstance(told, str) or re.fullmatch(r"[0-9]{1,15}", told, re.ASCII) is None:
        raise Refusal(Code.INVALID, "'sequence' is no sequence of a dossier: read the page again")
    return int(told)


def _once(principal: Principal, code: str, sequence: int, given: dict[str, Any]) -> str:
    """Names the sending of one form: whoever sends it, the reading it is from, and what was filled in."""
    own = principal.key or principal.name
    told = json.dumps(["desk", own, code, sequence, given], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()


def _case(
    page: Page,
    principal: Principal,
    snapshot: Snapshot,
    *,
    error: Refusal | Unavailable | None = None,
    given: dict[str, Any] | None = None,
    done: bool = False,
) -> Response:
    catalogue, view = page.office.catalogue, snapshot.view
    latenesses = queries.latenesses(page.office.engine, dossier=view.code)
    told = verdict(page, error, view.procedure) if error else None
    return page.render(
        "case.html",
        status=_status(error),
        headers=SIGNED_IN,
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
        verdict=told,
        said=told.particulars if told else None,
        wrong_field=_field_of(error),
        given=given or {},
        done=done,
    )


def _status(error: DanbietError | None) -> HTTPStatus:
    if error is None:
        return HTTPStatus.OK
    return HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, Unavailable) else HTTPStatus.CONFLICT


def _field_of(error: DanbietError | None) -> str | None:
    """The field that a refusal is about, where its sentence names one: it is told there, too."""
    if not isinstance(error, Refusal):
        return None
    named: list[str] = re.findall(r"'([a-z_]+)'", error.message)
    if field := next((name for name in named if name in FIELDS[1:]), None):
        return field
    return "reason" if "reason" in error.message else None


def _answers(principal: Principal, lateness: Lateness) -> bool:
    """The named official answers; the unit's head where no person is named."""
    named = lateness.official or lateness.head
    return lateness.state is LatenessState.RECORDED and named is not None and principal.official == named
