"""Workers over HTTP: who lives, and what each works on."""

from __future__ import annotations

from tests.api.conftest import Serve
from tests.api.serving import WORKER, Api
from tests.support.clock import MINUTE, SECOND, FakeClock

from tonearm.model import Mark, Phase, RestingHost, RestKind, TaskKind, Transfer, WorkerReport

JOB, OTHER = "job-1763900000000-a", "job-1763900000000-b"


def transfer(job: str, phase: Phase = Phase.TRANSFER, *, since_ms: int = 0) -> Transfer:
    """The third track of an album, half of it there."""
    mark = Mark(phase, 50, 100)
    return Transfer(f"{job}:3", f"1:{since_ms}", mark, 9.6, job_id=job, title="Three", album="Blue", since_ms=since_ms)


async def test_each_worker_is_told_with_its_tasks(serve: Serve) -> None:
    """Who it is, since when, how much it does at a time, and what: in full, and nothing that is not known."""
    clock = FakeClock()
    api = await serve(clock)
    resolving = Transfer(OTHER, "1:y", Mark(Phase.CLAIMED), kind=TaskKind.RESOLVE, job_id=OTHER)
    await api.store.report(WorkerReport(WORKER, 1, 3, (transfer(JOB, since_ms=SECOND), resolving)))
    answer = await api.call("GET", "/workers/")

    assert answer.status == 200
    assert answer.body == {
        "success": True,
        "workers": [
            {
                "id": WORKER,
                "host": "here",
                "alive": True,
                "startedAt": clock.wall_ms(),
                "lastHeartbeat": clock.wall_ms(),
                "slots": 3,
                "activeDownloads": 1,
                "tasks": [
                    {
                        "jobId": JOB,
                        "doing": "transferring",
                        "trackTitle": "Three",
                        "albumTitle": "Blue",
                        "progress": 0.5,
                        "speedBytesPerSecond": 10,
                        "since": clock.wall_ms() - SECOND,
                    },
                    {"jobId": OTHER, "doing": "resolving", "progress": 0, "since": clock.wall_ms()},
                ],
            }
        ],
        "queueSource": "memory",
        "timestamp": clock.wall_ms(),
    }


async def test_what_is_done_for_a_task_is_told_phase_by_phase(api: Api) -> None:
    """A speed only while bytes come."""
    for phase, doing in zip(Phase, ("starting", "transferring", "verifying", "publishing"), strict=True):
        await api.store.report(WorkerReport(WORKER, 1, 4, (transfer(JOB, phase),)))
        ((task,),) = [worker["tasks"] for worker in (await api.call("GET", "/workers")).body["workers"]]
        assert task["doing"] == doing
        assert ("speedBytesPerSecond" in task) is (phase is Phase.TRANSFER)


async def test_what_holds_a_worker_up_is_told(serve: Serve) -> None:
    """Its own reason, and the hosts that it leaves alone."""
    clock = FakeClock()
    api = await serve(clock)
    rest = RestingHost("media:443", 5_000, RestKind.UNREACHABLE)
    await api.store.report(WorkerReport(WORKER, 0, 4, resting=(rest,), holding="The disk is full."))
    (worker,) = (await api.call("GET", "/workers")).body["workers"]

    assert worker["holding"] == "The disk is full."
    assert worker["resting"] == [{"host": "media:443", "until": clock.wall_ms() + 5_000}]


async def test_the_dead_come_last_and_have_no_tasks(serve: Serve) -> None:
    """Still 200: it is no failure of this question that nobody works."""
    clock = FakeClock()
    api = await serve(clock)
    await api.store.report(WorkerReport(WORKER, 1, 4, (transfer(JOB),)))
    clock.advance(2 * MINUTE)
    await api.store.heartbeat("worker-2", "there", 8)
    answer = await api.call("GET", "/workers")

    assert [(worker["id"], worker["alive"]) for worker in answer.body["workers"]] == [
        ("worker-2", True),
        (WORKER, False),
    ]
    assert answer.body["workers"][1]["tasks"] == []
    clock.advance(2 * MINUTE)
    assert (await api.call("GET", "/workers")).status == 200
    assert (await api.call("GET", "/stats")).status == 503


async def test_a_task_stands_with_whom_claimed_it_last(serve: Serve) -> None:
    """A worker that was frozen still counts as alive for a while, and still names what others have taken over."""
    clock = FakeClock()
    api = await serve(clock)
    await api.store.report(WorkerReport(WORKER, 2, 4, (transfer(JOB), transfer(OTHER))))
    clock.advance(MINUTE)
    await api.store.heartbeat("worker-2", "there", 4)
    await api.store.report(WorkerReport("worker-2", 1, 4, (transfer(JOB, since_ms=SECOND),)))
    workers = (await api.call("GET", "/workers")).body["workers"]

    assert {worker["id"]: [task["jobId"] for task in worker["tasks"]] for worker in workers} == {
        WORKER: [OTHER],
        "worker-2": [JOB],
    }


async def test_no_job_is_called_workers(api: Api) -> None:
    """The place is that of a job's id; it can be asked, and not changed."""
    for method in ("PATCH", "DELETE"):
        assert (await api.call(method, "/workers", json={"action": "cancel"})).status == 405
