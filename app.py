"""The studio: `python app.py` is `qal studio`, and `python app.py --check` is `qal check`."""

import sys

from qal.cli.main import main

if __name__ == "__main__":
    command = "check" if "--check" in sys.argv[1:] else "studio"
    main([command, *(word for word in sys.argv[1:] if word != "--check")])
