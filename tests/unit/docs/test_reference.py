"""The documentation says what the code does, and the code does nothing it does not say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator

import click
import pytest

from audit.completeness import REASONS, Outcome, Verdict
from audit.exchange import PRECEDENCE, Ending, IdentitySource, Level
from audit.flags import ENDING_DETAILS, FLAGS, EndingDetail, Flag
from audit.reading.words import SOURCES
from audit.settings import ConsumerSettings
from audit.telemetry import EVENTS, LOG_KEYS, METRICS
from cli.config import KEY_VARIABLES, setting_rows
from cli.main import cli
from cli.reference.page import render
from cli.reference.words import (
    ACTIONS,
    CONSOLE_ANSWERS,
    LABELS,
    LEVELS,
    OUTCOMES,
    TAP_ANSWERS,
    VERDICTS,
)
from redaction.policy import Action
from tests.unit.docs.source import (
    ROOT,
    Use,
    answers,
    codes,
    counts,
    details,
    lines,
    modules,
)

DECISIONS = [str(page.relative_to(ROOT)) for page in (ROOT / "docs" / "decisions").glob("*.md")]
PAGES = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/azure.md",
    "docs/canaries.md",
    "docs/query-api.md",
    "docs/reading-room.md",
    "docs/redaction.md",
    *sorted(DECISIONS),
]
NOT_SETTINGS = {
    "AUDITSTREAM_CONFIG",
    "AUDITSTREAM_SOAK_ENGINE",
    "AUDITSTREAM_STREAMS",
    *KEY_VARIABLES,
}


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """The whole program as syntax is large, and nobody else asks for it."""
    yield
    modules.cache_clear()


def uses(read: Callable[[ast.Module, str], Iterator[Use]]) -> list[Use]:
    """What the whole program does of one kind."""
    found = [use for path, module in modules() for use in read(module, path)]
    assert found, "the reader found nothing: it no longer fits the code"
    return found


def unlisted(found: list[Use], names: set[str]) -> list[Use]:
    """Those whose name no catalogue has."""
    return [use for use in found if use.name not in names]


def unlisted_keys(found: list[Use], keys: frozenset[str]) -> list[Use]:
    """Those that use a key no list has."""
    return [use for use in found if use.keys - keys]


def test_the_printed_reference_is_up_to_date() -> None:
    """`docs/reference.md` is what `auditstream reference` prints; `make docs` writes it anew."""
    run = [sys.executable, "-P", "-m", "cli.main", "reference"]
    printed = subprocess.run(run, cwd=ROOT, capture_output=True, check=True).stdout
    assert printed == (ROOT / "docs" / "reference.md").read_bytes(), "run: make docs"


def test_every_log_line_is_in_the_catalogue() -> None:
    """Each event that is logged is in EVENTS, and each of its keys in LOG_KEYS."""
    found = uses(lines)
    assert unlisted(found, {"", *EVENTS}) == []
    assert unlisted_keys(found, LOG_KEYS) == []


def test_every_metric_is_in_the_catalogue() -> None:
    """Each metric that is counted is in METRICS and has the documented label, or none."""
    found = uses(counts)
    assert unlisted(found, set(METRICS)) == []
    strange = [
        use for use in found if use.keys != frozenset(LABELS.get(use.name, ("",))[:1]) - {""}
    ]
    assert strange == []


def test_every_metric_is_counted() -> None:
    """The catalogue of metrics promises nothing that no code counts."""
    assert set(METRICS) - {use.name for use in uses(counts)} == set()


def test_every_code_is_documented() -> None:
    """Each code that an error class states stands in the reference."""
    text = render()
    assert [use for use in uses(codes) if f"| `{use.name}` |" not in text] == []


def test_every_answer_of_our_own_is_documented() -> None:
    """Each status and code that tap or query side answers with stands in its table."""
    for package, table in (("tap/", TAP_ANSWERS), ("console/", CONSOLE_ANSWERS)):
        listed = {(code, str(status)) for status, code, _ in table}
        for use in uses(answers):
            if use.where.startswith(package):
                given = [status for code, status in listed if code == use.name]
                assert given, use
                assert use.keys <= set(given), use


def test_every_ending_detail_is_documented() -> None:
    """Each detail that is given as text beside an ending is in the catalogue."""
    assert unlisted(uses(details), set(map(str, ENDING_DETAILS))) == []


@pytest.mark.parametrize(
    ("catalogue", "kind"),
    [
        (PRECEDENCE, Ending),
        (FLAGS, Flag),
        (ENDING_DETAILS, EndingDetail),
        (OUTCOMES, Outcome),
        (LEVELS, Level),
        (ACTIONS, Action),
        (SOURCES, IdentitySource),
    ],
)
def test_each_code_of_a_kind_has_its_sentence(
    catalogue: dict[object, str], kind: type[object]
) -> None:
    """No member of an enumeration is left without a sentence, and none is described twice."""
    assert set(catalogue) == set(kind)  # type: ignore[call-overload]  # every kind here is an Enum
    assert len(set(catalogue.values())) == len(catalogue)


def test_each_exit_code_of_verify_has_its_sentence() -> None:
    """The table of exit codes has those of every verdict."""
    assert set(VERDICTS) == {verdict.exit_code for verdict in Verdict}


def test_everything_that_can_be_set_or_typed_is_in_the_reference() -> None:
    """Settings, consumers' settings, key variables, commands and reasons all stand in it."""
    text = render()
    rows = [*setting_rows(), *setting_rows(ConsumerSettings, "consumers.<name>.")]
    wanted = [row[0] for row in rows] + list(KEY_VARIABLES) + list(REASONS)
    assert [name for name in wanted if f"| `{name}` |" not in text] == []
    assert [name for name in _typed(cli) if f"### auditstream {name}\n" not in text] == []


def _typed(group: click.Group, before: str = "") -> Iterator[str]:
    """Everything that can be typed after `auditstream`, through all groups."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _typed(command, f"{before}{name} ")
        elif not command.hidden:
            yield before + name


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_only_what_is_there(page: str) -> None:
    """Each path, command and variable that a page names exists."""
    text = (ROOT / page).read_text("utf-8")
    paths = re.findall(r"`([\w.-]+(?:/[\w.-]+)*/(?:[\w.-]+)?)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    beside = (ROOT / page).parent
    links = re.findall(r"\]\(([\w./-]+)\)", text)
    assert [link for link in links if not (beside / link).exists()] == []
    commands = re.findall(r"\bauditstream ([a-z]+(?:-[a-z]+)*)\b(?=[^\n]*`)", text)
    assert set(commands) - set(cli.commands) == set()
    tops = {row[1] for row in setting_rows()} | NOT_SETTINGS
    assert set(re.findall(r"AUDITSTREAM_[A-Z_]*[A-Z]", text)) - tops == set()


def test_each_dependency_has_its_reason() -> None:
    """Architecture's table has exactly the packages that an installation brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    table = text.partition("## Dependencies")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == project["dependencies"]


SAMPLE = """
def names(x): return {"id": x, "prompt": x}
log.info("tap.invented", id=1)
self._log.error("tap.started", body=b)
log.warning("tap.stopped", **names(1))
log.warning("tap.stopped", **anything)
self._count.add("auditstream_invented_total", colour="red")
self._answer(418, "I'm a teapot", "teapot", "short and stout")
settle(Ending.REFUSED, "because")
class Odd(PermanentError):
    code = "odd.code"
"""


def test_the_reader_sees_what_is_not_listed() -> None:
    """A made-up event, key, metric, label, answer, detail and code are each found."""
    module = ast.parse(SAMPLE)
    said = list(lines(module, "sample"))
    assert [use.name for use in unlisted(said, set(EVENTS))] == ["tap.invented"]
    strange = [sorted(use.keys - LOG_KEYS) for use in unlisted_keys(said, LOG_KEYS)]
    assert strange == [["body"], ["prompt"], ["(not readable)"]]
    [metric] = counts(module, "sample")
    assert (metric.name, *metric.keys) == ("auditstream_invented_total", "colour")
    [answer] = answers(module, "sample")
    assert (answer.name, *answer.keys) == ("teapot", "418")
    assert [use.name for use in details(module, "sample")] == ["because"]
    assert [use.name for use in codes(module, "sample")] == ["odd.code"]
