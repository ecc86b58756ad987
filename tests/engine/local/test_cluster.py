"""What answers at the address of a scheduler, if it is one; and what TLS needs."""

import contextlib
import datetime as dt
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import distributed
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import engine
from engine.errors import AlertTransferError, ClusterError, ConfigError
from engine.local import cluster
from tests.command_line import run_here
from tests.strange_workers import dask_scheduler


@contextlib.contextmanager
def speaking(greeting: bytes | None) -> Iterator[str]:
    """Listen at an address; a client that connects is greeted so, or with None hung up on."""
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as stack:

        def serve() -> None:
            with contextlib.suppress(OSError):  # the server was closed
                while True:
                    peer = stack.enter_context(server.accept()[0])
                    if greeting is None:
                        peer.close()
                    else:
                        peer.sendall(greeting)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextlib.contextmanager
def http() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refusing() -> contextlib.AbstractContextManager[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return contextlib.nullcontext(f"tcp://127.0.0.1:{server.getsockname()[1]}")


STRANGERS = {
    "nobody": (refusing, "Connection refused"),
    "http": (http, "says nothing"),
    "silent": (lambda: speaking(b""), "says nothing"),
    "hangs up": (lambda: speaking(None), "says nothing"),
    "ssh": (lambda: speaking(b"SSH-2.0-OpenSSH_9.0\r\n"), "something else"),
    "zeros": (lambda: speaking(bytes(8192)), "something else"),
}


@pytest.mark.parametrize("who", STRANGERS)
def test_a_stranger_at_the_address_is_told_in_time(who, monkeypatch):
    if who != "http":  # once as it is
        monkeypatch.setattr(cluster, "_ANSWER_S", 1.0)
    stranger, words = STRANGERS[who]
    began = time.monotonic()
    with stranger() as address, pytest.raises(ClusterError, match=words) as raised, engine.connect(address):
        pass
    assert time.monotonic() - began < 25
    assert address in raised.value.message
    assert "tls://" in raised.value.next_step


@pytest.mark.parametrize(
    "address",
    [
        "nonsense",
        "",
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:99999",
        "http://127.0.0.1:80",
        "inproc://1/2",
        "tcp://[",
    ],
)
def test_what_is_no_address_is_told(address):
    with pytest.raises(ConfigError, match="no address") as raised, engine.connect(address):
        pass
    assert repr(address) in raised.value.message


def test_a_worker_is_no_scheduler(dask_client):
    (worker, *_) = dask_client.nthreads()
    with pytest.raises(ClusterError, match="Worker"), engine.connect(worker):
        pass


def test_a_scheduler_may_have_no_worker_yet(tmp_path):
    with dask_scheduler(tmp_path) as address, engine.connect(address) as client:
        assert client.nthreads() == {}


def test_a_command_ends_in_one_block(tmp_path):
    made = engine.write_sample(tmp_path, nights=["2021-11-22"], alerts_per_night=2)
    with refusing() as address:
        ended = run_here("preview", "--archive", made.archive, "--nights", "2021-11-22", "--dask", address)
    assert ended.returncode == 1
    assert (ended.stdout, ended.stderr.count(address), ended.stderr.count("Next:")) == ("", 1, 1)


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> dict[str, str]:
    """Certificate and key of an authority that trusts itself; scheduler and client use the same."""
    folder = tmp_path_factory.mktemp("tls")
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dask")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    cert = str(folder / "cert.pem")
    return {"ca_file": cert, "cert_file": cert, "key_file": str(folder / "key.pem")}


@pytest.fixture(scope="module")
def tls_scheduler(tls, tmp_path_factory) -> Iterator[str]:
    options = ["--protocol", "tls", "--tls-ca-file", tls["ca_file"], "--tls-cert", tls["cert_file"]]
    with dask_scheduler(
        tmp_path_factory.mktemp("tls-scheduler"), more=[*options, "--tls-key", tls["key_file"]]
    ) as address:
        yield address


def test_a_scheduler_with_tls_is_reached_by_our_settings(tls, tls_scheduler, tmp_path, monkeypatch):
    config = tmp_path / "alert-transfer.yaml"
    config.write_text(f"dask: {tls_scheduler}\ndask_tls: {{ca_file: {tls['ca_file']}, cert_file: /nowhere}}\n")
    monkeypatch.setenv("ALERT_TRANSFER_DASK_TLS_CERT_FILE", tls["cert_file"])
    monkeypatch.setenv("ALERT_TRANSFER_DASK_TLS_KEY_FILE", tls["key_file"])
    settings = engine.load_settings(config)
    assert settings.dask_tls.files() == tls
    with engine.connect(settings.dask, tls=settings.dask_tls) as client:
        assert client.scheduler.address == tls_scheduler


def test_without_certificates_or_with_wrong_ones_it_is_told(tls, tls_scheduler, tmp_path, monkeypatch):
    plain = tls_scheduler.replace("tls://", "tcp://")
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")
    cases = [
        (tls_scheduler, None, ConfigError, ["ca_file", "CERT_FILE"]),
        (tls_scheduler, {"ca_file": tls["ca_file"]}, ConfigError, ["cert_file"]),
        (tls_scheduler, tls | {"key_file": "/nowhere"}, ConfigError, ["key_file", "/nowhere", "No such file"]),
        (tls_scheduler, tls | {"ca_file": str(nonsense)}, ConfigError, ["dask_tls"]),
        (tls_scheduler, tls | {"password": "x"}, ConfigError, ["password"]),
        (plain, tls, ConfigError, [tls_scheduler]),
        (plain, None, ClusterError, ["tls://"]),
    ]
    monkeypatch.setattr(cluster, "_ANSWER_S", 3.0)
    for address, given, error, words in cases:
        began = time.monotonic()
        with pytest.raises(error) as raised, engine.connect(address, tls=given):
            pass
        assert time.monotonic() - began < 25
        assert all(word in str(raised.value) for word in words), (str(raised.value), words)


def test_a_scheduler_without_tls_is_told_from_one_with_it(dask_client, tls):
    address = dask_client.scheduler.address.replace("tcp://", "tls://")
    with pytest.raises(AlertTransferError, match="TLS fails") as raised, engine.connect(address, tls=tls):
        pass
    assert "tcp://" in raised.value.next_step


def test_a_client_of_a_scheduler_that_is_gone_is_told(tmp_path):
    request = engine.TransferRequest(archive=tmp_path, nights="2021-11-22")
    with contextlib.ExitStack() as stack:
        with dask_scheduler(tmp_path / "gone") as address:
            client = stack.enter_context(distributed.Client(address, set_as_default=False, timeout=150))
        began = time.monotonic()
        with pytest.raises(ClusterError, match="can't be used"):
            engine.preview(request, client=client)
        assert time.monotonic() - began < 25
