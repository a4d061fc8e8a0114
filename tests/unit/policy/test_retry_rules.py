"""What follows from a failed attempt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tonearm.errors import BadAnswer, ConnectionFailed, Corrupt, FetchError, HttpStatus, Timeout
from tonearm.model import Claim, Failed, JobSpec, JobType, Quality, Retry, TaskKind
from tonearm.policy import RetryRules, after_failure, give_up_ms, rest_ms

RULES = RetryRules(backoff_ms=1_000, retry_after_max_ms=900_000)
CLAIM = Claim(
    task_id="job-1-a",
    job_id="job-1-a",
    kind=TaskKind.TRACK,
    token="1:aa",
    epoch=1,
    worker="w-1",
    client="c",
    spec=JobSpec(JobType.TRACK, 11, Quality.LOSSLESS),
    retry_count=0,
    max_retries=3,
    corrupt_count=0,
    suspect=False,
)


@pytest.mark.parametrize(("retries", "delay"), [(0, 1_000), (1, 2_000), (2, 5_000)])
def test_each_repeat_waits_longer(retries: int, delay: int) -> None:
    """The ladder is 1, 2, 5 s at the default back-off."""
    outcome = after_failure(Timeout("t"), replace(CLAIM, retry_count=retries), RULES, chance=0)

    assert isinstance(outcome, Retry)
    assert outcome.delay_ms == delay


def test_the_fifth_attempt_and_later_wait_ten_seconds() -> None:
    """The last step of the ladder serves all later repeats."""
    outcome = after_failure(Timeout("t"), replace(CLAIM, retry_count=9, max_retries=20), RULES, chance=0)

    assert isinstance(outcome, Retry)
    assert outcome.delay_ms == 10_000


def test_jitter_adds_at_most_a_fifth() -> None:
    """Tasks that failed together come back apart, but never earlier than the ladder and at most 20 % later."""
    delays = [after_failure(Timeout("t"), CLAIM, RULES) for _ in range(200)]

    spread = {d.delay_ms for d in delays if isinstance(d, Retry)}
    assert len(spread) > 1
    assert min(spread) >= 1_000
    assert max(spread) <= 1_200


def test_the_back_off_setting_scales_the_ladder() -> None:
    """QUEUE_RETRY_BACKOFF_MS of 100 makes every step a tenth."""
    outcome = after_failure(Timeout("t"), CLAIM, RetryRules(backoff_ms=100), chance=0)

    assert isinstance(outcome, Retry)
    assert outcome.delay_ms == 100


def test_retry_after_wins_over_the_ladder_up_to_its_cap() -> None:
    """The server's own wish counts, but not beyond QUEUE_RETRY_AFTER_MAX_MS."""
    for wish, delay in [(3_000, 3_000), (0, 0), (10**9, 900_000)]:
        outcome = after_failure(HttpStatus(429, "busy", retry_after_ms=wish), CLAIM, RULES)
        assert isinstance(outcome, Retry)
        assert outcome.delay_ms == delay


@pytest.mark.parametrize(
    ("error", "claim"),
    [
        (BadAnswer("not the contract"), CLAIM),
        (HttpStatus(404, "gone"), CLAIM),
        (HttpStatus(500, "oops"), replace(CLAIM, retry_count=3)),
        (Timeout("hard limit", retryable=False), CLAIM),
        (Corrupt("torn"), replace(CLAIM, corrupt_count=1)),
        (Timeout("t"), replace(CLAIM, max_retries=0)),
    ],
)
def test_what_no_repeat_can_mend_fails_at_once(error: FetchError, claim: Claim) -> None:
    """Final errors, used-up retries and a second damaged copy end the job with their code."""
    outcome = after_failure(error, claim, RULES)

    assert isinstance(outcome, Failed)
    assert outcome.failure.code is error.code


def test_a_damaged_body_is_fetched_once_more() -> None:
    """The copy may have been cut on its way."""
    assert isinstance(after_failure(Corrupt("torn"), CLAIM, RULES), Retry)


@pytest.mark.parametrize(
    "error",
    [Timeout("t"), ConnectionFailed("cut"), HttpStatus(429, "busy"), HttpStatus(500, "oops"), HttpStatus(599, "?")],
)
def test_what_may_pass_is_repeated(error: FetchError) -> None:
    """Timeout, connection error, truncated body, 429 and any 5xx, as often as the job itself allows."""
    claim = replace(CLAIM, max_retries=7)

    assert isinstance(after_failure(error, replace(claim, retry_count=6), RULES), Retry)
    assert isinstance(after_failure(error, replace(claim, retry_count=7), RULES), Failed)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 410, 418, 451])
def test_any_other_4xx_fails_at_once(status: int) -> None:
    """Also where the server names a time."""
    assert isinstance(after_failure(HttpStatus(status, "no", retry_after_ms=1_000), CLAIM, RULES), Failed)


def test_rests_grow_to_a_minute_and_all_of_it_scales() -> None:
    """5, 10, 20, 40, 60, 60 s and ten minutes at the default back-off; a fifth of that at 200."""
    assert [rest_ms(rests, RULES) for rests in range(7)] == [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]
    assert give_up_ms(RULES) == 600_000
    fifth = RetryRules(backoff_ms=200)
    assert (rest_ms(0, fifth), rest_ms(9, fifth), give_up_ms(fifth)) == (1_000, 12_000, 120_000)
