"""How a step hands work to whoever computes it.

A step knows what its tasks are, not where they run: it is given a ``TaskRunner``. In production
that is a Dask cluster; a test or a script may run the same tasks in its own process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class TaskRunner(Protocol):
    """Runs independent tasks and gives their results back in the order of the tasks."""

    def map(self, function: Callable[[T], R], tasks: Sequence[T], *, label: str) -> list[R]:
        """Run ``function`` on each task.

        Args:
            function: A function of a module, so that a worker can import it by name.
            tasks: Small, picklable descriptions of the work; pixels do not belong here.
            label: What is being done, for progress messages: ``"mosaic blocks"``.

        Returns:
            One result a task, in the order of ``tasks``.
        """
        ...


class InProcess:
    """Runs tasks one after the other in this process."""

    def map(self, function: Callable[[T], R], tasks: Sequence[T], *, label: str) -> list[R]:  # noqa: ARG002
        """See ``TaskRunner.map``."""
        return [function(task) for task in tasks]
