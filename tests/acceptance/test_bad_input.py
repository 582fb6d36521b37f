"""Settings, policies, folders, keys and ports that are wrong: one line, before anything starts."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.starting import UPSTREAM, assert_one_line, up_in
from tests.harness.tree import auditstream


@dataclass(frozen=True)
class Bad:
    """Something wrong, and what the one line about it must say.

    `{here}` in words, environment and line is the folder the command runs in.
    """

    line: str
    words: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    file: str | bytes | None = None


def _option(line: str, *words: str) -> Bad:
    return Bad(line, words)


def _variable(line: str, name: str, value: str) -> Bad:
    return Bad(line, UPSTREAM, ((name, value),))


def _in_file(line: str, text: str | bytes) -> Bad:
    return Bad(line, UPSTREAM, file=text)


_NOT_A_URL = "setting upstream: must be a URL such as https://my-apim.azure-api.net"
_ABSENT = "setting redaction.models: en_core_web_zz is not installed; install it (pip install "
_NO_FINGERPRINT = "setting consumers.a.fingerprints.0: must be 32 lower-case hex digits"
_MARK = "0123456789abcdef" * 2
_NOT_AN_ADDRESS = "must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"

SETTINGS: dict[str, Bad] = {
    "no upstream": _option("setting upstream: is needed"),
    "no scheme": _option(_NOT_A_URL, "--upstream", "gateway.example"),
    "another scheme": _option(_NOT_A_URL, "--upstream", "ftp://gateway.example"),
    "no host": _option(_NOT_A_URL, "--upstream", "https://"),
    "a path": _option("setting upstream: must be a scheme", "--upstream", "https://a.example/v1"),
    "credentials": _option(
        "setting upstream: must not carry credentials", "--upstream", "https://u:hushhush@a.example"
    ),
    "upstream port": _option("setting upstream: ", "--upstream", "https://a.example:99999"),
    "no port": _option(f"setting listen: {_NOT_AN_ADDRESS}", *UPSTREAM, "--listen", "127.0.0.1"),
    "no number": _option(f"setting listen: {_NOT_AN_ADDRESS}", *UPSTREAM, "--listen", "a:http"),
    "large port": _option(f"setting listen: {_NOT_AN_ADDRESS}", *UPSTREAM, "--listen", "::1:99999"),
    "foreign address": _option(
        "setting listen: 192.0.2.1:80: ", *UPSTREAM, "--listen", "192.0.2.1:80"
    ),
    "demo and upstream": _option("--demo brings its own upstream", *UPSTREAM, "--demo"),
    "once alone": _option("--once goes with --demo", *UPSTREAM, "--once"),
    "control": _variable("setting tap.control: must be", "AUDITSTREAM_TAP__CONTROL", "here"),
    "number": _variable("setting worker.lease: ", "AUDITSTREAM_WORKER__LEASE", "long"),
    "out of range": _variable("setting worker.lease: ", "AUDITSTREAM_WORKER__LEASE", "0"),
    "unknown variable": _variable(
        "environment variable AUDITSTREAM_UPSTREEM is no setting; did you mean"
        " AUDITSTREAM_UPSTREAM?",
        "AUDITSTREAM_UPSTREEM",
        "https://a.example",
    ),
    "unknown inner variable": _variable(
        "environment variable AUDITSTREAM_TAP__CONTROLL is no setting; did you mean"
        " AUDITSTREAM_TAP__CONTROL?",
        "AUDITSTREAM_TAP__CONTROLL",
        "127.0.0.1:1",
    ),
    "table that is no JSON": _variable(
        "setting consumers: is no JSON", "AUDITSTREAM_CONSUMERS", "alpha,beta"
    ),
    "tap name": _variable("setting tap.name: ", "AUDITSTREAM_TAP__NAME", "a/b"),
    "half of the keys": _variable(
        "environment AUDITSTREAM_KEY_", "AUDITSTREAM_KEY_PUBLIC", "aGVsbG8="
    ),
    "unknown key in the file": _in_file(
        "setting upsteam: is no setting; did you mean upstream?", 'upsteam = "https://a.example"'
    ),
    "unknown key in a table": _in_file(
        "setting tap.controll: is no setting; did you mean tap.control?",
        '[tap]\ncontroll = "127.0.0.1:1"',
    ),
    "wrong type in the file": _in_file("setting spool.max_bytes: ", '[spool]\nmax_bytes = "much"'),
    "unavailable level": _in_file(
        "setting consumers.a.level: must be none, redacted or pseudonymised",
        '[consumers.a]\nlevel = "full"',
    ),
    "absent model": _variable(_ABSENT, "AUDITSTREAM_REDACTION__MODELS", '{"en":"en_core_web_zz"}'),
    "absent model in the file": _in_file(_ABSENT, '[redaction.models]\nen = "en_core_web_zz"'),
    "a folder without a model": _in_file(
        "setting redaction.models: closed is not installed; ", '[redaction.models]\nen = "closed"'
    ),
    "short fingerprint": _in_file(_NO_FINGERPRINT, '[consumers.a]\nfingerprints = ["3f0c"]'),
    "upper-case fingerprint": _in_file(
        _NO_FINGERPRINT, f'[consumers.a]\nfingerprints = ["{_MARK.upper()}"]'
    ),
    "one key of two": _in_file(
        "setting consumers: a and b have a fingerprint in common (",
        f'[consumers.a]\nfingerprints = ["{_MARK}"]\n[consumers.b]\nfingerprints = ["{_MARK}"]',
    ),
    "no TOML": _in_file("settings file auditstream.toml is no TOML: ", "[tap\nname = "),
    "no UTF-8": _in_file("settings file auditstream.toml is no TOML: ", b'data = "\xff"'),
    "no file": _option("settings file none.toml: No such file", *UPSTREAM, "--config", "none.toml"),
    "a folder as file": _option("settings file {here}: Is a directory", "--config", "{here}"),
    "no policy file": _variable(
        "setting redaction.policy: none.toml: No such file",
        "AUDITSTREAM_REDACTION__POLICY",
        "none.toml",
    ),
    "data is a file": _option("setting data: taken ", *UPSTREAM, "--data", "taken"),
    "data under a file": _option("setting data: taken/data ", *UPSTREAM, "--data", "taken/data"),
    "data where nothing can be": _option("setting data: /proc/a ", *UPSTREAM, "--data", "/proc/a"),
    "read-only data": _option(
        "setting data: closed cannot be written", *UPSTREAM, "--data", "closed"
    ),
    "data in read-only": _option("setting data: closed/x ", *UPSTREAM, "--data", "closed/x"),
}

# What needs the data folder to be there before it can be tried.
_TRIED_LAST = {"foreign address", "half of the keys"}

POLICIES = {
    "no TOML": ("is not TOML", "name = "),
    "unknown key": ("thresold", 'name = "p"\nversion = "1"\nthresold = 0.5'),
    "wrong type": ("threshold", 'name = "p"\nversion = "1"\nthreshold = "half"'),
    "out of range": ("threshold", 'name = "p"\nversion = "1"\nthreshold = 7.0'),
    "no name": ("name", 'version = "1"'),
    "unknown detector": ("`required`", 'name = "p"\nversion = "1"\nrequired = ["oracle"]'),
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A folder to run in, with a file that is in the way and a folder that takes nothing."""
    (tmp_path / "taken").write_text("in the way")
    (tmp_path / "closed").mkdir(mode=0o500)
    yield tmp_path
    (tmp_path / "closed").chmod(0o700)


@pytest.mark.parametrize("what", SETTINGS)
def test_a_setting_that_is_wrong_is_one_line_before_anything_starts(here: Path, what: str) -> None:
    """The line names the setting, the exit code is 2, and no folder has been made."""
    bad = SETTINGS[what]
    if bad.file is not None:
        text = bad.file if isinstance(bad.file, bytes) else bad.file.encode()
        (here / "auditstream.toml").write_bytes(text)
    words = [word.format(here=here) for word in bad.words]
    before = sorted(path.name for path in here.iterdir())
    result = up_in(here, *words, **dict(bad.env))
    assert_one_line(result, bad.line.format(here=here))
    assert "hushhush" not in result.stderr
    if what not in _TRIED_LAST:
        assert sorted(path.name for path in here.iterdir()) == before


@pytest.mark.parametrize("what", POLICIES)
def test_a_policy_that_is_wrong_is_one_line_that_names_file_and_key(here: Path, what: str) -> None:
    """Nothing is started under a policy that cannot be understood."""
    key, text = POLICIES[what]
    (here / "policy.toml").write_text(text)
    result = up_in(here, *UPSTREAM, AUDITSTREAM_REDACTION__POLICY="policy.toml")
    assert_one_line(result, "")
    assert "policy.toml" in result.stderr
    assert key in result.stderr


@pytest.mark.parametrize(
    ("setting", "variable"),
    [
        ("listen", "AUDITSTREAM_LISTEN"),
        ("tap.control", "AUDITSTREAM_TAP__CONTROL"),
        ("console.listen", "AUDITSTREAM_CONSOLE__LISTEN"),
    ],
)
def test_a_port_in_use_is_one_line(here: Path, setting: str, variable: str) -> None:
    """Each of the ports is tried before anything starts, and named with its setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = up_in(here, *UPSTREAM, **{variable: address})
    assert_one_line(result, f"setting {setting}: {address} is in use; choose another with ")
    assert variable in result.stderr
    assert ("--listen" in result.stderr) == (setting == "listen")


def _made(here: Path, name: str) -> Path:
    """A data folder with keys of its own, as a first start makes them."""
    result = auditstream("fingerprint", "--data", str(here / name), stdin="key")
    assert result.returncode == 0, result.stderr
    return here / f"{name}.keys"


def test_a_fingerprint_comes_with_the_keys_it_was_made_with(here: Path) -> None:
    """Another tap's keys give another one, so standard error says which they were."""
    keys = here / "one.keys"
    told = f"auditstream: valid for taps with the keys in {keys}"
    made, again = (
        auditstream("fingerprint", "--data", str(here / "one"), stdin="key") for _ in range(2)
    )
    assert made.stderr == f"{told}, which were made just now\n"
    assert again.stderr == f"{told}\n"
    assert made.stdout == again.stdout
    assert re.fullmatch(r"[0-9a-f]{32}\n", made.stdout)


def test_another_key_for_a_data_folder_is_one_line(here: Path) -> None:
    """What was sealed for one key is not mixed with what is sealed for another."""
    _made(here, "one")
    other = _made(here, "two")
    result = up_in(here, *UPSTREAM, "--data", "one", "--keys", str(other))
    assert_one_line(result, "the data folder one was made with the key ")


def test_lost_keys_are_one_line_and_are_not_replaced(here: Path) -> None:
    """A data folder whose keys are gone gets no others, which could open nothing in it."""
    keys = _made(here, "one")
    shutil.move(keys, here / "elsewhere")
    result = up_in(here, *UPSTREAM, "--data", "one")
    assert_one_line(result, "the data folder one was made with a key that is not in the keys")
    assert not keys.exists() or not list(keys.iterdir())


@pytest.mark.parametrize("name", ["seal.*.key", "fingerprint.key"])
@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_a_key_that_others_can_use_is_one_line(here: Path, name: str, mode: int) -> None:
    """The file, its mode and what to type are named."""
    keys = _made(here, "one")
    (file,) = keys.glob(name)
    file.chmod(mode)
    result = up_in(here, *UPSTREAM, "--data", "one")
    assert_one_line(result, f"keys: one.keys/{file.name} is open to others (mode {mode:04o})")
    assert f"chmod 600 one.keys/{file.name}" in result.stderr


def test_a_key_file_that_is_no_key_is_one_line_without_its_content(here: Path) -> None:
    """What stands in a key file is not shown, whatever it is."""
    keys = _made(here, "one")
    (keys / "fingerprint.key").write_text("hushhush\n")
    result = up_in(here, *UPSTREAM, "--data", "one")
    assert_one_line(result, "keys: the fingerprint key is not 32 bytes of base64")
    assert "hushhush" not in result.stderr
