"""Starts the auth service."""

from auth_svc.bootstrap import build
from auth_svc.settings import AuthSettings
from chassis.server import main

if __name__ == "__main__":
    main("auth_svc", AuthSettings, build)
