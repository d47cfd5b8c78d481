"""The intake counter: starts dossiers, sends actions, asks for state.

``python starter.py submit|import|act|show|why|list`` are the same commands as ``danbiet`` has.
Intake needs only Temporal: once it has accepted the start, nothing is lost, also while every worker is down; and a
submission that brings its own code is taken while the database is out of reach.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Engine
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from models import refusals
from models.actions import Actor, Given, Role, parse_action
from models.catalogue import Catalogue
from models.dossier import FUTURE_TOLERANCE, Dossier, Request
from models.errors import Code, DanbietError, Refusal, Unavailable, Unsure
from models.instants import iso, localised, parse_instant, whole
from models.submission import FLOW, DossierStart, Heard, Submission
from models.views import SubmissionReceipt
from store import queries
from workflows.attributes import attributes_of
from workflows.names import ACT, LATENESSES, STATE, TASK_QUEUE, WHY, WORKFLOW, workflow_id

ADMIN = Actor(name="admin", role=Role.ADMIN)
ANSWER_WITHIN = timedelta(seconds=30)
DROPPED_PAUSE = 0.1
"""Seconds until an action is sent again whose workflow task Temporal has dropped."""
SEEN_WITHIN = timedelta(seconds=3)
"""How long a submission waits for a worker to take it up; without one, it is accepted all the same."""


async def connect(address: str, namespace: str = "default", *, runtime: Runtime | None = None) -> Client:
    """A client of the Temporal server at ``address``. Raises :class:`Unavailable` if none answers."""
    try:
        return await Client.connect(
            address,
            namespace=namespace,
            data_converter=pydantic_data_converter,
            connect_timeout=timedelta(seconds=5),
            runtime=runtime,
        )
    except (RPCError, RuntimeError, OSError):
        raise Unavailable(
            f"no Temporal server answers at {address}: start one with 'danbiet up', or set DANBIET_TEMPORAL_ADDRESS"
        ) from None


def new_secret() -> str:
    """For the citizen's look-up: 72 bits, in characters that can be read out."""
    return secrets.token_urlsafe(9)


class Starter:
    """Sends what people do to the dossiers' workflows. Safe to call twice with the same content."""

    def __init__(
        self,
        client: Client,
        catalogue: Catalogue,
        engine: Engine,
        *,
        task_queue: str = TASK_QUEUE,
        jitter_seconds: int = 0,
    ) -> None:
        self.client, self.catalogue, self.engine = client, catalogue, engine
        self.task_queue, self._jitter = task_queue, jitter_seconds

    # --- intake ------------------------------------------------------------------------------------------------

    async def submit(
        self, submission: Submission, *, by: str = ADMIN.name, wait: bool = True, secret: str | None = None
    ) -> JsonValue:
        """Start the dossier's workflow; the receipt (interfaces: Receipt) as JSON.

        The same content handed in again is answered with ``created: false``; other content under the same code
        is refused (``conflict``). ``wait``: give a worker a moment to take it up, so that it can be seen at once.
        ``secret``: the applicant's, where a door has made it already (it is hard to guess).
        """
        now = whole(datetime.now(UTC))
        secret = secret or new_secret()
        start = self._start_of(submission, by, now, secret)
        if await self._is_recorded(start.code) or not await self.start(start, now):
            return await self._submitted_before(start, submission)
        if wait:
            await self._seen(start.code)
        return self._receipt(start, now, created=True, secret=secret)

    async def _is_recorded(self, code: str) -> bool:
        """Known from before what Temporal remembers. Without the store, its workflow ids alone tell codes apart."""
        try:
            return await asyncio.to_thread(queries.dossier, self.engine, code) is not None
        except Unavailable:
            return False

    async def start(self, start: DossierStart, now: datetime) -> bool:
        """Start the workflow of ``start``; False if the code is taken. Nothing is started of what the core refuses."""
        dossier = Dossier(start)
        dossier.begin(now)
        record = dossier.record([], now)
        try:
            await self.client.start_workflow(
                WORKFLOW,
                start,
                id=workflow_id(start.code),
                task_queue=self.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=attributes_of(record.snapshot, dossier.late_count),
                memo={
                    "content": start.content,
                    "at": start.accepted_at.isoformat(),
                    "taken": now.isoformat(),
                },
                static_summary=f"{start.rules.procedure} at {start.rules.agency}",
            )
        except WorkflowAlreadyStartedError:
            return False
        except RPCError as error:
            raise Unsure(
                f"{_silent(error)}: whether {start.code} was taken is not known; "
                f"send the same again with the code {start.code}"
            ) from None
        return True

    def _start_of(self, submission: Submission, by: str, now: datetime, secret: str) -> DossierStart:
        at = submission.at or now
        self._check_instants(submission, at, now)
        rules = self.catalogue.rules_for(
            submission.procedure, submission.agency, accepted_at=at, assignees=submission.assignees
        )
        code = submission.code or self.new_code(submission, at)
        return DossierStart(
            code=code,
            rules=rules,
            accepted_at=at,
            submitted_at=submission.submitted_at,
            received_at=submission.received_by_competent_at,
            channel=submission.channel,
            counter=submission.counter,
            by=by,
            applicant=submission.applicant,
            secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
            content=submission.content(),
            flow=FLOW,
            jitter_seconds=self._spread(code),
        )

    def _check_instants(self, submission: Submission, at: datetime, now: datetime) -> None:
        submitted, received = submission.submitted_at, submission.received_by_competent_at
        zone = self.catalogue.calendar_of(submission.procedure).zone
        for name, instant in (
            ("at", at),
            ("submitted_at", submitted),
            ("received_by_competent_at", received),
        ):
            if instant is not None and instant > now + FUTURE_TOLERANCE:
                raise Refusal(
                    Code.INVALID, f"'{name}' {iso(instant, zone)} lies in the future (now {iso(now, zone)})"
                )
        if submitted is not None and submitted > at:
            raise Refusal(Code.INVALID, "'submitted_at' must not be later than 'at', the acceptance")
        if received is not None and received < at:
            raise Refusal(
                Code.INVALID, "'received_by_competent_at' must not be earlier than 'at', the acceptance"
            )

    def new_code(self, submission: Submission, at: datetime) -> str:
        """The next of its agency and day; given to nobody else. Raises :class:`Unavailable` without the store."""
        day = at.astimezone(self.catalogue.calendar_of(submission.procedure).zone).date()
        try:
            number = queries.allocate_code(self.engine, submission.agency, day)
        except Unavailable as problem:
            raise Unavailable(
                f"{problem.message}: no code can be made now; a submission that brings its 'code' is taken"
            ) from None
        return f"{submission.agency}-{day:%y%m%d}-{number:04d}"

    def _spread(self, code: str) -> int:
        """A dossier's own part of the jitter, the same at every start."""
        if not self._jitter:
            return 0
        return int(hashlib.sha256(code.encode()).hexdigest(), 16) % (self._jitter + 1)

    async def _submitted_before(self, start: DossierStart, submission: Submission) -> JsonValue:
        """The receipt as it was first given: later than that, the submission alone does not tell what happened."""
        memo = await self._memo(start.code)
        if not memo:
            raise Refusal(Code.CONFLICT, refusals.EXISTS_FORGOTTEN, dossier=start.code)
        at = parse_instant(str(memo["at"]))
        if memo["content"] != start.content or (submission.at is not None and submission.at != at):
            raise Refusal(Code.CONFLICT, refusals.EXISTS_OTHERWISE, dossier=start.code)
        taken = parse_instant(str(memo.get("taken", memo["at"])))
        return self._receipt(start.model_copy(update={"accepted_at": at}), taken, created=False, secret=None)

    async def _memo(self, code: str) -> Mapping[str, Any] | None:
        try:
            description = await self.client.get_workflow_handle(workflow_id(code)).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise _unavailable(error) from None
        return await description.memo()

    def _receipt(self, start: DossierStart, now: datetime, *, created: bool, secret: str | None) -> JsonValue:
        """Computed by the same core that the workflow runs, so it does not wait for a worker."""
        dossier = Dossier(start)
        events = dossier.begin(now)
        view = dossier.view(now)
        receipt = dossier.receipt(events)
        answer = SubmissionReceipt(
            **dict(receipt),
            accepted_at=view.accepted_at,
            clock_start=view.clock_start,
            created=created,
            secret=secret,
        )
        return localised(answer, dossier.zone)

    async def _seen(self, code: str) -> None:
        """Until its beginning is recorded. Looks into the store: a query would cost the workflow a task more."""
        with contextlib.suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(SEEN_WITHIN.total_seconds()):
                while await asyncio.to_thread(queries.dossier, self.engine, code) is None:  # noqa: ASYNC110 - no event of ours
                    await asyncio.sleep(0.02)

    # --- actions -----------------------------------------------------------------------------------------------

    async def act(
        self,
        code: str,
        fields: Mapping[str, Any],
        *,
        by: str | None = None,
        actor: Actor | None = None,
        id: str | None = None,  # noqa: A002
        expected: int | None = None,
    ) -> JsonValue:
        """Send one action (fields of rules R13); ``by`` an official, or None for the local admin.

        ``actor``: who acts, where a door has decided that. ``expected``: the sequence read last, where the dossier
        must not have gone on since. Without ``at`` it happened now. Answers with the receipt once it is recorded.
        """
        said = {name: value for name, value in fields.items() if value is not None}
        given = Given(
            action=self.complete_action({"at": datetime.now(UTC), **said}),
            by=actor or await asyncio.to_thread(self.actor, code, by),
            id=id,
        )
        return await self.send(code, Request(given=(given,), id=id, expected=expected))

    def complete_action(self, fields: Mapping[str, Any]) -> Any:
        """Make an action of its fields, with what only the catalogue knows of the people and agencies in it."""
        told = {name: value for name, value in fields.items() if value is not None}
        for only_ours in ("of_agency", "roster", "head", "parent"):
            if only_ours in told:
                raise Refusal(Code.INVALID, f"'{told.get('action')}' takes no field '{only_ours}'")
        official = told.get("official")
        if official is not None:
            belongs = self.catalogue.official(official).agency
            if told.get("action") == "hand_over":
                told["of_agency"] = belongs
        if told.get("action") == "transfer" and told.get("agency") is not None:
            agency = self.catalogue.agency(told["agency"])
            told |= {
                "roster": self.catalogue.roster_of(agency.code),
                "head": agency.head,
                "parent": agency.parent,
            }
        return parse_action(told)

    def actor(self, code: str, by: str | None) -> Actor:
        """The local admin, or an official: a supervisor where he or she heads an agency above the dossier."""
        if by is None:
            return ADMIN
        official = self.catalogue.official(by)
        snapshot = queries.dossier(self.engine, code)
        agencies = set()
        if snapshot is not None:
            agencies = {snapshot.view.agency, *(step.agency for step in snapshot.view.steps)}
        heads = any(self.catalogue.is_supervisor(official.id, agency) for agency in agencies)
        return Actor(name=official.id, role=Role.SUPERVISOR if heads else Role.OFFICIAL)

    async def send(self, code: str, request: Request) -> JsonValue:
        """Hand the request to the dossier's workflow; one that has ended is reopened from its archive."""
        update_id = request.id or secrets.token_hex(12)
        handle: WorkflowHandle[Any, Any] = self.client.get_workflow_handle(workflow_id(code))
        try:
            answer: JsonValue = await _until_taken(
                lambda: handle.execute_update(ACT, request, id=update_id, rpc_timeout=ANSWER_WITHIN)
            )
        except WorkflowUpdateFailedError as error:
            raise _refusal(error.cause) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise _unsure(code, _nobody(code)) from None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise _unsure(code, _silent(error)) from None
        else:
            return answer
        return await self._reopen(code, request, update_id)

    async def _reopen(self, code: str, request: Request, update_id: str) -> JsonValue:
        archive = await asyncio.to_thread(queries.archive, self.engine, code)
        if archive is None:
            raise Refusal(Code.NOT_FOUND, f"there is no dossier {code}")
        start = DossierStart.model_validate(archive.aggregate)
        dossier = Dossier(start)
        snapshot = dossier.record([], datetime.now(UTC)).snapshot
        operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            WORKFLOW,
            start,
            id=workflow_id(code),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            search_attributes=attributes_of(snapshot, dossier.late_count),
            memo=await self._memo(code),
        )
        try:
            answer: JsonValue = await self.client.execute_update_with_start_workflow(
                ACT, request, start_workflow_operation=operation, id=update_id, rpc_timeout=ANSWER_WITHIN
            )
        except WorkflowUpdateFailedError as error:
            raise _refusal(error.cause) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise _unsure(code, _nobody(code)) from None
        except RPCError as error:
            raise _unsure(code, _silent(error)) from None
        return answer

    # --- asking ------------------------------------------------------------------------------------------------

    async def state(self, code: str) -> JsonValue:
        """The dossier as its workflow knows it now (interfaces: Dossier)."""
        return await self._ask(code, STATE, [datetime.now(UTC)])

    async def why(self, code: str, step: str | None = None) -> JsonValue:
        return await self._ask(code, WHY, [step, datetime.now(UTC)])

    async def latenesses(self, code: str) -> JsonValue:
        return await self._ask(code, LATENESSES, [datetime.now(UTC)])

    async def _ask(self, code: str, query: str, args: list[Any]) -> JsonValue:
        handle: WorkflowHandle[Any, Any] = self.client.get_workflow_handle(workflow_id(code))
        try:
            answer: JsonValue = await handle.query(query, args=args, rpc_timeout=ANSWER_WITHIN)
        except WorkflowQueryFailedError as error:
            raise _refusal(error.__cause__ or error) from None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise Refusal(Code.NOT_FOUND, f"there is no dossier {code}") from None
            raise _unavailable(error) from None
        return answer


def log_request(given: tuple[Given, ...], identity: str, heard: Heard | None) -> Request:
    """Rows of a log for a dossier that is known already: accepted together, once."""
    return Request(given=given, id=identity, heard=heard, imported=True)


async def _until_taken(send: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
    """The answer; sent again while Temporal drops the task that was to take it, which it then has not.

    It does so when the dossier is to end with a task in which a timer fired: closed as a deadline passes.
    """
    end = time.monotonic() + ANSWER_WITHIN.total_seconds()
    while True:
        try:
            return await send()
        except RPCError as error:
            if error.status is not RPCStatusCode.FAILED_PRECONDITION or time.monotonic() > end:
                raise
        await asyncio.sleep(DROPPED_PAUSE)


def _refusal(cause: BaseException | None) -> DanbietError:
    """The core's refusal as it was, from what Temporal carried of it."""
    if isinstance(cause, ApplicationError) and cause.type in tuple(Code):
        match cause.details:
            case [str(sentence), dict(values)]:
                return Refusal(Code(cause.type), sentence, **values)
        # Of a worker that was begun before refusals carried their facts.
        return Refusal(Code(cause.type), cause.message)
    return Refusal(Code.INVALID, str(cause))


def _unavailable(error: RPCError) -> Unavailable:
    return Unavailable(f"{_silent(error)}: nothing was done, try again")


def _unsure(code: str, because: str) -> Unsure:
    return Unsure(
        f"{because}: whether {code} took this is not known; look at it with 'danbiet show', or send the same again"
    )


def _silent(error: RPCError) -> str:
    return f"the Temporal server does not answer ({error.message})"


def _nobody(code: str) -> str:
    return f"no worker answered for {code} in {ANSWER_WITHIN.seconds} s"
