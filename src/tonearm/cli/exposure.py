"""Exposure: a server that others can reach does not start without keys, unless somebody says that it shall."""

from __future__ import annotations

import structlog

from tonearm.api.keyring import listens_here_alone
from tonearm.errors import SetupError, StoreDamaged, StoreUnavailable
from tonearm.settings import Settings
from tonearm.store.keyring import Keyring

log = structlog.get_logger("server")


async def check_exposure(store: Keyring, settings: Settings, *, insecure_open: bool) -> None:
    """Look whether this server may listen where it is told to.

    Raises:
        SetupError: others reach it and there is no key, so everybody could do everything.
    """
    here_alone = listens_here_alone(settings)
    try:
        keys = await store.keys()  # also where nobody else listens: what stands in for Redis has its copy from here on
    except StoreDamaged as error:
        log.error("The keys are damaged; nobody is let in", reason=str(error))  # noqa: TRY400 - no stack
        return
    except StoreUnavailable as error:
        if not here_alone:
            log.warning("Which keys there are is not known yet; nobody is let in until then", reason=str(error))
        return
    if keys or here_alone:
        return
    if not insecure_open:
        raise SetupError(
            f"HOST={settings.host} can be reached from other machines, and the queue has no key: everybody could do "
            "everything.\nMake a key first: tonearm keys create NAME --scope admin\n"
            "Or let everybody in, where something else guards the door: tonearm serve --insecure-open"
        )
    log.warning("Everybody who reaches this server may do everything, as --insecure-open says", host=settings.host)
