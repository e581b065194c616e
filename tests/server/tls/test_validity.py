"""When a certificate is good, in both forms of time that X.509 has."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from licorne.server.tls.validity import why_not_now

KEY = ec.generate_private_key(ec.SECP256R1())
NOBODY = x509.Name([])


def seconds(year: int) -> float:
    """Return when a year begins."""
    return datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp()


@pytest.fixture(params=[(2020, 2030), (1996, 1999), (2040, 2049), (2049, 2051), (2060, 2070)], ids=str)
def years(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Return the years between which a certificate is good: since 2050, the form of time is another."""
    found: tuple[int, int] = request.param
    return found


def test_it_is_good_between_its_dates_alone(years: tuple[int, int], tmp_path: Path) -> None:
    begin, end = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in years)
    builder = x509.CertificateBuilder().subject_name(NOBODY).issuer_name(NOBODY).public_key(KEY.public_key())
    builder = builder.serial_number(5).not_valid_before(begin).not_valid_after(end)
    path = tmp_path / "cert.pem"
    path.write_bytes(builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    assert why_not_now(str(path), seconds(years[0])) == ""
    assert why_not_now(str(path), seconds(years[1])) == ""
    assert why_not_now(str(path), seconds(years[0]) - 1) == f"is not valid before {years[0]}-01-01 at 00:00:00 UTC"
    assert why_not_now(str(path), seconds(years[1]) + 1) == f"has expired on {years[1]}-01-01 at 00:00:00 UTC"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n",
    ],
)
def test_of_what_cannot_be_read_nothing_is_said(content: str, tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    path.write_text(content)
    assert why_not_now(str(path), seconds(2026)) == ""
    assert why_not_now(str(tmp_path / "none.pem"), seconds(2026)) == ""
