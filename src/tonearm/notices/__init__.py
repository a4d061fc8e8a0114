"""Notices: people and programs elsewhere are told what became of their jobs, by signed webhooks and by messages.

The store has what is to be told (`tonearm.store.notices`); a `Notifier` makes bodies of it, and sends them until they
are received or given up. Nothing here decides what happens to a job, and nothing that happens to a job waits for it.
"""

from tonearm.notices.addresses import Address, addresses_of, services_of
from tonearm.notices.channels import Channel, Webhook
from tonearm.notices.happenings import trial
from tonearm.notices.notifier import Notifier
from tonearm.notices.sending import Terms
from tonearm.notices.signing import Signer

__all__ = ["Address", "Channel", "Notifier", "Signer", "Terms", "Webhook", "addresses_of", "services_of", "trial"]
