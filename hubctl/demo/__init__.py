"""`hubctl demo`: the hub's main job, shown on a running hub. A sale on one channel empties all others."""

from hubctl.demo.command import demo

COMMANDS = [demo]
