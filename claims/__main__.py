"""`python -m claims`: see seeds.py."""

import sys

from claims.seeds import main

if __name__ == "__main__":  # workers import this file, too
    sys.exit(main())
