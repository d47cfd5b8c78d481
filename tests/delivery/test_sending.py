"""One request to real receivers, good and bad."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook, WebhookVerificationError

from activities import sending
from activities.sending import Sender, answer_of, is_public
from models.delivery import OutEvent
from models.events import EventType
from store.batches import Answer, Result
from tests.delivery.receiver import Receiver, gigabyte, hang, receiving, status

OLD, NEW = "whsec_b2xkb2xkb2xkb2xkb2xkb2xk", "whsec_bmV3bmV3bmV3bmV3bmV3bmV3"
TLS = ssl.create_default_context()
EVENT = OutEvent(
    position=5,
    id="CT-250401-0007/3",
    type=EventType.PAUSED,
    source="/danbiet/test",
    subject="CT-250401-0007",
    time="2025-04-01T08:00:00+07:00",
    dossier="CT-250401-0007",
    sequence=3,
    data={"kind": "supplement", "reason": "thiếu giấy tờ"},
)


async def send(url: str, *, private: bool = True, secrets: tuple[str, ...] = (NEW,)) -> Answer:
    async with Sender(url, secrets, TLS, private=private) as sender:
        return await sender.send(EVENT)


async def test_a_receiver_gets_a_signed_cloud_event() -> None:
    with receiving() as receiver:
        assert await send(receiver.url) == Answer(Result.DELIVERED)
    [seen] = receiver.seen
    assert seen.event == EVENT.cloud_event()
    assert Webhook(NEW).verify(seen.body, seen.headers) == EVENT.cloud_event()
    assert seen.headers["content-type"] == "application/cloudevents+json"
    assert seen.headers["webhook-id"] == EVENT.id
    assert seen.headers["host"] == receiver.url.split("/")[2]
    read = from_structured_event(HTTPMessage(headers=seen.headers, body=seen.body))
    assert (read.get_id(), read.get_data()) == (EVENT.id, EVENT.data)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(seen.body, seen.headers)


async def test_both_secrets_sign_while_they_change() -> None:
    with receiving() as receiver:
        await send(receiver.url, secrets=(NEW, OLD))
    [seen] = receiver.seen
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(seen.body, seen.headers)


async def test_a_name_is_sent_as_it_was_registered() -> None:
    """The connection goes to an address, the request to the name."""
    with receiving() as receiver:
        named = receiver.url.replace("127.0.0.1", "localhost")
        assert (await send(named)).result is Result.DELIVERED
    assert receiver.seen[0].headers["host"].startswith("localhost:")


@pytest.mark.parametrize(
    ("name", "result"), [("hooks.example", Result.DELIVERED), ("evil.example", Result.FAILED)]
)
async def test_https_goes_to_the_checked_address_and_insists_on_the_name(
    name: str, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both names lead to the same receiver; its certificate is for one of them."""
    certificate = self_signed("hooks.example", tmp_path / "hook.pem")

    async def resolve(_host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    trusted = ssl.create_default_context(cafile=str(certificate))
    with receiving(certificate=certificate) as receiver:
        url = receiver.url.replace("http://127.0.0.1", f"https://{name}")
        async with Sender(url, (NEW,), trusted, private=True) as sender:
            answer = await sender.send(EVENT)
    assert answer.result is result
    assert [seen.headers["host"].partition(":")[0] for seen in receiver.seen] == [name] * (
        result is Result.DELIVERED
    )


def self_signed(name: str, file: Path) -> Path:
    """Key and certificate for a host name, trusted by nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize("code", [400, 404, 429, 500, 503])
async def test_anything_but_success_is_a_failure(code: int) -> None:
    with receiving(status(code)) as receiver:
        assert await send(receiver.url) == Answer(Result.FAILED, f"answered {code}")


async def test_gone_means_no_more() -> None:
    with receiving(status(410)) as receiver:
        assert (await send(receiver.url)).result is Result.GONE


async def test_redirects_are_not_followed() -> None:
    with receiving() as target, receiving(status(307, location=target.url)) as receiver:
        answer = await send(receiver.url)
    assert (answer.result, target.seen) == (Result.FAILED, [])
    assert "redirects are not followed" in str(answer.error)


async def test_a_receiver_that_hangs_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TIMEOUT", 0.3)
    with receiving(hang) as receiver:
        answer = await send(receiver.url)
    assert answer.result is Result.FAILED
    assert len(receiver.seen) == 1


async def test_a_gigabyte_is_not_read() -> None:
    with receiving(gigabyte) as receiver:
        assert (await send(receiver.url)).result is Result.DELIVERED
        await_end(receiver)
    assert int(receiver.seen[0].headers.get("sent", 0)) < 50_000_000  # what the sockets had room for


def await_end(receiver: Receiver) -> None:
    """Until the receiver notices that nobody reads any more."""
    before = None
    for _ in range(100):
        now = receiver.seen[0].headers.get("sent")
        if now == before:
            return
        before = now
        time.sleep(0.1)


async def test_nobody_there_is_a_failure() -> None:
    with receiving() as receiver:
        url = receiver.url
    assert (await send(url)).result is Result.FAILED
    assert "not found" in str((await send("http://nowhere.invalid/")).error)
    assert (await send("http://bad..host/")).result is Result.FAILED


async def test_private_networks_and_plain_http_are_refused() -> None:
    with receiving() as receiver:
        plain = await send(receiver.url, private=False)
        inside = await send(receiver.url.replace("http:", "https:"), private=False)
        name = await send("https://localhost/", private=False)
    assert receiver.seen == []
    assert "https" in str(plain.error)
    assert "private network" in str(inside.error)
    assert "private network" in str(name.error)


@pytest.mark.parametrize(
    "address",
    [
        *("10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "0.0.0.0", "169.254.169.254", "100.64.0.1"),  # noqa: S104
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "fec0::1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::a00:1", "2001::1"),
        *("::127.0.0.1", "64:ff9b:1::a00:1"),
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "113.160.0.1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ("120", timedelta(minutes=2)),
        (" 5 ", timedelta(seconds=5)),
        ("Thu, 01 Jan 2026 00:01:00 GMT", timedelta(minutes=1)),
        ("Wed, 31 Dec 2025 00:00:00 GMT", timedelta()),
        ("soon", None),
        ("-3", None),
        ("9" * 400, timedelta(seconds=10**8)),
        (None, None),
    ],
)
def test_how_long_a_receiver_wants_to_be_left_alone(told: str | None, asked: timedelta | None) -> None:
    assert answer_of(503, told, datetime(2026, 1, 1, tzinfo=UTC)).asked == asked
