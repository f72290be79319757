"""Backups of a whole hub: made from one snapshot, checked, sealed, kept by the calendar, and restored.

A backup is a folder of objects in a store; its manifest is written last, so what was broken off is never taken for a backup.
"""
