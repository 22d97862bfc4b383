"""Where alerts go, by the project's settings: `alerts:` in orderlake.yaml, one mapping or a list of them.

alerts:
  - webhook: ${SHOP_ALERTS_URL}          # secrets stay in the environment
    on: [rejected, check, quarantined]   # by default rejected and check
  - command: notify-send orderlake       # gets the JSON on stdin, the text as ORDERLAKE_ALERT_TEXT
    timeout: 10
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from orderlake.alerts.alert import KINDS, Kind
from orderlake.alerts.target import VARIABLE, Secret, Target
from orderlake.config import PROJECT_FILE, Project
from orderlake.errors import ConfigError

DEFAULT: Final[tuple[Kind, ...]] = ("rejected", "check")
_KEYS: Final = {"webhook", "headers", "command", "shell", "on", "timeout"}
_WEBHOOK_SECONDS: Final = 5.0
_COMMAND_SECONDS: Final = 30.0
_LONGEST: Final = 300.0


def targets_of(project: Project) -> list[Target]:
    """The targets that a project's settings name; ConfigError says what is wrong with them.

    A deployment's topic is one of them, wherever its lake is loaded from.
    """
    found: list[Target] = []
    for each in project.alerts:
        values = _checked(each)
        on = _kinds(values.get("on"))
        if "webhook" in values:
            from orderlake.alerts.webhook import Webhook  # noqa: PLC0415 - a function starts without it

            headers = {name: Secret(value) for name, value in _texts(values, "headers").items()}
            seconds = _seconds(values, _WEBHOOK_SECONDS)
            found.append(Webhook(Secret(_url(values["webhook"])), headers, on, seconds))
        if "command" in values:
            from orderlake.alerts.command import Command  # noqa: PLC0415 - as above

            words = _words(values["command"], shell=bool(values.get("shell")))
            seconds = _seconds(values, _COMMAND_SECONDS)
            found.append(Command(words, bool(values.get("shell")), project.root, on, seconds))
    if project.aws is not None and project.aws.alerts_topic:
        from orderlake.alerts.topic import Topic  # noqa: PLC0415 - it needs the extra `aws`

        kinds = [kind for kind in project.aws.alerts_on.replace(",", " ").split() if kind] or None
        found.append(Topic(project.aws.alerts_topic, project.aws.region, _kinds(kinds)))
    return found


def _checked(each: object) -> dict[str, Any]:
    if not isinstance(each, Mapping):
        raise ConfigError(f"{_HERE} takes `webhook: URL` or `command: WORDS`, or a list of such")
    # To YAML 1.1 the word `on` means true, and so it does in the copy of the settings that is kept as JSON.
    values = {"on" if name in (True, "true") else str(name): value for name, value in each.items()}
    unknown = set(values) - _KEYS
    if unknown:
        raise ConfigError(f"{_HERE} has unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(_KEYS))}")
    if not {"webhook", "command"} & set(values):
        raise ConfigError(f"{_HERE} names no place to go to: give it a webhook or a command")
    if "headers" in values and "webhook" not in values:
        raise ConfigError(f"{_HERE}: headers go with a webhook")
    if "shell" in values and ("command" not in values or not isinstance(values["shell"], bool)):
        raise ConfigError(f"{_HERE}: shell is true or false, and goes with a command")
    return values


_HERE: Final = f"{PROJECT_FILE}: alerts"


def _kinds(value: object) -> tuple[Kind, ...]:
    if value is None:
        return DEFAULT
    wanted = [value] if isinstance(value, str) else value
    if not isinstance(wanted, list) or not wanted or not all(each in KINDS for each in wanted):
        raise ConfigError(f"{_HERE}: on takes some of {', '.join(KINDS)}, not {value!r}")
    return tuple(kind for kind in KINDS if kind in wanted)


def _url(value: object) -> str:
    """A URL, or one that the environment has; what is wrong with it is said without showing it."""
    text = value if isinstance(value, str) else ""
    if not VARIABLE.match(text) and not (text.startswith(("http://", "https://")) and urlsplit(text).hostname):
        raise ConfigError(f"{_HERE}: a webhook begins with http:// or https://, or is ${{NAME}} of the environment")
    return text


def _words(value: object, *, shell: bool) -> tuple[str, ...]:
    if isinstance(value, str) and value.strip():
        if shell:
            return (value,)
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            raise ConfigError(f"{_HERE}: the command cannot be read: {error}") from None
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value) and not shell:
        return tuple(value)
    raise ConfigError(f"{_HERE}: a command is a text, or a list of words (without shell)")


def _texts(values: Mapping[str, Any], key: str) -> dict[str, str]:
    found = values.get(key, {})
    if not isinstance(found, Mapping) or not all(isinstance(each, str) for each in found.values()):
        raise ConfigError(f"{_HERE}: {key} are `Name: value` lines")
    return {str(name): value for name, value in found.items()}


def _seconds(values: Mapping[str, Any], default: float) -> float:
    found = values.get("timeout", default)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found <= _LONGEST:
        raise ConfigError(f"{_HERE}: timeout is a number of seconds, at most {_LONGEST:g}, not {found!r}")
    return float(found)
