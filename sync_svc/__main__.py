"""Starts the sync service."""

from chassis.server import main
from sync_svc.bootstrap import build
from sync_svc.settings import SyncSettings

if __name__ == "__main__":
    main("sync_svc", SyncSettings, build)
