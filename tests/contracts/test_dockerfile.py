"""deploy/Dockerfile without a container engine: what each image holds is put together in a folder, and imported there.

The package steps are a script (deploy/install-packages.sh), which runs here as it does in the build, on an index of our own.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from services.stream.settings import describe
from tests.contracts.test_compose import SETTINGS

PROJECT = Path(__file__).resolve().parents[2]
DOCKERFILE = PROJECT / "deploy" / "Dockerfile"
SERVICES = ("ingest", "classify", "alert")
IMAGES = (*SERVICES, "tools")


@dataclass
class Stage:
    base: str
    lines: list[tuple[str, str]] = field(default_factory=list)  # (instruction, rest)

    def last(self, instruction: str) -> str:
        return next(rest for name, rest in reversed(self.lines) if name == instruction)


def stages() -> dict[str, Stage]:
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.M).replace("\\\n", " ")
    found: dict[str, Stage] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = Stage(base)
        elif found:
            list(found.values())[-1].lines.append((instruction, rest.strip()))
    return found


def lineage(name: str) -> list[Stage]:
    """The stage and what it is built on, first things first."""
    every = stages()
    stage = every[name]
    return [*(lineage(stage.base) if stage.base in every else []), stage]


def last(name: str, instruction: str) -> str:
    stage = next(stage for stage in reversed(lineage(name)) if any(i == instruction for i, _ in stage.lines))
    return stage.last(instruction)


def copies(name: str) -> list[tuple[list[str], str, str]]:
    """(sources, target, stage that they come from or "") of every COPY."""
    found = []
    for stage in lineage(name):
        for instruction, rest in stage.lines:
            if instruction == "COPY":
                words = rest.split()
                options = dict(word.removeprefix("--").split("=", 1) for word in words if word.startswith("--"))
                paths = [word for word in words if not word.startswith("--")]
                found.append((paths[:-1], paths[-1], options.get("from", "")))
    return found


def ignored(path: str) -> bool:
    """As docker decides by .dockerignore: the last pattern that matches wins."""
    verdict = False
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        pattern = line.strip().removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        parents = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
        anywhere = pattern.removeprefix("**/")
        hit = any(fnmatch(each, pattern) for each in parents if pattern != "*" or "/" not in each)
        if pattern.startswith("**/"):
            hit = any(fnmatch(part, anywhere) for part in Path(path).parts)
        if hit:
            verdict = not line.strip().startswith("!")
    return verdict


def image_tree(name: str, root: Path) -> Path:
    """The image's /app, as its COPY lines make it from what .dockerignore lets through."""
    for sources, target, stage in copies(name):
        if stage or not target.startswith("/app"):
            continue
        for source in sources:
            place = root / target.lstrip("/")
            if (PROJECT / source).is_file():
                place = place / Path(source).name if target.endswith("/") else place
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(PROJECT / source, place)
                continue
            for path in (PROJECT / source).rglob("*"):
                if path.is_file() and not ignored(str(path.relative_to(PROJECT))):
                    copied = place / path.relative_to(PROJECT / source)
                    copied.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, copied)
    return root / "app"


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    for name in stages():
        for sources, _, stage in copies(name):
            if stage:
                assert stage in stages()
                continue
            for source in sources:
                assert (PROJECT / source).exists(), f"{name}: {source}"
                assert not ignored(source), f"{name}: .dockerignore keeps {source} out"


def test_the_build_is_sent_nothing_else() -> None:
    away = (
        ".env", ".git/config", ".venv/bin/python", ".mythwatch/demo/author.key", "tests/conftest.py", "requirements.lock",
        "services/ingest/.env", "services/ingest/__pycache__/post.pyc", "services/classify/training/posts/heart.jsonl",
    )  # fmt: skip
    for path in away:
        assert ignored(path), path
    for path in ("services/ingest/post.py", "services/classify/weights/manifest.json", "deploy/image.lock"):
        assert not ignored(path), path


@pytest.mark.parametrize("name", IMAGES)
def test_images_do_not_run_as_root_and_ask_no_hub(name: str) -> None:
    uid = last(name, "USER").split(":")[0]
    assert int(uid) > 0
    told = " ".join(rest for stage in lineage(name) for instruction, rest in stage.lines if instruction == "ENV")
    assert "HF_HUB_OFFLINE=1" in told
    assert "TRANSFORMERS_OFFLINE=1" in told
    assert "MYTHWATCH_LISTEN_HOST=0.0.0.0" in told
    # Faust makes its working folder where the process is.
    assert last(name, "WORKDIR") == "/data"
    for service in yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"].values():
        if service.get("build", {}).get("target") == name:
            assert service["user"] == last(name, "USER")


@pytest.mark.parametrize("name", SERVICES)
def test_images_run_what_compose_and_the_demo_run(name: str) -> None:
    service = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"][name]
    assert yaml.safe_load(last(name, "CMD")) == service["command"]
    health = last(name, "HEALTHCHECK").partition("CMD ")[2]
    assert yaml.safe_load(health) == ["python", "/app/healthcheck.py", name, "healthz"]
    assert service["healthcheck"]["test"] == ["CMD", "python", "/app/healthcheck.py", name, "readyz"]


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_holds_its_service_and_no_other(name: str, tmp_path: Path) -> None:
    app = image_tree(name, tmp_path)
    assert {path.name for path in (app / "services").iterdir()} == {"__init__.py", "stream", name}
    assert not (app / "services" / "classify" / "training").exists()
    if name == "classify":
        assert (app / "services" / "classify" / "weights" / "manifest.json").is_file()
        assert list((app / "services" / "classify" / "knowledge").glob("*.yaml"))
    if name == "alert":
        assert (app / "services" / "alert" / "migrations" / "env.py").is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_starts_from_what_its_image_holds(name: str, tmp_path: Path) -> None:
    """It is imported from the image's files alone; ingest and alert without torch, which their images lack."""
    app = image_tree(name, tmp_path / "image")
    without = "" if name == "classify" else "import sys; sys.modules['torch'] = None; "
    working = tmp_path / "data"
    working.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", f"{without}import services, services.{name}.__main__ as m; print(services.__file__, m.main)"],
        cwd=working, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(app), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert str(app) in done.stdout


def test_the_command_starts_from_what_its_image_holds(tmp_path: Path) -> None:
    app = image_tree("tools", tmp_path / "image")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(app), "PYTHONDONTWRITEBYTECODE": "1"}
    for arguments in (["topics"], ["topics", "create", "--help"], ["deadletters", "--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "services.command.main", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
    done = subprocess.run(
        [sys.executable, "-c", "from services.command import publish_myths; print(len(publish_myths.load()))"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert int(done.stdout) >= 60, done.stderr[-2000:]


def test_the_health_check_asks_the_port_that_the_service_listens_on() -> None:
    namespace: dict[str, object] = {"__name__": "healthcheck"}
    exec((PROJECT / "deploy" / "healthcheck.py").read_text(), namespace)
    for name, cls in SETTINGS.items():
        setting, default, _ = next(row for row in describe(cls) if "/metrics" in row[2])
        assert namespace["PORTS"][name] == (setting, int(default))  # type: ignore[index]


# --- packages ----------------------------------------------------------------------------------------------------


def entries(path: Path) -> dict[str, str]:
    """Package -> its lines, hashes included."""
    found: dict[str, str] = {}
    name = ""
    for line in path.read_text().splitlines():
        if not line.startswith((" ", "#")):
            name = line.partition("==")[0]
        found[name] = found.get(name, "") + line.rstrip(" \\").strip() + "\n"
    return found


def test_the_images_packages_are_the_locked_ones_without_the_tools() -> None:
    image, every = entries(PROJECT / "deploy" / "image.lock"), entries(PROJECT / "requirements.lock")
    for name, lines in image.items():
        assert every.get(name) == lines, f"{name} differs from requirements.lock: run make lock"
        assert "--hash=sha256:" in lines
    asked = (PROJECT / "requirements.in").read_text().split()
    assert {re.sub(r"[\[<=>].*", "", name).lower().replace("_", "-") for name in asked} <= set(image)
    assert not {"pytest", "mypy", "ruff", "playwright", "grpcio-tools"} & set(image)


def test_no_registry_is_named() -> None:
    for path in ("Dockerfile", "image.lock", "install-packages.sh"):
        assert "://" not in (PROJECT / "deploy" / path).read_text().replace("docker/dockerfile:1", "")


def uv() -> str:
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found is not None, "uv is missing; run make setup"
    return found


def wheel_index(folder: Path, version: str) -> tuple[str, str]:
    """A package index of ours with one wheel, `torch` of that version; its address and the wheel's SHA-256."""
    project = folder / "torch"
    project.mkdir(parents=True)
    name = f"torch-{version}"
    files = {
        "torch/__init__.py": f'__version__ = "{version}"\n',
        f"{name}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\nRequires-Dist: nvidia-cublas\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}"
        for path, text in files.items()
    ]
    files[f"{name}.dist-info/RECORD"] = "\n".join([*rows, f"{name}.dist-info/RECORD,,"]) + "\n"
    wheel = project / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    (project / "index.html").write_text(f'<a href="{wheel.name.replace("+", "%2B")}">{wheel.name}</a>')
    return folder.as_uri(), hashlib.sha256(wheel.read_bytes()).hexdigest()


def install(venv: Path, step: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(uv()).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", str(PROJECT / "deploy" / "install-packages.sh"), step],
        env={**os.environ, "PATH": path, "VENV": str(venv), "UV_NO_CACHE": "1", **environment},
        capture_output=True, text=True,
    )  # fmt: skip


def test_torch_for_cpu_comes_from_the_given_index_at_the_locked_version(tmp_path: Path) -> None:
    locked = entries(PROJECT / "deploy" / "image.lock")["torch"].split()[0].removeprefix("torch==")
    index, digest = wheel_index(tmp_path / "index", f"{locked}+cpu")
    venv = tmp_path / "venv"
    subprocess.run([uv(), "venv", "-q", "--python", sys.executable, str(venv)], check=True)

    done = install(venv, "torch", TORCH_INDEX=index, TORCH_SHA256="0" * 64)
    assert done.returncode != 0, "a wheel with another digest was taken"
    assert "hash" in done.stderr.lower()

    for told in ({"TORCH_SHA256": digest}, {}):
        done = install(venv, "torch", TORCH_INDEX=index, **told)
        assert done.returncode == 0, done.stderr
        assert f"torch {locked}+cpu" in done.stdout
    installed = subprocess.run([uv(), "pip", "freeze", "--python", str(venv)], capture_output=True, text=True).stdout
    assert installed.split() == [f"torch=={locked}+cpu"], "the CUDA libraries came along"


def test_an_index_without_the_locked_version_is_an_error(tmp_path: Path) -> None:
    index, _ = wheel_index(tmp_path / "index", "1.0.0+cpu")
    venv = tmp_path / "venv"
    subprocess.run([uv(), "venv", "-q", "--python", sys.executable, str(venv)], check=True)
    assert install(venv, "torch", TORCH_INDEX=index).returncode != 0


def test_the_steps_split_the_lock_in_two() -> None:
    """What `rest` leaves out, `torch` installs; nothing is installed twice or forgotten."""
    script = (PROJECT / "deploy" / "install-packages.sh").read_text()
    start, end = script.index("with_torch="), script.index("install()")
    picked = {}
    for which in ("0", "1"):
        code = f"lock=deploy/image.lock\n{script[start:end]}\npick {which}"
        done = subprocess.run(["sh", "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True)
        picked[which] = [
            line.partition("==")[0] for line in done.stdout.splitlines() if not line.startswith((" ", "#"))
        ]
    rest, with_torch = picked["0"], picked["1"]
    # A package with two entries has one for each range of Python versions.
    assert {*rest, *with_torch} == set(entries(PROJECT / "deploy" / "image.lock"))
    assert not {*rest} & {*with_torch}
    assert "torch" in with_torch
    assert "nvidia-cublas" in with_torch
    assert not {name for name in rest if name.startswith(("nvidia", "cuda", "triton"))}
    assert {"sympy", "transformers", "safetensors"} <= set(rest)
