"""python -m qal.api.studio.tensorboard_process …: runs TensorBoard until its parent process ends.

Standard input is a pipe that the parent holds open; the system closes it when the parent ends, even if it is killed."""

import os
import signal
import threading


def terminate_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # TensorBoard handles it by a clean exit


def main() -> None:
    threading.Thread(target=terminate_with_parent, daemon=True).start()
    from tensorboard.main import run_main

    run_main()


if __name__ == "__main__":
    main()
