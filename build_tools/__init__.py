"""Turns the protos into what is built from them (stubs, OpenAPI, the role matrix) and checks them.

Nothing here runs in a service; the Makefile and the contract tests call it.
"""
