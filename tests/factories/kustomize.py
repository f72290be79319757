"""Renders a kustomization as kustomize would: resources, patches, namespace and images, which is all that ours use.

A test compares it with the real one where `kubectl` is at hand, so that the others may rely on it everywhere.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

# Lists whose entries are told apart by a key are merged entry by entry, as the Kubernetes API has it; others are replaced.
_KEYS = {
    "containers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "topologySpreadConstraints": "topologyKey",
}
# Of custom resources kustomize knows no such keys.
_BUILT_IN = ("v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v2", "networking.k8s.io/v1")
_UNSCOPED = {"Namespace"}


def render(folder: Path) -> list[Manifest]:
    """All manifests of the folder's kustomization."""
    spec = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = spec.keys() - {"apiVersion", "kind", "namespace", "resources", "patches", "images"}
    assert not unknown, f"the renderer does not know {unknown}"
    found = [one for name in spec["resources"] for one in _resource(folder / name)]
    for patch in spec.get("patches", []):
        found = _patched(found, patch, folder)
    for one in found:
        _put_into(one, spec.get("namespace", ""))
        _name_images(one, spec.get("images", []))
    return found


def merge(base: Any, patch: Any, key: str = "", *, by_key: bool = True) -> Any:
    """A strategic merge patch; null removes."""
    if isinstance(base, dict) and isinstance(patch, dict):
        merged = dict(base)
        for name, value in patch.items():
            if value is None:
                merged.pop(name, None)
            else:
                merged[name] = merge(merged.get(name), value, name, by_key=by_key)
        return merged
    if isinstance(base, list) and isinstance(patch, list) and by_key and key in _KEYS:
        return _merge_lists(base, patch, _KEYS[key])
    assert base is None or key != "ports", "kustomize merges ports by number; state them in one place"
    return copy.deepcopy(patch)


def _merge_lists(base: list[Any], patch: list[Any], key: str) -> list[Any]:
    """Entries of the patch first, as kustomize puts them, then those that only the base has."""
    known = {entry[key]: entry for entry in base}
    changed = [merge(known.get(entry[key]), entry) for entry in patch]
    return [*changed, *(entry for entry in base if entry[key] not in {one[key] for one in patch})]


def _resource(path: Path) -> list[Manifest]:
    if path.is_dir():
        return render(path)
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def _patched(found: list[Manifest], patch: dict[str, Any], folder: Path) -> list[Manifest]:
    change = yaml.safe_load((folder / patch["path"]).read_text())
    target = patch.get("target") or {"kind": change["kind"], "name": change["metadata"]["name"]}
    meant = [_is_target(one, target) for one in found]
    assert any(meant), f"{patch['path']} changes nothing"
    content = {name: value for name, value in change.items() if name not in {"apiVersion", "kind"}}
    content["metadata"] = {name: value for name, value in change["metadata"].items() if name != "name"}
    return [
        merge(one, content, by_key=one["apiVersion"] in _BUILT_IN) if is_meant else one
        for one, is_meant in zip(found, meant, strict=True)
    ]


def _is_target(one: Manifest, target: dict[str, str]) -> bool:
    label, _, value = target.get("labelSelector", "").partition("=")
    return (
        one["kind"] == target["kind"]
        and one["metadata"]["name"] == target.get("name", one["metadata"]["name"])
        and (not label or one["metadata"].get("labels", {}).get(label) == value)
    )


def _put_into(one: Manifest, namespace: str) -> None:
    if namespace and one["kind"] not in _UNSCOPED:
        one["metadata"]["namespace"] = namespace


def _name_images(one: Manifest, images: list[dict[str, str]]) -> None:
    for container in containers_of(one):
        for image in images:
            if container["image"].rpartition(":")[0] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"


def pod_of(one: Manifest) -> dict[str, Any]:
    """The specification of the pods that something makes; empty when it makes none."""
    found: dict[str, Any] = one.get("spec", {}).get("template", {}).get("spec", {})
    return found


def containers_of(one: Manifest) -> list[dict[str, Any]]:
    """The containers of those pods."""
    found: list[dict[str, Any]] = pod_of(one).get("containers", [])
    return found
