"""What each process of the hub is told through its environment, and what is kept from it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from chassis.setting_values import PoolMode
from deploy.local.mutual_tls import MutualTls
from deploy.local.secrets import Secrets
from deploy.local.settings import ROOT, HubSettings
from deploy.local.topology import LOOPBACK, SERVICES, ServiceSpec, Topology, wanted

# The services that call others, each with an account of its own.
CALLERS = ("catalog", "inventory", "sync")
# Nobody but the runner, the migration step and the one service concerned may see these.
_RUNNERS_OWN = (
    "DATABASE_URL",
    "DATABASE_POOLER_URL",
    "DATABASE_REPLICA_URL",
    "HUB_ADMIN_PASSWORD",
    "HUB_ROLE_SECRET",
    "HUB_CREDENTIAL_KEY",
    "HUB_BIND",
    "HUB_TLS_KEY",
)
# Whoever can read the backups can read everything.
_BACKUPS_OWN = ("HUB_BACKUP_", "AWS_")


# glibc gives every thread an arena of its own; with two, an idle service holds a tenth less memory.
_FRUGAL = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}


@dataclass(frozen=True)
class Environments:
    """Makes the environment of every process of one hub."""

    settings: HubSettings
    topology: Topology
    secrets: Secrets
    database_url: str
    mutual_tls: MutualTls | None = None

    def migration(self) -> dict[str, str]:
        """Of the migration step, the only one that is told the administrator's password."""
        return self._environment("migrate", DATABASE_URL=self.database_url, HUB_ROLE_SECRET=self.secrets.role_secret)

    def backup(self) -> dict[str, str]:
        """Of the scheduler of backups, which copies the whole database and, sealed, what its data is sealed with."""
        environ, secrets = self.settings.environ, self.secrets
        own = {name: value for name, value in environ.items() if name.startswith(_BACKUPS_OWN)}
        return self._environment(
            "backup",
            DATABASE_URL=self.database_url,
            HUB_ROLE_SECRET=secrets.role_secret,
            HUB_SEAL_KEY=secrets.seal_key,
            HUB_CREDENTIAL_KEY=secrets.credential_key,
            **{"HUB_BACKUP_METRICS_PORT": str(self.topology.metrics.get("backup", (0,))[0]), **own},
        )

    def sandbox(self) -> dict[str, str]:
        """Of the marketplaces' stand-in."""
        return self._environment("sandbox", HUB_BIND=LOOPBACK, HUB_SANDBOX_PORT=str(self.topology.sandbox))

    def service(self, spec: ServiceSpec, port: int) -> dict[str, str]:
        """Of one replica of a service."""
        metrics = dict(zip(self.topology.services[spec.name], self.topology.metrics.get(spec.name, ()), strict=False))
        addresses = {f"HUB_{other.name.upper()}_ADDRESS": self.topology.hosts(other.name) for other in SERVICES}
        return self._environment(
            spec.name,
            HUB_BIND=LOOPBACK,
            HUB_PORT=str(port),
            HUB_METRICS_PORT=str(metrics.get(port, 0)),
            HUB_SEAL_KEY=self.secrets.seal_key,
            HUB_PUBLIC_URL=self.settings.public_url or self.topology.gateway_url,
            **{variable: address for variable, address in addresses.items() if address},
            **(self.mutual_tls.environment(spec.name) if self.mutual_tls else {}),
            **self._database(spec),
            **self._own(spec),
        )

    def _environment(self, process: str, **own: str) -> dict[str, str]:
        """The caller's environment without the runner's secrets, under what the process has to know."""
        settings = self.settings
        return {
            **_FRUGAL,
            **{name: value for name, value in settings.environ.items() if not _is_kept_back(name)},
            "PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}",
            "PYTHONUNBUFFERED": "1",
            "HUB_STATE_DIR": str(settings.state),
            "HUB_LOG_LEVEL": settings.log_level,
            **own,
            **settings.extra_env.get("*", {}),
            **settings.extra_env.get(process, {}),
        }

    def _database(self, spec: ServiceSpec) -> dict[str, str]:
        """The ways to it: as the service's own role, past a pooler too, and to a standby, as far as there are such."""
        settings = self.settings

        def own(url: str) -> str:
            return role_url(url, spec.role, self.secrets.role_password(spec.role))

        told = {"HUB_DATABASE_URL": own(settings.database_pooler_url or self.database_url)}
        if settings.database_pooler_url:
            told |= {
                "HUB_DATABASE_POOL_MODE": PoolMode.TRANSACTION.value,
                "HUB_DATABASE_DIRECT_URL": own(self.database_url),
            }
        if settings.database_replica_url:
            told["HUB_DATABASE_REPLICA_URL"] = own(settings.database_replica_url)
        return told

    def _own(self, spec: ServiceSpec) -> dict[str, str]:
        own: dict[str, str] = {}
        if spec.name in CALLERS:
            own |= {"HUB_CLIENT_ID": account_of(spec.name), "HUB_CLIENT_SECRET": self._account_secret(spec.name)}
        if spec.name == "auth":
            own["HUB_SERVICE_ACCOUNTS"] = seeded_accounts(self.secrets)
            own["HUB_HEALTH_SERVICES"] = ",".join(other.name for other in wanted(self.settings))
            own["HUB_ADMIN_USER"] = self.settings.admin_user
            own["HUB_ADMIN_PASSWORD"] = self.settings.admin_password
        if spec.name == "sync":
            own["HUB_CREDENTIAL_KEY"] = self.secrets.credential_key
            own["HUB_SANDBOX_URL"] = self.settings.sandbox_address or self.topology.sandbox_url
        return own

    def _account_secret(self, service: str) -> str:
        return self.secrets.client_secret(account_of(service))


def _is_kept_back(name: str) -> bool:
    return name in _RUNNERS_OWN or name.startswith(_BACKUPS_OWN)


def account_of(service: str) -> str:
    """The client id a service signs in with."""
    return f"{service}-svc"


def seeded_accounts(secrets: Secrets) -> str:
    """The accounts of all services that call others, as auth is told of them."""
    return ",".join(f"{one}:{secrets.client_secret(one)}:SYSTEM_BOT" for one in map(account_of, CALLERS))


def role_url(admin_url: str, role: str, password: str) -> str:
    """The administrator's address with another user; hosts, database and options stay."""
    scheme, _, rest = admin_url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{quote(role)}:{quote(password, safe='')}@{authority.rpartition('@')[2]}{slash}{path}"
