"""The keyring of a server: which keys are good now, from the store and at most two seconds old.

It reads the store when somebody asks and what it knows is a second old, so that what another process created or revoked
holds here as well. While the store does not answer, what was known goes on; where nothing was known yet, nobody is let
in, unless that store stands in for one that is away and cannot know (`KeysUnknown`). Once a key was seen, nobody is let
in without one until the process ends, even if the store loses all of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence

import structlog

from tonearm.api.guesses import MOST_GUESSES, Guesses
from tonearm.clock import Clock
from tonearm.errors import KeysUnknown, LimitName, RateLimited, RefusalCode, Refused, StoreDamaged, StoreUnavailable
from tonearm.model import KeyRecord
from tonearm.settings import Settings
from tonearm.store.keyring import Keyring

FRESH_MS = 1_000
"""What was read so long ago is read again before it is believed, milliseconds."""

SEARCHES = 20
"""The most readings in `FRESH_MS` for keys that are not known: a flood of guesses costs no more."""

FIRST_READ_SECONDS = 30.0
"""How long the first reading may take: until then there is nothing to go on with, and everybody waits for it."""

READ_SECONDS = 2.0
"""How long the store may take to say which keys there are."""

SESSION_MS = 24 * 3_600_000
"""How long a session lasts, milliseconds."""

PREFIX = "tonearm_"
KEY_BYTES = 24
LONGEST_TEXT = 200

UNREACHABLE = "The queue cannot be reached, so no key can be checked"
UNREADABLE = "The queue is damaged where its keys lie, so no key can be checked; the server's log says what to do"
WRONG = "A key is needed here, and this is none that is valid"

log = structlog.get_logger("api.keys")


def new_text() -> str:
    """The text of a new key or session: 192 random bits."""
    return PREFIX + secrets.token_urlsafe(KEY_BYTES)


def hash_of(text: str) -> str:
    """What is kept of a key, hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def listens_here_alone(settings: Settings) -> bool:
    """Whether only this machine reaches the server: a loopback address, or a unix socket."""
    if settings.unix_socket is not None:
        return True
    host = settings.host.strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Authenticator:
    """Says whose a key is. *open_to_all*: whether nobody needs one as long as the store has none."""

    def __init__(self, store: Keyring, clock: Clock, *, open_to_all: bool, behind_proxy: bool = False) -> None:
        self._store = store
        self._clock = clock
        self._open_to_all = open_to_all
        self._open_unread = open_to_all and not behind_proxy
        self._unknowable = False
        self._damage = ""
        self._records: dict[str, KeyRecord] | None = None
        self._by_name: dict[str, KeyRecord] = {}
        self._seen_any = False
        self._read_at: int | None = None
        self._searches = 0
        self._searches_since: int | None = None
        self._reading = asyncio.Lock()
        self._guesses = Guesses()

    async def guards(self) -> bool:
        """Whether a key is needed now.

        Raises:
            Refused: STORE_UNAVAILABLE, nobody could say yet.
        """
        await self._refresh()
        if self._records is None:
            if self._open_unread and self._unknowable:
                return False
            raise Refused(RefusalCode.STORE_UNAVAILABLE, UNREADABLE if self._damage else UNREACHABLE)
        return self._seen_any or not self._open_to_all

    async def check(self, peer: str, text: str) -> KeyRecord:
        """The key of this text, shown by *peer*.

        Raises:
            Refused: UNAUTHORIZED, there is no such key.
            RateLimited: the peer has tried too many.
        """
        digest, now = hash_of(text[: LONGEST_TEXT + 1]), self._clock.elapsed_ms()
        wait_ms = self._guesses.wait_ms(peer, digest, now)
        if wait_ms:
            message = "Too many wrong keys came from here; wait before another"
            raise RateLimited(message, wait_ms, MOST_GUESSES, name=LimitName.GUESSES)
        found = self._find(digest)
        if found is None:
            found = await self._search(digest, now)
        if found is None:
            self._guesses.wrong(peer, digest, now)
            log.info("A wrong key was shown", peer=peer)
            raise Refused(RefusalCode.UNAUTHORIZED, WRONG)
        self._guesses.right(peer, digest)
        return found

    async def _search(self, digest: str, now: int) -> KeyRecord | None:
        """The key, if another process has just made it; those who look at the same time share one reading."""
        async with self._reading:
            found = self._find(digest)
            if found is not None or (self._read_at or 0) > now or not self._may_search(now):
                return found
            await self._read()
            return self._find(digest)

    def _may_search(self, now: int) -> bool:
        if self._searches_since is None or now - self._searches_since >= FRESH_MS:
            self._searches, self._searches_since = 0, now
        self._searches += 1
        return self._searches <= SEARCHES

    async def holds(self, record: KeyRecord) -> bool:
        """Whether a key that was checked is still good, for what lasts longer than a moment."""
        await self._refresh()
        return self._find(record.hash) is not None

    async def open_session(self, peer: str, key: KeyRecord) -> str:
        """A session of this key for *peer*; its text.

        Raises:
            Refused: UNAUTHORIZED, the key was revoked meanwhile, or is a session itself.
        """
        text, now = new_text(), self._clock.wall_ms()
        name = f"{key.name}/{secrets.token_hex(8)}"
        session = KeyRecord(name, key.scope, hash_of(text), now, key.limits, key.name, key.hash, now + SESSION_MS)
        if key.parent is not None or not await self._store.add_key(session):
            raise Refused(RefusalCode.UNAUTHORIZED, WRONG)
        await self.read()
        self._guesses.right(peer, session.hash)
        return text

    async def read(self) -> None:
        """Read the keys now, as after a change."""
        async with self._reading:
            await self._read()

    async def _refresh(self) -> None:
        if self._is_fresh():
            return
        async with self._reading:
            if not self._is_fresh():
                await self._read()

    def _is_fresh(self) -> bool:
        return self._read_at is not None and self._clock.elapsed_ms() - self._read_at < FRESH_MS

    async def _read(self) -> None:
        begun = self._clock.elapsed_ms()
        try:
            async with asyncio.timeout(FIRST_READ_SECONDS if self._records is None else READ_SECONDS):
                records = await self._store.keys()
        except (StoreUnavailable, TimeoutError) as error:
            self._unknowable = isinstance(error, KeysUnknown)
            self._read_at = self._clock.elapsed_ms()  # not at once again for each who waits
            self._tell(error)
        else:
            self._read_at, self._damage = begun, ""
            self._take(records)

    def _tell(self, error: Exception) -> None:
        """Say why the keys could not be read; what a person has to mend once, until it is another or was mended."""
        if not isinstance(error, StoreDamaged):
            log.debug("The keys could not be read; those that were known go on", reason=str(error))
        elif str(error) != self._damage:
            self._damage = str(error)
            log.error("The keys are damaged; those that were known go on", reason=self._damage)

    def _take(self, records: Sequence[KeyRecord]) -> None:
        self._records = {record.hash: record for record in records}
        self._by_name = {record.name: record for record in records}
        self._seen_any = self._seen_any or bool(records)

    def _find(self, digest: str) -> KeyRecord | None:
        record = (self._records or {}).get(digest)
        if record is None or not hmac.compare_digest(record.hash, digest):
            return None
        if record.expires_at is not None and record.expires_at <= self._clock.wall_ms():
            return None
        if record.parent is not None:
            parent = self._by_name.get(record.parent)
            if parent is None or parent.hash != record.parent_hash:
                return None
        return record
