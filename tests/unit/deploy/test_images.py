"""The images carry what their part needs, and nothing of what it must not have."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import Distribution, distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.deploy.recipes import IMAGES, groups, stages
from tests.unit.docs.source import ROOT

# What a part imports when it runs with Azure's engines, and what must not be in its image.
QUEUE = ("cli.engines_service_bus", "cli.engines_blobs", "cli.run_check")
STORE = ("cli.engines_cosmos", "cli.engines_blobs", "cli.run_check")
PARTS = {
    "tap": (*QUEUE, "cli.run_tap", "cli.demo.upstream", "cli.healthy"),
    "worker": (
        *QUEUE,
        *STORE,
        "cli.run_worker",
        "cli.redaction_child",
        "cli.run_verify",
        "cli.run_canary",
    ),
    "console": (*STORE, "cli.run_console", "cli.run_read", "cli.run_export", "pyarrow.parquet"),
}
BARRED = {
    "tap": {"presidio-analyzer", "presidio-anonymizer", "spacy", "azure-cosmos", "pyarrow"},
    "worker": {"httptools", "pyarrow"},
    "console": {"presidio-analyzer", "presidio-anonymizer", "spacy", "azure-servicebus"},
}
TOOLS = {"pip", "setuptools", "wheel"}
NEEDED = {"worker": {"setuptools"}}  # spaCy asks for it

# Imports one module after another where whatever is not in the image is not to be found.
_WITHOUT = """
import importlib, sys
barred = set(sys.argv[1].split(","))
class Missing:
    def find_spec(self, name, path=None, target=None):
        steps = name.split(".")
        if any(".".join(steps[:length]) in barred for length in (1, 2)):
            raise ModuleNotFoundError(f"{name} is not in this image", name=name)
sys.meta_path.insert(0, Missing())
for module in sys.argv[2:]:
    importlib.import_module(module)
"""


def closure(names: set[str]) -> set[str]:
    """These distributions and all that they need in turn, by canonical name."""
    needs = {
        canonicalize_name(each.metadata["Name"]): [
            canonicalize_name(wanted.name)
            for wanted in map(Requirement, each.requires or ())
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        ]
        for each in distributions()
    }
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs.get(name, [])
    return found


def outside(image: str) -> set[str]:
    """The modules installed here that the image has not; of a namespace, its parts."""
    inside = closure(groups()[image]) | {"auditstream"}
    return {
        module
        for each in distributions()
        if canonicalize_name(each.metadata["Name"]) not in inside
        for module in modules_of(each)
    }


def modules_of(distribution: Distribution) -> set[str]:
    """What a distribution installs: `spacy`, or `azure.cosmos` where others install `azure` too."""
    files = [file.parts for file in distribution.files or () if file.suffix == ".py"]
    packages = {parts[0] for parts in files if parts[1:] == ("__init__.py",)}
    return {
        parts[0].removesuffix(".py")
        if len(parts) == 1 or parts[0] in packages
        else ".".join(parts[:2])
        for parts in files
        if parts[0] not in {"..", "azure"} or len(parts) > 2
    }


def test_the_three_images_together_have_every_dependency() -> None:
    """What `make install` brings is what the images bring, one way and the other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    whole = {*project["dependencies"], *project["optional-dependencies"]["parquet"]}
    by_image = groups()
    assert set().union(*(by_image[image] for image in IMAGES)) == whole
    assert "-e '.[parquet]'" in (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize("image", IMAGES)
def test_no_image_has_what_its_part_must_not_use(image: str) -> None:
    """The tap carries no redaction and no store, the query side no redaction and no queue."""
    assert not closure(groups()[image]) & BARRED[image]


@pytest.mark.parametrize("image", IMAGES)
def test_each_part_runs_with_the_packages_of_its_image(image: str) -> None:
    """Nothing that a part imports is missing from its image, Azure's engines included."""
    run = subprocess.run(
        [sys.executable, "-P", "-c", _WITHOUT, ",".join(outside(image)), *PARTS[image]],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_what_is_missing_would_be_noticed() -> None:
    """The redacting process does not start with the query side's packages."""
    run = subprocess.run(
        [sys.executable, "-P", "-c", _WITHOUT, ",".join(outside("console")), "redaction.build"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "is not in this image" in run.stderr


def test_the_base_is_pinned_and_the_versions_are_ours() -> None:
    """One base, by its full tag; every dependency in the version that was tested."""
    found = stages()
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", found["python"].base)
    assert {stage.base for stage in found.values()} <= {found["python"].base, *found}
    for image in IMAGES:
        install, package = found[f"build-{image}"].all("RUN")
        assert install.endswith(f"install --constraint constraints.txt --group {image}")
        assert "--no-deps --no-index" in package


def test_no_image_runs_as_root_or_carries_tools_to_build_with() -> None:
    """Each image starts from the one without pip, as user 10001, and copies what was built."""
    found = stages()
    image = found["image"]
    assert image.base == "python"
    assert image.all("USER") == ["10001:10001"]
    assert image.all("RUN")[0].startswith("python -m pip uninstall --yes pip setuptools wheel")
    assert "--without-pip" in " ".join(found["build"].all("RUN"))
    for name in IMAGES:
        assert found[name].base == "image"
        assert not found[name].all("RUN")
        assert found[name].all("COPY") == [f"--from=build-{name} /opt/auditstream /opt/auditstream"]


def test_the_build_sees_the_program_and_nothing_else() -> None:
    """What is sent to the builder is listed by name, so that no key or record comes along."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = {
        each.rstrip("*") for each in project["tool"]["setuptools"]["packages"]["find"]["include"]
    }
    others = {"constraints.txt", "pyproject.toml", project["project"]["readme"]}
    assert {rule[1:] for rule in rules if rule.startswith("!")} == packages | others


in_ci_only = pytest.mark.skipif(not os.environ.get("CI"), reason="downloads packages: CI does it")


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    """Runs what the Dockerfile runs, in a folder of its own in place of the image's root."""
    root = tmp_path_factory.mktemp("root")
    ignored = shutil.ignore_patterns(".*", "node", "tests", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, root / "src", ignore=ignored)
    subprocess.run([sys.executable, "-m", "venv", str(root / "tools")], check=True)

    def run(step: str) -> None:
        command = re.sub(r"--mount=\S+ ", "", step)
        for folder in ("/opt", "/wheels"):
            command = command.replace(folder, f"{root}{folder}")
        command = re.sub(r"^python\b", f"{root}/tools/bin/python", command)
        # What is compiled in an image is compiled here when it is imported.
        variables = {**os.environ, "PIP_NO_COMPILE": "1", "TMPDIR": str(root)}
        subprocess.run(command.split(), cwd=root / "src", env=variables, check=True)

    first, *_ = stages()["build"].all("RUN")
    for step in (first, *stages()["package"].all("RUN")):
        run(step)
    return run


@in_ci_only
@pytest.mark.timeout(600)
@pytest.mark.parametrize("image", IMAGES)
def test_each_images_install_step_works_in_a_plain_environment(
    image: str, builder: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The Dockerfile's own commands give an environment in which the part's command answers."""
    _, *rest = stages()["build"].all("RUN")
    opt = next(tmp_path_factory.getbasetemp().glob("root*")) / "opt"
    shutil.rmtree(opt, ignore_errors=True)
    for step in (*rest, *stages()[f"build-{image}"].all("RUN")):
        builder(step)
    python = str(opt / "auditstream/bin/python")
    imports = "; ".join(f"import {module}" for module in PARTS[image])
    listing = "from importlib.metadata import distributions as d; print(*(e.name for e in d()))"
    script = f"{imports}\n{listing}"
    run = subprocess.run(
        [python, "-P", "-c", script], cwd=opt, check=True, capture_output=True, text=True
    )
    names = {canonicalize_name(name) for name in run.stdout.split()}
    assert not names & (BARRED[image] | TOOLS - NEEDED.get(image, set()))
    command = [str(opt / "auditstream/bin/auditstream"), image, "--help"]
    subprocess.run(command, cwd=opt, check=True, capture_output=True)
