"""What the page holds, and what it must not."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from hgl.report.page import Material, gather, read_runs, write_report
from hgl.report.page.explanation import Explanation
from hgl.report.page.shell import page
from hgl.report.page.slices import sliced
from hgl.report.page.tables import comma_separated, markdown
from tests.report.page import made
from tests.report.page.test_element import Seen
from tests.results.test_audit import made as audit

SECTIONS = ["leaderboard", "cost", "curves", "calibration", "slices", "explanations"]
SECTIONS += ["timeline", "schema", "audit", "records"]


@pytest.fixture(scope="module")
def text(material: Material, tmp_path_factory: pytest.TempPathFactory) -> str:
    return page(material, tmp_path_factory.mktemp("home"))


def test_every_section_is_there_and_linked(text: str) -> None:
    assert re.findall(r'<section id="(\w+)"', text) == SECTIONS
    assert re.findall(r'<a href="#(\w+)"', text) == SECTIONS


def test_hostile_names_are_text(text: str) -> None:
    seen = Seen(text)
    assert "img" not in seen.tags
    assert seen.tags.count("script") == 1
    assert made.HOSTILE in seen.text
    assert made.HOSTILE in seen.values


def test_nothing_is_fetched_and_only_our_own_script_and_style_run(text: str) -> None:
    (policy,) = re.findall(r'Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src &#x27;none&#x27;")
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src &#x27;sha256-{digest}&#x27;" in policy
        assert "http" not in content
        assert "url(" not in content
        assert "@import" not in content
    assert not re.findall(r"(?:src|href)=\"(?!#|\./)", text)
    names = Seen(text).names
    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]


def test_links_lead_to_records_and_runs(material: Material, store: Path, tmp_path: Path) -> None:
    text = page(material, tmp_path)
    links = re.findall(r'href="\./([^"]*)"', text)
    assert len(links) == 13 + 12
    assert all((tmp_path / link).exists() for link in links)


def test_an_audit_beside_a_run_is_listed(material: Material, tmp_path: Path) -> None:
    assert "hgl audit run=… does" in page(material, tmp_path)
    done = next(record for record in material.records if record.folder is not None)
    assert done.folder is not None
    file = audit("leak", "note").write(done.folder)
    try:
        text = page(material, tmp_path)
        assert "1 leak proven in 8 comparisons" in text
        assert "2 | 3 of 4 differ" in text
    finally:
        file.unlink()


def test_policies_have_tables_of_their_own(material: Material) -> None:
    assert [panel.group.first.policy for panel in material.panels] == ["frozen", "rolling"]
    assert [len(panel.rows) for panel in material.panels] == [3, 4]


def test_failures_and_gaps_are_seen(text: str) -> None:
    seen = Seen(text).text
    assert "timeout" in seen
    assert "it ran for 600 s" in seen
    assert "no row: record broken.json" in seen
    assert "no explanation: explain=true" in seen


def test_explanations_are_bars(material: Material, tmp_path: Path) -> None:
    bars = (("orders.price", 0.75), (made.HOSTILE, 0.25))
    told = Explanation("g0", "sage", 0, "columns", "Shares.", bars)
    seen = Seen(page(replace(material, explanations=[told]), tmp_path)).text
    assert "orders.price: 75.0%" in seen
    assert "no explanation" not in seen


def test_slices_are_the_scores_of_their_times(material: Material) -> None:
    panel = material.panels[0]
    slices = sliced(panel.runs)
    assert [(s.split, s.count) for s in slices] == [("val", 40)] * 3 + [("test", 40)] * 3
    frame = made.answers("test", "binary", 0.5, 0)
    first = frame[frame["timestamp"] == frame["timestamp"].min()]
    pairs = [
        (a > b)
        for a in first["prediction"][first["comes_back"] == 1]
        for b in first["prediction"][first["comes_back"] == 0]
    ]
    alone = sliced([r for r in panel.runs if r.record.model == "sage" and r.record.seed == 0])
    assert alone[3].scores["sage"] == pytest.approx(sum(pairs) / len(pairs))


def test_markdown_and_csv_say_the_same_as_the_page(material: Material, text: str) -> None:
    rows = list(csv.DictReader(io.StringIO(comma_separated(material))))
    lines = [line for line in markdown(material).splitlines() if line.startswith("| ")]
    shown = Seen(text).text
    assert len(rows) == 7
    assert len(lines) == 7 + 2 * 2
    for row in rows:
        if row["status"] == "done":
            assert f"{float(row['test']):.4f}" in shown
            assert any(f"{float(row['test']):.4f} ±" in line for line in lines)
    assert "no row: record broken.json" in markdown(material)


def test_no_cell_is_a_formula_or_breaks_a_table(tmp_path: Path) -> None:
    db = made.database(tmp_path / "db")
    folder = made.run(tmp_path / "run", db, model="m.=HYPERLINK(1)|x\n<b>")
    material = gather("runs", *read_runs([folder]), None)
    (row,) = csv.DictReader(io.StringIO(comma_separated(material)))
    assert row["model"] == "'=HYPERLINK(1)|x\n<b>"
    assert "| =HYPERLINK(1)\\|x &lt;b&gt; |" in markdown(material)


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_other_kinds_have_a_whole_page(tmp_path: Path, kind: str) -> None:
    db = made.database(tmp_path / "db")
    folders = [made.run(tmp_path / str(n), db, kind=kind, seed=n) for n in range(2)]
    material = gather("runs", *read_runs(folders), None)
    seen = Seen(page(material, tmp_path)).text
    assert "no calibration" not in seen
    assert "no metrics over time" not in seen


def test_an_unknown_kind_leaves_gaps(tmp_path: Path) -> None:
    run = made.run(tmp_path / "run", made.database(tmp_path / "db"))
    task = (run / "task.yaml").read_text()
    (run / "task.yaml").write_text(task.replace("binary", "ranking").replace("roc_auc", "hits"))
    material = gather("runs", *read_runs([run]), None)
    seen = Seen(page(material, tmp_path)).text
    assert "no calibration of Network: the kind 'ranking' has none" in seen
    assert "no metrics over time: no predictions to score by hits" in seen


def test_recommendations_have_scores_over_time_and_an_interval(tmp_path: Path) -> None:
    run = made.run(tmp_path / "run", made.database(tmp_path / "db"))
    task = yaml.safe_load((run / "task.yaml").read_text())
    task |= {"kind": "recommendation", "metric": "map", "eval_k": 2}
    (run / "task.yaml").write_text(yaml.safe_dump(task))
    for split in ("val", "test"):
        frame = made.answers(split, "binary", 0.5, 0)
        lists = [["b", "a"] if late else ["a"] for late in frame["comes_back"]]
        listed = frame.assign(comes_back=[["a"]] * len(frame), prediction=lists)
        listed.to_parquet(run / "predictions" / f"{split}.parquet")
    records, gaps = read_runs([run])
    assert gaps == []
    low, high = records[0].interval["test"] or (1.0, 0.0)
    assert 0.5 < low < high < 1.0
    seen = Seen(page(gather("runs", records, [], None), tmp_path)).text
    assert "no metrics over time" not in seen
    assert "no calibration of Network: the kind 'recommendation' has none" in seen


def test_files_are_whole_and_beside_each_other(material: Material, tmp_path: Path) -> None:
    files = write_report(material, tmp_path / "new" / "results.html")
    assert [file.name for file in files] == ["results.html", "results.md", "results.csv"]
    assert {file.name for file in (tmp_path / "new").iterdir()} == {file.name for file in files}
