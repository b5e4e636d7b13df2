"""`python -m qal` is the command `qal`."""

from qal.cli.main import main

if __name__ == "__main__":
    main()
