"""`python -m hgl`, which `torchrun -m hgl` needs."""

from __future__ import annotations

import sys

from hgl.cli import main

if __name__ == "__main__":
    sys.exit(main())
