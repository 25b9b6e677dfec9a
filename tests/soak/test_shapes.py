"""Children of the same spec differ in names alone."""

import base64
import hashlib
import json
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from e2e.soak.shapes import Shapes, differences, shape

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


def child(name: str, **spec: Any) -> dict[str, Any]:
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = {
        "name": name,
        "uid": f"uid of {name}",
        "labels": {"modelberth.dev/modeldeployment": name},
        "annotations": {
            "modelberth.dev/hash": digest,
            "modelberth.dev/pods": base64.b64encode(zlib.compress(f'{{"name": "{name}"}}'.encode())).decode(),
            "modelberth.dev/frozen": json.dumps({"labels": {"modelberth.dev/revision": digest}}),
            "deployment.kubernetes.io/revision": str(len(name)),
        },
        "ownerReferences": [{"kind": "ModelDeployment", "name": name, "uid": f"uid of {name}'s owner"}],
    }
    return {"kind": "Deployment", "metadata": meta, "spec": {"image": "x", "path": f"/{name}", **spec}}


def test_two_of_a_shape_are_alike_but_for_name_uid_digests_and_what_the_cluster_writes() -> None:
    assert shape(child("one", clusterIP="10.0.0.1"), "one") == shape(child("other", replicas=3), "other")


def test_drift_names_the_fields() -> None:
    shapes, spec = Shapes(), {"maxModelLen": 512, "replicas": 1}
    assert shapes.drift(child("one"), "one", spec) == []
    assert shapes.drift(child("other", image="y"), "other", {**spec, "replicas": 2}) == ["spec.image"]
    assert shapes.drift(child("other", image="y"), "other", {**spec, "maxModelLen": 768}) == [], "another shape"


def test_a_lost_label_annotation_or_owner_is_drift() -> None:
    shapes = Shapes()
    shapes.drift(child("one"), "one", {})
    for part, path in (("labels", "labels"), ("annotations", "annotations"), ("ownerReferences", "owners")):
        broken = child("other")
        del broken["metadata"][part]
        (found, *_) = shapes.drift(broken, "other", {})
        assert found.startswith(path)


@given(JSON, JSON)
def test_there_are_differences_where_values_differ(one: Any, other: Any) -> None:
    assert differences(one, one) == []
    # Absent and null are one to the API server.
    assert bool(differences(one, other)) == (_plain(one) != _plain(other))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
