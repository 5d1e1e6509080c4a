"""How a command ends that is told to: at once, in order, and with one line."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator

import dagster as dg
import typer
from rich.console import Console


@contextlib.contextmanager
def ends_on_signals(console: Console) -> Iterator[None]:
    """Let Ctrl-C and a termination end a block that runs Dagster in this process.

    Dagster takes over both signals while it runs and says of either only that there was one; which
    one it was is read from where Python itself notes signals as they arrive.

    Args:
        console: Where to say that it ended, and how to go on.

    Yields:
        Nothing.

    Raises:
        typer.Exit: A signal arrived; with the exit code of a process it ended, 130 or 143.
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)  # noqa: FBT003 -- socket's own signature
        writer.setblocking(False)  # noqa: FBT003
        former_fd = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        former = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            yield
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            number = _first_signal(reader)
            console.print(
                f"Ended by {number.name}: what was finished is kept, nothing is half written.",
                soft_wrap=True,
            )
            raise typer.Exit(128 + number) from None
        finally:
            signal.signal(signal.SIGTERM, former)
            signal.set_wakeup_fd(former_fd)


def _first_signal(reader: socket.socket) -> signal.Signals:
    with contextlib.suppress(BlockingIOError):
        for number in reader.recv(64):
            if number in {signal.SIGINT, signal.SIGTERM}:
                return signal.Signals(number)
    return signal.SIGINT
