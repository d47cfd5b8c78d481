"""HTTP on the wire: uvicorn's faster protocol, with a limit on what is no body (it has none of its own)."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 65_536
"""Bytes in a row that are no body: a head, trailers, the length of a chunk."""


class Protocol(HttpToolsProtocol):
    """One connection. Who sends heads without an end is cut off before they fill the memory."""

    _since_body = 0
    _in_head = False

    def data_received(self, data: bytes) -> None:
        self._since_body += len(data)
        super().data_received(data)
        if self._since_body > HEAD and not self.transport.is_closing():
            if self._in_head:
                self.send_400_response("The head of the request is too long.")
            self.transport.close()

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers are dropped: nobody shall have a header that was not there when the request was judged."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._since_body = False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._since_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._since_body = 0
        super().on_message_complete()
