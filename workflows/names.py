"""Names on Temporal, fixed by the interfaces: shared by worker, starter, set-up and tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributeKey

TASK_QUEUE = "danbiet"
WORKFLOW = "DossierWorkflow"
ACT = "act"
STATE = "state"
WHY = "why"
LATENESSES = "latenesses"
BULLETIN_WORKFLOW = "BulletinWorkflow"
BULLETIN_SCHEDULE = "bulletin"
RELAY_WORKFLOW = "RelayWorkflow"
WAKE = "wake"

PROCEDURE = SearchAttributeKey.for_keyword("DanbietProcedure")
STATUS = SearchAttributeKey.for_keyword("DanbietStatus")
AGENCY = SearchAttributeKey.for_keyword_list("DanbietAgency")
OFFICIAL = SearchAttributeKey.for_keyword_list("DanbietOfficial")
DUE_AT: SearchAttributeKey[datetime] = SearchAttributeKey.for_datetime("DanbietDueAt")
LATE = SearchAttributeKey.for_int("DanbietLate")
SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (PROCEDURE, STATUS, AGENCY, OFFICIAL, DUE_AT, LATE)


def workflow_id(code: str) -> str:
    return f"dossier/{code}"


def relay_id(webhook: str) -> str:
    return f"relay/{webhook}"
