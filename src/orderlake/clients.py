"""AWS as it is called from here: one session, clients with time limits and retries, its errors as ours.

botocore retries what may be retried (throttling, 5xx, lost connections) with back-off and jitter. A call that changes
something may thus be sent twice when a reply is lost: every caller below this module is written to bear that.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from orderlake.errors import (
    CatalogUnavailableError,
    ConfigError,
    LakeError,
    MissingExtraError,
    NotFoundError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_MAKING: Final = Lock()
_EXTRA: Final = "AWS needs the extra `aws`: pip install 'orderlake[aws]', or in a checkout `make aws`"

Client: TypeAlias = Any
"""A boto3 client: made at run time from AWS's descriptions, so it has no type."""
_NOT_FOUND: Final = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound"})
_MISSING: Final = frozenset(
    {
        "NoSuchBucket",
        "EntityNotFoundException",
        "ParameterNotFound",
        "ResourceNotFoundException",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "StateMachineDoesNotExist",
    }
)
_REFUSED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "403",
        "Forbidden",
        "UnauthorizedOperation",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "KMS.AccessDeniedException",
        "KMS.DisabledException",
    }
)


@lru_cache(maxsize=1)
def _session() -> Client:
    try:
        import boto3  # noqa: PLC0415 - an optional extra, and slow to load
    except ImportError as error:
        raise MissingExtraError(_EXTRA) from error
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - as above

    try:
        return boto3.session.Session()
    except BotoCoreError as error:  # a profile that there is not, or a configuration that cannot be read
        raise ConfigError(f"{error}: correct AWS_PROFILE, or `aws configure` it") from error


def client(service: str, region: str | None = None) -> Client:
    """A client of one AWS service; safe to share between threads. Endpoints as botocore has them (AWS_ENDPOINT_URL)."""
    with _MAKING:  # a session is not safe to make two clients at once
        return _client(service, region)


@lru_cache(maxsize=32)
def _client(service: str, region: str | None = None) -> Client:
    session = _session()
    from botocore.config import Config  # noqa: PLC0415 - as above
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - as above

    settings = Config(
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=32,
        retries={"mode": "standard", "max_attempts": 6},
        s3={"addressing_style": "path"} if _is_emulated() else {},
    )
    try:
        return session.client(service, region_name=region, config=settings)
    except BotoCoreError as error:
        raise ConfigError(f"{error}: correct the environment (AWS_REGION and the like), or `aws configure`") from error


def _is_emulated() -> bool:
    return "AWS_ENDPOINT_URL" in os.environ or "AWS_ENDPOINT_URL_S3" in os.environ


@contextmanager
def translated(what: str, unavailable: type[LakeError] = StorageUnavailableError) -> Iterator[None]:
    """Raise botocore's errors as ours: refused as ConfigError, not there as NotFoundError, else `unavailable`."""
    try:
        from botocore.exceptions import (  # noqa: PLC0415 - an optional extra
            BotoCoreError,
            ClientError,
            NoCredentialsError,
            NoRegionError,
        )
    except ImportError as error:
        raise MissingExtraError(_EXTRA) from error

    try:
        yield
    except ClientError as error:
        code = error_code(error)
        message = error.response.get("Error", {}).get("Message", "") or code
        if code in _NOT_FOUND:
            raise NotFoundError(f"there is no {what}") from error
        if code in _MISSING:
            raise ConfigError(f"{what}: {message}: has it been deployed? (`orderlake deploy status`)") from error
        if code in _REFUSED:
            raise ConfigError(
                f"{what}: AWS refuses it: {message} ({code}): check the credentials and the policy"
            ) from error
        raise unavailable(f"{what}: {message} ({code})") from error
    except (NoCredentialsError, NoRegionError) as error:
        raise ConfigError(f"{what}: {error}: log in to AWS, or set AWS_PROFILE and AWS_REGION") from error
    except BotoCoreError as error:
        raise unavailable(f"{what}: {error}") from error


def account_of(region: str) -> str:
    """The number of the AWS account that the credentials are of; ConfigError when there are none that work."""
    with translated("AWS"):
        return str(client("sts", region).get_caller_identity()["Account"])


def forget_clients() -> None:
    """Make new clients when they are next asked for: the endpoint or the credentials have changed."""
    with _MAKING:
        _client.cache_clear()


def wait_longer(attempt: int) -> None:
    """Wait before the next try: twice as long each time, to half a second, and never in step with others."""
    time.sleep(min(0.01 * 2**attempt, 0.5) * (0.5 + secrets.randbelow(1000) / 1000))


def error_code(error: ClientError) -> str:
    """The code of a ClientError, e.g. `ConditionalCheckFailedException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def catalog_errors(what: str) -> AbstractContextManager[None]:
    """`translated` for Glue and DynamoDB."""
    return translated(what, CatalogUnavailableError)
