"""python -m qal.api.tensorboard_process …: TensorBoard that ends with whoever started it, however that ends.

Its standard input is a pipe that the server holds open; when the server is gone, even killed, it is closed."""

import os
import signal
import threading


def end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # as TensorBoard likes to be ended


def main() -> None:
    threading.Thread(target=end_with_parent, daemon=True).start()
    from tensorboard.main import run_main

    run_main()


if __name__ == "__main__":
    main()
