"""The manifests fit together: what one names another has; pods are shut in, probed, drained and limited."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from auth_svc.settings import AuthSettings
from catalog_svc.settings import CatalogSettings
from chassis.settings import ServiceSettings
from deploy.containers.kubernetes_secrets import manifests
from deploy.containers.secrets import SecretSettings, write_secrets
from deploy.gateway.environment import EdgeEnvironment, GatewayEnvironment
from deploy.local.settings import ROOT
from inventory_svc.settings import InventorySettings
from sync_svc.settings import SyncSettings
from tests.factories.kustomize import Manifest, containers_of, pod_of, render

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = {name: render(FOLDER / "overlays" / name) for name in ("dev", "production")}
SERVICES = {
    "auth": AuthSettings,
    "catalog": CatalogSettings,
    "inventory": InventorySettings,
    "sync": SyncSettings,
}
# Not made by us: a certificate, and the store's own keys.
_GIVEN_SECRETS = {"hub-tls", "hub-backup-store"}
_MIGRATION = {"DATABASE_URL", "HUB_ROLE_SECRET"}
_STOP_SECONDS = 3


@pytest.fixture(params=OVERLAYS)
def hub(request: pytest.FixtureRequest) -> list[Manifest]:
    return OVERLAYS[request.param]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The keys of every Secret that the commands of docs/deploy.md make."""
    folder = tmp_path_factory.mktemp("secrets")
    write_secrets(folder, SecretSettings(database="hub-db-rw:5432/hub", database_user="postgres"), {})
    return {one["metadata"]["name"]: set(one["stringData"]) for one in manifests(folder)}


def of_kind(hub: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in hub if one["kind"] == kind}


def workloads(hub: list[Manifest]) -> list[Manifest]:
    return [one for one in hub if pod_of(one)]


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name, inner
        yield from walk(inner)
    for inner in value if isinstance(value, list) else ():
        yield from walk(inner)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_our_rendering_is_kustomizes(overlay: str) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl to compare with")
    command = ["kubectl", "kustomize", str(FOLDER / "overlays" / overlay)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    theirs = {_key(one): _plain(one) for one in yaml.safe_load_all(printed)}
    ours = {_key(one): _plain(one) for one in OVERLAYS[overlay]}
    assert ours == theirs


def test_everything_lives_in_one_namespace_under_its_own_name(hub: list[Manifest]) -> None:
    namespace = next(iter(of_kind(hub, "Namespace")))
    assert {one["metadata"].get("namespace", namespace) for one in hub} == {namespace}
    assert len({_key(one) for one in hub}) == len(hub)


def test_pods_have_no_rights_they_do_not_need(hub: list[Manifest]) -> None:
    for one in workloads(hub):
        pod = pod_of(one)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in containers_of(one):
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"] is True
            assert rights["allowPrivilegeEscalation"] is False
            assert rights["capabilities"] == {"drop": ["ALL"]}


def test_images_are_pinned_and_resources_stated(hub: list[Manifest]) -> None:
    for one in workloads(hub):
        for container in containers_of(one):
            _, _, tag = container["image"].rpartition(":")
            assert tag[:1].isdigit(), container["image"]
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]
    for cluster in of_kind(hub, "Cluster").values():
        assert cluster["spec"]["imageName"].rpartition(":")[2].isdigit()
        assert cluster["spec"]["resources"]["limits"]["memory"]


def test_probes_name_ports_that_are_there_and_do_not_kill_what_waits(hub: list[Manifest]) -> None:
    for one in of_kind(hub, "Deployment").values():
        for container in containers_of(one):
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                found = container[probe]
                kind = next(name for name in ("tcpSocket", "grpc") if name in found)
                port = found[kind]["port"]
                assert port in ports or port in ports.values()
            # A service is not ready without its database; restarted for that it would never be.
            assert "tcpSocket" in container["livenessProbe"]


def test_pods_are_given_the_time_that_their_drain_takes(hub: list[Manifest]) -> None:
    drain = float(of_kind(hub, "ConfigMap")["hub-settings"]["data"]["HUB_DRAIN_SECONDS"])
    for one in of_kind(hub, "Deployment").values():
        pause = containers_of(one)[0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        # A service waits up to three times as long while calls still come.
        assert pod_of(one)["terminationGracePeriodSeconds"] >= pause + 3 * drain + 2 * _STOP_SECONDS
        assert one["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_what_is_mounted_and_read_is_there(hub: list[Manifest], secrets: dict[str, set[str]]) -> None:
    settings = of_kind(hub, "ConfigMap")
    for one in workloads(hub):
        volumes = {volume["name"]: volume for volume in pod_of(one).get("volumes", [])}
        for container in containers_of(one):
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert set(mounts.values()) == volumes.keys()
            assert all(source["configMapRef"]["name"] in settings for source in container.get("envFrom", []))
            for variable in container["env"]:
                folder, _, name = variable["value"].rpartition("/")
                if folder == "/run/hub":
                    assert name in secrets[volumes[mounts[folder]]["secret"]["secretName"]], variable
    named = {value for one in hub for name, value in walk(one) if name == "secretName"}
    named |= {value["name"] for one in hub for name, value in walk(one) if name in {"superuserSecret", "accessKeyId"}}
    assert named <= secrets.keys() | _GIVEN_SECRETS


def test_a_pod_sees_its_own_secrets_only(hub: list[Manifest]) -> None:
    for one in workloads(hub):
        name = one["metadata"]["name"]
        seen = {volume["secret"]["secretName"] for volume in pod_of(one)["volumes"] if "secret" in volume}
        assert seen <= {name, "hub-tls"}


def test_processes_are_told_settings_that_they_have(hub: list[Manifest]) -> None:
    shared = of_kind(hub, "ConfigMap")["hub-settings"]["data"].keys()
    gateway = _variables(GatewayEnvironment) | _variables(EdgeEnvironment)
    known = {f"hub-{name}": _variables(settings) for name, settings in SERVICES.items()}
    known |= {"hub-gateway": gateway, "hub-migrate": _MIGRATION}
    for one in workloads(hub):
        told = {variable["name"] for container in containers_of(one) for variable in container["env"]}
        assert {
            name for name in told if not {name, name.removesuffix("_FILE")} & known[one["metadata"]["name"]]
        } == set()
    assert shared <= _variables(ServiceSettings) | _variables(SyncSettings) | gateway


def test_selectors_choose_the_pods_they_mean(hub: list[Manifest]) -> None:
    pods = {name: one["spec"]["template"]["metadata"]["labels"] for name, one in of_kind(hub, "Deployment").items()}
    for name, one in of_kind(hub, "Deployment").items():
        assert one["spec"]["selector"]["matchLabels"].items() <= pods[name].items()
    for kind in ("Service", "PodDisruptionBudget"):
        for name, one in of_kind(hub, kind).items():
            selector = one["spec"]["selector"]
            chosen = selector.get("matchLabels", selector)
            assert [other for other, labels in pods.items() if chosen.items() <= labels.items()] == [name]
    for name, one in of_kind(hub, "HorizontalPodAutoscaler").items():
        assert one["spec"]["scaleTargetRef"]["name"] == name
        assert "replicas" not in of_kind(hub, "Deployment")[name]["spec"]
    assert of_kind(hub, "PodDisruptionBudget").keys() == of_kind(hub, "HorizontalPodAutoscaler").keys() == pods.keys()


def test_services_lead_to_ports_that_pods_have(hub: list[Manifest]) -> None:
    for name, service in of_kind(hub, "Service").items():
        ports = {port["name"] for port in containers_of(of_kind(hub, "Deployment")[name])[0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    addresses = {
        value.partition(":")[0]
        for name, value in of_kind(hub, "ConfigMap")["hub-settings"]["data"].items()
        if name.endswith("_ADDRESS")
    }
    assert addresses == {f"hub-{name}" for name in SERVICES}
    # With an address of its own a name would stick every caller to one replica.
    assert all(of_kind(hub, "Service")[name]["spec"]["clusterIP"] == "None" for name in addresses)


def test_the_network_is_closed_but_for_what_the_hub_needs(hub: list[Manifest]) -> None:
    network = Network(hub)
    assert network.lets("hub-gateway", "hub-auth", 50051)
    assert network.lets("hub-catalog", "hub-sync", 50051)
    for name in (*(f"hub-{service}" for service in SERVICES), "hub-migrate"):
        assert network.lets(name, "hub-db", 5432)
    assert network.lets("hub-db", "hub-db", 5432)
    assert not network.lets("hub-gateway", "hub-db", 5432)
    assert not network.lets("hub-migrate", "hub-auth", 50051)
    assert not network.lets("hub-auth", "hub-gateway", 8000)
    assert not network.lets("hub-catalog", "hub-auth", 9464)
    assert [name for name in network.pods if network.reaches_outside(name)] == ["hub-sync"]


def test_the_database_keeps_what_it_acknowledged() -> None:
    cluster = of_kind(OVERLAYS["production"], "Cluster")["hub-db"]["spec"]
    assert cluster["instances"] == 3
    assert cluster["postgresql"]["synchronous"]["number"] == 1
    assert cluster["affinity"]["podAntiAffinityType"] == "required"
    stores = of_kind(OVERLAYS["production"], "ObjectStore")
    assert [plugin["parameters"]["barmanObjectName"] for plugin in cluster["plugins"]] == list(stores)
    backup = of_kind(OVERLAYS["production"], "ScheduledBackup")["hub-db"]["spec"]
    assert (backup["cluster"]["name"], len(backup["schedule"].split())) == ("hub-db", 6)
    assert backup["pluginConfiguration"]["name"] == cluster["plugins"][0]["name"]


class Network:
    """What the policies of an overlay let through, ports of pods by number."""

    def __init__(self, hub: list[Manifest]) -> None:
        self.pods = {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in workloads(hub)}
        self._database = {"cnpg.io/cluster": "hub-db"}
        self._policies = [one["spec"] for one in of_kind(hub, "NetworkPolicy").values()]
        self._ports = {
            port["name"]: port["containerPort"]
            for one in workloads(hub)
            for container in containers_of(one)
            for port in container.get("ports", [])
        }
        assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in self._policies

    def lets(self, source: str, target: str, port: int) -> bool:
        """Both ends have to allow it, for both are closed."""
        return self._allows(source, "Egress", target, port) and self._allows(target, "Ingress", source, port)

    def reaches_outside(self, name: str) -> bool:
        return any("ipBlock" in peer for rule in self._rules(name, "Egress") for peer in rule.get("to", []))

    def _allows(self, name: str, way: str, other: str, port: int) -> bool:
        peers = {"Egress": "to", "Ingress": "from"}[way]
        return any(
            any(port == self._ports.get(one["port"], one["port"]) for one in rule["ports"])
            and any(self._is(other, peer) for peer in rule.get(peers, []))
            for rule in self._rules(name, way)
        )

    def _rules(self, name: str, way: str) -> list[dict[str, Any]]:
        chosen = [spec for spec in self._policies if self._has(name, spec["podSelector"])]
        return [rule for spec in chosen if way in spec["policyTypes"] for rule in spec.get(way.lower(), [])]

    def _is(self, name: str, peer: dict[str, Any]) -> bool:
        return "podSelector" in peer and "namespaceSelector" not in peer and self._has(name, peer["podSelector"])

    def _has(self, name: str, selector: dict[str, Any]) -> bool:
        labels = self._database if name == "hub-db" else self.pods[name]
        return bool(selector.get("matchLabels", {}).items() <= labels.items())


def _variables(settings: type[Any]) -> set[str]:
    return {item.metadata["variable"] for item in dataclasses.fields(settings) if "variable" in item.metadata}


def _key(one: Manifest) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


def _plain(one: Manifest) -> Any:
    """Without the order of keys; the order of lists counts only where it means something, and here it never does."""

    def ordered(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: ordered(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return sorted((ordered(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
        return value

    return ordered(one)
