"""A lock that threads get one after the other, in turn."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Turns:
    """Like a lock, but a thread that lets go of it and wants it back at once waits behind one that waits already.

    With a plain lock the thread that goes through a video, which holds it nearly all the time, could keep others
    out until the end. A thread must not take its turn twice.
    """

    def __init__(self) -> None:
        self._queue, self._turn = Lock(), Lock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        with self._queue:
            self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()
