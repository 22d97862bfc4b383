"""Every error orderlake raises, grouped by what the caller has to do about it.

LakeError
├ ConfigError, MissingExtraError        fix and rerun                exit 78
├ NotFoundError                         name something that exists   exit 66
├ TransientError                        back off and retry           exit 75
│   StorageUnavailable · CatalogUnavailable · CommitConflict · SourceChanged · SourcesApplied
├ CommitStateUnknownError               look again; never delete     exit 75
└ DataError                             quarantine, acknowledge      exit 65
    UnreadableObject (UnreadableShare) · SchemaMismatch · CheckFailed · Query
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final


class LakeError(Exception):
    """Anything orderlake can say went wrong; its message names the remedy."""


class ConfigError(LakeError):
    """The project, a pipeline or an argument is wrong: fix it and run again."""


class MissingExtraError(ConfigError):
    """An optional dependency is not installed; the message holds the pip line."""


class NotFoundError(LakeError):
    """What was named does not exist."""


class TransientError(LakeError):
    """Nothing is wrong with the input: back off and try again."""


class StorageUnavailableError(TransientError):
    """The object store did not answer, or refused for now."""


class CatalogUnavailableError(TransientError):
    """The catalog or the ledger did not answer, or refused for now."""


class CommitConflictError(TransientError):
    """Somebody else committed first; nothing of ours landed."""


class SourceChangedError(TransientError):
    """A source object changed while it was read: stage its new version."""


class SourcesAppliedError(TransientError):
    """Another worker loaded some objects of a batch meanwhile: leave `identities` out and stage the rest."""

    def __init__(self, identities: Iterable[str] = ()) -> None:
        super().__init__("some files were loaded by another worker meanwhile")
        self.identities = frozenset(identities)


class CommitStateUnknownError(LakeError):
    """The commit may or may not have landed: look again, delete nothing."""


class DataError(LakeError):
    """The input is at fault: set it aside with its reason and go on."""


class UnreadableObjectError(DataError):
    """A source object cannot be read at all, so it is rejected as a whole."""


class UnreadableShareError(UnreadableObjectError):
    """One of several objects staged together cannot be read, or fails a check that refuses the whole file.

    `source` is its number among them, `checks` what all checks found in it.
    """

    def __init__(self, message: str, source: int = 0, checks: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.source = source
        self.checks = checks


class SchemaMismatchError(DataError):
    """A source object does not have the shape its pipeline declares."""


class CheckFailedError(DataError):
    """A check with `fail`, or a verification, did not hold."""


class QueryError(DataError):
    """A SQL statement was refused by the query engine."""


EXIT_CODES: Final[dict[type[LakeError], int]] = {
    ConfigError: 78,
    NotFoundError: 66,
    TransientError: 75,
    CommitStateUnknownError: 75,
    DataError: 65,
    LakeError: 70,
}
"""sysexits(3) codes by the nearest class in an error's ancestry."""


def exit_code(error: BaseException) -> int:
    """Give the process exit code for an error: the nearest ancestor's, else 70 (internal)."""
    for cls in type(error).__mro__:
        if cls in EXIT_CODES:
            return EXIT_CODES[cls]
    return 70
