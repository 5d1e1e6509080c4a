"""Running many tasks on workers that may die."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from eo_assets.memory import give_back
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

    A result is fetched as soon as it is there, and forgotten by the workers: what a worker keeps
    dies with it and is computed again, the longer the tasks take the more.

    Dask gives the work of a worker that died to another one, and gives a task up that saw four
    die (``distributed.scheduler.allowed-failures``). Where machines come and go that is no proof
    against the task: it is tried anew, once.

    Args:
        client: A connected ``distributed.Client``.
        function: A function of a module.
        tasks: One argument a call; Dask warns of one larger than 10 MB.
        key: Begins the names of the tasks, which differ from those of any other call.
        tell: Is told how many results are here.

    Returns:
        Results in the order of the tasks.

    Raises:
        distributed.KilledWorker: A task saw too many workers die.
        concurrent.futures.CancelledError: The scheduler is gone.
        BaseException: What a task raised first; the others are cancelled, as by any interruption.
    """
    from distributed import KilledWorker, as_completed

    numbers: dict[str, int] = {}
    pending: dict[str, Any] = {}
    results: dict[int, R] = {}

    def submit(number: int, name: str) -> Any:
        numbers[name] = number
        pending[name] = client.submit(run_and_trim, function, tasks[number], key=name, pure=False)
        return pending[name]

    first = {submit(number, f"{key}-{number}").key for number in range(len(tasks))}
    try:
        ended = as_completed(pending.values(), loop=client.loop)
        for batch in ended.batches():
            died = {
                future.key
                for future in batch
                if future.key in first
                and future.status == "error"
                and isinstance(future.exception(), KilledWorker)
            }
            for name in died:
                _log.warning("%s: its workers died; it is tried anew", name)
                del pending[name]
                ended.add(submit(numbers[name], f"{name}-anew"))
            fetched = [future for future in batch if future.key not in died]
            # raises what a task raised; waits for those whose worker died after they had ended
            for future, result in zip(fetched, client.gather(fetched), strict=True):
                results[numbers[future.key]] = result
                del pending[future.key]
            tell(len(results))
    except BaseException:
        client.cancel(list(pending.values()), force=True)
        raise
    return [results[number] for number in range(len(tasks))]


def run_and_trim(function: Callable[[T], R], task: T) -> R:
    """Run a task in a worker process, and give the memory it no longer uses back to the kernel.

    Args:
        function: What to do.
        task: What to do it with.

    Returns:
        What the function gives.
    """
    try:
        return run_with_settings(function, task)
    finally:
        give_back()
