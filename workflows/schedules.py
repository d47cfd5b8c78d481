"""The schedule that freezes each month's list; made when a worker starts, kept as its operator sets it."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)

from workflows.names import BULLETIN_SCHEDULE, BULLETIN_WORKFLOW

DAY, HOUR = 15, 8
"""Local day and hour of freezing: by then the hearings of the month's last days have ended."""
CATCH_UP = timedelta(days=365)
"""A month that came due while the server was down is frozen when it is back."""


async def ensure_schedule(client: Client, zone: ZoneInfo, *, task_queue: str) -> None:
    """Create the schedule where there is none; one that is there stays as its operator has set it."""
    spec = ScheduleCalendarSpec(
        day_of_month=[ScheduleRange(DAY)], hour=[ScheduleRange(HOUR)], comment="the list of the month before"
    )
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            BULLETIN_WORKFLOW, str(zone), id="bulletin", task_queue=task_queue
        ),
        spec=ScheduleSpec(calendars=[spec], time_zone_name=str(zone)),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ALL, catchup_window=CATCH_UP),
    )
    try:
        await client.create_schedule(BULLETIN_SCHEDULE, schedule)
    except ScheduleAlreadyRunningError:
        return
