"""Fetches the servers once for all stacks: Kafka's jars by Maven, TimescaleDB's tree by mmdebstrap.

Where they come from is what this machine's own Maven and apt settings say, so that a mirror or a proxy set there
is used and none is written here. Each arrives under a temporary name: what has its final name is complete.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from infra.local.layout import EXIT_SETTING, StackError
from infra.local.process import only_one, privileged, run

POM = Path(__file__).parent / "kafka" / "pom.xml"
SUITE = "trixie"
PACKAGES = ("postgresql-17", "postgresql-17-timescaledb")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def kafka_jars(cache: Path) -> Path:
    """The folder with the broker's jars, fetched if need be (46 files, 43 MB)."""
    target = cache / f"kafka-{_digest(POM.read_text())}"
    with only_one(cache / "kafka.lock"):
        if not target.exists():
            print("kafka: fetching the broker's jars (43 MB)", flush=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix="kafka-new-") as folder:
                fresh = Path(folder) / "lib"
                run(
                    ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"],
                    failing="Kafka's jars could not be fetched",
                    log=cache / "kafka-fetch.log",
                )
                fresh.replace(target)
    return target


def timescaledb_tree(cache: Path) -> Path:
    """A Debian tree with PostgreSQL and TimescaleDB, unpacked if need be (450 MB).

    It is the pattern that each stack hard-links into a tree of its own. If we are not root, our own user is made
    known in it, so that the database runs as that user.
    """
    user = os.getuid()
    target = cache / f"timescaledb-{_digest(SUITE, *PACKAGES, str(user))}"
    with only_one(cache / "timescaledb.lock"):
        if not target.exists():
            mirror = debian_mirror()
            print(f"timescaledb: unpacking {' and '.join(PACKAGES)} of Debian {SUITE} (450 MB)", flush=True)
            fresh = cache / f"timescaledb-new-{os.getpid()}"
            options = [f"--aptopt={line}" for line in _apt_network_options()]
            if user != 0:
                entry = f"stack:x:{user}:{os.getgid()}::/:/bin/sh"
                options.append(f"--customize-hook=echo '{entry}' >> \"$1/etc/passwd\"")
            options += [f"--dpkgopt=path-exclude=/usr/share/{unread}/*" for unread in ("doc", "man", "locale", "info")]
            try:
                run(
                    privileged(
                        [
                            "mmdebstrap",
                            "--variant=apt",
                            f"--include={','.join(PACKAGES)}",
                            *options,
                            SUITE,
                            str(fresh),
                            f"deb [signed-by={KEYRING}] {mirror} {SUITE} main",
                        ]
                    ),
                    failing="TimescaleDB could not be unpacked",
                    log=cache / "timescaledb-fetch.log",
                )
                run(privileged(["mv", str(fresh), str(target)]), failing="TimescaleDB could not be put in place")
            finally:
                if fresh.exists():
                    run(privileged(["rm", "-rf", str(fresh)]), failing="a half unpacked tree could not be removed")
    return target


def debian_mirror() -> str:
    """The address of the Debian archive that this machine's own apt sources name.

    Asked of apt itself, which reads both forms of its sources.

    Raises:
        StackError: no source of the machine is a Debian archive.
    """
    # The format's dollar signs are apt's: one line for each index, "address release component".
    listed = run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
        failing="apt's sources could not be read",
    )
    for line in listed.splitlines():
        address, _, rest = line.partition(" ")
        release, _, component = rest.partition(" ")
        whole_release = not release.endswith(("-security", "-updates", "-backports", "-proposed-updates"))
        if component == "main" and whole_release and address.rstrip("/").endswith("/debian"):
            return address
    raise StackError(
        "No apt source of this machine is a Debian archive (an address that ends in /debian with component main), "
        "so there is nowhere to take TimescaleDB from.",
        exit_status=EXIT_SETTING,
    )


def _apt_network_options() -> list[str]:
    """The machine's own proxy and certificate options, which mmdebstrap would otherwise not read."""
    dumped = run(["apt-config", "dump", "Acquire"], failing="apt's settings could not be read")
    wanted = ("::proxy ", "::cainfo ", "::verify-peer ", "::verify-host ", "::proxy-auto-detect ")
    return [line for line in dumped.splitlines() if any(word in line.lower() for word in wanted) and '""' not in line]


def hard_linked(pattern: Path, target: Path) -> None:
    """Give a stack a tree of its own that shares the pattern's files (no space, a third of a second)."""
    fresh = target.with_name(f"{target.name}.new")
    if fresh.exists():
        remove(fresh)
    run(privileged(["cp", "-al", str(pattern), str(fresh)]), failing="the database's tree could not be linked")
    run(privileged(["mv", str(fresh), str(target)]), failing="the database's tree could not be put in place")


def remove(folder: Path) -> None:
    """Delete a folder, with files in it that belong to the database's user; never across a mount."""
    try:
        shutil.rmtree(folder)
    except PermissionError:
        run(privileged(["rm", "-rf", "--one-file-system", str(folder)]), failing=f"{folder} could not be deleted")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
