"""`danbiet catalogue check`, `danbiet db ...`: for those who look after an installation."""

from __future__ import annotations

from pathlib import Path

from cli.output import Progress, as_json, table, tell


def check_catalogue(directory: Path, *, json: bool) -> int:
    """Report on the catalogue; 1 if it has errors, 0 if it may be used (also with warnings)."""
    from store.catalogue_files import check_catalogue as check

    report = check(directory)
    if json:
        print(as_json(report.model_dump(mode="json")))
        return 1 if report.errors else 0
    for kind, findings in (("error", report.errors), ("warning", report.warnings)):
        for finding in findings:
            print(f"{finding.file}:{finding.line}: {kind}: {finding.message}")
    print(f"{len(report.errors)} errors, {len(report.warnings)} warnings")
    return 1 if report.errors else 0


def upgrade(data: Path | None) -> None:
    """Bring the database's tables to this release."""
    from cli.installation import Installation
    from store.database import upgrade as run

    installation = Installation(data)
    if installation.settings.database.startswith("sqlite"):
        installation.data.mkdir(parents=True, exist_ok=True)
    print(f"the database is at revision {run(installation.settings.database)}")


def rebuild(data: Path | None, *, check: bool, json: bool) -> int:
    """Compute the projections anew, or only compare them; 1 if they differ."""
    from cli.installation import Installation
    from store import rebuild as store

    engine = Installation(data).engine
    if not check:
        with Progress("rebuilt", None) as progress:
            count = store.rebuild(engine, progress.reach)
        print(as_json({"dossiers": count}) if json else f"{count} dossiers rebuilt")
        return 0
    with Progress("compared", None) as progress:
        found = store.check(engine, progress.reach)
    if json:
        print(as_json([each.model_dump(mode="json") for each in found]))
    elif found:
        rows = [tuple(str(value) for value in each.model_dump(mode="json").values()) for each in found]
        print(table(("table", "key", "column", "stored", "rebuilt"), rows))
    if found:
        tell(f"differences from the journal: {len(found)}; 'danbiet db rebuild' mends the projections")
    elif not json:
        print("the projections equal the journal")
    return 1 if found else 0


def erase(official: str, reason: str, data: Path | None, *, json: bool) -> None:
    """Erase the personal parts of the ledger that name ``official``; who did it and why stays in the audit log."""
    from urllib.parse import urlencode

    from cli.installation import Installation
    from models.access import Principal, Role
    from models.errors import Code, Refusal
    from models.plain_text import check_plain
    from store import keys, ledger

    if not reason.strip():
        raise Refusal(Code.INVALID, "'--reason' is empty: say by which right or order")
    check_plain({"official": official, "reason": reason})
    engine = Installation(data).engine
    erased = ledger.erase(engine, official)
    keys.audit(
        engine,
        Principal(role=Role.ADMIN, name="admin"),
        method="ERASE",
        path=f"/ledger/officials/{official}?{urlencode({'reason': reason})}",
        status=200,
        code=None,
    )
    if json:
        print(as_json({"official": official, "erased": erased}))
    elif erased:
        print(
            f"{erased} personal parts that named {official} are erased; entries and proofs stay as they are"
        )
    else:
        print(f"no personal part names {official}: nothing to erase")


def new_key(data: Path | None, *, lost: bool, json: bool) -> None:
    """Change the key that signs the ledger, and publish that at once."""
    from datetime import UTC, datetime

    from cli.installation import Installation
    from cli.keeping import SETTLING
    from store import ledger_key
    from store.ledger_keeping import keep
    from store.ledger_keys import keys

    installation, now = Installation(data), datetime.now(UTC)
    engine, origin = installation.engine, installation.settings.ledger_origin
    new = ledger_key.new_key(engine, installation.data, origin, lost=lost, now=now).verifier
    keep(engine, installation.data, origin=origin, now=now, settling=SETTLING)
    if json:
        print(as_json({"key": str(new), "before": [str(each) for each in keys(engine)[1:]]}))
        return
    print(f"the ledger is signed with this key from now on:\n{new}")
    print("back up ledger.key, and publish the line above where you published the old one")
    if lost:
        print(
            "the old key could not sign it: who checks the ledger cannot believe it before you have told them"
        )
