"""Delivering to one webhook, for as long as it is there: the workflow keeps an activity going, across every crash."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.names import DELIVER
    from workflows.names import RELAY_WORKFLOW, WAKE, relay_id

ONE_TURN = timedelta(minutes=10)
"""More than an activity lingers, and its last batch takes."""
SILENT = timedelta(seconds=15)
"""An activity not heard of for so long is given to another worker."""


@workflow.defn(name=RELAY_WORKFLOW)
class RelayWorkflow:
    """Ends when its webhook is removed; added anew at that very moment, it is woken and looks again."""

    def __init__(self) -> None:
        self._woken = False

    @workflow.run
    async def run(self, webhook: str) -> None:
        while True:
            self._woken = False
            is_there: bool = await workflow.execute_activity(
                DELIVER,
                webhook,
                result_type=bool,
                start_to_close_timeout=ONE_TURN,
                heartbeat_timeout=SILENT,
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)
                ),
            )
            if not is_there and not self._woken:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(webhook)

    @workflow.signal(name=WAKE)
    def wake(self) -> None:
        self._woken = True


async def ensure_relays(client: Client, webhooks: Iterable[str], *, task_queue: str) -> None:
    """A running relay for each of these webhooks; those that run already are left to run."""
    for webhook in webhooks:
        await client.start_workflow(
            RELAY_WORKFLOW, webhook, id=relay_id(webhook), task_queue=task_queue, start_signal=WAKE
        )
