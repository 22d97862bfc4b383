"""`maintenance:` in orderlake.yaml: how often tables are looked after, how large files are, how long things stay."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from orderlake.config import PROJECT_FILE, Project
from orderlake.errors import ConfigError
from orderlake.maintain.maintain import DEFAULT_DAYS, DEFAULT_HOURS
from orderlake.tables.compact import TARGET

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Maintenance:
    """`every_hours` a load is followed by maintenance, None for never; files are made of about `target_file_mb` (MiB).

    Snapshots stay for `snapshot_days`, files that nothing needs for `orphan_hours`, which no load or query may outlast.
    """

    every_hours: float | None = 24.0
    target_file_mb: float = TARGET / _MIB
    snapshot_days: float = DEFAULT_DAYS
    orphan_hours: float = DEFAULT_HOURS

    @property
    def target(self) -> int:
        """Bytes of a file."""
        return int(self.target_file_mb * _MIB)


def settings_of(project: Project) -> Maintenance:
    """A project's; ConfigError says what is wrong with them."""
    value = project.maintenance
    if value is None or value is True:
        return Maintenance()
    if value is False or value == "off":
        return Maintenance(every_hours=None)
    where = f"{project.root / PROJECT_FILE}: maintenance"
    known = [each.name for each in fields(Maintenance)]
    if not isinstance(value, dict) or not set(value) <= set(known):
        raise ConfigError(f"{where} is `off`, or has lines of {', '.join(known)}; not {value!r}")
    for key, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not number > 0:
            raise ConfigError(f"{where}: {key} must be a number above 0, not {number!r}")
    return Maintenance(**{key: float(number) for key, number in value.items()})
