"""The schema `auth` in Postgres."""
