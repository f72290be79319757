"""The parts of the benchmark; each `run` answers a section of the table."""

from pathlib import Path

SQL = Path(__file__).resolve().parent.parent / "sql"
