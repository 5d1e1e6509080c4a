"""Parcels: what their pixels say on a date, and over a season. Tables in, tables out; no files."""
