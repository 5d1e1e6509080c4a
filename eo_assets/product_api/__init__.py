"""The product catalogue as a service: a STAC API over PostgreSQL with pgstac.

Belongs here: preparing the database, and serving it with stac-fastapi behind a token. Does not
belong here: what is registered, which is the product store's business.

PostgreSQL is named the way all its clients understand: ``PGHOST``, ``PGPORT``, ``PGUSER``,
``PGPASSWORD``, ``PGDATABASE``.
"""
