"""Running many tasks on workers that may die."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from eo_assets.settings import run_with_settings

T = TypeVar("T")
R = TypeVar("R")

_log = logging.getLogger(__name__)


def run_tasks(
    client: Any,
    function: Callable[[T], R],
    tasks: Sequence[T],
    *,
    key: str,
    tell: Callable[[int], None],
) -> list[R]:
    """Run a function on each task, wherever there is a worker.

    Dask gives the work of a worker that died to another one, and gives a task up that saw four
    die (``distributed.scheduler.allowed-failures``). Where machines come and go that is no proof
    against the task: it is tried anew, once.

    Args:
        client: A connected ``distributed.Client``.
        function: A function of a module.
        tasks: One argument a call.
        key: Begins the names of the tasks, which differ from those of any other call.
        tell: Is told how many are done.

    Returns:
        Results in the order of the tasks.

    Raises:
        distributed.KilledWorker: A task saw too many workers die.
        concurrent.futures.CancelledError: The scheduler is gone.
        BaseException: What a task raised first; the others are cancelled, as by any interruption.
    """
    import dask
    from distributed import KilledWorker, as_completed

    def submit(number: int, name: str) -> Any:
        return client.submit(run_with_settings, function, tasks[number], key=name, pure=False)

    # a task with the pixels of a figure is sent once and needs no warning
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "64MiB"}):
        futures = [submit(number, f"{key}-{number}") for number in range(len(tasks))]
    first = {future.key: number for number, future in enumerate(futures)}
    done = 0
    try:
        finished = as_completed(futures, loop=client.loop)
        for future in finished:
            if future.status != "error":
                done += 1
                tell(done)
            elif future.key in first and isinstance(future.exception(), KilledWorker):
                _log.warning("%s: its workers died; it is tried anew", future.key)
                number = first[future.key]
                futures[number] = submit(number, f"{future.key}-anew")
                finished.add(futures[number])
            else:
                break
        results: list[R] = client.gather(futures)
    except BaseException:
        client.cancel(futures, force=True)
        raise
    return results
