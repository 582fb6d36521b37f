"""The codes that say what a reader must know of a record itself, each with one sentence.

The law of this module: a record's `exchange.flags` and its `ending_detail` come from here and
nowhere else, so that neither can carry a word from the wire. A code is never renamed; one that
is no longer made stays in the table.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ENDING_DETAILS", "FLAGS", "EndingDetail", "Flag"]


class Flag(StrEnum):
    """What a reader must know of the record itself."""

    REQUEST_UNPARSED = "request_unparsed"
    REQUEST_MALFORMED = "request_malformed"
    REQUEST_SALVAGED = "request_salvaged"
    REQUEST_TRUNCATED = "request_truncated"
    REQUEST_INCOMPLETE = "request_incomplete"
    ANSWER_UNPARSED = "answer_unparsed"
    ANSWER_MALFORMED = "answer_malformed"
    ANSWER_SALVAGED = "answer_salvaged"
    ANSWER_TRUNCATED = "answer_truncated"
    ANSWER_INCOMPLETE = "answer_incomplete"
    ANSWER_RESTARTED = "answer_restarted"
    STREAM_MALFORMED = "stream_malformed"
    FRAMES_MALFORMED = "frames_malformed"
    STREAM_ANSWERED_PLAIN = "stream_answered_plain"
    PLAIN_ANSWERED_STREAM = "plain_answered_stream"
    UNTERMINATED_FINAL_EVENT = "unterminated_final_event"
    INVALID_UTF8 = "invalid_utf8"
    ENCODING_DAMAGED = "encoding_damaged"
    ENCODING_TRUNCATED = "encoding_truncated"
    ENCODING_ABSENT = "encoding_absent"
    ENCODING_UNKNOWN = "encoding_unknown"
    DECODED_TOO_LARGE = "decoded_too_large"
    MEDIA_UNDECODABLE = "media_undecodable"
    LOGPROBS_OMITTED = "logprobs_omitted"
    SETTINGS_EARLIER = "settings_earlier"
    SHEAF_FULL = "sheaf_full"
    RECOVERED = "recovered"
    PIECES_MISSING = "pieces_missing"
    TEXT_MISSING = "text_missing"


FLAGS: dict[Flag, str] = {
    Flag.REQUEST_UNPARSED: "the request body could not be read in its format; its text is missing",
    Flag.REQUEST_MALFORMED: "parts of the request did not have the shape their format gives them",
    Flag.REQUEST_SALVAGED: "the request body broke off; what stood before the break was kept",
    Flag.REQUEST_TRUNCATED: "the request body outgrew the capture limit; its head was kept",
    Flag.REQUEST_INCOMPLETE: "the request body never arrived to its end",
    Flag.ANSWER_UNPARSED: "the answer's body could not be read in its format; its text is missing",
    Flag.ANSWER_MALFORMED: "parts of the answer did not have the shape their format gives them",
    Flag.ANSWER_SALVAGED: "the answer's body broke off; what stood before the break was kept",
    Flag.ANSWER_TRUNCATED: "the answer's body outgrew the capture limit; its head was kept",
    Flag.ANSWER_INCOMPLETE: "the answer's HTTP message never came to its end",
    Flag.ANSWER_RESTARTED: "the stream began its answer anew; each attempt is an output",
    Flag.STREAM_MALFORMED: "one or more events of the stream could not be read",
    Flag.FRAMES_MALFORMED: "WebSocket frames broke their protocol; what could be read was kept",
    Flag.STREAM_ANSWERED_PLAIN: "a stream was asked for and a plain body came",
    Flag.PLAIN_ANSWERED_STREAM: "a plain answer was asked for and a stream came",
    Flag.UNTERMINATED_FINAL_EVENT: "the stream ended inside an event, which was read all the same",
    Flag.INVALID_UTF8: "bytes that are not UTF-8 were replaced by U+FFFD",
    Flag.ENCODING_DAMAGED: "a content coding broke; what was decoded before the break was kept",
    Flag.ENCODING_TRUNCATED: "a content coding ended early; what was decoded was kept",
    Flag.ENCODING_ABSENT: "a content coding was announced but the bytes were not encoded",
    Flag.ENCODING_UNKNOWN: "a content coding that is not known was left as it is",
    Flag.DECODED_TOO_LARGE: "a body grew past the limit when decoded; its head was kept",
    Flag.MEDIA_UNDECODABLE: "media was announced as base64 but could not be decoded",
    Flag.LOGPROBS_OMITTED: "token probabilities repeat the text token by token and were left out",
    Flag.SETTINGS_EARLIER: "what the session was set to stands in an earlier record of it",
    Flag.SHEAF_FULL: "the session has more responses than records; the last record holds the rest",
    Flag.PIECES_MISSING: "some of what passed could not be kept on disk and is not here",
    Flag.RECOVERED: "the tap died, but what it had written shows how the exchange ended",
    Flag.TEXT_MISSING: "the store has lost the record's text; only what it is found by is shown",
}


class EndingDetail(StrEnum):
    """Why the ending is what it is: what the bytes showed, or what the connections did."""

    NO_ANSWER = "no_answer"
    NO_TERMINAL_EVENT = "no_terminal_event"
    ANSWER_INCOMPLETE = "answer_incomplete"
    PROMPT_FILTERED = "prompt_filtered"
    OUTPUT_FILTERED = "output_filtered"
    ERROR_EVENT = "error_event"
    ERROR_BODY = "error_body"
    ANSWER_CUT = "answer_cut"
    CLIENT_CLOSED = "client_closed"
    CLIENT_IDLE = "client_idle"
    CONNECT = "connect"
    CONNECT_FAILED = "connect_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    IDLE = "idle"
    RECOVERED_FROM_SPOOL = "recovered_from_spool"
    SHUTDOWN = "shutdown"
    UPSTREAM_CLOSED = "upstream_closed"


ENDING_DETAILS: dict[EndingDetail, str] = {
    EndingDetail.NO_ANSWER: "the upstream closed the connection without any answer",
    EndingDetail.NO_TERMINAL_EVENT: "the stream stopped with neither terminal event nor reason",
    EndingDetail.ANSWER_INCOMPLETE: "the answer's HTTP message broke off",
    EndingDetail.PROMPT_FILTERED: "a content filter blocked the prompt",
    EndingDetail.OUTPUT_FILTERED: "a content filter cut the answer",
    EndingDetail.ERROR_EVENT: "an error event arrived inside the stream",
    EndingDetail.ERROR_BODY: "a successful status carried an error object",
    EndingDetail.ANSWER_CUT: "the upstream closed the connection in the middle of its answer",
    EndingDetail.CLIENT_CLOSED: "the client closed the upgraded connection",
    EndingDetail.CLIENT_IDLE: "the client took or sent nothing for longer than is allowed",
    EndingDetail.CONNECT: "the client asked the tap to be a tunnel, which it is not",
    EndingDetail.CONNECT_FAILED: "the upstream took no connection",
    EndingDetail.CONNECT_TIMEOUT: "the upstream took no connection in the time allowed",
    EndingDetail.IDLE: "nothing came from the upstream for longer than is allowed",
    EndingDetail.RECOVERED_FROM_SPOOL: "the record was made from what the tap had written",
    EndingDetail.SHUTDOWN: "the tap was stopped before the exchange came to its end",
    EndingDetail.UPSTREAM_CLOSED: "the upstream closed the upgraded connection",
}
