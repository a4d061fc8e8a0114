"""The notifier of one process: one loop that tells, and one for each address that sends.

The loops are supervised by whoever runs them (`rounds`), like those of a worker, and none of them shares anything with
a download: their client is their own, and with it the memory of which hosts are left alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from tonearm.clock import Clock
from tonearm.model import JobRecord
from tonearm.notices.channels import Channel
from tonearm.notices.sending import Sender, Terms
from tonearm.notices.telling import Teller
from tonearm.store.base import Store


class Notifier:
    """Tells who is at the end of *channels* what happens on *store*; a try goes by what *terms* answers by then.

    *encode* writes a job as lists show it; *catalog* is the host and port of the catalog, if there is one.
    """

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        *,
        clock: Clock,
        terms: Callable[[], Terms],
        encode: Callable[[JobRecord], bytes],
        catalog: str | None,
    ) -> None:
        addresses = [channel.address for channel in channels]
        self._senders = [Sender(store, channel, terms=terms) for channel in channels]
        self._teller = Teller(store, addresses, clock, encode=encode, catalog=catalog, told=self._wake)

    def rounds(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """One round of each loop, by its name; each is called again and again."""
        sends = {f"send webhooks {number}": sender.round for number, sender in enumerate(self._senders, 1)}
        return {"tell": self._teller.round, **sends}

    def _wake(self) -> None:
        for sender in self._senders:
            sender.wake()
