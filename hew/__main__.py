"""`python -m hew` is the `hew` command."""

import sys

from hew.cli import main

if __name__ == "__main__":
    sys.exit(main())
