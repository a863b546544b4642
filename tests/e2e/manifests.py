"""Checks Kubernetes manifests, one JSON object a line, against the schemas beside this file.

Prints what is wrong, a line each, and says how many were right.
"""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parent / "schemas"


def strict(schema):
    """Unknown fields are mistakes, also where the schema leaves that to the server."""
    if isinstance(schema, dict):
        if "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
        for inner in schema.values():
            strict(inner)
    elif isinstance(schema, list):
        for inner in schema:
            strict(inner)
    return schema


KUBERNETES = strict(json.loads((SCHEMAS / "kubernetes-v1.37.0.json").read_text()))


def schema(api_version, kind):
    if (api_version + "/" + kind) in KUBERNETES["kinds"]:
        return {"$ref": KUBERNETES["kinds"][api_version + "/" + kind], "definitions": KUBERNETES["definitions"]}
    file = SCHEMAS / f"{api_version.replace('/', '-')}-{kind}.json".lower()
    return json.loads(file.read_text()) if file.exists() else None


right = 0
for line in sys.stdin:
    given = json.loads(line)
    manifest, place = given["manifest"], given["place"]
    name = f"{place}: {manifest.get('kind')}"
    found = schema(manifest.get("apiVersion", ""), manifest.get("kind", ""))
    if found is None:
        print(f"{name}: no schema")
        continue
    errors = [f"{name}: {error.json_path}: {error.message}" for error in Draft202012Validator(found).iter_errors(manifest)]
    print(*errors, sep="\n", end="\n" if errors else "")
    right += not errors
print(f"{right} right")
