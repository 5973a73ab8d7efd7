"""Checks ``kubernetes/rayservice.yaml`` against the RayService definition of your KubeRay operator:

    kubectl get crd rayservices.ray.io -o yaml > crd.yaml
    .venv/bin/python scripts/check_kubernetes.py crd.yaml

Stricter than the API server, which drops unknown fields without a word: here they are errors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / "kubernetes" / "rayservice.yaml"

Schema = dict[str, Any]


def schema_of(definition: Mapping[str, Any], version: str) -> Schema:
    """The strict schema of one version of a CustomResourceDefinition.

    Raises:
        ValueError: It has no such version.
    """
    for candidate in definition["spec"]["versions"]:
        if candidate["name"] == version:
            return strict(candidate["schema"]["openAPIV3Schema"], root=True)
    raise ValueError(f"{definition['metadata']['name']} has no version {version}")


def strict(schema: Schema, *, root: bool = False) -> Schema:
    """The same schema, refusing the fields that it does not name.

    At the root ``metadata`` may hold anything, as its own schema is the API server's.
    """
    closed = {key: value for key, value in schema.items() if key != "description"}
    if "properties" in schema:
        closed["properties"] = {
            name: value if root and name == "metadata" else strict(value)
            for name, value in schema["properties"].items()
        }
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            closed["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), dict):
        closed["additionalProperties"] = strict(schema["additionalProperties"])
    if "items" in schema:
        closed["items"] = strict(schema["items"])
    return closed


def faults(document: Mapping[str, Any], schema: Schema) -> Iterator[str]:
    """Each fault of a document, with where it is."""
    for error in jsonschema.Draft202012Validator(schema).iter_errors(document):
        yield f"{'.'.join(map(str, error.absolute_path)) or '(root)'}: {error.message}"


def main() -> int:
    """Print the faults; 1 where there are any."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    definition = yaml.safe_load(Path(sys.argv[1]).read_text())
    document = yaml.safe_load(MANIFEST.read_text())
    version = document["apiVersion"].rpartition("/")[2]
    found = list(faults(document, schema_of(definition, version)))
    name = definition["metadata"]["name"]
    for fault in found:
        print(fault)
    print(f"{MANIFEST.relative_to(ROOT)}: {len(found)} faults against {name}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
