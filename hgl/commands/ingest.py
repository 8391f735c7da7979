"""`hgl ingest`."""

from __future__ import annotations

from hgl.commands.source import open_database
from hgl.report.screen import Screen, TableBars, plain_console
from hgl.report.tables import schema_lines


def ingest(
    *,
    db: str,
    out: str | None,
    name: str | None,
    include: list[str] | None,
    exclude: list[str],
    views: list[str],
    sql_schema: str | None,
    manifest: str | None,
    val_timestamp: str | None,
    test_timestamp: str | None,
) -> None:
    """Read a database into Parquet files and say what was found in it and why.

    Args:
        db: a SQLAlchemy URL, a folder of Parquet or CSV files or of a RelBench dataset, a bundled
            database (flights, baseball), or relbench:<name> for a hosted one.
        out: folder to write; null keeps the copy in the cache, where hgl train finds it.
        name: name of the database; null takes the source's.
        include: tables to read, such as [orders,customers]; null reads all.
        exclude: tables to leave out.
        views: views to read as if they were tables.
        sql_schema: schema to read from; null takes the connection's.
        manifest: YAML file that states keys, time columns or column types.
        val_timestamp: when validation begins, UTC; null proposes one.
        test_timestamp: when the test begins, UTC; null proposes one.
    Examples:
        hgl ingest db=postgresql://user@host/shop out=shop
        hgl ingest db=sqlite:///shop.sqlite exclude=[audit_log] manifest=shop.yaml
    Raises: HglError: the database cannot be read, or contradicts the manifest.
    """
    with Screen() as screen:
        database = open_database(
            db,
            progress=TableBars(screen),
            out=out,
            name=name,
            include=include,
            exclude=exclude,
            views=views,
            sql_schema=sql_schema,
            manifest=manifest,
            val_timestamp=val_timestamp,
            test_timestamp=test_timestamp,
        )
    console = plain_console()
    for line in schema_lines(database.schema):
        console.print(line, soft_wrap=isinstance(line, str))
    console.print(f"fingerprint {database.fingerprint}, in {database.folder}", soft_wrap=True)
