"""The reference, made from the catalogues in the code: `docs/reference.md` is what this prints.

The law: nothing is said here that the code does not say first. A setting, command, code, event
or metric stands in the reference because it stands in its catalogue; so the two cannot drift,
and a test fails when the printed file lags behind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click

from audit.completeness import REASONS
from audit.errors import TransientError, error_codes
from audit.exchange import PRECEDENCE
from audit.flags import ENDING_DETAILS, FLAGS
from audit.reading.words import SOURCES
from audit.settings import ConsumerSettings
from audit.telemetry import EVENTS, LOG_KEYS, QUEUE_METRICS, TAP_METRICS, WORKER_METRICS
from cli.config import KEY_VARIABLES, setting_rows
from cli.main import cli
from cli.parts import PartFailed
from cli.reference.markdown import code, coded, codes, table, title
from cli.reference.policy import policy_section
from cli.reference.words import (
    CANARY_CODES,
    CONSOLE_ANSWERS,
    EXIT_CODES,
    LABELS,
    LEVELS,
    OTHER_CODES,
    OUTCOMES,
    TAP_ANSWERS,
    UNRECORDED,
    VERDICTS,
)
from storage.records.query import FIELDS, Field

__all__ = ["print_reference", "render"]


def render() -> str:
    """Write the whole reference as Markdown, the same bytes each time."""
    sections = (
        _head(),
        _settings(),
        _commands(),
        _filter(),
        _records(),
        policy_section(),
        _completeness(),
        _errors(),
        _telemetry(),
    )
    return "\n".join(line for section in sections for line in section)


def print_reference() -> None:
    """Write the reference to standard output as UTF-8."""
    sys.stdout.buffer.write(render().encode())


def _head() -> Iterator[str]:
    yield "# Reference"
    yield ""
    yield "Made from the code by `make docs`. Do not edit it by hand: a test compares the two."
    yield ""


def _settings() -> Iterator[str]:
    yield from title(
        "Settings",
        "From the command line, else the environment, else the TOML file, else the default. A"
        " name `a.b` is `b` in the table `[a]` of the file. In the environment, lists and tables"
        " are given as JSON. The file is `auditstream.toml` in the working folder, or the one"
        " that `--config` or `AUDITSTREAM_CONFIG` names.",
    )
    shown = ("Setting", "Environment", "Default", "Meaning")
    yield from table(shown, map(_setting, setting_rows()))
    yield from title(
        "Consumers",
        "One table `[consumers.<name>]` for each. Callers that no fingerprint assigns get the"
        " settings of the consumer that `tap.default_consumer` names.",
        level=3,
    )
    yield from table(
        ("Setting", "Default", "Meaning"),
        (
            (code(name), code(default), meaning)
            for name, _, default, meaning in setting_rows(ConsumerSettings, "consumers.<name>.")
        ),
    )
    yield from title("Levels", "How much of an exchange is kept.", level=3)
    yield from coded("Level", LEVELS.items())
    yield from title(
        "Keys",
        "When any of these is set, all that a part needs must be, and no keys folder is read. They"
        " are no settings, so that they are never printed with them.",
        level=3,
    )
    yield from coded("Variable", KEY_VARIABLES.items())


def _setting(row: tuple[str, str, str, str]) -> Sequence[str]:
    name, variable, default, meaning = row
    return code(name), code(variable), code(default), meaning


def _commands() -> Iterator[str]:
    yield from title("Commands", "`auditstream COMMAND --help` says the same.")
    for name, command in _leaves(cli):
        yield from _command(name, command)
    yield from title("Exit codes", "Of every command but `verify` and `canary`.", level=3)
    yield from coded("Code", EXIT_CODES.items())
    yield from title("Exit codes of verify", "", level=3)
    yield from coded("Code", VERDICTS.items())
    yield from title("Exit codes of canary", "", level=3)
    yield from coded("Code", CANARY_CODES.items())


def _leaves(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Name every command that can be run, those of groups by their whole name."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{before}{name} ")
        elif not command.hidden:
            yield before + name, command


def _command(name: str, command: click.Command) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(click.Context(command)))
    said = " ".join(line.strip() for line in (command.help or "").splitlines() if line.strip())
    yield from title(f"auditstream {name}", f"`auditstream {name} {usage}`", level=3)
    yield said
    yield ""
    options = [each for each in command.params if isinstance(each, click.Option)]
    rows = [(code(_spelt(each)), each.help or "") for each in options if not each.hidden]
    if rows:
        yield from table(("Option", "Meaning"), rows)


def _spelt(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.metavar or 'N'}"
    return ", ".join((*option.opts, *option.secondary_opts)) + value


def _filter() -> Iterator[str]:
    yield from title(
        "Filter",
        "Conditions stand side by side and all must hold; `OR` means either, `-` before one means"
        " not, parentheses group. `field:value` asks a field; numbers and durations also take `>`,"
        ' `>=`, `<`, `<=`. Anything else is text to be found, `"in quotes"` as a phrase. `*` in a'
        " value without quotes stands for any characters. Days and instants are UTC.",
    )
    shown = ("Field", "Takes", "Example", "Meaning")
    yield from table(shown, map(_field, FIELDS.values()))


def _field(field: Field) -> Sequence[str]:
    takes = ", ".join(map(code, field.choices)) if field.choices else field.kind.value
    return code(field.name), takes, code(field.example), field.sentence


def _records() -> Iterator[str]:
    yield from title(
        "Endings", "How an exchange ended; where several hold, the first one names it."
    )
    yield from coded("Ending", PRECEDENCE.items())
    yield from title("Ending details", "Why the ending is what it is.", level=3)
    yield from coded("Detail", ENDING_DETAILS.items())
    yield from title("Flags", "What a reader must know of the record itself.")
    yield from coded("Flag", FLAGS.items())
    yield from title("Identity", "What `identity.source` says an identity rests on.")
    yield from coded("Source", SOURCES.items())


def _completeness() -> Iterator[str]:
    yield from title(
        "Completeness",
        "What `auditstream verify` says of each number. Beside these it may name numbers as"
        " `uncertain`: they were reserved by a boot that died, and had power failed at that moment,"
        " some of them may have been given out and left no trace. They are no flaw.",
    )
    yield from coded("Outcome", OUTCOMES.items())
    yield from title("Reasons", "Why a number is not in order.", level=3)
    yield from coded("Reason", REASONS.items())
    yield from title("Numbers without an opening", "As checkpoints account for them.", level=3)
    yield from coded("Reason", UNRECORDED.items())


def _errors() -> Iterator[str]:
    yield from title(
        "Error codes",
        "A transient error may succeed later, and what met it is tried again; a permanent one is"
        " set aside with its code.",
    )
    # Naming the class makes sure that its module is loaded and its code therefore known.
    sentences = error_codes() | {PartFailed.code: PartFailed.__doc__ or ""}
    transient = _codes_below(TransientError)
    rows = [
        (code(each), "transient" if each in transient else "permanent", sentence)
        for each, sentence in sorted((sentences | OTHER_CODES).items())
    ]
    yield from table(("Code", "Kind", "Meaning"), rows)
    yield from title(
        "The tap's own answers",
        'JSON in the shape `{"error": {"message", "type": "auditstream_tap_error", "param",'
        ' "code"}}`, with the header `X-AuditStream-Error`. Every other answer is the upstream\'s.',
        level=3,
    )
    yield from table(("Status", "Code", "When"), map(_answer, TAP_ANSWERS))
    yield from title(
        "The query side's own answers",
        'JSON in the shape `{"error": {"code", "message"}}`. An error of the table above comes as'
        " 400 where it is permanent, as 503 where it is transient.",
        level=3,
    )
    yield from table(("Status", "Code", "When"), map(_answer, CONSOLE_ANSWERS))


def _answer(row: tuple[int, str, str]) -> Sequence[str]:
    status, named, when = row
    return str(status), code(named), when


def _codes_below(kind: type[TransientError]) -> set[str]:
    return {kind.code}.union(*map(_codes_below, kind.__subclasses__()))


def _telemetry() -> Iterator[str]:
    yield from title(
        "Log events",
        "One line each, on standard error. A line holds `timestamp`, `level`, `event` and keys of"
        " the list below; any other key is dropped.",
    )
    yield from coded("Event", EVENTS.items())
    yield f"Keys: {codes(sorted(LOG_KEYS))}."
    yield ""
    yield from title(
        "Metrics",
        "In Prometheus' text format, at `/metrics` of the control ports: the tap's, `tap.control`,"
        " and a worker's where `worker.control` is set. A part shows its own. How full the queue"
        " is, a worker says, and a tap whose queue is a file of its data folder; while it cannot be"
        " asked, these figures are not shown.",
    )
    for part, metrics in (
        ("tap", TAP_METRICS),
        ("worker", WORKER_METRICS),
        ("queue", QUEUE_METRICS),
    ):
        yield from table(
            (f"Metric of the {part}", "Label", "Meaning"), map(_metric, metrics.items())
        )


def _metric(item: tuple[str, str]) -> Sequence[str]:
    name, sentence = item
    label, values = LABELS.get(name, ("", ()))
    return code(name), f"{code(label)}: {codes(values)}" if label else "", sentence
