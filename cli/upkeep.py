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
