"""Tokens: which of two stores a claim belongs to. One of the local store bears a mark at its end, outside of it.

So whoever presents a token is led to the store that gave it, also after the main one went away or came back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tonearm.model import Claim, WorkerReport

MARK = "@local"


def is_local(token: str) -> bool:
    """Whether the local store gave this token."""
    return token.endswith(MARK)


def outside(claim: Claim) -> Claim:
    """A claim of the local store as its worker holds it."""
    return replace(claim, token=claim.token + MARK)


def inside(claim: Claim) -> Claim:
    """A claim of the local store as that knows it."""
    return replace(claim, token=claim.token.removesuffix(MARK))


def split(tokens: Iterable[str]) -> tuple[list[str], list[str]]:
    """The tokens of the local store, as that knows them, and those of the main one."""
    every = list(tokens)
    return [token.removesuffix(MARK) for token in every if is_local(token)], [t for t in every if not is_local(t)]


def split_report(report: WorkerReport) -> tuple[WorkerReport, WorkerReport]:
    """A worker's report for the local store and for the main one: each with the transfers that it knows."""
    local = tuple(
        replace(transfer, token=transfer.token.removesuffix(MARK))
        for transfer in report.transfers
        if is_local(transfer.token)
    )
    main = tuple(transfer for transfer in report.transfers if not is_local(transfer.token))
    return replace(report, transfers=local), replace(report, transfers=main)
