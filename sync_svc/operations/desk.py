"""What the operations of this service work with, built once in bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.database import Database
from sync_svc.connectors import Connectors
from sync_svc.operations.take_orders import OrderIntake
from sync_svc.recent_channels import RecentChannels
from sync_svc.storage.deliveries import OrderTasks
from sync_svc.storage.generations import Generations
from sync_svc.upstream import TruthSource
from sync_svc.vault import Vault
from sync_svc.workers.wakeups import WorkAlarms


@dataclass(frozen=True)
class Desk:
    """Shared by all calls."""

    db: Database
    vault: Vault
    connectors: Connectors
    generations: Generations
    truth: TruthSource
    tasks: OrderTasks
    intake: OrderIntake
    alarms: WorkAlarms
    recent: RecentChannels
    public_url: str = ""

    def wake_channel(self, channel_id: int) -> None:
        """After a commit: let the channel's workers look at once, and the supervisor at the channel."""
        self.alarms.pushes.of(channel_id).ring_in(0)
        self.alarms.polls.of(channel_id).ring_in(0)
        self.alarms.orders.of(channel_id).ring_in(0)
        self.alarms.shipments.of(channel_id).ring_in(0)
        self.alarms.channels.ring_in(0)
