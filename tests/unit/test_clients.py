"""AWS as it is called from here: what is wrong with this machine's settings is said, with what to do about it."""

import sys

import pytest

from orderlake import clients
from orderlake.errors import ConfigError, MissingExtraError


@pytest.fixture(autouse=True)
def _own_session(monkeypatch):
    """A session that is made within the test."""
    clients._session.cache_clear()
    clients.forget_clients()
    yield
    clients._session.cache_clear()
    clients.forget_clients()


def test_a_profile_that_there_is_not_is_an_error_of_the_settings(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match=r"nobody.*AWS_PROFILE"):
        clients.client("sts", "eu-central-1")


def test_a_region_is_asked_for_where_none_is_known(monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="AWS_REGION"):
        clients.client("sqs")


def test_without_the_extra_the_pip_line_is_said_whatever_is_called_first(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] in {"boto3", "botocore"}]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("boto3", "botocore", "botocore.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"orderlake\[aws\]"), clients.translated("AWS"):
        pass
    with pytest.raises(MissingExtraError, match=r"orderlake\[aws\]"):
        clients.client("sts", "eu-central-1")
