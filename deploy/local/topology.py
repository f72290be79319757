"""What a hub consists of and where each part listens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.local.ports import Ports
from deploy.local.settings import HubSettings


@dataclass(frozen=True)
class ServiceSpec:
    """One of the hub's services."""

    name: str
    preferred_port: int

    @property
    def module(self) -> str:
        """The package that `python -m` runs."""
        return f"{self.name}_svc"

    @property
    def role(self) -> str:
        """Its database role; its schema is called as the service itself."""
        return f"hub_{self.name}"


SERVICES = (
    ServiceSpec("auth", 50051),
    ServiceSpec("catalog", 50052),
    ServiceSpec("inventory", 50053),
    ServiceSpec("sync", 50054),
)
LOOPBACK = "127.0.0.1"
_PREFERRED = {spec.name: spec.preferred_port for spec in SERVICES} | {
    "sandbox": 8090,
    "postgres": 55432,
    "envoy_admin": 9901,
}


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The ports of one hub; a service has one per replica."""

    bind: str
    gateway: int
    envoy_admin: int
    postgres: int
    sandbox: int
    services: Mapping[str, tuple[int, ...]]
    tls: bool = False
    # Where each process of a service serves its metrics, in the order of its ports; and the gateway.
    metrics: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def gateway_url(self) -> str:
        """Where everything public is reached from this machine."""
        host = LOOPBACK if self.bind in {"0.0.0.0", "::", "127.0.0.1"} else self.bind
        return f"{'https' if self.tls else 'http'}://{host}:{self.gateway}"

    @property
    def sandbox_url(self) -> str:
        """Where the marketplaces' stand-in is reached; empty without one."""
        return f"http://{LOOPBACK}:{self.sandbox}" if self.sandbox else ""

    def hosts(self, service: str) -> str:
        """host:port of every replica, separated by commas, as the services' settings take it."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self.services.get(service, ()))

    def address(self, service: str) -> str:
        """A gRPC target for the service, all replicas of it."""
        hosts = self.hosts(service)
        return f"ipv4:{hosts}" if "," in hosts else hosts


def choose_ports(settings: HubSettings, ports: Ports, *, tls: bool = False) -> Topology:
    """Claims every port of the hub: first those the user named, then the others. Raises PortTaken."""
    gateway = ports.take(settings.gateway_port, "HUB_GATEWAY_PORT", settings.bind)
    names = [name for name in _PREFERRED if _is_wanted(settings, name)]
    named = {name: getattr(settings, f"{name}_port") for name in names}
    taken = {name: ports.take(port, f"HUB_{name.upper()}_PORT") for name, port in named.items() if port}
    taken |= {name: ports.prefer(_PREFERRED[name]) for name in names if name not in taken}
    services = {spec.name: (taken[spec.name], *_more_ports(settings, spec, ports)) for spec in wanted(settings)}
    return Topology(
        bind=settings.bind,
        tls=tls,
        gateway=gateway,
        envoy_admin=taken["envoy_admin"],
        postgres=taken.get("postgres", 0),
        sandbox=taken.get("sandbox", 0),
        services=services,
        metrics=_metrics_ports(settings, services, ports),
    )


def _is_wanted(settings: HubSettings, name: str) -> bool:
    return name not in settings.skip and not (name == "postgres" and settings.database_url)


def wanted(settings: HubSettings) -> tuple[ServiceSpec, ...]:
    """The services that this hub runs."""
    return tuple(spec for spec in SERVICES if spec.name not in settings.skip)


def _metrics_ports(
    settings: HubSettings, services: Mapping[str, tuple[int, ...]], ports: Ports
) -> dict[str, tuple[int, ...]]:
    if not settings.metrics:
        return {}
    one_each = {"gateway": 1, **{name: len(replicas) for name, replicas in services.items()}}
    if settings.environ.get("HUB_BACKUP_TO"):
        one_each["backup"] = 1
    return {name: tuple(ports.take_free() for _ in range(number)) for name, number in one_each.items()}


def _more_ports(settings: HubSettings, spec: ServiceSpec, ports: Ports) -> tuple[int, ...]:
    return tuple(ports.take_free() for _ in range(settings.replicas.get(spec.name, 1) - 1))
