"""Tasks that run one after another in the threads of a shared pool."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

Task = Callable[[], None]


class SerialTasks:
    """Runs tasks in the order in which they were added, each in a thread of the pool; no task may raise an error.

    Args:
        executor: the pool; None runs each task at once, in the thread that adds it."""

    def __init__(self, executor: Executor | None):
        self._executor = executor
        self._waiting: deque[Task] = deque()
        self._changed = threading.Condition()
        self._is_running = False

    @property
    def is_idle(self) -> bool:
        """True if all tasks have ended."""
        return not (self._waiting or self._is_running)

    def add(self, task: Task) -> None:
        """Runs the task after those that were added before."""
        if not self._executor:
            task()
            return
        with self._changed:
            self._waiting.append(task)
            if self._is_running:
                return
            self._is_running = True
        self._executor.submit(self._run)

    def wait(self) -> None:
        """Returns when all tasks have ended."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_idle)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._is_running = False
                    self._changed.notify_all()
                    return
                task = self._waiting.popleft()
            task()
