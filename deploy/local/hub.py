"""One whole hub: Postgres, migrations, services, sandbox and gateway, started in order and stopped in reverse.

async with Hub(HubSettings(state_dir=folder, gateway_port=0)) as hub:
    hub.gateway_url, hub.addresses["inventory"], hub.processes["sync"].kill()
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import IO, Any

from deploy.backup.settings import load_backup_settings
from deploy.gateway import GatewaySettings
from deploy.gateway.environment import edge_settings
from deploy.local import http
from deploy.local.environment import Environments
from deploy.local.gateway import gateway_command, stop_gateway
from deploy.local.mutual_tls import GATEWAY, MutualTls
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from deploy.local.processes import Command, ManagedProcess
from deploy.local.secrets import load_admin_password, load_secrets
from deploy.local.settings import ROOT, HubSettings
from deploy.local.state import StateFolder, Summary
from deploy.local.topology import LOOPBACK, ServiceSpec, Topology, choose_ports, wanted

_CRASHES_AT_START = 3
_SANDBOX = "sandbox"


class HubStartError(Exception):
    """The hub did not become healthy; the text says which part and shows the end of its log."""


class Hub:
    """A hub in this process's care. Use it as a context manager, or `start` and `stop` it."""

    def __init__(self, settings: HubSettings, report: Callable[[str], None] = lambda _: None) -> None:
        self.settings = settings
        self.state = StateFolder(settings.state)
        self.processes: dict[str, ManagedProcess] = {}
        self.postgres: EmbeddedPostgres | None = None
        self.topology: Topology
        self.environments: Environments
        self.database_url = settings.database_url
        self._report = report
        self._began = time.monotonic()
        self._lock: IO[str] | None = None
        self._ports: Ports | None = None
        self._edge: dict[str, Any] = {}
        self._mutual_tls: MutualTls | None = None

    async def __aenter__(self) -> Hub:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def gateway_url(self) -> str:
        """Where JSON, gRPC and gRPC-web are answered."""
        return self.topology.gateway_url

    @property
    def sandbox_url(self) -> str:
        """Where the marketplaces' stand-in is; empty without one."""
        return self.topology.sandbox_url

    @property
    def envoy_admin_url(self) -> str:
        """The gateway's own statistics; on loopback."""
        return f"http://{LOOPBACK}:{self.topology.envoy_admin}"

    @property
    def metrics(self) -> dict[str, str]:
        """Where each process tells its metrics, by the name of the process."""
        return {
            name if index == 1 else f"{name}-{index}": f"http://{LOOPBACK}:{port}/metrics"
            for name, ports in self.topology.metrics.items()
            for index, port in enumerate(ports, 1)
        }

    @property
    def addresses(self) -> dict[str, str]:
        """The gRPC target of each service, past the gateway."""
        return {spec.name: self.topology.address(spec.name) for spec in wanted(self.settings)}

    @property
    def admin_user(self) -> str:
        """The name of the first admin."""
        return self.settings.admin_user

    @property
    def admin_password(self) -> str:
        """The password the first admin was given."""
        return self.settings.admin_password

    async def start(self) -> None:
        """Starts everything and waits until it is healthy; on failure stops what it started.

        Raises StateInUse, PortTaken, PostgresError or HubStartError.
        """
        self._began = time.monotonic()
        self._lock = self.state.lock()
        try:
            self._prepare()
            await self._start_gateway()
            await self._start_sandbox()
            await self._start_database()
            await asyncio.gather(*(self._start_service(spec) for spec in wanted(self.settings)))
            self._write_summary()
            await self.wait_healthy()
            await self._start_backups()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stops in order: callers are drained, services finish, then what they spoke with closes. Safe to repeat."""
        if self._lock is not None:  # Otherwise the folder, and what it says, is another hub's.
            self.state.remove_summary()
        try:
            await asyncio.gather(self._stop_gateway(), *(process.stop() for process in self._services()))
            if _SANDBOX in self.processes:
                await self.processes[_SANDBOX].stop()
            if self.postgres is not None:
                await self.postgres.stop()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """Of the ports and the state folder."""
        if self._ports is not None:
            self._ports.release()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """Ends all processes at once, for a second Ctrl-C; the next start recovers."""
        for process in self.processes.values():
            process.give_up()

    async def health(self) -> tuple[int, bytes]:
        """Status and body of the hub's /health."""
        return await http.request(self.topology.gateway, "GET", "/health", tls=self.topology.tls)

    def _prepare(self) -> None:
        load_backup_settings(self.settings.environ)
        environ = {**self.settings.environ, **self._certificates(), **self.settings.extra_env.get(GATEWAY, {})}
        self._edge = edge_settings(environ)
        self._ports = Ports()
        self.topology = choose_ports(self.settings, self._ports, tls=self._edge["tls"] is not None)
        secrets = load_secrets(self.state.secrets, self.settings.environ)
        password = load_admin_password(self.state.admin_password, self.settings.admin_password)
        self.settings = replace(self.settings, admin_password=password)
        if not self.settings.database_url:
            place = PostgresPlace(
                self.state.postgres, self.state.log("postgres"), self.topology.postgres, secrets.postgres_password
            )
            self.postgres = EmbeddedPostgres(place, dict(self.settings.postgres_options))
            self.database_url = place.url()
        self.environments = Environments(self.settings, self.topology, secrets, self.database_url, self._mutual_tls)

    def _certificates(self) -> dict[str, str]:
        """Makes those of all processes when they are wanted; what the gateway has to know of them."""
        if not self.settings.mtls:
            return {}
        self._mutual_tls = MutualTls(self.state.path / "mtls")
        self._mutual_tls.make([GATEWAY, *(spec.name for spec in wanted(self.settings))])
        return self._mutual_tls.environment(GATEWAY)

    async def _start_database(self) -> None:
        """Postgres, then the migrations; the latter load their libraries while Postgres starts."""
        migration = asyncio.create_task(self._migrate())
        try:
            if self.postgres is not None:
                self.processes["postgres"] = self.postgres.process
                await self.postgres.start()
                self._tell("Postgres is ready")
            await migration
        finally:
            migration.cancel()
        self._tell("the database is up to date")

    async def _migrate(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.local.migrate"),
            cwd=ROOT,
            env=self.environments.migration(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        if process.returncode:
            raise HubStartError(f"the database could not be brought up to date:\n{output.decode(errors='replace')}")

    async def _start_gateway(self) -> None:
        endpoints = {name: tuple((LOOPBACK, port) for port in ports) for name, ports in self.topology.services.items()}
        settings = GatewaySettings(
            bind=self.settings.bind,
            port=self.topology.gateway,
            admin_port=self.topology.envoy_admin,
            endpoints=endpoints,
            cors_origins=self.settings.cors_origins,
            trusted_proxies=self.settings.trusted_proxies,
            access_log=self.state.log("access"),
            **{**self._edge, "metrics_port": self.topology.metrics.get(GATEWAY, (0,))[0]},
        )
        await self._run(gateway_command(settings, self.state.gateway, self.state.log("gateway")))

    async def _stop_gateway(self) -> None:
        if "gateway" in self.processes:
            await stop_gateway(self.processes["gateway"], self.topology.envoy_admin)

    async def _start_sandbox(self) -> None:
        if self.topology.sandbox:
            await self._run(self._python(_SANDBOX, "sandbox", self.environments.sandbox()))

    async def _start_service(self, spec: ServiceSpec) -> None:
        for index, port in enumerate(self.topology.services[spec.name], 1):
            name = spec.name if index == 1 else f"{spec.name}-{index}"
            await self._run(self._python(name, spec.module, self.environments.service(spec, port)))

    async def _start_backups(self) -> None:
        """The scheduler, where the settings name a place for backups."""
        if self.settings.environ.get("HUB_BACKUP_TO"):
            environment = self.environments.backup()
            await self._run(self._python("backup", "hubctl", environment, "backup", "schedule"))

    def _python(self, name: str, module: str, environment: dict[str, str], *arguments: str) -> Command:
        # Neither modules nor an .env of the folder a user happens to be in may get into a service.
        argv = (sys.executable, "-P", "-m", module, *arguments)
        return Command(name=name, argv=argv, log=self.state.log(name), env=environment, cwd=self.state.path)

    async def _run(self, command: Command) -> None:
        process = ManagedProcess(command)
        self.processes[command.name] = process
        await process.start()

    def _services(self) -> list[ManagedProcess]:
        return [process for name, process in self.processes.items() if name not in {"gateway", "postgres", _SANDBOX}]

    async def wait_healthy(self) -> None:
        """Waits until all services are serving. Raises HubStartError when that takes too long or one keeps crashing."""
        deadline = time.monotonic() + self.settings.start_seconds
        while (await self.health())[0] != 200:
            broken = next((one for one in self.processes.values() if one.crashes >= _CRASHES_AT_START), None)
            if broken is not None:
                raise HubStartError(f"{broken.name} does not start; the end of {broken.command.log}:\n{broken.tail()}")
            if time.monotonic() > deadline:
                status, body = await self.health()
                raise HubStartError(f"the hub is not healthy in time: {status} {body.decode(errors='replace')}")
            await asyncio.sleep(0.1)
        self._tell("the hub is healthy")

    def _write_summary(self) -> None:
        self.state.write_targets(self.metrics)
        self.state.write_summary(
            Summary(
                gateway_url=self.gateway_url,
                sandbox_url=self.sandbox_url,
                envoy_admin_url=self.envoy_admin_url,
                addresses=self.addresses,
                pids={name: process.pid for name, process in self.processes.items() if process.pid},
                admin_user=self.admin_user,
                postgres_port=self.topology.postgres,
                metrics=self.metrics,
            )
        )

    def _tell(self, text: str) -> None:
        self._report(f"{time.monotonic() - self._began:5.1f} s  {text}")
