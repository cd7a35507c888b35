"""Connections to one Neo4j: transactions with bounded retries, the queries they run, and the driver's errors as Callboard's."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar, cast

from neo4j import (
    READ_ACCESS,
    WRITE_ACCESS,
    AsyncDriver,
    AsyncGraphDatabase,
    AsyncManagedTransaction,
    AsyncSession,
    AsyncTransaction,
    NotificationMinimumSeverity,
)
from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    ConnectionPoolError,
    DriverError,
    Forbidden,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from graph.errors import InputError, StoreError, StoreUnavailableError
from graph.stores.neo4j_migrations import SCHEMA, migrate, stored_version
from graph.stores.neo4j_texts import text

Result = TypeVar("Result")

_CONNECT_SECONDS = 5.0
_RETRY_SECONDS = 3.0
_READ_SECONDS = 30.0
_WRITE_SECONDS = 120.0
_CHECK_SECONDS = 5.0

_SCHEMES = frozenset(f"{name}{security}" for name in ("bolt", "neo4j") for security in ("", "+s", "+ssc"))
_CREDENTIALS = ("Neo.ClientError.Security.CredentialsExpired", "Neo.ClientError.Security.AuthenticationRateLimit")
_NO_DATABASE = "Neo.ClientError.Database.DatabaseNotFound"


class _Drivers(Protocol):
    """What the driver's constructor takes, which it does not declare."""

    def driver(self, uri: str, *, auth: tuple[str, str] | None, **settings: object) -> AsyncDriver: ...


class _Sessions(Protocol):
    """What the driver's `session` takes, which it does not declare."""

    def session(self, *, database: str | None, default_access_mode: str) -> AsyncSession: ...


class Transaction:
    """One transaction. A query is named after its file; its fragments come from the composer alone.

    Reads collect what they find into one record, because the driver's cost is per record.
    """

    def __init__(self, transaction: AsyncManagedTransaction | AsyncTransaction) -> None:
        self._transaction = transaction

    async def record(self, query: str, parameters: Mapping[str, object] | None = None, **fragments: str) -> Any:
        """The columns of the only record that the query returns."""
        result = await self._transaction.run(text(query, **fragments), dict(parameters or {}))
        return await result.single(strict=True)

    async def value(self, query: str, parameters: Mapping[str, object] | None = None, **fragments: str) -> Any:
        """The first column of the only record that the query returns."""
        return (await self.record(query, parameters, **fragments))[0]

    async def run(self, query: str, parameters: Mapping[str, object] | None = None, **fragments: str) -> None:
        """Execute a query that writes."""
        result = await self._transaction.run(text(query, **fragments), dict(parameters or {}))
        await result.consume()


class Connections:
    """The pool of connections of one store.

    Each call is one transaction, tried again for a few seconds when Neo4j calls its failure transient or the connection breaks. Neo4j reads
    what is committed, query by query: two queries of one read may see the state before and after a write between them.
    """

    def __init__(self, uri: str, user: str | None, password: str | None, database: str | None) -> None:
        self._uri = uri
        self._auth = (user or "neo4j", password) if password is not None else None
        self._database = database or None
        self._driver: AsyncDriver | None = None
        # Without user and password, should somebody have written them into the address.
        scheme, _, rest = uri.partition("://")
        self._scheme, self._shown = scheme, f"{scheme}://{rest.rpartition('@')[2]}"

    async def open(self) -> None:
        """Connect and migrate. StoreUnavailableError if nothing answers, StoreError if it answers otherwise than it should."""
        await self.close()
        try:
            if self._scheme not in _SCHEMES:
                raise ValueError(self._uri)
            driver = self._connected()
        except (ValueError, DriverError) as failure:
            remedy = "write one such as bolt://localhost:7687 or neo4j+s://graph.example.com"
            raise StoreError(f"backend.database.connection.uri is no address of a Neo4j: {self._shown}; {remedy}") from failure
        try:
            await self._translated(migrate(lambda: self._session(driver, WRITE_ACCESS)), _WRITE_SECONDS)
        except BaseException:
            await driver.close()
            raise
        self._driver = driver

    async def close(self) -> None:
        """Close every connection."""
        driver, self._driver = self._driver, None
        if driver is not None:
            await driver.close()

    async def check(self) -> None:
        """Return if Neo4j answers and has the schema of this code. StoreUnavailableError otherwise."""
        driver = self._opened()
        try:
            stored = await self._translated(stored_version(lambda: self._session(driver, READ_ACCESS)), _CHECK_SECONDS)
        except StoreError as failure:
            raise StoreUnavailableError(str(failure)) from failure
        if stored != len(SCHEMA):
            raise StoreUnavailableError(f"the database at {self._shown} was emptied or migrated by another Callboard; start again")

    async def read(self, work: Callable[[Transaction], Awaitable[Result]]) -> Result:
        """What `work` answers in one transaction."""
        return await self._translated(self._read(work), _READ_SECONDS)

    async def write(self, work: Callable[[Transaction], Awaitable[Result]]) -> Result:
        """What `work` answers, once its transaction is committed. Nothing is written if it raises; it may be called more than once."""
        return await self._translated(self._write(work), _WRITE_SECONDS)

    def _connected(self) -> AsyncDriver:
        return cast("_Drivers", AsyncGraphDatabase).driver(
            self._uri,
            auth=self._auth,
            connection_timeout=_CONNECT_SECONDS,
            connection_acquisition_timeout=2 * _CONNECT_SECONDS,
            max_transaction_retry_time=_RETRY_SECONDS,
            notifications_min_severity=NotificationMinimumSeverity.OFF,
            warn_notification_severity=NotificationMinimumSeverity.OFF,
            telemetry_disabled=True,
        )

    def _opened(self) -> AsyncDriver:
        if self._driver is None:
            raise StoreUnavailableError(f"Neo4j at {self._shown} is not connected")
        return self._driver

    def _session(self, driver: AsyncDriver, access: str) -> AsyncSession:
        return cast("_Sessions", driver).session(database=self._database, default_access_mode=access)

    async def _read(self, work: Callable[[Transaction], Awaitable[Result]]) -> Result:
        async with self._session(self._opened(), READ_ACCESS) as session:
            return await session.execute_read(lambda transaction: work(Transaction(transaction)))

    async def _write(self, work: Callable[[Transaction], Awaitable[Result]]) -> Result:
        async with self._session(self._opened(), WRITE_ACCESS) as session:
            return await session.execute_write(lambda transaction: work(Transaction(transaction)))

    async def _translated(self, answer: Awaitable[Result], seconds: float) -> Result:
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except (UnicodeEncodeError, OverflowError) as failure:
            raise InputError(f"the request holds text that is not valid Unicode, or a number over 64 bits: {failure}") from failure
        except TimeoutError as failure:
            raise StoreUnavailableError(f"Neo4j at {self._shown} gave no answer within {seconds:.0f} seconds") from failure
        except (DriverError, Neo4jError, OSError) as failure:
            raise self._error(failure) from failure

    def _error(self, failure: Exception) -> StoreError:
        code = failure.code or "" if isinstance(failure, Neo4jError) else ""
        if isinstance(failure, (AuthError, Forbidden)) or code in _CREDENTIALS:
            remedy = "correct backend.database.connection.user and password, or what Neo4j allows this user"
            return StoreError(f"Neo4j at {self._shown} refuses the user: {_reason(failure)}; {remedy}")
        if code == _NO_DATABASE:
            return StoreError(f"Neo4j at {self._shown} has no database {self._database!r}; correct backend.database.connection.database")
        if isinstance(failure, ConfigurationError):
            return StoreError(
                f"Neo4j at {self._shown} can't be reached this way: {_reason(failure)}; correct backend.database.connection.uri"
            )
        if isinstance(failure, (ServiceUnavailable, SessionExpired, ConnectionPoolError, TransientError, OSError)) or _retryable(failure):
            return StoreUnavailableError(f"Neo4j at {self._shown} does not answer at the moment: {_reason(failure)}")
        return StoreError(f"Neo4j at {self._shown}: {_reason(failure)}")


def _retryable(failure: Exception) -> bool:
    return isinstance(failure, (DriverError, Neo4jError)) and failure.is_retryable()


def _reason(failure: Exception) -> str:
    return (failure.message if isinstance(failure, Neo4jError) else None) or str(failure) or type(failure).__name__
