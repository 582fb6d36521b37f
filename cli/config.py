"""Where settings come from: command line, environment, TOML file, defaults, in this order.

The law: this is the only module that reads the environment or the settings file, and a value
that cannot be used stops the program with one line that names the setting, before anything
starts. The value itself is not repeated: it may be a secret.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from audit.errors import SettingInvalid
from audit.settings import ConsumerSettings, Settings
from cli.setting_words import wrong_because

__all__ = [
    "FLAGS",
    "KEY_VARIABLES",
    "SettingRow",
    "key_values",
    "load",
    "setting_rows",
    "ways_to_set",
]

_PREFIX = "AUDITSTREAM_"
_CONFIG = "AUDITSTREAM_CONFIG"
_DEFAULT_FILE = Path("auditstream.toml")

# Settings that the command line can give, and what stands after the flag.
FLAGS = {"upstream": "URL", "listen": "HOST:PORT", "data": "DIR", "keys": "DIR"}

# Keys given by the environment instead of by files; they are not settings, so that they can
# never be printed with them.
KEY_VARIABLES: dict[str, str] = {
    "AUDITSTREAM_KEY_PUBLIC": "The workers' public key, base64: what a tap seals for. Earlier ones"
    " may follow, separated by commas.",
    "AUDITSTREAM_KEY_PRIVATE": "The workers' private keys, base64, separated by commas.",
    "AUDITSTREAM_KEY_FINGERPRINT": "The key of fingerprints and keyed digests, base64, 32 bytes.",
    "AUDITSTREAM_KEY_SIGN": "The private signing key of this process, base64, 32 bytes.",
    "AUDITSTREAM_KEY_TRUSTED": "Whose signatures are believed: `tap:<public key>` and"
    " `worker:<public key>`, base64, separated by commas. All that `verify` needs.",
}

# The settings file's name, and the tests' folder of recorded streams.
_NOT_SETTINGS = {_CONFIG, "AUDITSTREAM_STREAMS", *KEY_VARIABLES}

SettingRow = tuple[str, str, str, str]


class _Environment(Settings, BaseSettings):
    """The settings as pydantic-settings reads them from the environment."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the file, which comes in as the last argument, below the environment."""
        del dotenv_settings, file_secret_settings
        assert isinstance(init_settings, InitSettingsSource)  # noqa: S101 - narrows the type only
        given = dict(init_settings.init_kwargs)
        in_file = given.pop("_in_file", {})
        return (
            InitSettingsSource(settings_cls, given),
            env_settings,
            InitSettingsSource(settings_cls, in_file),
        )


def load(flags: Mapping[str, Any], config: Path | None = None) -> Settings:
    """Read the settings; `flags` are those given on the command line, by setting name.

    Raises `SettingInvalid` with one line that names the setting and says what to do.
    """
    _check_environment()
    in_file, source = _read_file(config)
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        loaded = _Environment(**given, _in_file=in_file)  # type: ignore[call-arg]  # see sources
    except ValidationError as error:
        raise SettingInvalid(_sentence(error, source, given)) from None
    except SettingsError as error:
        named = re.search(r'field "(\w+)"', str(error))
        name = named[1] if named else "environment"
        raise SettingInvalid(f"setting {name}: is no JSON; give tables and lists as JSON") from None
    return Settings.model_validate(loaded.model_dump())


def key_values() -> dict[str, str]:
    """The keys that the environment gives, by variable name."""
    return {name: os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)}


def setting_rows(model: type[BaseModel] = Settings, prefix: str = "") -> list[SettingRow]:
    """Every setting as (name, environment variable, default, sentence)."""
    rows: list[SettingRow] = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        full = prefix + name
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            rows.extend(setting_rows(inner, full + "."))
            continue
        default = field.get_default(call_default_factory=True)
        rows.append((full, _variable(full), _shown(default), field.description or ""))
    return rows


def ways_to_set(name: str) -> str:
    """Say where a setting can be given: flag, environment variable, key in the settings file."""
    table, _, key = name.rpartition(".")
    flag = f"--{name}, " if name in FLAGS else ""
    place = f"{key} in [{table}]" if table else key
    return f"{flag}{_variable(name)} or {place} of {_DEFAULT_FILE}"


def _variable(name: str) -> str:
    return _PREFIX + name.upper().replace(".", "__")


def _check_environment() -> None:
    """Refuse variables of ours that mean nothing: a typing error must not pass in silence."""
    known = {variable for _, variable, _, _ in setting_rows()}
    tops = {_PREFIX + name.upper() for name in Settings.model_fields}
    for variable in os.environ:
        if not variable.startswith(_PREFIX) or variable in known | tops | _NOT_SETTINGS:
            continue
        if variable.startswith("AUDITSTREAM_CONSUMERS__"):
            continue
        near = difflib.get_close_matches(variable, known | tops, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise SettingInvalid(f"environment variable {variable} is no setting{hint}")


def _read_file(config: Path | None) -> tuple[dict[str, Any], str]:
    named = config or (Path(os.environ[_CONFIG]) if os.environ.get(_CONFIG) else None)
    path = named or _DEFAULT_FILE
    if named is None and not path.exists():
        return {}, ""
    try:
        return tomllib.loads(path.read_text("utf-8")), str(path)
    except OSError as error:
        raise SettingInvalid(f"settings file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingInvalid(f"settings file {path} is no TOML: {error}") from None


def _sentence(error: ValidationError, source: str, given: Mapping[str, Any]) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    name = ".".join(str(step) for step in first["loc"])
    message = wrong_because(first["type"], first["msg"], first.get("ctx", {}))
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, _names_near(name), 1)
        message = "is no setting" + (f"; did you mean {near[0]}?" if near else "")
    return f"setting {name}: {message} ({_origin(name, source, given)})"


def _names_near(name: str) -> list[str]:
    """Every setting's name; those of a consumer under the name that the consumer has here."""
    table, _, rest = name.partition(".")
    consumer, dot, _ = rest.partition(".")
    if table == "consumers" and dot:
        return [f"consumers.{consumer}.{field}" for field in ConsumerSettings.model_fields]
    return [row[0] for row in setting_rows()]


def _origin(name: str, source: str, given: Mapping[str, Any]) -> str:
    """Say where a value that cannot be used was, or may have been, given."""
    if name in given:
        return f"--{name}"
    # Names of consumers are free; what surely holds them all is the one table of consumers.
    known = "consumers" if name.startswith("consumers.") else name
    return f"environment {_variable(known)}" + (f" or {source}" if source else "")


def _shown(default: object) -> str:
    if default is None or default in ({}, []):
        return ""
    return str(default)
