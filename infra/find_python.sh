#!/usr/bin/env bash
# Prints the Python to build the virtual environment with: the newest of 3.11 or later that runs and has venv.
# It is run, not only looked up: a version manager leaves names on the path that end in an error.
set -euo pipefail

for name in python3.13 python3.12 python3.11 python3; do
    if "$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        "$name" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done
echo "setup: silkstream needs Python 3.11 or newer with its venv module, and none of python3.13, python3.12," \
    "python3.11 and python3 is one." >&2
exit 78
