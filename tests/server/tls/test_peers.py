"""What is asked of the two sides: names, certificates of clients, versions, ciphers; and what applications hear."""

import datetime
import json
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.server.process import Client, ServerProcess, running
from tests.support.certificates import Authority, SecureClient


def told(client: Client) -> dict[str, Any]:
    """Return the extension that the application saw."""
    scheme, extension = json.loads(client.get().partition(b"\r\n\r\n")[2])
    assert scheme == "https"
    found: dict[str, Any] = extension
    return found


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_each_name_has_its_certificate(loop: str, authority: Authority, certificate: Path) -> None:
    one, wild = authority.sign("one.example"), authority.sign("*.wild.example")
    arguments = ("--ssl-sni", f"one.example={one}", "--ssl-sni", f"*.wild.example={wild}", "--loop", loop)
    expected = {
        "one.example": {"one.example"},
        "ONE.example": {"one.example"},
        "a.wild.example": {"*.wild.example"},
        "localhost": {"localhost", "127.0.0.1"},
        "a.b.wild.example": {"localhost", "127.0.0.1"},
        "wild.example": {"localhost", "127.0.0.1"},
    }
    context = authority.context(check_hostname=False)
    with running("hello", "--ssl-certfile", str(certificate), *arguments) as server:
        for name, names in expected.items():
            with SecureClient(server.port, context, name) as client:
                assert client.alternative_names() == names, name
                assert client.get().endswith(b"hello")


def test_the_first_named_certificate_stands_in_where_there_is_no_other(authority: Authority) -> None:
    one = authority.sign("one.example")
    with (
        running("hello", "--ssl-sni", f"one.example={one}") as server,
        SecureClient(server.port, authority.context(check_hostname=False), "localhost") as client,
    ):
        assert client.alternative_names() == {"one.example"}


def test_the_application_hears_of_the_connection(authority: Authority, certificate: Path) -> None:
    with running("extensions", "--ssl-certfile", str(certificate)) as server:
        for version, number in ((ssl.TLSVersion.TLSv1_2, 0x0303), (ssl.TLSVersion.TLSv1_3, 0x0304)):
            context = authority.context(maximum_version=version)
            with SecureClient(server.port, context) as client:
                found = told(client)
                name, _, _ = client.sock.cipher() or ("", "", 0)
                shown = client.sock.getpeercert(True)
            assert found["tls_version"] == number
            assert found["cipher_suite"] in {
                cipher["id"] & 0xFFFF for cipher in context.get_ciphers() if cipher["name"] == name
            }
            assert ssl.PEM_cert_to_DER_cert(found["server_cert"]) == shown
            assert (found["client_cert_chain"], found["client_cert_name"]) == ([], None)
            assert found["client_cert_error"] is None


def test_the_application_hears_of_the_certificate_that_was_shown(authority: Authority, certificate: Path) -> None:
    one = authority.sign("one.example")
    arguments = ("--ssl-certfile", str(certificate), "--ssl-sni", f"one.example={one}")
    with (
        running("extensions", *arguments) as server,
        SecureClient(server.port, authority.context(), "one.example") as client,
    ):
        assert ssl.PEM_cert_to_DER_cert(told(client)["server_cert"]) == client.sock.getpeercert(True)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_application_hears_who_the_client_is(
    version: ssl.TLSVersion, authority: Authority, certificate: Path
) -> None:
    own = authority.sign("client@example.org", common_name="Ann, of Ünna")
    arguments = ("--ssl-certfile", str(certificate), "--ssl-ca-certs", str(authority.file), "--ssl-cert-reqs", "2")
    with (
        running("extensions", *arguments) as server,
        SecureClient(server.port, authority.context(own, maximum_version=version)) as client,
    ):
        found = told(client)
    parts = own.read_text().split("-----END CERTIFICATE-----")[0]
    sent = parts[parts.index("-----BEGIN CERTIFICATE-----") :] + "-----END CERTIFICATE-----\n"
    assert found["client_cert_chain"][0] == sent
    assert found["client_cert_name"].startswith("CN=Ann\\, of Ünna,OU=")
    assert found["client_cert_error"] is None


def test_the_application_hears_who_has_signed_for_the_client(authority: Authority, certificate: Path) -> None:
    leaf = authority.authority.create_child_ca().issue_cert("client@example.org")
    own = authority.folder / "chained.pem"
    leaf.private_key_and_cert_chain_pem.write_to_path(str(own))
    arguments = ("--ssl-certfile", str(certificate), "--ssl-ca-certs", str(authority.file), "--ssl-cert-reqs", "2")
    with (
        running("extensions", *arguments) as server,
        SecureClient(server.port, authority.context(own)) as client,
    ):
        chain = told(client)["client_cert_chain"]
    sent = [ssl.PEM_cert_to_DER_cert(blob.bytes().decode()) for blob in leaf.cert_chain_pems]
    assert [ssl.PEM_cert_to_DER_cert(text) for text in chain][:2] == sent[:2]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_resumes_a_session_is_still_known(version: ssl.TLSVersion, authority: Authority, certificate: Path) -> None:
    context = authority.context(authority.sign("client@example.org", common_name="Ann"), maximum_version=version)
    arguments = ("--ssl-certfile", str(certificate), "--ssl-ca-certs", str(authority.file), "--ssl-cert-reqs", "2")
    with running("extensions", *arguments) as server:
        with SecureClient(server.port, context) as client:
            told(client)
            session = client.sock.session
        with SecureClient(server.port, context, session=session) as client:
            found = told(client)
            assert client.sock.session_reused
    assert found["client_cert_name"].startswith("CN=Ann,")
    assert len(found["client_cert_chain"]) >= 1


def refusal(port: int, context: ssl.SSLContext) -> str:
    """Return why a request was refused; TLS 1.3 tells a client only when it reads."""
    with (
        pytest.raises((ssl.SSLError, ConnectionError, AssertionError)) as caught,
        SecureClient(port, context) as client,
    ):
        client.get()
    return str(caught.value)


def test_certificates_of_clients_are_checked(authority: Authority, certificate: Path, tmp_path: Path) -> None:
    stranger = Authority(tmp_path).sign("client@example.org")
    expired = authority.sign_expired("client@example.org")
    arguments = ("--ssl-certfile", str(certificate), "--ssl-ca-certs", str(authority.file))
    with running("extensions", *arguments, "--ssl-cert-reqs", "required") as server:
        refusal(server.port, authority.context())
        server.wait_for(r"TLS handshake failed \(the client has no certificate, and ssl_cert_reqs asks for one, from")
        refusal(server.port, authority.context(expired))
        server.wait_for(r"TLS handshake failed \(the client's certificate is refused: certificate has expired")
        refusal(server.port, authority.context(stranger))
        server.wait_for(r"TLS handshake failed \(the client's certificate is refused: (unable|self-signed)")
        with SecureClient(server.port, authority.context(authority.sign("a@example.org"))) as client:
            assert client.get().startswith(b"HTTP/1.1 200")
        assert "Traceback" not in server.log
    with running("extensions", *arguments, "--ssl-cert-reqs", "optional") as server:
        refusal(server.port, authority.context(stranger))
        with SecureClient(server.port, authority.context()) as client:
            assert told(client)["client_cert_chain"] == []


def test_a_factory_may_refuse_certificates_that_are_revoked(
    authority: Authority, certificate: Path, tmp_path: Path
) -> None:
    revoked, good = authority.sign("revoked@example.org"), authority.sign("good@example.org")
    (tmp_path / "revoked.pem").write_bytes(revocations(authority, revoked))
    (tmp_path / "contexts.py").write_text(
        "import ssl\n"
        "def make(config, usual):\n"
        "    context = usual()\n"
        f"    context.load_verify_locations({str(tmp_path / 'revoked.pem')!r})\n"
        "    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF\n"
        "    return context\n"
    )
    arguments = ("--ssl-certfile", str(certificate), "--ssl-ca-certs", str(authority.file), "--ssl-cert-reqs", "2")
    factory = ("--ssl-context-factory", "contexts:make")
    variables = {"PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{tmp_path}"}
    with ServerProcess("apps:hello", "--port", "0", *arguments, *factory, variables=variables) as server:
        refusal(server.port, authority.context(revoked))
        server.wait_for(r"TLS handshake failed \(the client's certificate is refused: certificate revoked")
        with SecureClient(server.port, authority.context(good)) as client:
            assert client.get().endswith(b"hello")


def revocations(authority: Authority, certificate: Path) -> bytes:
    """Return a list of revoked certificates, with one of them on it."""
    signer = x509.load_pem_x509_certificate(authority.authority.cert_pem.bytes())
    key = serialization.load_pem_private_key(authority.authority.private_key_pem.bytes(), None)
    now = datetime.datetime.now(datetime.UTC)
    number = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
    one = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now).build()
    builder = x509.CertificateRevocationListBuilder().issuer_name(signer.subject).add_revoked_certificate(one)
    day = datetime.timedelta(days=1)
    signed = builder.last_update(now - day).next_update(now + day).sign(key, hashes.SHA256())  # type: ignore[arg-type]
    return signed.public_bytes(serialization.Encoding.PEM)


def test_old_versions_and_weak_ciphers_are_refused(authority: Authority, certificate: Path) -> None:
    with running("hello", "--ssl-certfile", str(certificate)) as server:
        for cipher in ("AES128-SHA", "ECDHE+AES+SHA", "AES128-GCM-SHA256", "DHE+AESGCM", "aNULL", "3DES"):
            weak = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            weak.check_hostname, weak.verify_mode = False, ssl.CERT_NONE
            weak.maximum_version = ssl.TLSVersion.TLSv1_2
            try:
                weak.set_ciphers(f"{cipher}:@SECLEVEL=0")
            except ssl.SSLError:  # this OpenSSL has it not at all
                continue
            refusal(server.port, weak)
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old = authority.context(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
        old.set_ciphers("ALL:@SECLEVEL=0")
        refusal(server.port, old)
        with SecureClient(server.port, authority.context()) as client:
            assert client.sock.compression() is None
    with running("hello", "--ssl-certfile", str(certificate), "--ssl-min-version", "1.3") as server:
        refusal(server.port, authority.context(maximum_version=ssl.TLSVersion.TLSv1_2))


def test_a_session_is_resumed(authority: Authority, certificate: Path) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = authority.context(maximum_version=version)
        with running("hello", "--ssl-certfile", str(certificate)) as server:
            with SecureClient(server.port, context) as client:
                client.get()
                session = client.sock.session
            with SecureClient(server.port, context, session=session) as client:
                assert client.sock.session_reused
                client.get()


def test_a_factory_makes_the_context(authority: Authority, certificate: Path, tmp_path: Path) -> None:
    (tmp_path / "contexts.py").write_text(
        "import ssl\n"
        "def make(config, usual):\n"
        "    context = usual()\n"
        "    context.maximum_version = ssl.TLSVersion.TLSv1_2\n"
        "    return context\n"
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'made'})\n"
    )
    arguments = ("--ssl-certfile", str(certificate), "--ssl-context-factory", "contexts:make")
    for workers in ((), ("--workers", "1")):
        with (
            ServerProcess("contexts:app", "--port", "0", *arguments, *workers, app_dir=tmp_path) as server,
            SecureClient(server.port, authority.context()) as client,
        ):
            assert client.sock.version() == "TLSv1.2"
            client.send_request()
            assert client.read_until(b"made")


def test_keys_are_written_for_who_asks(authority: Authority, certificate: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with running("hello", "--ssl-certfile", str(certificate), "--ssl-keylog-file", str(keys)) as server:
        server.wait_for("The secrets of TLS connections are written to")
        with SecureClient(server.port, authority.context()) as client:
            client.get()
    assert "SERVER_TRAFFIC_SECRET_0" in keys.read_text()
