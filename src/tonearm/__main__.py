"""`python -m tonearm` is the command line."""

import sys

from tonearm.cli import main

if __name__ == "__main__":
    sys.exit(main())
