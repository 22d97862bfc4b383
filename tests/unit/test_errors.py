"""The exit code table is total: every error says what the caller has to do."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import orderlake
from orderlake import errors
from orderlake.errors import EXIT_CODES, LakeError, exit_code

INTERNAL = 70

# What a caller does about an error is a promise, so it is written down a second time here, one line per class.
PROMISED = {
    "LakeError": INTERNAL,
    "ConfigError": 78,
    "MissingExtraError": 78,
    "NotFoundError": 66,
    "TransientError": 75,
    "StorageUnavailableError": 75,
    "CatalogUnavailableError": 75,
    "CommitConflictError": 75,
    "SourceChangedError": 75,
    "SourcesAppliedError": 75,
    "CommitStateUnknownError": 75,
    "DataError": 65,
    "UnreadableObjectError": 65,
    "UnreadableShareError": 65,
    "SchemaMismatchError": 65,
    "CheckFailedError": 65,
    "QueryError": 65,
}


def family(root: type[LakeError]) -> Iterator[type[LakeError]]:
    """An error and all that are made of it in the package; other tests make some of their own, in the same process."""
    yield root
    for child in root.__subclasses__():
        if child.__module__.split(".")[0] == orderlake.__name__:
            yield from family(child)


def everything_loaded() -> None:
    """Import every module, so that an error declared outside errors.py is seen too."""
    for module in pkgutil.walk_packages(orderlake.__path__, "orderlake."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


DECLARED = list(family(LakeError))


def test_every_error_class_lives_in_the_errors_module():
    everything_loaded()
    assert {error.__module__ for error in family(LakeError)} == {errors.__name__}


def test_every_exception_of_the_errors_module_is_a_lake_error():
    classes = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__]
    assert {cls for cls in classes if issubclass(cls, BaseException)} == set(DECLARED)


@pytest.mark.parametrize("error", DECLARED, ids=lambda cls: cls.__name__)
def test_every_error_has_the_promised_exit_code(error):
    assert exit_code(error("what happened")) == PROMISED[error.__name__]


def test_no_promise_is_made_for_an_error_that_is_gone():
    assert set(PROMISED) == {error.__name__ for error in DECLARED}


@pytest.mark.parametrize("error", [cls for cls in DECLARED if cls is not LakeError], ids=lambda cls: cls.__name__)
def test_every_error_below_the_root_says_more_than_internal(error):
    assert exit_code(error("what happened")) != INTERNAL


def test_the_table_names_only_declared_errors():
    assert set(EXIT_CODES) <= set(DECLARED)


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), MemoryError()], ids=repr)
def test_an_error_that_is_not_ours_is_internal(error):
    assert exit_code(error) == INTERNAL


@pytest.mark.parametrize("error", DECLARED, ids=lambda cls: cls.__name__)
def test_every_error_says_what_it_means(error):
    assert error.__doc__
    assert error.__doc__ != error.__base__.__doc__


@pytest.mark.parametrize("error", DECLARED, ids=lambda cls: cls.__name__)
def test_the_module_docstring_draws_every_error(error):
    assert error.__name__.removesuffix("Error") in (errors.__doc__ or "")
