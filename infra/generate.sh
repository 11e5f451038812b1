#!/usr/bin/env bash
# Generates the protobuf code, asyncapi.yaml and events/ in schemas/ and the table in decoders/README.md; with --check it
# changes nothing and fails where one of them has drifted.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
out=.
if [[ "${1:-}" == --check ]]; then
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi
"$python" -m grpc_tools.protoc --proto_path=. --python_out="$out" --pyi_out="$out" schemas/silkstream/v1/*.proto
if [[ "$out" != . ]]; then
    for generated in "$out"/schemas/silkstream/v1/*; do
        cmp "$generated" "schemas/silkstream/v1/$(basename "$generated")" ||
            { echo "generated code has drifted: run 'make generate'" >&2; exit 1; }
    done
    "$python" -m decoders.catalogue --check decoders/README.md
    "$python" -m pipeline.cli contract --built-in --check schemas
else
    "$python" -m decoders.catalogue --write decoders/README.md
    rm -rf schemas/events
    "$python" -m pipeline.cli contract --built-in --out schemas
fi
