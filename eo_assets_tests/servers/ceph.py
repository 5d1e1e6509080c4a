"""A real S3 service on loopback: the RadosGW of a Ceph cluster of one machine, all in memory.

Unlike the small servers made for tests it refuses wrong secrets and expired signatures, keeps
quotas and decides conditional requests. It comes from Debian: ``radosgw``, ``ceph-mon``,
``ceph-osd`` and ``ceph-common``, 64 MB, half a minute to install and some 20 s to start.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

PROGRAMS = ("radosgw", "ceph-mon", "ceph-osd", "ceph", "radosgw-admin")
PACKAGES = ("radosgw", "ceph-mon", "ceph-osd", "ceph-common")
REGION = "us-east-1"

_CONFIG = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{v2}/0,v1:127.0.0.1:{v1}/0]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {folder}/keyring
auth allow insecure global id reclaim = true
run dir = {folder}/run
admin socket = {folder}/run/$name.$pid.asok
pid file = {folder}/run/$name.pid
log file = {folder}/log/$name.log
mon cluster log file = {folder}/log/cluster.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 2000
osd objectstore = memstore
memstore device bytes = 4294967296
mon data = {folder}/mon
osd data = {folder}/osd
mon data avail warn = 1
mon data avail crit = 1
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw enable usage log = false
rgw gc max objs = 8
rgw data log num shards = 2
rgw md log max shards = 2
rgw lc max objs = 2
# a quota is looked up for every request, not remembered
rgw bucket quota ttl = 0
rgw user quota bucket sync interval = 1
"""


def install() -> None:
    """Have the programs, installing them where that is allowed; else skip the test loudly."""
    if all(shutil.which(program) for program in PROGRAMS):
        return
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip(f"CEPH NOT TESTED: install {' '.join(PACKAGES)}")
    wait = ("-o", "DPkg::Lock::Timeout=300")
    for command in (
        ["apt-get", *wait, "update", "-qq"],
        ["apt-get", *wait, "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            pytest.skip(f"CEPH NOT TESTED: it cannot be installed: {done.stderr[-300:]}")


@dataclass(frozen=True)
class User:
    """Someone who may use the service."""

    key: str
    secret: str


@dataclass(frozen=True)
class Ceph:
    """The running service.

    Attributes:
        endpoint: Its address.
        owner: Who may do everything in the buckets made here.
        folder: Where the cluster lives.
    """

    endpoint: str
    owner: User
    folder: Path

    def environment(self, user: User | None = None) -> dict[str, str]:
        """The variables by which programs reach the service."""
        user = user or self.owner
        return {
            "AWS_ACCESS_KEY_ID": user.key,
            "AWS_SECRET_ACCESS_KEY": user.secret,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
        }

    def bucket(self, user: User | None = None) -> str:
        """Make a bucket of its own; give its name."""
        name = f"eo-{uuid.uuid4().hex[:12]}"
        answer = signed(f"{self.endpoint}/{name}", user or self.owner, method="PUT")
        assert answer.status_code == 200, answer.text
        return name

    def admin(self, *arguments: str) -> str:
        """Run ``radosgw-admin``."""
        done = subprocess.run(
            ["radosgw-admin", "-c", "ceph.conf", "-n", "client.rgw", *arguments],
            cwd=self.folder, capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return done.stdout

    def user(self) -> User:
        """Make another user."""
        user = User(uuid.uuid4().hex, uuid.uuid4().hex)
        self.admin("user", "create", f"--uid={user.key}", "--display-name=someone",
                   f"--access-key={user.key}", f"--secret-key={user.secret}")  # fmt: skip
        return user

    def limit(self, user: User, most_bytes: int) -> None:
        """Give a user's buckets a quota."""
        self.admin("quota", "set", "--quota-scope=user", f"--uid={user.key}",
                   f"--max-size={most_bytes}")  # fmt: skip
        self.admin("quota", "enable", "--quota-scope=user", f"--uid={user.key}")

    def objects(self, bucket: str) -> dict[str, int]:
        """Sizes of all objects of a bucket by key, as the cluster itself lists them."""
        entries = json.loads(
            self.admin("bucket", "list", f"--bucket={bucket}", "--max-entries=100000")
        )
        return {one["name"]: int(one["meta"]["size"]) for one in entries}


def signed(url: str, user: User, *, method: str = "GET", content: bytes = b"") -> requests.Response:
    """Send a request signed by AWS's Signature Version 4, written from its specification."""
    parts = requests.utils.urlparse(url)
    now = dt.datetime.now(dt.UTC)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(content).hexdigest()
    headers = {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(headers)
    canonical = "\n".join(
        [method, parts.path, parts.query, *(f"{k}:{v}" for k, v in headers.items()), "", names,
         digest]
    )  # fmt: skip
    scope = f"{day}/{REGION}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}"
    key = f"AWS4{user.secret}".encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={user.key}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return requests.request(method, url, headers=headers, data=content, timeout=30)


@contextlib.contextmanager
def ceph() -> Iterator[Ceph]:
    """Run a monitor, a store and the gateway while the block lasts."""
    install()
    with tempfile.TemporaryDirectory(prefix="eo-ceph-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        v1, v2, port = _free_ports(3)
        for part in ("mon", "osd", "run", "log"):
            (folder / part).mkdir()
        fsid = str(uuid.uuid4())
        (folder / "ceph.conf").write_text(
            _CONFIG.format(fsid=fsid, folder=folder, v1=v1, v2=v2, port=port)
        )
        _begin_cluster(folder, fsid, v1, v2)
        _start(stack, folder, "ceph-mon", "-i", "a")
        _until(lambda: "a=" in _run(folder, "ceph", "mon", "stat", check=False), "the monitor")
        osd = str(uuid.uuid4())
        _run(folder, "ceph", "osd", "new", osd)
        _run(folder, "ceph", "auth", "import", "-i", "keyring")
        _run(folder, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        _start(stack, folder, "ceph-osd", "-i", "0")
        _until(lambda: "1 up" in _run(folder, "ceph", "osd", "stat", check=False), "the store")
        _start(stack, folder, "radosgw", "-n", "client.rgw")
        endpoint = f"http://127.0.0.1:{port}"
        _until(lambda: _answers(endpoint), "the gateway")
        made = Ceph(endpoint, User("owner", "a secret that opens nothing but this test"), folder)
        made.admin("user", "create", "--uid=owner", "--display-name=owner",
                   f"--access-key={made.owner.key}",
                   f"--secret-key={made.owner.secret}")  # fmt: skip
        yield made


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [one.getsockname()[1] for one in sockets]


def _begin_cluster(folder: Path, fsid: str, v1: int, v2: int) -> None:
    tool = ["ceph-authtool", "keyring", "--gen-key"]
    for arguments in (
        [*tool, "-C", "-n", "mon.", "--cap", "mon", "allow *"],
        [*tool, "-n", "client.admin", "--cap", "mon", "allow *", "--cap", "osd", "allow *",
         "--cap", "mgr", "allow *"],
        [*tool, "-n", "client.rgw", "--cap", "mon", "allow *", "--cap", "osd", "allow *"],
        [*tool, "-n", "osd.0", "--cap", "mon", "allow profile osd", "--cap", "osd", "allow *"],
        ["monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a",
         f"[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]", "monmap"],
        ["ceph-mon", "-c", "ceph.conf", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring",
         "keyring"],
    ):  # fmt: skip
        subprocess.run(arguments, cwd=folder, capture_output=True, timeout=120, check=True)


def _run(folder: Path, program: str, *arguments: str, check: bool = True) -> str:
    try:
        done = subprocess.run(
            [program, "-c", "ceph.conf", *arguments],
            cwd=folder, capture_output=True, text=True, timeout=60 if check else 10, check=check,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        if check:
            raise
        return ""
    return done.stdout


def _start(stack: contextlib.ExitStack, folder: Path, program: str, *arguments: str) -> None:
    log = stack.enter_context((folder / f"{program}.out").open("wb"))
    process = subprocess.Popen(
        [program, "-c", "ceph.conf", *arguments, "-f"], cwd=folder, stdout=log, stderr=log
    )
    stack.callback(_stop, process)


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(endpoint: str) -> bool:
    try:
        return requests.get(endpoint, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _until(is_ready, what: str) -> None:
    for _ in range(240):
        if is_ready():
            return
        time.sleep(0.5)
    pytest.fail(f"{what} of Ceph did not start within two minutes")
