"""JSON schemas for the custom resources that the chart renders: what their definitions allow of what it uses.

Nothing else is allowed, as with a server that validates strictly. Written after the definitions of Prometheus operator
0.85, KEDA 2.17 and Gateway API 1.3 (standard channel).
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
DURATION: Schema = {"type": "string", "pattern": r"^((\d+)y)?((\d+)w)?((\d+)d)?((\d+)h)?((\d+)m)?((\d+)s)?((\d+)ms)?$"}
LABELS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
HOSTNAME: Schema = {
    "type": "string",
    "maxLength": 253,
    "pattern": r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
}


def fields(required: str = "", **properties: Schema) -> Schema:
    """An object with these fields alone."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def many(items: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": items, **limits}


def resource(version: str, kind: str, spec: Schema) -> Schema:
    return fields(
        "apiVersion kind metadata spec",
        apiVersion={"const": version},
        kind={"const": kind},
        metadata={"type": "object", "required": ["name"]},
        spec=spec,
    )


RULE = {
    **fields(
        "expr", alert=TEXT, record=TEXT, expr=TEXT, labels=LABELS, annotations=LABELS, keep_firing_for=DURATION,
        **{"for": DURATION},
    ),
    "oneOf": [{"required": ["alert"]}, {"required": ["record"]}],
}  # fmt: skip
RELABELING = fields(
    sourceLabels=many(TEXT), targetLabel=TEXT, regex=TEXT, replacement={"type": "string"}, action=TEXT, separator=TEXT
)
PARENT = fields("name", group=TEXT, kind=TEXT, namespace=TEXT, name=TEXT, sectionName=TEXT, port=PORT)
BACKEND = fields("name", group=TEXT, kind=TEXT, namespace=TEXT, name=TEXT, port=PORT, weight=COUNT)
BEHAVIOR = fields(
    stabilizationWindowSeconds={"type": "integer", "minimum": 0, "maximum": 3600},
    selectPolicy={"enum": ["Max", "Min", "Disabled"]},
    policies=many(
        fields(
            "type value periodSeconds",
            type={"enum": ["Pods", "Percent"]},
            value={"type": "integer", "minimum": 1},
            periodSeconds={"type": "integer", "minimum": 1, "maximum": 1800},
        )
    ),
)
SCHEMAS = {
    "ServiceMonitor": resource(
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        fields(
            "endpoints selector",
            selector=fields(matchLabels=LABELS),
            jobLabel=TEXT,
            endpoints=many(
                fields(port=TEXT, path=TEXT, interval=DURATION, scrapeTimeout=DURATION, relabelings=many(RELABELING))
            ),
        ),
    ),
    "PrometheusRule": resource(
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        fields(groups=many(fields("name", name=TEXT, interval=DURATION, rules=many(RULE)))),
    ),
    "ScaledObject": resource(
        "keda.sh/v1alpha1",
        "ScaledObject",
        fields(
            "scaleTargetRef triggers",
            scaleTargetRef=fields("name", apiVersion=TEXT, kind=TEXT, name=TEXT, envSourceContainerName=TEXT),
            minReplicaCount=COUNT,
            maxReplicaCount=COUNT,
            pollingInterval=COUNT,
            cooldownPeriod=COUNT,
            advanced=fields(
                horizontalPodAutoscalerConfig=fields(name=TEXT, behavior=fields(scaleUp=BEHAVIOR, scaleDown=BEHAVIOR))
            ),
            triggers=many(
                fields(
                    "type metadata",
                    type={"const": "prometheus"},
                    name=TEXT,
                    metricType={"enum": ["AverageValue", "Value"]},
                    metadata={
                        **fields("serverAddress query threshold", serverAddress=TEXT, query=TEXT, threshold=TEXT)
                    },
                ),
                minItems=1,
            ),
        ),
    ),
    "HTTPRoute": resource(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        fields(
            parentRefs=many(PARENT, maxItems=32),
            hostnames=many(HOSTNAME, maxItems=16),
            rules=many(
                fields(
                    matches=many(
                        fields(
                            path=fields(
                                type={"enum": ["Exact", "PathPrefix", "RegularExpression"]},
                                value={"type": "string", "pattern": "^/"},
                            ),
                            method=TEXT,
                        ),
                        maxItems=64,
                    ),
                    backendRefs=many(BACKEND, maxItems=16),
                ),
                maxItems=16,
            ),
        ),
    ),
    "GRPCRoute": resource(
        "gateway.networking.k8s.io/v1",
        "GRPCRoute",
        fields(
            parentRefs=many(PARENT, maxItems=32),
            hostnames=many(HOSTNAME, maxItems=16),
            rules=many(
                fields(
                    matches=many(
                        fields(method=fields(type={"enum": ["Exact", "RegularExpression"]}, service=TEXT, method=TEXT)),
                        maxItems=64,
                    ),
                    backendRefs=many(BACKEND, maxItems=16),
                ),
                maxItems=16,
            ),
        ),
    ),
}
