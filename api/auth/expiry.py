"""Ends what lasts when who asked for it may no longer have it: tokens expire, sessions end, and permissions change meanwhile."""

import asyncio
from datetime import UTC, datetime
from enum import Enum

from api.auth.admission import Admittance
from graph.access import Access
from graph.errors import StoreError, UnauthenticatedError

LOOK_SECONDS = 30.0
"""How long a connection may outlive the session by which it was opened. A token's own time is kept to the second."""


class Ending(Enum):
    """Why a connection ends: nobody is signed in any more, or what they may do has changed and they have to ask anew."""

    SIGNED_OUT = "The sign-in has ended. Sign in again."
    CHANGED = "What you may see has changed. Connect again."


async def ended(admittance: Admittance, access: Access) -> Ending:
    """Return once what was found out about the principal holds no longer, with the reason. Never fails."""
    while True:
        await asyncio.sleep(_seconds_until_look(access))
        try:
            if await admittance.renewed(access) != access:
                return Ending.CHANGED
        except StoreError:
            # Nothing can be read then either.
            continue
        except UnauthenticatedError:
            return Ending.SIGNED_OUT


def _seconds_until_look(access: Access) -> float:
    expires = access.principal.expires_at
    return LOOK_SECONDS if expires is None else max(0.0, min(LOOK_SECONDS, (expires - datetime.now(UTC)).total_seconds()))
