"""One awkward schema for every server: what real databases do to their names, keys and values."""

from __future__ import annotations

import datetime

import sqlalchemy as sa

from tests.db.conftest import engine

UTC = datetime.timezone.utc  # noqa: UP017
START = datetime.datetime(2021, 3, 1, 12)
LEADING_NULLS = 3000
BLOB = b"\x00\xff\xfe"


def metadata() -> sa.MetaData:
    """Return the tables, written once in SQLAlchemy so that every server declares them itself."""
    meta = sa.MetaData()
    sa.Table(
        "select",
        meta,
        sa.Column("order", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("from", sa.String(50)),
        sa.Column("größe 100%", sa.Float),
        sa.Column('quo"te', sa.String(50)),
        sa.Column("back`tick", sa.Integer),
        sa.Column("co:lon", sa.Integer),
    )
    sa.Table(
        "Person",
        meta,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("boss_id", sa.ForeignKey("Person.id")),
        sa.Column("name", sa.String(80)),
        sa.Column("salary", sa.Numeric(10, 2)),
        sa.Column("born", sa.Date),
        sa.Column("active", sa.Boolean),
        sa.Column("photo", sa.LargeBinary),
    )
    sa.Table(
        "shop",
        meta,
        sa.Column("region", sa.String(20), primary_key=True),
        sa.Column("code", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("日本", sa.String(20)),
    )
    sa.Table(
        "sale",
        meta,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("region", sa.String(20)),
        sa.Column("shop_code", sa.Integer),
        sa.Column("seller", sa.ForeignKey("Person.id")),
        sa.Column("buyer", sa.ForeignKey("Person.id")),
        sa.Column("sold_at", sa.DateTime, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.Column("amount", sa.Numeric(12, 3)),
        sa.Column("note", sa.Text),
        sa.ForeignKeyConstraint(["region", "shop_code"], ["shop.region", "shop.code"], "at_shop"),
    )
    sa.Table(
        "sale line",
        meta,
        sa.Column("sale_id", sa.ForeignKey("sale.id"), primary_key=True),
        sa.Column("no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("what", sa.ForeignKey("select.order")),
        sa.Column("count", sa.SmallInteger),
    )
    sa.Table(
        "late",
        meta,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Float),
        sa.Column("word", sa.String(20)),
        sa.Column("moment", sa.DateTime),
    )
    sa.Table("empty", meta, sa.Column("id", sa.Integer, primary_key=True), sa.Column("x", sa.Float))
    return meta


def rows(timezone: bool) -> dict[str, list[dict[str, object]]]:
    """Return the rows by table, parents first; instants with a zone where `timezone`."""
    east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))

    def seen(hours: int) -> datetime.datetime:
        moment = (START + datetime.timedelta(hours=hours)).replace(tzinfo=UTC)
        return moment.astimezone(east) if timezone else moment.replace(tzinfo=None)

    columns = ("order", "from", "größe 100%", 'quo"te', "back`tick", "co:lon")
    things: list[dict[str, object]] = [
        dict(zip(columns, (7, "\\N", 1.5, "it's", 1, 2))),
        dict(zip(columns, (3, "", None, '"', None, 0))),
    ]
    names = ["Zoë", "😀 O'Neil", "line\nbreak", None]
    people = [
        {
            "id": 10**12 + i,
            "boss_id": None if i == 0 else 10**12 + i // 2,
            "name": names[i % 4],
            "salary": None if i == 3 else f"{1000 + i}.25",
            "born": None if i == 4 else datetime.date(1899 + i, 1, 31),
            "active": None if i == 5 else bool(i % 2),
            "photo": BLOB,
        }
        for i in range(9)
    ]
    shops = [{"region": r, "code": c, "日本": "東京"} for r in ("b", "a") for c in (2, 1)]
    sales = [
        {
            "id": i,
            "region": None if i % 7 == 0 else "ab"[i % 2],
            "shop_code": 1 + i % 2,
            "seller": 10**12 + i % 9,
            "buyer": None if i % 5 == 0 else 10**12 + (i + 1) % 9,
            "sold_at": START + datetime.timedelta(hours=(i * 37) % 100),
            "seen_at": None if i == 2 else seen(i),
            "amount": f"{i}.125",
            "note": ["\\N", "plain", None, "ünï\tcödé"][i % 4],
        }
        for i in range(1, 60)
    ]
    lines = [
        {"sale_id": s, "no": n, "what": [7, 3, None][(s + n) % 3], "count": n}
        for s in range(1, 60)
        for n in range(1, 3)
    ]
    late: list[dict[str, object]] = [
        {"id": i, "number": None, "word": None, "moment": None} for i in range(LEADING_NULLS)
    ]
    late.append({"id": LEADING_NULLS, "number": 0.5, "word": "word", "moment": START})
    tables = {"select": things, "Person": people, "shop": shops, "sale": sales}
    return {**tables, "sale line": lines, "late": late, "empty": []}


def load(url: str) -> None:
    """Create and fill the awkward schema at `url`."""
    meta, server = metadata(), engine(url)
    meta.create_all(server)
    with server.begin() as connection:
        for table, found in rows(server.dialect.name == "postgresql").items():
            if found:
                connection.execute(sa.insert(meta.tables[table]), found)
