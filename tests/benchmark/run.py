"""Measures every stage and the whole way on the servers that the environment names; `make bench` runs it.

    run.py [--runs N] [--only NAME ...] [--quick] [--report FILE]

Stages are measured one after the other, each run in a process of its own; inputs are made once. The report is written
where everything was measured, unless --quick.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Run as a script, Python looks beside this file first; the repository is meant.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.benchmark.command import main  # noqa: E402  # needs the path set above

if __name__ == "__main__":
    main()
