"""`hgl audit`."""

from __future__ import annotations

from pathlib import Path

from hgl.audit.audit import audit as find_leaks
from hgl.audit.case import Case
from hgl.audit.markdown import markdown
from hgl.audit.models import Predictions, untrained
from hgl.audit.observer import Observer
from hgl.commands.folder import StoredRun, fresh
from hgl.commands.source import open_database, task_name
from hgl.db.database import Database
from hgl.errors import ConfigError, check_range
from hgl.graph.spec import GraphSpec
from hgl.report.screen import PhaseBars, Screen, TableBars, plain_console
from hgl.report.tables import audit_table
from hgl.results.audit import Audit
from hgl.tasks.task import Task
from hgl.train.distributed import join_world
from hgl.train.record import read_statistics, write_text
from hgl.train.run import Experiment, ModelFactory
from hgl.train.watcher import Silent
from hgl.typing import Cut, Policy

_DEFAULT = "flights"


def audit(
    *,
    db: str | None,
    task: str | None,
    manifest: str | None,
    run: str | None,
    artefact: str | None,
    model: ModelFactory | None,
    graph: GraphSpec,
    policy: Policy,
    cut: Cut | None,
    seeds: int,
    instants: int,
    thorough: bool,
    out: str | None,
    strict: bool,
    trust: bool,
) -> int:
    """Look for leaks: does anything later than a seed reach its batch, columns or prediction?

    Rows later than sampled seeds are shuffled, deleted, forged and appended, and everything that
    the seeds see must stay the same in every bit, under both policies and cuts, in every sampler.
    A planted column says how much a leak would have gained, and what is only likely is suspected.

    Args:
        db: a SQLAlchemy URL, a folder, a bundled database or relbench:<name>, as for hgl train;
            null takes the run's, else flights.
        task: a task file, a RelBench task or a bundled task; null takes the run's, else the first
            one of a bundled database.
        manifest: YAML file that states keys, time columns or column types, as for hgl ingest.
        run: folder that hgl train left, whose model is looked at; null takes an untrained one.
        artefact: folder that hgl export or hgl distill wrote, whose student is looked at as well.
        model: the network that is looked at where there is no run; null takes one that can answer
            the task: an R-HGNN, or an ID-GNN where it is a recommendation.
        graph: which tables and foreign keys make its graph.
        policy: of the planted column and of suspicions: frozen or rolling; canaries have both.
        cut: likewise: inclusive or strict; null takes the task's default.
        seeds: of each split, policy, cut and seed time, at most.
        instants: seed times of validation and of test, at most.
        thorough: make all four changes at every seed time, not two of them in turn.
        out: folder for audit.md and audit.json, which replace what an audit left there; null takes
            the run's, else outputs/<database>-<task>-audit/<time>.
        strict: exit with 1 for suspicions, too.
        trust: also build classes outside hgl that the run's configuration names.
    Examples:
        hgl audit
        hgl audit db=flights task=plane-destinations
        hgl audit db=postgresql://user@host/shop task=late.yaml strict=true
        hgl audit run=outputs/flights-plane-late/2026-11-24_09-30-00 artefact=late
    Returns: 0 without a leak, 1 with one or, if strict, with a suspicion.
    Raises: HglError: database, task, run or artefact are unusable.
    """
    check_range("seeds", seeds, 1)
    check_range("instants", instants, 1)
    with Screen() as screen:
        bars = PhaseBars(screen)
        stored = None if run is None else StoredRun.read(run)
        asked, database = _opened(stored, db, task, manifest, screen)
        case = Case(database, asked, policy, cut or asked.default_cut)
        bars.phase("model")
        network = (
            _trained(stored, database, trust=trust) if stored else untrained(case, model, graph)
        )
        student = [] if artefact is None else [_student(artefact, database)]
        found = find_leaks(
            case,
            [network, *student],
            spec=network.experiment.spec,
            seeds=seeds,
            instants=instants,
            thorough=thorough,
            announce=bars.phase,
        )
    folder = _folder(out, stored, f"{database.schema.name}-{asked.name}-audit")
    _write(found, folder)
    _show(found, folder)
    return found.exit_code(strict=strict)


def _opened(
    stored: StoredRun | None,
    db: str | None,
    task: str | None,
    manifest: str | None,
    screen: Screen,
) -> tuple[Task, Database]:
    bars = TableBars(screen)
    if stored is None:
        name = db or _DEFAULT
        asked = Task.load(task_name(name, task))
        return asked, open_database(name, manifest=manifest, progress=bars)
    if task is not None or manifest is not None:
        raise ConfigError("task, manifest: expected none beside run=…, which has its own")
    return stored.task(), stored.open(db, bars)


def _trained(stored: StoredRun, database: Database, *, trust: bool) -> Predictions:
    """The model of a run. Raises: ConfigError: the run left none."""
    experiment = stored.experiment(database, Silent(), trust=trust)
    if not isinstance(experiment, Experiment):
        raise ConfigError(
            f"run={str(stored.folder)!r}: its model is not kept; expected the run of a graph "
            "network, or db and task alone, which audit the columns that it reads as well"
        )
    run = experiment.restore(stored.folder)
    return Predictions(experiment, run, read_statistics(stored.folder), trained=True)


def _student(artefact: str, database: Database) -> Observer:
    # Here, so that an audit without a student needs no ONNX.
    from hgl.audit.student import Student
    from hgl.export.artefact import Artefact

    student = Artefact.read(Path(artefact))
    student.check_database(database.schema)
    return Student(student)


def _folder(out: str | None, stored: StoredRun | None, name: str) -> Path:
    if out is not None:
        return Path(out)
    return fresh(name, join_world()) if stored is None else stored.folder


def _write(found: Audit, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "audit.md", markdown(found))
        found.write(folder)
    except OSError as error:
        raise ConfigError(f"out={str(folder)!r}: cannot be written ({error.strerror})") from None


def _show(found: Audit, folder: Path) -> None:
    console = plain_console()
    console.print(audit_table(found))
    console.print(found.verdict, soft_wrap=True)
    console.print(f"everything is in {folder}", soft_wrap=True)
