"""Postgres that survives the loss of a node: three members under Patroni, which agree through etcd on who takes writes.

`python -m deploy.ha run` has all of it on one machine, to try and to test; `config` writes the file of a member elsewhere.
"""
