"""The container set-up, checked without a container engine.

`compose-spec.json` is the schema of the Compose Specification (Apache-2.0), word for word as the npm package
dclint 3.1.0 ships it.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import typer.main
import yaml

from cli.root import PROJECT_ROOT
from cli.settings import PREFIX, Settings, load

DEPLOY: Final = PROJECT_ROOT / "deploy"
DASHBOARDS: Final = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))

# Of interfaces.md; the histograms have parts.
METRICS: Final = frozenset(
    {
        "danbiet_dossiers_open",
        "danbiet_actions_total",
        "danbiet_lateness_total",
        "danbiet_deadlines_unprocessed",
        "danbiet_outbox_pending",
        "danbiet_outbox_oldest_seconds",
        "danbiet_deliveries_total",
        "danbiet_calendar_confirmed_days",
    }
    | {
        f"{name}{part}"
        for name in ("danbiet_action_seconds", "danbiet_deadline_lag_seconds")
        for part in ("", "_bucket", "_sum", "_count")
    }
)


def read(path: str) -> str:
    return (PROJECT_ROOT / path).read_text(encoding="utf-8")


COMPOSE: Final[dict[str, Any]] = yaml.safe_load(read("docker-compose.yml"))
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
OURS: Final = {name: service for name, service in SERVICES.items() if "build" in service}
VARIABLE: Final = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def interpolated(value: str) -> str:
    """As compose reads it when no variable is set."""
    return VARIABLE.sub(lambda found: found[2] or "", value)


def instructions(name: str) -> list[str]:
    """What the Dockerfile says by one instruction, the final stage last."""
    joined = read("Dockerfile").replace("\\\n", " ")
    return [line.removeprefix(name).strip() for line in joined.splitlines() if line.startswith(f"{name} ")]


def image_environment() -> dict[str, str]:
    assigned = (word.partition("=") for line in instructions("ENV") for word in shlex.split(line))
    return {name: value for name, _, value in assigned}


def arguments(service: dict[str, Any]) -> list[str]:
    """What the container runs: an entrypoint of its own drops the image's command."""
    entrypoint = service.get("entrypoint", json.loads(instructions("ENTRYPOINT")[-1]))
    default = [] if "entrypoint" in service else json.loads(instructions("CMD")[-1])
    return [*entrypoint, *service.get("command", default)]


# -- the file itself ---------------------------------------------------------------------------------------------


def test_compose_file_follows_the_specification() -> None:
    schema = json.loads(read("tests/deploy/compose-spec.json"))
    mistakes = jsonschema.Draft7Validator(schema).iter_errors(COMPOSE)
    assert [f"{mistake.json_path}: {mistake.message}" for mistake in mistakes] == []


def test_every_service_the_issue_asks_for_is_there() -> None:
    wanted = {"postgres", "temporal", "temporal-ui", "migrate", "worker", "web", "prometheus", "grafana"}
    assert wanted <= set(SERVICES)


@pytest.mark.parametrize("name", list(SERVICES))
def test_image_is_pinned(name: str) -> None:
    repository, _, tag = SERVICES[name]["image"].partition(":")
    assert repository
    assert re.search(r"\d+\.\d+", tag), "a tag with a version, not latest"


def test_our_image_is_of_this_version() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert OURS
    assert {service["image"] for service in OURS.values()} == {f"danbiet:{version}"}


def test_temporals_server_and_tools_are_of_one_version() -> None:
    tags = {
        service["image"].partition(":")[2]
        for service in SERVICES.values()
        if service["image"].startswith(("temporalio/server:", "temporalio/admin-tools:"))
    }
    assert len(tags) == 1


def dependencies() -> Iterator[tuple[str, str, str]]:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            yield name, other, how["condition"]


@pytest.mark.parametrize(("name", "other", "condition"), list(dependencies()))
def test_dependency_can_be_met(name: str, other: str, condition: str) -> None:
    assert other in SERVICES
    if condition == "service_healthy":
        check = SERVICES[other].get("healthcheck", {})
        assert check.get("test"), f"{name} waits for {other} to be healthy, which nobody checks"
    if condition == "service_completed_successfully":
        assert not SERVICES[other]["restart"].startswith(("always", "unless-stopped")), f"{other} never ends"


def test_dependencies_have_no_circle() -> None:
    needs = {name: set(service.get("depends_on", {})) for name, service in SERVICES.items()}
    while needs:
        free = {name for name, others in needs.items() if not others & set(needs)}
        assert free, f"each waits for another: {sorted(needs)}"
        needs = {name: others for name, others in needs.items() if name not in free}


@pytest.mark.parametrize("name", list(SERVICES))
def test_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"], "what happens when it ends"
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service
    assert service.get("user") not in {"root", "0", 0}
    for port in service.get("ports", []):
        assert interpolated(port).startswith("127.0.0.1:"), f"{port} is open to the network"


def test_what_is_mounted_exists_and_what_is_named_is_declared() -> None:
    used: set[str] = set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, _, rest = volume.partition(":")
            if source.startswith("./"):
                assert (PROJECT_ROOT / source).exists(), source
                assert rest.endswith(":ro"), f"{volume}: a container never changes the source tree"
            else:
                used.add(source)
    assert used == set(COMPOSE["volumes"])


# -- secrets and variables ---------------------------------------------------------------------------------------


def environment(service: dict[str, Any]) -> dict[str, str]:
    given = service.get("environment", {})
    assert isinstance(given, dict), "written as a mapping, so that nothing is missed here"
    return {name: str(value) for name, value in given.items()}


def test_no_value_is_a_password() -> None:
    for name, service in SERVICES.items():
        for variable, value in environment(service).items():
            if re.search(r"PASS|PWD|SECRET|TOKEN|KEY", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable} must be read from a file"
                assert value.startswith("/run/secrets/")
    for path in ("docker-compose.yml", ".env.example", "Dockerfile"):
        assert not re.search(r"://[^/\s:@]+:[^/\s@]+@", read(path)), (
            f"{path}: an address with a password in it"
        )
        assert not re.search(r"(?i)(password|secret|token)\s*[=:]\s*[\"']?\w", read(path)), path


def test_every_secret_is_a_file_that_the_script_makes_and_git_ignores() -> None:
    script = read("deploy/make-secrets.sh")
    made = re.search(r"for name in (.+?);", script)
    assert made
    assert {f"deploy/secrets/{name}.txt" for name in made[1].split()} == {
        secret["file"] for secret in COMPOSE["secrets"].values()
    }
    assert set(COMPOSE["secrets"]) == {
        secret for service in SERVICES.values() for secret in service.get("secrets", [])
    }
    assert read("deploy/secrets/.gitignore").splitlines()[0] == "*"
    assert not any(line.startswith("!deploy") for line in read(".dockerignore").splitlines())


def test_every_secret_a_service_reads_is_given_to_it() -> None:
    for name, service in SERVICES.items():
        for variable, value in environment(service).items():
            if value.startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service.get("secrets", []), (
                    f"{name}: {variable}"
                )


def test_every_variable_of_ours_is_a_setting_with_a_valid_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in OURS.values():
        given = {
            name: interpolated(value)
            for name, value in (image_environment() | environment(service)).items()
            if name.startswith(PREFIX)
        }
        assert {name.removeprefix(PREFIX).lower() for name in given} <= set(Settings.model_fields)
        for name in Settings.model_fields:
            monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        settings = load()
        assert settings.host == "0.0.0.0", "Prometheus asks from another container"  # noqa: S104
        assert (
            settings.temporal_namespace == SERVICES["temporal-namespace"]["environment"]["TEMPORAL_NAMESPACE"]
        )


def test_what_can_be_set_is_explained_and_has_the_same_default() -> None:
    used = dict(VARIABLE.findall(read("docker-compose.yml")))
    lines = [line for line in read(".env.example").splitlines() if line and not line.startswith("#")]
    assert used == dict(line.split("=", 1) for line in lines)
    assert all(used.values()), "everything has a default: the file works without .env"


# -- what runs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(OURS))
def test_command_of_ours_exists(name: str) -> None:
    program, *rest = arguments(OURS[name])
    if program == "python":
        assert (PROJECT_ROOT / rest[0]).is_file()
        return
    assert program in tomllib.loads(read("pyproject.toml"))["project"]["scripts"]
    command: Any = typer.main.get_command(import_module("cli.main").app)
    for word in rest:
        assert word in getattr(command, "commands", {}), f"danbiet has no {' '.join(rest)}"
        command = command.commands[word]


def test_image_is_pinned_unprivileged_and_locked() -> None:
    assert len({line.split()[0] for line in instructions("FROM")}) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", instructions("FROM")[-1])
    assert not instructions("USER")[-1].startswith(("root", "0"))
    assert any("--require-hashes -r requirements.lock" in line for line in instructions("RUN"))
    assert json.loads(instructions("ENTRYPOINT")[-1]) == ["danbiet"]


def test_image_checks_its_own_metrics_port() -> None:
    assert re.search(r"DANBIET_METRICS_PORT.*/metrics", read("Dockerfile"))
    assert "DANBIET_METRICS_PORT" in image_environment()


def test_image_has_all_that_runs_and_nothing_else() -> None:
    kept = {line.removeprefix("!") for line in read(".dockerignore").splitlines() if line.startswith("!")}
    project = tomllib.loads(read("pyproject.toml"))
    declared = {name.partition(".")[0] for name in project["tool"]["setuptools"]["packages"]}
    modules = {f"{name}.py" for name in project["tool"]["setuptools"]["py-modules"]}
    files = {
        "pyproject.toml",
        "requirements.in",
        "requirements.lock",
        project["project"]["readme"],
        "LICENSE",
    }
    assert kept == declared | modules | files | {"catalogue", "samples"}


# -- watching ----------------------------------------------------------------------------------------------------


def scraped() -> Iterator[tuple[str, str]]:
    for job in yaml.safe_load(read("deploy/prometheus/prometheus.yml"))["scrape_configs"]:
        for group in job.get("static_configs", []):
            for target in group["targets"]:
                host, _, port = target.rpartition(":")
                yield host, port
        for names in job.get("dns_sd_configs", []):
            for host in names["names"]:
                yield host, str(names["port"])


def test_prometheus_asks_services_at_the_port_where_they_answer() -> None:
    asked = dict(scraped())
    assert asked.pop("127.0.0.1") == "9090"
    assert set(asked) == {"worker", "temporal", "web"}
    assert asked["web"] == str(Settings.model_fields["port"].default)
    assert SERVICES["web"]["ports"][0].endswith(f":{asked['web']}")
    assert asked["worker"] == SERVICES["worker"]["environment"]["DANBIET_METRICS_PORT"]
    assert asked["temporal"] == SERVICES["temporal"]["environment"]["PROMETHEUS_ENDPOINT"].rpartition(":")[2]


def test_prometheus_is_given_every_rule_file_it_names() -> None:
    mounted = {volume.split(":")[1] for volume in SERVICES["prometheus"]["volumes"]}
    assert set(yaml.safe_load(read("deploy/prometheus/prometheus.yml"))["rule_files"]) <= mounted


def metric_names(expression: str) -> set[str]:
    """What is left of PromQL without selectors, ranges, groupings, functions and operators."""
    rest = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", expression)
    rest = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", rest)
    names = re.findall(r"\b[A-Za-z_:][\w:]*\b(?!\s*\()", rest)
    return set(names) - {"and", "or", "unless", "bool", "offset"}


def test_metric_names_are_found_in_promql() -> None:
    expression = 'topk(3, sum by (a, b) (rate(x_total{c="d"}[5m])) * 60) > bool on (e) y_seconds or z'
    assert metric_names(expression) == {"x_total", "y_seconds", "z"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(read("deploy/prometheus/alerts.yml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_alerts_use_metrics_there_are() -> None:
    for rule in rules():
        assert metric_names(rule["expr"]) <= METRICS | {"up"}, rule["alert"]
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


def test_somebody_is_woken_when_the_clock_stops() -> None:
    watched = set().union(*(metric_names(rule["expr"]) for rule in rules()))
    assert watched >= {
        "up",
        "danbiet_deadlines_unprocessed",
        "danbiet_deadline_lag_seconds_bucket",
        "danbiet_outbox_oldest_seconds",
        "danbiet_calendar_confirmed_days",
    }


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_dashboard_asks_for_metrics_there_are(path: Path) -> None:
    sources = yaml.safe_load(read("deploy/grafana/provisioning/datasources/prometheus.yaml"))["datasources"]
    known = {source["uid"] for source in sources}
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert panels(dashboard)
    for panel in panels(dashboard):
        assert panel["datasource"]["uid"] in known, panel["title"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] in known, panel["title"]
            unknown = {
                name for name in metric_names(target["expr"]) if not name.startswith("temporal_")
            } - METRICS
            assert unknown == set(), panel["title"]


def test_grafana_finds_what_is_provisioned() -> None:
    assert DASHBOARDS
    (provider,) = yaml.safe_load(read("deploy/grafana/provisioning/dashboards/danbiet.yaml"))["providers"]
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in SERVICES["grafana"]["volumes"]}
    assert mounted[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    assert mounted["/etc/grafana/provisioning/dashboards"] == "./deploy/grafana/provisioning/dashboards"
    assert mounted["/etc/grafana/provisioning/datasources"] == "./deploy/grafana/provisioning/datasources"
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert home.name in {path.name for path in DASHBOARDS}
    (source,) = yaml.safe_load(read("deploy/grafana/provisioning/datasources/prometheus.yaml"))["datasources"]
    assert source["url"] == "http://prometheus:9090"
