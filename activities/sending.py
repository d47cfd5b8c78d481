"""One request to a webhook: signed, to a checked address, within limits of time and size.

The host is resolved here, its addresses are checked, and the connection goes to the one that was checked: a name that
is answered differently a moment later (DNS rebinding) leads nowhere else. Redirects are not followed, for the same
reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook

from models.delivery import OutEvent
from store.batches import Answer, Result

TIMEOUT = 10.0
"""Seconds for everything: name, connection, request, answer."""
CONNECT = 5.0
DRAIN = 1.0
MOST_BYTES = 64 * 1024
"""Seconds and bytes for what follows the status; nobody looks at it, it only frees the connection."""
AGENT = "danbiet"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Refused(Exception):
    """Our own rules forbid the request; the sentence says why."""


class Sender:
    """Sends to one webhook; ``private`` allows addresses inside one's own networks, and plain http."""

    def __init__(self, url: str, secrets: tuple[str, ...], tls: ssl.SSLContext, *, private: bool) -> None:
        self._url, self._private = url, private
        self._signers = [Webhook(secret) for secret in secrets]
        timeout = httpx.Timeout(TIMEOUT, connect=CONNECT)
        self._client = httpx.AsyncClient(
            verify=tls,
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            headers={"user-agent": AGENT},
        )

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(self, event: OutEvent) -> Answer:
        """One attempt. Whatever goes wrong is an answer, never an error."""
        try:
            url = httpx.URL(self._url)
            async with asyncio.timeout(TIMEOUT):
                return await self._post(url, await self._address(url), event)
        except Refused as refusal:
            return Answer(Result.FAILED, str(refusal))
        except TimeoutError:
            return Answer(Result.FAILED, f"no answer within {TIMEOUT:.0f} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return Answer(Result.FAILED, f"{type(error).__name__}: {error}"[:200])

    async def _address(self, url: httpx.URL) -> Address:
        """Where to connect to: the first address of the host that we may speak to."""
        if url.scheme != "https" and not self._private:
            raise Refused("only https is allowed: the operator may allow DANBIET_WEBHOOKS_PRIVATE")
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.raw_host.decode("ascii")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise Refused(f"the host {host} is not found: {error.strerror}") from None
        addresses = [ipaddress.ip_address(each[4][0]) for each in found]
        allowed = [each for each in addresses if self._private or is_public(each)]
        if not allowed:
            raise Refused(
                f"{host} is inside a private network: the operator may allow DANBIET_WEBHOOKS_PRIVATE"
            )
        return allowed[0]

    async def _post(self, url: httpx.URL, address: Address, event: OutEvent) -> Answer:
        message = to_structured_event(cloud_event(event))
        headers = {
            **message.headers,
            "host": url.netloc.decode("ascii"),
            **self._signed(event.id, message.body.decode()),
        }
        async with self._client.stream(
            "POST",
            url.copy_with(host=str(address)),
            content=message.body,
            headers=headers,
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        ) as response:
            await _drain(response)
            return answer_of(response.status_code, response.headers.get("retry-after"), datetime.now(UTC))

    def _signed(self, id_: str, body: str) -> dict[str, str]:
        """Headers of Standard Webhooks: one signature for each secret that is valid now."""
        now = datetime.now(UTC)
        return {
            "webhook-id": id_,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signer.sign(id_, now, body) for signer in self._signers),
        }


def cloud_event(event: OutEvent) -> CloudEvent:
    """The event as the library writes it; it wants the time as an instant."""
    attributes = event.cloud_event()
    data = attributes.pop("data")
    return CloudEvent(
        attributes | {"time": datetime.fromisoformat(event.time)}, data if isinstance(data, dict) else None
    )


def answer_of(status: int, retry_after: str | None, now: datetime) -> Answer:
    """2xx: delivered; 410: no more, please; anything else is tried again."""
    if 200 <= status < 300:
        return Answer(Result.DELIVERED)
    if status == httpx.codes.GONE:
        return Answer(Result.GONE, "answered 410")
    told = f"answered {status}"
    if 300 <= status < 400:
        told += ": redirects are not followed, register the final address"
    return Answer(Result.FAILED, told, _asked(retry_after, now))


def _asked(retry_after: str | None, now: datetime) -> timedelta | None:
    """The wait that a receiver asks for, in seconds or as a date; None where it says nothing sensible."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return None if until.tzinfo is None else max(timedelta(), until - now)


async def _drain(response: httpx.Response) -> None:
    """Read a little, without unpacking it. The status stands whatever comes after it."""
    taken = 0
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(DRAIN):
            async for part in response.aiter_raw():
                taken += len(part)
                if taken > MOST_BYTES:
                    return


def is_public(address: Address) -> bool:
    """Reachable by anybody: not private, loopback, link-local, shared (CGNAT), multicast or reserved.

    IPv6 addresses that carry an IPv4 one are as public as that.
    """
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if carried is not None:
            return is_public(carried)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
