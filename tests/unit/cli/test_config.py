"""Settings as they are read and listed: what is wrong is said with the place it came from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from audit.errors import SettingInvalid
from cli.config import FLAGS, load, setting_rows, ways_to_set
from cli.main import cli
from cli.policies import check_models
from cli.run_read import run_settings

MARK = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a settings file, and no variable that names a setting."""
    monkeypatch.chdir(tmp_path)
    for _, variable, _, _ in setting_rows():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("AUDITSTREAM_CONFIG", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", ["upstream", "listen"])
def test_a_wrong_value_of_a_flag_names_the_flag(name: str) -> None:
    """Not the variable, and not the file, which another value may stand in."""
    Path("auditstream.toml").write_text('upstream = "https://a.example"\n')
    with pytest.raises(SettingInvalid) as refused:
        load({name: "wrong"})
    assert str(refused.value).endswith(f" (--{name})")


def test_a_wrong_value_of_the_environment_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It names the file too, where there is one."""
    Path("auditstream.toml").write_text('listen = "127.0.0.1:1"\n')
    monkeypatch.setenv("AUDITSTREAM_LISTEN", "wrong")
    with pytest.raises(SettingInvalid) as refused:
        load({})
    assert str(refused.value).endswith(" (environment AUDITSTREAM_LISTEN or auditstream.toml)")


@pytest.mark.parametrize(
    "wrong", ["", "3f0c", MARK.upper(), MARK + "0", " " + MARK, MARK[:-1] + "g", "sk-hushhush"]
)
def test_what_is_no_fingerprint_is_refused_and_not_repeated(wrong: str) -> None:
    """It may be the key itself, put there by mistake."""
    with pytest.raises(SettingInvalid) as refused:
        load({"consumers": {"a": {"fingerprints": [MARK, wrong]}}})
    assert "consumers.a.fingerprints.1: must be 32 lower-case hex digits" in str(refused.value)
    assert "hushhush" not in str(refused.value)


def test_no_more_is_captured_than_a_message_of_the_queue_can_hold() -> None:
    """Beyond a bound the queue would refuse the exchange each time that it is sent."""
    most = 256 * 1024 * 1024
    assert load({"tap": {"capture_limit": most}}).tap.capture_limit == most
    with pytest.raises(SettingInvalid) as refused:
        load({"tap": {"capture_limit": most + 1}})
    assert "tap.capture_limit: must be 268435456 (256 MiB) at most" in str(refused.value)


def test_one_fingerprint_belongs_to_one_consumer() -> None:
    """Two that share a key are refused when the settings are read; two keys of one are not."""
    one = {"fingerprints": [MARK, "0" * 32]}
    assert load({"consumers": {"a": one}}).consumers["a"].fingerprints == one["fingerprints"]
    with pytest.raises(SettingInvalid, match="consumers: a and b have a fingerprint in common"):
        load({"consumers": {"a": one, "b": {"fingerprints": ["0" * 32]}}})


def test_a_misspelt_setting_of_a_consumer_is_told_what_was_meant() -> None:
    """By the consumer's own name; other tables' settings are no nearer."""
    with pytest.raises(SettingInvalid) as refused:
        load({"consumers": {"acme": {"levl": "none"}}})
    assert "consumers.acme.levl: is no setting; did you mean consumers.acme.level?" in str(
        refused.value
    )


def test_a_name_model_is_looked_for_before_anything_starts(tmp_path: Path) -> None:
    """A pipeline's folder will do, nothing configured too; what is not here will not."""
    folder = tmp_path / "names"
    folder.mkdir()
    (folder / "meta.json").write_text("{}")
    check_models(load({}))
    check_models(load({"redaction": {"models": {"en": str(folder)}}}))
    for absent in ("en_core_web_zz", "", str(tmp_path)):
        settings = load({"redaction": {"models": {"en": str(folder), "de": absent}}})
        with pytest.raises(SettingInvalid, match=r"redaction\.models: .* is not installed"):
            check_models(settings)


def test_flags_that_are_named_are_flags() -> None:
    """Each can be typed with `auditstream up`, and stands in advice together with its variable."""
    options = {word for option in cli.commands["up"].params for word in option.opts}
    for name in FLAGS:
        assert f"--{name}" in options
        assert ways_to_set(name).startswith(f"--{name}, AUDITSTREAM_{name.upper()} or {name} of ")
    told = "AUDITSTREAM_TAP__CONTROL or control in [tap] of auditstream.toml"
    assert ways_to_set("tap.control") == told


def test_the_list_of_settings_cuts_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name, variable, default and sentence stand whole, however narrow the terminal."""
    monkeypatch.setenv("COLUMNS", "20")
    run_settings()
    blocks = capsys.readouterr().out.split("\n\n")
    rows = setting_rows()
    assert [block.splitlines()[0] for block in blocks][: len(rows)] == [row[0] for row in rows]
    for block, row in zip(blocks, rows, strict=False):
        lines = [line.strip() for line in block.splitlines()]
        assert row[3] in lines
        assert f"environment:  {row[1]}" in lines
        assert not row[2] or f"default:      {row[2]}" in lines


def test_accounts_need_an_id_and_a_way_back() -> None:
    """An issuer alone is refused with what is missing; the secret is not repeated."""
    oidc = {"issuer": "https://login.example.org/t/v2.0", "client_id": "room"}
    with pytest.raises(SettingInvalid, match=r"needs oidc\.client_id, and url for the way back"):
        load({"console": {"oidc": {**oidc, "client_secret": "hushhush"}}})
    with pytest.raises(SettingInvalid, match="url must begin with https://"):
        load({"console": {"oidc": oidc, "url": "http://audit.example.org"}})
    given = load({"console": {"oidc": oidc, "url": "https://audit.example.org/"}}).console
    assert (given.url, given.oidc.issuer) == ("https://audit.example.org", oidc["issuer"])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("issuer", "http://login.example.org"),
        ("issuer", "login.example.org"),
        ("issuer", "https://login.example.org?tenant=1"),
        ("roles", {"Log.Reader": "root"}),
        ("consumers", {"group": "shop"}),
    ],
)
def test_accounts_are_believed_over_tls_and_granted_known_roles_only(
    name: str, wrong: object
) -> None:
    """A plain issuer, a role that is none and a list that is none are refused by name."""
    with pytest.raises(SettingInvalid, match=rf"setting console\.oidc\.{name}"):
        load({"console": {"oidc": {name: wrong}}})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"worker": {"processes": 0}}, "setting worker.processes: must be at least 1 ("),
        (
            {"console": {"token": "short"}},
            "setting console.token: must have at least 16 characters",
        ),
        ({"tap": {"connect_timeout": 0}}, "setting tap.connect_timeout: must be more than 0 ("),
        ({"worker": {"lease": "long"}}, "setting worker.lease: must be a number ("),
        ({"console": {"session_keys": 5}}, "setting console.session_keys: must be a list ("),
    ],
)
def test_a_limit_is_told_in_our_words(given: dict[str, Any], told: str) -> None:
    """What it must be, and not what a library calls its input."""
    with pytest.raises(SettingInvalid) as refused:
        load(given)
    assert str(refused.value).startswith(told)


_JUNK: tuple[object, ...] = ("", "x", "nan", "1.5", [], {}, [1], {"a": 1}, None, -1, 10**12, 1.5)


@pytest.mark.parametrize("junk", _JUNK, ids=repr)
def test_no_word_of_the_library_is_passed_on(junk: object) -> None:
    """Whatever is given for whatever setting."""
    told = []
    for name, _, _, _ in setting_rows():
        given: Any = junk
        for step in reversed(name.split(".")):
            given = {step: given}
        try:
            load(given)
        except SettingInvalid as refused:
            told.append(str(refused))
    assert told
    theirs = re.compile(r"\b(Input|Value|String|List|Tuple|Dictionary|validation|pydantic|valid)\b")
    assert [each for each in told if theirs.search(each)] == []
