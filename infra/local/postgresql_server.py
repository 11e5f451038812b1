"""PostgreSQL with TimescaleDB, in a Debian tree of the stack's own.

The tree is entered by chroot, since its libraries are newer than the machine's. That also gives its processes a name:
whatever has this tree as its root directory belongs to this stack's database, also a backend whose parent was killed.
"""

from __future__ import annotations

import os
import signal
import uuid

import psycopg
from psycopg import sql

from infra.local.downloads import hard_linked, timescaledb_tree
from infra.local.layout import HOST, Layout, StackError
from infra.local.process import inside, last_lines, privileged, run, runs_inside, send, started_ticks, until
from infra.local.server import NotReadyError

PROGRAMS = "/usr/lib/postgresql/17/bin"
PROGRAM = "postgres"
ROLE = "silkstream"
STOP_SECONDS = 60.0
ORPHAN_SECONDS = 5.0


class PostgresqlServer:
    """The database server of one stack."""

    name = "timescaledb"

    def __init__(self, layout: Layout) -> None:
        self.port = layout.postgresql_port
        self._url = layout.database_url
        self._cache = layout.cache
        self._tree = layout.folder / "timescaledb"
        self._home = self._tree / "srv"
        self._data = self._home / "data"
        self._log = self._home / "postgresql.log"
        self._log_link = layout.logs / "timescaledb.log"

    @property
    def address(self) -> str:
        """The connection URL."""
        return self._url

    def pid(self) -> int | None:
        """The postmaster, if it runs: the one of PostgreSQL's own pid file, if it is in our tree."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().partition("\n")[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if runs_inside(self._tree, pid, program=PROGRAM) else None

    def prepare(self) -> None:
        """Unpack the tree, create the cluster of a new stack, and write its settings."""
        if not self._tree.exists():
            self._tree.parent.mkdir(parents=True, exist_ok=True)
            hard_linked(timescaledb_tree(self._cache), self._tree)
            self._log_link.parent.mkdir(parents=True, exist_ok=True)
            self._log_link.unlink(missing_ok=True)
            self._log_link.symlink_to(os.path.relpath(self._log, self._log_link.parent))
            run(privileged(["chown", self._owner(), str(self._home)]), failing="the database's folder has no owner")
        if not self._data.exists():
            # Into a draft: an interrupted initdb must not look like a cluster.
            run(privileged(["rm", "-rf", str(self._home / "draft")]), failing="a half made cluster stays")
            run(
                self._within(
                    f"{PROGRAMS}/initdb",
                    "--pgdata=/srv/draft",
                    f"--username={ROLE}",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--locale=C.UTF-8",
                ),
                failing="the database cluster could not be created",
            )
            run(self._within("/bin/mv", "/srv/draft", "/srv/data"), failing="the new cluster could not be put in place")

    def start(self) -> None:
        """Start the postmaster and wait for its recovery; first let what a killed one left behind be gone."""
        if not until(lambda: not self._processes(), timeout_seconds=ORPHAN_SECONDS):
            self._kill_all()
        # Nothing runs in the tree, so this is a dead server's; its pid may be somebody else's by now.
        run(self._within("/bin/rm", "-f", "/srv/data/postmaster.pid"), failing="a stale postmaster.pid stays")
        options = " ".join(f"-c {name}={value}" for name, value in self._settings().items())
        started = [f"{PROGRAMS}/pg_ctl", "start", "--wait", "--timeout=120", "--silent"]
        run(
            self._within(*started, "--pgdata=/srv/data", "--log=/srv/postgresql.log", f"--options={options}"),
            failing="the database did not start",
        )

    def probe(self) -> None:
        """Make sure that the database is there; create a hypertable in a throw-away database and read it."""
        try:
            _ensure_database(self._server_url())
            _try_hypertable(self._server_url())
        except psycopg.OperationalError as error:
            raise NotReadyError(str(error).strip()) from error
        except psycopg.Error as error:
            # It answers, and its answer will not change by waiting.
            raise StackError(f"{self.name} answers with an error: {error}") from error

    def stop(self, *, kill: bool) -> None:
        """INT is PostgreSQL's fast shutdown (TERM would wait for clients); KILL takes the children along."""
        pid = self.pid()
        if kill:
            self._kill_all()
        elif pid is not None:
            send([pid], signal.SIGINT)
            if not until(lambda: started_ticks(pid) is None, timeout_seconds=STOP_SECONDS):
                raise StackError(
                    f"{self.name} (pid {pid}) did not end within {STOP_SECONDS:.0f} s; "
                    f"`stack.py stop {self.name} --signal KILL` ends it."
                )
        if self._processes():
            # Backends of a postmaster that somebody else killed.
            self._kill_all()

    def why(self) -> str:
        """The end of the server's log."""
        return last_lines(self._log)

    def psql(self, arguments: list[str]) -> list[str]:
        """The command that opens the stack's database in the tree's own psql."""
        return self._within("/usr/bin/psql", self._url, *arguments)

    def _processes(self) -> tuple[int, ...]:
        """The postmaster and all its children, also those it no longer has; not a psql that is open in the tree."""
        return inside(self._tree, program=PROGRAM)

    def _kill_all(self) -> None:
        pid = self.pid()
        if pid is not None:
            # A stopped postmaster starts no new child between our look and the kill.
            send([pid], signal.SIGSTOP)
        send(self._processes(), signal.SIGKILL)
        if not until(lambda: not self._processes(), timeout_seconds=STOP_SECONDS):
            raise StackError(f"{self.name}: processes {self._processes()} survive a kill -9.")

    def _settings(self) -> dict[str, str]:
        """For a machine with two cores that tests and demonstrates; durability is as in production."""
        return {
            "port": str(self.port),
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "shared_preload_libraries": "timescaledb",
            "timescaledb.telemetry_level": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": "100",
            "shared_buffers": "256MB",
            "work_mem": "16MB",
            "maintenance_work_mem": "128MB",
            "max_wal_size": "2GB",
            "synchronous_commit": "on",
            "fsync": "on",
            "jit": "off",
            # So that no mount of /dev/shm into the tree is needed.
            "dynamic_shared_memory_type": "mmap",
            # Tests create many databases, and TimescaleDB wants a worker for each.
            "max_worker_processes": "48",
            "timescaledb.max_background_workers": "32",
            "max_locks_per_transaction": "256",
        }

    def _owner(self) -> str:
        """`uid:gid` that the server runs as: ours, or where we are root the tree's user postgres."""
        if os.getuid() != 0:
            return f"{os.getuid()}:{os.getgid()}"
        for line in (self._tree / "etc" / "passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == "postgres":
                return f"{uid}:{gid}"
        raise StackError("The database's tree has no user postgres; `stack.py clean` and `up` make it anew.")

    def _within(self, *command: str) -> list[str]:
        return privileged(["chroot", f"--userspec={self._owner()}", str(self._tree), *command])

    def _server_url(self) -> str:
        return f"postgresql://{ROLE}@{HOST}:{self.port}/postgres?connect_timeout=5"


def _ensure_database(server_url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ROLE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(ROLE)))


def _try_hypertable(server_url: str) -> None:
    name = f"stack_probe_{uuid.uuid4().hex[:12]}"
    database = sql.Identifier(name)
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} STRATEGY file_copy").format(database))
        try:
            with psycopg.connect(server_url, dbname=name) as connection:
                connection.execute("CREATE EXTENSION timescaledb")
                connection.execute("CREATE TABLE probe (at timestamptz NOT NULL)")
                connection.execute("SELECT create_hypertable('probe', 'at')")
                connection.execute("INSERT INTO probe VALUES (now())")
                if connection.execute("SELECT count(*) FROM probe").fetchone() != (1,):
                    raise NotReadyError("the row just written to a hypertable is not there")
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
