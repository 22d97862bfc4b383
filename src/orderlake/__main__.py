"""`python -m orderlake`: the same as the command."""

import sys

from orderlake.cli import main

if __name__ == "__main__":
    sys.exit(main())
