"""DossierWorkflow: one dossier, durable. Waits for an action or the next deadline, feeds the core, records.

The rules live in ``models``; what is told is written by one idempotent activity. Every deadline is an absolute
instant, so a worker that was down for a week records the same facts as one that was not.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.names import RECORD, RECORD_ALL
    from models.actions import Given
    from models.dossier import Dossier, Request
    from models.errors import Refusal
    from models.events import Event, Record
    from models.instants import localised
    from models.submission import DossierStart
    from workflows.attributes import changes, values_in, values_of
    from workflows.names import ACT, LATENESSES, STATE, WHY, WORKFLOW

QUICK = RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=200))
STUBBORN = RetryPolicy(maximum_interval=timedelta(seconds=30))
SOON = timedelta(milliseconds=1)
TOGETHER = 2
"""The first ``DossierStart.flow`` in which records that wait are written in one call."""


@workflow.defn(name=WORKFLOW)
class DossierWorkflow:
    """Id ``dossier/<code>``. Update ``act``; queries ``state``, ``why``, ``latenesses``."""

    @workflow.init
    def __init__(self, start: DossierStart) -> None:
        self._dossier = Dossier(start)
        self._unrecorded: list[Record] = []
        self._recorder = asyncio.Lock()
        self._at_once = None if start.flow >= TOGETHER else 1
        self._version = 0
        self._wake: datetime | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._shown = values_in(workflow.info().typed_search_attributes)
        if not self._dossier.has_begun:
            # What was missed before the engine took the dossier up is history, however it came.
            self._tell(self._dossier.begin(workflow.now()), imported=True)

    @workflow.run
    async def run(self, start: DossierStart) -> None:  # noqa: ARG002 - taken by __init__
        while True:
            await self._record()
            if await self._is_over():
                return
            if workflow.info().is_continue_as_new_suggested():
                await self._go_on_in_a_new_run()
            await self._wait()
            self._tell(self._dossier.pass_time(workflow.now()))

    @workflow.update(name=ACT)
    async def act(self, request: Request) -> Any:
        """Accept the request's actions, all or none; answers with the receipt once they are recorded."""
        begun = workflow.now()
        try:
            request = request.read(begun)
            receipt, events = self._dossier.accept(request, begun)
        except Refusal as refusal:
            raise refused(refusal) from None
        self._tell(events, imported=request.imported)
        await self._record()
        _count(request.given, "accepted", workflow.now() - begun)
        return localised(receipt, self._dossier.zone)

    @act.validator
    def check(self, request: Request) -> None:
        try:
            request = request.read(workflow.now())
            self._dossier.check(request, workflow.now())
        except Refusal as refusal:
            _count(request.given, refusal.code.value)
            raise refused(refusal) from None

    @workflow.query(name=STATE)
    def state(self, now: datetime | None = None) -> Any:
        """The dossier (interfaces: Dossier), its clocks read at ``now`` or at the last task's instant."""
        return localised(self._dossier.view(_later(now)), self._dossier.zone)

    @workflow.query(name=WHY)
    def why(self, step: str | None = None, now: datetime | None = None) -> Any:
        """Why the promise (or a step) is due when it is (interfaces: Why)."""
        try:
            return localised(self._dossier.why(step, _later(now)), self._dossier.zone)
        except Refusal as refusal:
            raise refused(refusal) from None

    @workflow.query(name=LATENESSES)
    def latenesses(self, now: datetime | None = None) -> Any:
        """Every lateness of the dossier with its hearing (interfaces: Lateness)."""
        return localised(self._dossier.latenesses(_later(now)), self._dossier.zone)

    def _tell(self, events: list[Event], *, imported: bool = False) -> None:
        self._version += 1
        if events:
            self._unrecorded.append(self._dossier.record(events, workflow.now(), imported=imported))

    async def _record(self) -> None:
        """Returns when all that was told so far is in the store, in order."""
        async with self._recorder:
            while waiting := self._unrecorded[: self._at_once]:
                await _write(waiting)
                del self._unrecorded[: len(waiting)]
                self._show(waiting[-1])

    def _show(self, record: Record) -> None:
        values = values_of(record.snapshot, self._dossier.late_count)
        if updates := changes(self._shown, values):
            workflow.upsert_search_attributes(updates)
            self._shown = values

    async def _is_over(self) -> bool:
        """Nothing is left to wait for, and nobody waits for an answer."""
        if self._dossier.is_settled:
            await workflow.wait_condition(workflow.all_handlers_finished)
        return self._dossier.is_settled and not self._unrecorded

    async def _wait(self) -> None:
        """Until an action came, or the nearest deadline has passed."""
        version = self._version
        self._arm()
        await workflow.wait_condition(lambda: self._version != version)

    def _arm(self) -> None:
        """One timer, for the next wake and the jitter that spreads the 17:00 herd; left alone while that stays."""
        wake = self._dossier.next_wake()
        if wake == self._wake:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wake, self._timer = wake, None
        if wake is not None:
            delay = max(wake + self._dossier.jitter - workflow.now(), SOON)
            self._timer = asyncio.get_running_loop().call_later(delay.total_seconds(), self._ring)

    def _ring(self) -> None:
        self._wake = self._timer = None
        self._version += 1

    async def _go_on_in_a_new_run(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._record()
        workflow.continue_as_new(self._dossier.carry())


async def _write(records: list[Record]) -> None:
    """A local activity first; if the store does not answer, a regular one that never gives up."""
    name, told = (RECORD, records[0]) if len(records) == 1 else (RECORD_ALL, records)
    try:
        await workflow.execute_local_activity(
            name, told, start_to_close_timeout=timedelta(seconds=10), retry_policy=QUICK
        )
    except FailureError:
        await workflow.execute_activity(
            name, told, start_to_close_timeout=timedelta(seconds=30), retry_policy=STUBBORN
        )


def refused(refusal: Refusal) -> ApplicationError:
    """A refusal as Temporal carries it: its stable code as the type, its sentence as the message.

    Its details are the sentence without its facts, and the facts, for doors that speak other languages.
    """
    return ApplicationError(
        refusal.message, refusal.sentence, refusal.values, type=refusal.code.value, non_retryable=True
    )


def _later(now: datetime | None) -> datetime:
    return max(now, workflow.now()) if now is not None else workflow.now()


def _count(given: tuple[Given, ...], outcome: str, took: timedelta | None = None) -> None:
    """Counted through Temporal's own meter, which does not count again on replay."""
    meter = workflow.metric_meter()
    for each in given:
        labels = {"action": each.action.action, "outcome": outcome}
        meter.create_counter("danbiet_actions", "Actions accepted or refused").add(1, labels)
    if took is not None:
        # Prometheus is told danbiet_action_seconds: the runtime appends the unit (worker.metered_runtime).
        meter.create_histogram_timedelta(
            "danbiet_action", "From the arrival of an action to its answer"
        ).record(took)
