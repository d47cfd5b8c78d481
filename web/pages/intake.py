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
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import ValidationError

from models.access import Principal
from models.errors import Code, Refusal, Unavailable
from models.findings import first_finding
from models.instants import whole
from models.submission import Submission
from starter import Starter, new_secret
from store import keys, queries
from web.api.bodies import tidy
from web.pages.desk import OurForm
from web.pages.figures import procedure_name
from web.pages.mistakes import LABELS, LENGTHS, NEEDED, Wrong, instant_of, mistakes_of, refused
from web.pages.page import SIGNED_IN, Page, PageRoute, ThePage
from web.pages.printed import receipt_page
from web.pages.words import CHANNELS
from web.permissions import Operation
from web.security import allowed

router = APIRouter(route_class=PageRoute, include_in_schema=False)
MaySubmit = Annotated[Principal, Depends(allowed(Operation.SUBMIT))]
APPLICANT = ("name", "phone", "id_number", "address")
SECRET = re.compile(r"[A-Za-z0-9_-]{12}", re.ASCII)


@router.get("/desk/intake")
def form(page: ThePage, principal: MaySubmit) -> Response:
    return _form(page, principal, {}, new_secret())


@router.post("/desk/intake", dependencies=[OurForm])
async def hand_in(page: ThePage, principal: MaySubmit) -> Response:
    """The receipt; or the form as it was filled in, with all that is wrong, each at its field."""
    sent = await page.request.form(max_fields=20, max_part_size=50_000)
    given = {name: value.strip() for name in (*LABELS, "secret") if isinstance(value := sent.get(name), str)}
    secret = given.pop("secret", "")
    if not SECRET.fullmatch(secret):
        secret = new_secret()
    mistakes = mistakes_of(page, principal, given)
    if mistakes:
        return _form(page, principal, given, secret, Wrong(mistakes))
    try:
        return await _hand_in(page, principal, given, secret)
    except (Refusal, Unavailable) as error:
        if error.code is Code.CONFLICT:
            # This one stands for another dossier already: a clerk went back to its form.
            secret = new_secret()
        return _form(page, principal, given, secret, refused(page, error, given))


async def _hand_in(page: Page, principal: Principal, given: Mapping[str, str], secret: str) -> Response:
    submission = _submission(page, given)
    catalogue = page.office.catalogue
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
        told["at"] = instant_of(page, given["at"])
    told["applicant"] = {name: given[name] for name in APPLICANT if given.get(name)}
    try:
        return Submission.model_validate(tidy(told))
    except ValidationError as error:
        raise Refusal(Code.INVALID, first_finding(error)) from None


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
        labels=LABELS,
        needed=NEEDED,
        lengths=LENGTHS,
        given=given,
        secret=secret,
        wrong=wrong,
    )
