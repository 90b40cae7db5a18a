"""docker-compose.yml: valid by the compose specification, and in step with the code that it starts.

No container engine is needed: the file is read, its variables are put in as compose does, and the environments that come
out are given to the services' own settings classes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from services.alert.settings import AlertSettings
from services.classify.settings import ClassifySettings
from services.ingest.settings import IngestSettings
from services.stream.settings import StreamSettings, describe, load

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE = PROJECT / "docker-compose.yml"
SETTINGS: dict[str, type[BaseSettings]] = {
    "ingest": IngestSettings,
    "classify": ClassifySettings,
    "alert": AlertSettings,
}
OURS = (*SETTINGS, "topics", "tools")
# ${NAME}, ${NAME:-default}, ${NAME:?message}
VARIABLE = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")
# One that a person would set; long enough for every secret.
GIVEN = "given-by-a-person-0123456789"


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text()))


def services() -> dict[str, dict[str, Any]]:
    return dict(compose()["services"])


def filled_in(text: object, given: dict[str, str]) -> str:
    """What compose makes of a value; fails as it does when a required variable is missing."""

    def put(match: re.Match[str]) -> str:
        name, how, rest = match.groups()
        value = given.get(name, "")
        if how == ":?" and not value:
            raise AssertionError(f"{name}: {rest}")
        return value or (rest if how == ":-" else "")

    return VARIABLE.sub(put, str(text))


def example() -> dict[str, bool]:
    """Variable of .env.example -> True when it is required (not commented out)."""
    lines = (PROJECT / ".env.example").read_text().splitlines()
    return {match[2]: not match[1] for line in lines if (match := re.match(r"(#?)([A-Z][A-Z0-9_]*)=", line))}


def required() -> set[str]:
    return {name for name, how, _ in VARIABLE.findall(COMPOSE.read_text()) if how == ":?"}


def environment(service: str) -> dict[str, str]:
    given = dict.fromkeys(required(), GIVEN)
    return {name: filled_in(value, given) for name, value in services()[service].get("environment", {}).items()}


def test_the_compose_specification_accepts_it() -> None:
    tool = shutil.which("check-jsonschema", path=str(Path(sys.executable).parent))
    assert tool is not None
    done = subprocess.run(
        [tool, "--builtin-schema", "vendor.compose-spec", str(COMPOSE)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", services())
def test_every_service_restarts_is_checked_limited_and_not_root(name: str) -> None:
    service = services()[name]
    uid, _, gid = service["user"].partition(":")
    assert int(uid) > 0
    assert gid
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["logging"]["options"]["max-size"]
    if name in ("topics", "tools"):
        assert service["restart"] in ("no", "on-failure:5"), "runs once"
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        assert service["healthcheck"]["retries"]
    if name != "kafka":  # its image writes its configuration at start
        assert service["read_only"] is True
    assert ":latest" not in service["image"]
    if "build" not in service:
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), "pin the version"


def test_memory_is_limited_as_the_product_promises() -> None:
    limits = {name: service["deploy"]["resources"]["limits"]["memory"] for name, service in services().items()}
    assert {name: limits[name] for name in SETTINGS} == {"ingest": "300M", "classify": "2G", "alert": "300M"}


def test_kafka_is_the_version_that_the_demo_and_the_tests_run_on() -> None:
    pom = ET.parse(PROJECT / "deploy" / "kafka" / "pom.xml")
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    versions = {
        dependency.findtext("m:artifactId", namespaces=space): dependency.findtext("m:version", namespaces=space)
        for dependency in pom.iterfind(".//m:dependency", space)
    }
    assert services()["kafka"]["image"] == f"apache/kafka:{versions['kafka_2.13']}"


def test_kafka_is_set_up_as_the_embedded_one() -> None:
    """Each broker setting of the embedded Kafka that is not about this machine is the same in the container."""
    from services.command.embedded_kafka import CLUSTER_ID, EmbeddedKafka

    given = services()["kafka"]["environment"]
    assert given["CLUSTER_ID"] == CLUSTER_ID
    lines = EmbeddedKafka(Path("/nowhere"), 9092)._properties().splitlines()
    properties = dict(line.split("=", 1) for line in lines if "=" in line)
    own = ("listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs")
    # The embedded one is killed and started again by tests; a container is not.
    own += ("broker.session.timeout.ms", "broker.heartbeat.interval.ms")
    for name, value in properties.items():
        if name not in own:
            assert str(given["KAFKA_" + name.upper().replace(".", "_")]) == value, name
    for name in given:
        assert name.startswith("KAFKA_") or name == "CLUSTER_ID"
    address = given["KAFKA_ADVERTISED_LISTENERS"].removeprefix("PLAINTEXT://")
    assert environment("ingest")["MYTHWATCH_KAFKA_BOOTSTRAP"] == address
    assert given["KAFKA_LOG_DIRS"] in services()["kafka"]["volumes"][0]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    known = {variable for variable, *_ in describe(StreamSettings)}
    if name in SETTINGS:
        known |= {variable for variable, *_ in describe(SETTINGS[name])}
    unknown = set(environment(name)) - known
    assert not unknown, f"{name} does not read {unknown}"


@pytest.mark.parametrize("name", SETTINGS)
def test_the_services_accept_their_environment(name: str) -> None:
    """With only the required variables given, each service's settings load."""
    load(StreamSettings, environment(name))
    load(SETTINGS[name], environment(name))


def test_with_the_required_variables_alone_people_are_told_by_mail() -> None:
    alert = load(AlertSettings, environment("alert"))
    assert [destination.channel.value for destination in alert.destinations] == ["email"]
    assert alert.smtp_host in services()
    assert not alert.smtp_starttls, "Mailpit has no certificate"
    assert set(services()["mailpit"]["networks"]) & set(services()["alert"]["networks"])


@pytest.mark.parametrize("name", sorted(required()))
def test_a_missing_secret_is_one_clear_message(name: str) -> None:
    given = dict.fromkeys(required() - {name}, GIVEN)
    with pytest.raises(AssertionError, match=f"{name}: set it in .env"):
        filled_in(COMPOSE.read_text(), given)


def test_no_secret_stands_in_the_file() -> None:
    secret = re.compile("KEY|TOKEN|SECRET|PASSWORD")
    for name, service in services().items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable):
                # Nothing, or what the person gives: never a default.
                assert re.fullmatch(r"\$\{\w+(:-|:\?[^}]*)\}", str(value)), f"{name}: {variable}"


def test_each_service_gets_its_own_secrets_only() -> None:
    for name in OURS:
        for variable in services()[name]["environment"]:
            for other in SETTINGS:
                assert other == name or not variable.startswith(f"MYTHWATCH_{other.upper()}_"), f"{name}: {variable}"


def test_the_example_names_what_the_file_needs() -> None:
    used = {name for name, *_ in VARIABLE.findall(COMPOSE.read_text())}
    assert {name for name, needed in example().items() if needed} == required()
    assert set(example()) == used
    assert not re.search(r"^[A-Z_]+=.+", (PROJECT / ".env.example").read_text(), re.M), "required ones stand empty"


def test_the_commands_are_those_of_the_demo() -> None:
    procfile = dict(
        line.split(": ", 1) for line in (PROJECT / "deploy" / "Procfile").read_text().splitlines() if ": " in line
    )
    for name in SETTINGS:
        assert " ".join(services()[name]["command"]) == procfile[name]
    assert services()["topics"]["command"] == ["mythwatch", "topics", "create"]


def test_nobody_starts_before_the_topics_are_there() -> None:
    assert services()["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    for name in SETTINGS:
        assert services()[name]["depends_on"]["topics"] == {"condition": "service_completed_successfully"}


def test_published_ports_are_those_that_the_services_listen_on_and_stay_on_this_machine() -> None:
    published = {}
    for name, service in services().items():
        for entry in service.get("ports", []):
            host, outside, inside = entry.split(":")
            assert host == "127.0.0.1", f"{name} is published to the network"
            published[name] = (int(outside), int(inside))
            assert "outside" in service["networks"], f"{name}: a port of an internal network leads nowhere"
    defaults = {name: {key: field.default for key, field in cls.model_fields.items()} for name, cls in SETTINGS.items()}
    assert published["ingest"][1] == defaults["ingest"]["http_port"]
    assert published["alert"][1] == defaults["alert"]["console_port"]
    assert len({outside for outside, _ in published.values()}) == len(published), "two services want one port"
    assert "kafka" not in published
    assert services()["kafka"]["networks"] == ["stream"]
    assert compose()["networks"]["stream"]["internal"] is True


def test_what_is_mounted_exists() -> None:
    volumes = set(compose()["volumes"])
    used = set()
    for name, service in services().items():
        for entry in service.get("volumes", []):
            source, _, rest = entry.partition(":")
            if source.startswith("./"):
                assert (PROJECT / source).exists(), f"{name}: {source}"
                assert rest.endswith(":ro"), f"{name} can change {source}"
            else:
                used.add(source)
    assert used == volumes


def test_what_is_written_goes_to_a_volume() -> None:
    """A read-only container keeps its state where a volume is."""
    assert environment("ingest")["MYTHWATCH_INGEST_STATE_DIR"] == "/data"
    assert environment("alert")["MYTHWATCH_ALERT_DATABASE_URL"] == "sqlite+aiosqlite:////data/alert.db"
    for name in ("ingest", "alert"):
        assert f"{name}-data:/data" in services()[name]["volumes"]


def test_prometheus_reads_the_rules_and_grafana_the_dashboard() -> None:
    mounts = [entry.split(":") for entry in services()["prometheus"]["volumes"] if entry.startswith("./")]
    inside = {target: PROJECT / source for source, target, _ in mounts}
    config = Path("/etc/prometheus/prometheus.yml")
    assert f"--config.file={config}" in services()["prometheus"]["command"]
    for rules in yaml.safe_load(inside[str(config)].read_text())["rule_files"]:
        assert str(config.parent / rules) in inside
    scraped = yaml.safe_load(inside[str(config)].read_text())["scrape_configs"][0]["static_configs"][0]["targets"]
    for target in scraped:
        name = target.split(":")[0]
        assert set(services()[name]["networks"]) & set(services()["prometheus"]["networks"]), f"{name} is out of reach"
