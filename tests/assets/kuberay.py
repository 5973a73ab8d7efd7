"""The fields of KubeRay's resources that ``kubernetes/`` uses: names and types, no other allowed.

From the Go types of KubeRay 1.6 (``ray-operator/apis/ray/v1``); pod templates and security contexts
are Kubernetes' own, and checked against its schemas. ``scripts/check_kubernetes.py`` checks against
the whole definition as it is installed in a cluster.
"""

from __future__ import annotations

from typing import Any

STRING = {"type": "string"}
BOOLEAN = {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
ANY = {"type": "object"}
STRINGS = {"type": "object", "additionalProperties": STRING}


def record(required: str = "", **fields: object) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": required.split(),
        "additionalProperties": False,
    }


CREDENTIAL = record(value=STRING, valueFrom=ANY)

HEAD_GROUP = record(
    "rayStartParams template",
    rayStartParams=STRINGS,
    template=ANY,
    serviceType=STRING,
    headService=ANY,
    enableIngress=BOOLEAN,
    resources=STRINGS,
    labels=STRINGS,
)

WORKER_GROUP = record(
    "groupName rayStartParams template minReplicas maxReplicas",
    groupName=STRING,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    numOfHosts=COUNT,
    idleTimeoutSeconds=COUNT,
    rayStartParams=STRINGS,
    template=ANY,
    resources=STRINGS,
    labels=STRINGS,
)

CLUSTER = record(
    "headGroupSpec",
    rayVersion=STRING,
    enableInTreeAutoscaling=BOOLEAN,
    autoscalerOptions=record(
        version={"enum": ["v1", "v2"]},
        idleTimeoutSeconds=COUNT,
        upscalingMode={"enum": ["Default", "Aggressive", "Conservative"]},
        resources=ANY,
        securityContext=ANY,
        env={"type": "array"},
        volumeMounts={"type": "array"},
    ),
    authOptions=record(mode={"enum": ["disabled", "token"]}, secretName=STRING),
    gcsFaultToleranceOptions=record(
        "redisAddress",
        redisAddress=STRING,
        redisUsername=CREDENTIAL,
        redisPassword=CREDENTIAL,
        externalStorageNamespace=STRING,
    ),
    headServiceAnnotations=STRINGS,
    headGroupSpec=HEAD_GROUP,
    workerGroupSpecs={"type": "array", "items": WORKER_GROUP},
)

RAY_SERVICE = record(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayService"},
    metadata=ANY,
    spec=record(
        "rayClusterConfig",
        serveConfigV2=STRING,
        rayClusterConfig=CLUSTER,
        serveService=ANY,
        upgradeStrategy=record(
            type={"enum": ["NewCluster", "NewClusterWithIncrementalUpgrade", "None"]}
        ),
        rayClusterDeletionDelaySeconds=COUNT,
        excludeHeadPodFromServeSvc=BOOLEAN,
    ),
)
