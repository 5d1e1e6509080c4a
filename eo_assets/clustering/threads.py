"""How many threads the numerical libraries may use."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Keep the numerical libraries to one thread.

    Fitting a sample is a small problem: threads waiting for one another take several times longer
    on a busy machine, and the last digits of sums would depend on how many cores there are.
    """
    import sklearn.cluster  # noqa: F401  only libraries already loaded can be limited
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits
