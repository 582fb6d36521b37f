"""`auditstream redact` and `auditstream policy`, run as whoever tries a policy runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.tree import clean_environment

ROOT = Path(__file__).parents[2]
SMALL = 'name = "small"\nversion = "1"\nmax_text_chars = 400\nmax_record_chars = 400\n'
SMALL += 'required = ["patterns", "secrets"]\nleave_out = []\n'
MAIL = "ann.lee@example.org"
FACE = "\N{GRINNING FACE}"


def run(*words: str, stdin: bytes = b"", cwd: Path | None = None) -> Any:
    """Run one command to its end, bytes in and bytes out."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli.main", *words],
        cwd=cwd,
        env=clean_environment(PYTHONPATH=str(ROOT)),
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A policy whose detectors load at once, and whose budget is soon spent."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL, "utf-8")
    return path


def redact(small: Path, stdin: bytes, *words: str) -> Any:
    """Try the small policy."""
    return run("redact", "--policy", str(small), *words, stdin=stdin, cwd=small.parent)


def lines_of(*texts: str) -> bytes:
    """JSON Lines with these texts."""
    return b"".join(json.dumps({"text": text, "id": 7}).encode() + b"\n" for text in texts)


TEXTS = [
    f"Mail {MAIL}, please.",
    f"{FACE}{FACE} cafe\u0301 {MAIL} {FACE}",
    json.dumps({"arguments": json.dumps({"to": MAIL, "card": 4111111111111111})}),
    f"| a | b |\n|---|---|\n| {MAIL} | 192.0.2.7 |\r\n",
    f"one\u2028two {MAIL} \u0085 three",
    "",
    "Nothing here.",
]


def test_findings_cut_out_of_the_input_exactly_what_was_taken_out(small: Path) -> None:
    """Offsets are code points of the `text` of that line, whatever its script and its syntax."""
    result = redact(small, lines_of(*TEXTS))
    assert result.returncode == 0, result.stderr
    made = [json.loads(line) for line in result.stdout.decode().splitlines()]
    assert len(made) == len(TEXTS)
    for text, each in zip(TEXTS, made, strict=True):
        assert set(each) == {"text", "findings"}
        done, rest = 0, each["text"]
        for found in each["findings"]:
            assert set(found) == {"start", "end", "type", "score", "detector"}
            assert found["start"] >= done
            before = text[done : found["start"]].rstrip('\\"')
            assert before in rest
            rest = rest.partition(before)[2]
            done = found["end"]
        cut = [text[found["start"] : found["end"]] for found in each["findings"]]
        assert (MAIL in cut) == (MAIL in text)
        assert MAIL not in each["text"]
    assert json.loads(json.loads(made[2]["text"])["arguments"])["card"] == "<CREDIT_CARD_1>"
    assert made[5] == {"text": "", "findings": []}
    assert made[6] == {"text": "Nothing here.", "findings": []}


def test_a_bad_line_is_named_and_the_others_are_redacted(small: Path) -> None:
    """What cannot be redacted is left out, never repeated, and ends in exit code 1."""
    secret = f"{MAIL} password: hunter2-Quillerby"
    bad = [
        b'{"text": "' + secret.encode(),
        json.dumps({"said": secret}).encode(),
        json.dumps({"text": [secret]}).encode(),
        json.dumps([secret]).encode(),
        b'{"text": "\xff ' + secret.encode() + b'"}',
        json.dumps({"text": secret * 20}).encode(),
        b'{"text": "' + secret.encode() * 9000 + b'"}',
        b'{"x": ' + b"[" * 9000 + b"]" * 9000 + b', "text": "a"}',
    ]
    good = lines_of(f"Mail {MAIL}").strip()
    stdin = b"\xef\xbb\xbf" + good + b"\r\n\n" + b"\r\n".join(bad) + b"\n" + good
    result = redact(small, stdin, "--jsonl")
    assert result.returncode == 1
    made = [json.loads(line)["text"] for line in result.stdout.splitlines()]
    assert made == ["Mail <EMAIL_ADDRESS_1>"] * 2
    named = [line.split(b":")[1] for line in result.stderr.splitlines() if b": line " in line]
    assert named == [b" line %d" % (number + 3) for number in range(len(bad))]
    assert b"redaction.text_too_large" in result.stderr
    assert b"Quillerby" not in result.stderr + result.stdout
    assert b"Traceback" not in result.stderr


def test_a_plain_text_keeps_every_byte_that_is_not_taken_out(small: Path) -> None:
    """Line ends, emoji, combining marks and what follows stay; nothing is added."""
    text = f"\ufeffDear {FACE},\r\ncafe\u0301 {MAIL}\r\n\r\n\tend"
    result = redact(small, text.encode())
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode() == text.replace(MAIL, "<EMAIL_ADDRESS_1>")
    assert redact(small, b"").stdout == b""


def test_a_text_that_is_json_stays_json(small: Path) -> None:
    """An object over several lines is one text, not JSON Lines; its findings lie in it."""
    text = json.dumps({"to": MAIL, "n": 1.5, "ok": None}, indent=2)
    (line,) = redact(small, text.encode(), "--json").stdout.splitlines()
    made = json.loads(line)
    assert json.loads(made["text"]) == {"to": "<EMAIL_ADDRESS_1>", "n": 1.5, "ok": None}
    (found,) = made["findings"]
    assert text[found["start"] : found["end"]] == MAIL


def test_one_line_can_be_taken_as_text_although_it_looks_like_json_lines(small: Path) -> None:
    """What the first line tells can be said otherwise."""
    stdin = lines_of(f"Mail {MAIL}")
    told = redact(small, stdin, "--plain").stdout
    assert json.loads(told) == {"text": "Mail <EMAIL_ADDRESS_1>", "id": 7}
    assert redact(small, stdin, "--jsonl", "--json").returncode == 2


@pytest.mark.parametrize(
    "stdin", [MAIL.encode() * 100_000, b"\xff " + MAIL.encode()], ids=["too long", "no UTF-8"]
)
def test_a_plain_text_that_cannot_be_redacted_is_not_printed(small: Path, stdin: bytes) -> None:
    """Too long for the budget, or no UTF-8: a line says so."""
    result = redact(small, stdin)
    assert (result.returncode, result.stdout) == (1, b"")
    assert MAIL.encode() not in result.stderr
    assert len(result.stderr.splitlines()) <= 2


def test_whoever_sends_a_line_gets_its_answer_before_sending_another(small: Path) -> None:
    """Lines are answered as they come, not at the end."""
    words = [sys.executable, "-P", "-m", "cli.main", "redact", "--jsonl", "--policy", str(small)]
    env = clean_environment(PYTHONPATH=str(ROOT))
    with subprocess.Popen(
        words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(3):
            os.write(process.stdin.fileno(), lines_of(f"Mail {MAIL}"))
            assert json.loads(process.stdout.readline())["text"] == "Mail <EMAIL_ADDRESS_1>"
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_what_stays_is_listed_when_asked_for(small: Path) -> None:
    """With `--all` each finding says what became of it, what was left standing too."""
    small.write_text(f'{SMALL}[entities.IP_ADDRESS]\naction = "keep"\n', "utf-8")
    stdin = lines_of(f"{MAIL} from 192.0.2.7")
    (line,) = redact(small, stdin, "--all").stdout.splitlines()
    told = {found["type"]: found["action"] for found in json.loads(line)["findings"]}
    assert told == {"EMAIL_ADDRESS": "token", "IP_ADDRESS": "keep"}


def test_pseudonyms_of_two_runs_cannot_be_joined(small: Path) -> None:
    """They agree within a run, and say nothing of those in the records."""
    stdin = lines_of(MAIL, f"To {MAIL}")
    words = ("--level", "pseudonymised")
    one, other = (redact(small, stdin, *words).stdout.splitlines() for _ in range(2))
    first = json.loads(one[0])["text"]
    assert json.loads(one[1])["text"] == f"To {first}"
    assert first.startswith("<EMAIL_ADDRESS_")
    assert json.loads(other[0])["text"] != first


def test_the_policy_that_ships_is_tried_without_anything_given(tmp_path: Path) -> None:
    """No settings, no keys and no data folder are needed, and none is made."""
    result = run(
        "redact", stdin=lines_of(f"Mail {MAIL}, IBAN DE89370400440532013000"), cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert "<IBAN_CODE_1>" in json.loads(result.stdout)["text"]
    assert list(tmp_path.iterdir()) == []


BAD_POLICIES = {
    'name = "p': "not TOML",
    'name = "p"\nversion = "1"\nthreshold = 7\n': "threshold",
    'name = "p"\nversion = "1"\n[entities.PASSWORD]\naction = "keep"\n': "entities.PASSWORD",
    'name = "p"\nversion = "1"\n[entities.PERSON]\naction = "Quillerby"\n': "entities.PERSON",
    'name = "p"\nversion = "1"\nrequired = ["nobody"]\n': "required",
    'name = "p"\nversion = "1"\nthreshhold = 0.5\n': "threshhold",
}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((text, ("policy", "check")) for text in BAD_POLICIES),
        *((text, ("policy", "diff")) for text in list(BAD_POLICIES)[-1:]),
        *((text, ("redact", "--policy")) for text in list(BAD_POLICIES)[-1:]),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_by_its_key(
    tmp_path: Path, words: tuple[str, ...], text: str
) -> None:
    """One line, exit code 2, and no value that the policy holds."""
    path = tmp_path / "bad.toml"
    path.write_text(text, "utf-8")
    result = run(*words, str(path), stdin=MAIL.encode(), cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, b"")
    (line,) = result.stderr.decode().splitlines()
    assert BAD_POLICIES[text] in line
    assert "bad.toml" in line
    assert "Quillerby" not in line


def test_a_policy_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """As any other file that is given."""
    result = run("policy", "check", "none.toml", cwd=tmp_path)
    assert result.returncode == 2
    assert b"none.toml: No such file" in result.stderr


def test_check_says_what_a_policy_does_and_what_is_unwise(small: Path) -> None:
    """In words and as JSON: its label, its detectors, what becomes of each type, warnings."""
    small.write_text(f'{SMALL}[entities.PERSON]\naction = "keep"\n[deny]\n"Quillerby" = "X"\n')
    told = run("policy", "check", str(small), cwd=small.parent).stdout.decode()
    result = run("policy", "check", str(small), "--json", cwd=small.parent)
    assert result.returncode == 0
    document = json.loads(result.stdout)
    assert document["policy"] == f"small@1#{document['hash']}"
    assert document["policy"] in told
    assert document["required"] == ["patterns", "secrets"]
    assert document["deny"] == {"X": 1}
    assert {"required", "entities.PERSON"} <= {each["key"] for each in document["warnings"]}
    assert "warning: entities.PERSON: PERSON is kept" in told
    assert "Quillerby" not in told + result.stdout.decode()


def test_check_takes_the_policy_of_the_settings_when_no_file_is_given(small: Path) -> None:
    """Else the one that ships."""
    assert run("policy", "check", cwd=small.parent).stdout.startswith(b"default@")
    (small.parent / "auditstream.toml").write_text('[redaction]\npolicy = "small.toml"\n')
    assert run("policy", "check", cwd=small.parent).stdout.startswith(b"small@1")


def test_diff_says_what_the_second_policy_does_otherwise(small: Path) -> None:
    """In words and as JSON; one file is compared with the policy that ships."""
    other = small.with_name("other.toml")
    other.write_text(SMALL.replace('version = "1"', 'version = "2"\nthreshold = 0.7'), "utf-8")
    told = run("policy", "diff", str(small), str(other), cwd=small.parent).stdout.decode()
    assert "threshold: 0.5 → 0.7 (less is taken out)" in told
    result = run("policy", "diff", str(small), str(other), "--json", cwd=small.parent)
    assert [each["key"] for each in json.loads(result.stdout)["changes"]] == [
        "version",
        "threshold",
    ]
    same = run("policy", "diff", str(small), str(small), "--json", cwd=small.parent)
    assert json.loads(same.stdout)["same"] is True
    shipped = run("policy", "diff", str(small), "--json", cwd=small.parent)
    assert json.loads(shipped.stdout)["before"].startswith("default@")
