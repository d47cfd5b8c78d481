"""The counter's form: hand a dossier in at the desk, and print its receipt.

The secret of the receipt is made with the form, not with the dossier: a form that is sent twice (a double click, a
reload) is known by it, hands in one dossier, and is answered with the same receipt. An applicant's data go to the
dossier's workflow and onto the paper, and are kept nowhere else.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Response
from pydantic import ValidationError

from models.access import Principal
from models.errors import Code, Refusal, Unavailable
from models.findings import first_finding
from models.instants import whole
from models.submission import CODE_PATTERN, Submission
from starter import Starter, new_secret
from store import keys, queries
from web.api.bodies import tidy
from web.pages.desk import OurForm
from web.pages.figures import procedure_name
from web.pages.page import SIGNED_IN, Page, PageRoute, ThePage
from web.pages.printed import receipt_page
from web.pages.words import CHANNELS, N_
from web.permissions import Operation
from web.security import allowed

router = APIRouter(route_class=PageRoute, include_in_schema=False)
MaySubmit = Annotated[Principal, Depends(allowed(Operation.SUBMIT))]
APPLICANT = ("name", "phone", "id_number", "address")
FIELDS = ("code", "procedure", "agency", "channel", "at", *APPLICANT, "papers", "counter")
NEEDED = ("procedure", "agency", "name")
SECRET = re.compile(r"[A-Za-z0-9_-]{12}", re.ASCII)
MISSING, NO_CODE, NO_INSTANT = (
    N_("This is needed."),
    N_("This is no dossier code: write it like H13.2-250401-0001, or leave it empty."),
    N_("This is no date with a time."),
)


class Wrong(NamedTuple):
    """What is wrong with the form: at which field (None: with all of it), in whose language."""

    field: str | None
    sentence: str
    is_translated: bool
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY
    code: Code | None = None


@router.get("/desk/intake")
def form(page: ThePage, principal: MaySubmit) -> Response:
    return _form(page, principal, {}, new_secret())


@router.post("/desk/intake", dependencies=[OurForm])
async def hand_in(page: ThePage, principal: MaySubmit) -> Response:
    """The receipt; or the form as it was filled in, with what is wrong at its field."""
    sent = await page.request.form(max_fields=20, max_part_size=50_000)
    given = {name: value.strip() for name in (*FIELDS, "secret") if isinstance(value := sent.get(name), str)}
    secret = given.pop("secret", "")
    if not SECRET.fullmatch(secret):
        secret = new_secret()
    wrong = _wrong(page, given)
    if wrong is None:
        try:
            return await _hand_in(page, principal, given, secret)
        except Unavailable as problem:
            wrong = Wrong(None, problem.message, is_translated=False, status=HTTPStatus.SERVICE_UNAVAILABLE)
        except Refusal as refusal:
            wrong = _refused(refusal)
            if refusal.code is Code.CONFLICT:
                secret = (
                    new_secret()
                )  # this one stands for another dossier already: a clerk went back to its form
    return _form(page, principal, given, secret, wrong)


def _wrong(page: Page, given: Mapping[str, str]) -> Wrong | None:
    """The first thing that a clerk mends without asking anybody."""
    for name in NEEDED:
        if not given.get(name):
            return Wrong(name, page.t.say(MISSING), is_translated=True)
    if given.get("code") and not re.match(CODE_PATTERN, given["code"]):
        return Wrong("code", page.t.say(NO_CODE), is_translated=True)
    if given.get("at") and _instant(page, given["at"]) is None:
        return Wrong("at", page.t.say(NO_INSTANT), is_translated=True)
    return None


def _refused(refusal: Refusal) -> Wrong:
    """At the field that the refusal names, if it names one."""
    named = [part for each in re.findall(r"'([a-z_.]+)'", refusal.message) for part in each.split(".")]
    field = next((name for name in named if name in FIELDS), None)
    return Wrong(field, refusal.message, is_translated=False, code=refusal.code)


async def _hand_in(page: Page, principal: Principal, given: Mapping[str, str], secret: str) -> Response:
    submission = _submission(page, given)
    catalogue = page.office.catalogue
    if not principal.covers(catalogue, submission.agency):
        raise Refusal(
            Code.FORBIDDEN, f"'agency': this key hands in for {principal.agency} and the units below it"
        )
    try:
        catalogue.rules_for(
            submission.procedure, submission.agency, accepted_at=submission.at or page.now, assignees={}
        )
    except Refusal as refusal:
        raise Refusal(refusal.code, f"'agency': {refusal.message}") from None
    starter = await page.office.connect()
    if submission.code is None:
        code = await asyncio.to_thread(_code_of_this_form, page, principal, starter, submission, secret)
        submission = submission.model_copy(update={"code": code})
    await starter.submit(submission, by=principal.name, secret=secret)
    return await asyncio.to_thread(_receipt, page, str(submission.code), given, secret)


def _submission(page: Page, given: Mapping[str, str]) -> Submission:
    """Raises :class:`Refusal` with the name of the first field that is wrong."""
    told: dict[str, Any] = {
        name: given[name] for name in ("code", "procedure", "agency", "channel", "counter") if given.get(name)
    }
    if given.get("at"):
        told["at"] = _instant(page, given["at"])
    told["applicant"] = {name: given[name] for name in APPLICANT if given.get(name)}
    try:
        return Submission.model_validate(tidy(told))
    except ValidationError as error:
        raise Refusal(Code.INVALID, first_finding(error)) from None


def _instant(page: Page, text: str) -> datetime | None:
    """As browsers send it, without a zone: the office's own."""
    try:
        return whole(datetime.fromisoformat(text).replace(tzinfo=page.office.zone))
    except ValueError:
        return None


def _code_of_this_form(
    page: Page, principal: Principal, starter: Starter, submission: Submission, secret: str
) -> str:
    """The code that is made for this form, the same each time it is sent for the same unit."""
    engine, own = page.office.engine, principal.key or principal.name
    id_ = hashlib.sha256(f"intake {secret} {submission.agency}".encode()).hexdigest()
    kept = keys.answer_before(engine, own, id_, "intake")
    if kept is None:
        code = starter.new_code(submission, submission.at or whole(page.now))
        made = keys.Answer(status=HTTPStatus.CREATED, body={"code": code})
        keys.keep_answer(engine, own, id_, made)
        kept = keys.answer_before(engine, own, id_, "intake") or made
    return str(kept.body["code"])


def _receipt(page: Page, code: str, given: Mapping[str, str], secret: str) -> Response:
    snapshot = queries.dossier(page.office.engine, code)
    if snapshot is None:
        return page.render("accepted.html", headers=SIGNED_IN, code=code, secret=secret)
    mine = snapshot.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    told = {name: given.get(name, "") for name in ("name", "address", "phone", "papers", "counter")}
    return receipt_page(page, snapshot, secret=secret if mine else None, applicant=told)


def _form(
    page: Page, principal: Principal, given: Mapping[str, str], secret: str, wrong: Wrong | None = None
) -> Response:
    catalogue = page.office.catalogue
    units = [code for code in sorted(catalogue.agencies) if principal.covers(catalogue, code)]
    offered = [
        code
        for code in catalogue.procedures
        if (offers := catalogue.offers.get(code)) is None or any(unit in offers for unit in units)
    ]
    accepting = {unit for code in offered for unit in catalogue.offers.get(code) or units}
    return page.render(
        "intake.html",
        status=HTTPStatus.OK if wrong is None else wrong.status,
        headers=SIGNED_IN,
        procedures=sorted((procedure_name(catalogue, code), code) for code in offered),
        agencies=[(catalogue.agencies[unit].name, unit) for unit in units if unit in accepting],
        channels=CHANNELS,
        given=given,
        secret=secret,
        wrong=wrong,
    )
