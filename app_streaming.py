"""The live-caption page alone: `python app_streaming.py` is `qal live`."""

import sys

from qal.cli.main import main

if __name__ == "__main__":
    main(["live", *sys.argv[1:]])
