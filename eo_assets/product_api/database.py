"""The database of the product catalogue: made, migrated and set up as often as anybody likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eo_assets.errors import ConfigurationError

if TYPE_CHECKING:
    from stac_fastapi.pgstac.config import PostgresSettings

QUERYABLES = {
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "type": "object",
    "title": "Products",
    "additionalProperties": True,
    "properties": {
        # without a type, pgstac compares texts: dates with offsets and numbers would be misjudged
        "created": {"type": "string", "format": "date-time"},
        "updated": {"type": "string", "format": "date-time"},
        "eo:cloud_cover": {"type": "number", "minimum": 0, "maximum": 100},
        "eo_assets:valid_pct": {"type": "number", "minimum": 0, "maximum": 100},
        "eo_assets:product": {"type": "string"},
    },
}
INDEXED = ["eo_assets:product"]
"""Every registration asks for it."""


def connection() -> PostgresSettings:
    """Read where PostgreSQL is.

    Returns:
        What the environment says.

    Raises:
        ConfigurationError: It says too little, or the extra ``pgstac`` is not installed.
    """
    from pydantic import ValidationError

    try:
        from stac_fastapi.pgstac.config import PostgresSettings
    except ImportError as error:
        raise ConfigurationError(
            f"The product catalogue in PostgreSQL needs a package that is missing: {error.name}.",
            "Install eo-assets with its extra 'pgstac'.",
        ) from error
    try:
        return PostgresSettings()
    except ValidationError as error:
        wanted = ", ".join(str(fault["loc"][0]).upper() for fault in error.errors())
    # not even as context does pydantic's error go on: it quotes what it was given
    raise ConfigurationError(
        f"The database of the product catalogue is not known: {wanted} missing or not valid.",
        "Set PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE.",
    )


def prepare() -> str:
    """Make the database if it is not there, and bring pgstac in it to the version installed here.

    Returns:
        The version of pgstac.

    Raises:
        ConfigurationError: PostgreSQL cannot be reached, refuses, or has no PostGIS.
    """
    where = connection()
    import psycopg
    from psycopg import sql
    from psycopg.types.json import Jsonb
    from pypgstac.db import PgstacDB
    from pypgstac.migrate import Migrate

    name = sql.Identifier(where.pgdatabase)
    try:
        with psycopg.connect(dbname="postgres", autocommit=True) as server:
            found = server.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [where.pgdatabase]
            ).fetchone()
            if not found:
                # SQL_ASCII, the default of a server without a locale, cannot hold pgstac's markers
                make = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
                server.execute(sql.SQL(make).format(name))
            # for clients that ask pgstac's tables without naming the schema
            path = "ALTER DATABASE {} SET search_path = pgstac, public"
            server.execute(sql.SQL(path).format(name))
        with PgstacDB() as database:
            version = Migrate(database).run_migration()
        with psycopg.connect() as catalog:
            catalog.execute(
                "SELECT upsert_queryables(%s, NULL, %s, false)", [Jsonb(QUERYABLES), INDEXED]
            )
            # a collection's extent is that of its items
            catalog.execute(
                "UPDATE pgstac_settings SET value = 'true' WHERE name = 'update_collection_extent'"
            )
    except psycopg.Error as error:
        raise ConfigurationError(
            f"The database {where.pgdatabase} on {where.pghost}:{where.pgport} cannot be prepared: "
            f"{str(error).strip().splitlines()[0]}",
            "Check PGHOST and the others; the server needs PostGIS, and the user may have to be "
            "its owner.",
        ) from error
    return version
