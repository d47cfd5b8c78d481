"""Freezing the list of each month: a workflow that a Temporal Schedule starts on the 15th of the next one."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from activities.names import FREEZE
    from models.editions import FrozenMonth, month_before
    from workflows.names import BULLETIN_WORKFLOW

_SCHEDULED = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn(name=BULLETIN_WORKFLOW)
class BulletinWorkflow:
    """Freezes the month before the one it was scheduled in, and restates earlier ones whose facts have changed."""

    @workflow.run
    async def run(self, zone: str) -> FrozenMonth:
        # By the instant it was meant for, however late it runs.
        scheduled = workflow.info().typed_search_attributes.get(_SCHEDULED) or workflow.now()
        period = month_before(scheduled, zone)
        frozen: FrozenMonth = await workflow.execute_activity(
            FREEZE,
            period,
            result_type=FrozenMonth,
            start_to_close_timeout=timedelta(hours=2),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=5),
                maximum_interval=timedelta(minutes=10),
                non_retryable_error_types=["Refusal"],
            ),
        )
        return frozen
