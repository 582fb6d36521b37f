"""The answers about threads and runs, plain or folded, read into outputs, usage and endings.

The law of this module: each message and each step that called a tool is an output, in the order
in which they began, and the run stands behind them with its state. Ids and settings that have no
place in a record stay together, as one extra for each object.
"""

from __future__ import annotations

from audit.exchange import Ending
from audit.flags import EndingDetail
from audit.parts import Extra, Part, ToolCall
from audit.record import Output, Response
from audit.value import Json
from tap.dialects.answers import beside, counted, with_beside
from tap.dialects.assistants_content import ThreadContent
from tap.dialects.assistants_fold import STREAMED, has_stopped
from tap.dialects.assistants_steps import call_of, step_parts
from tap.dialects.error_bodies import error_of, error_parts, is_filter_error
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading
from tap.wire_json import as_dict, as_list, as_text, clean_text

__all__ = ["read_assistants_answer"]

Object = dict[str, Json]

_STEP = "thread.run.step"
_TIMES = frozenset(
    (
        *("object", "status", "created_at", "started_at", "completed_at", "incomplete_at"),
        *("failed_at", "cancelled_at", "expired_at", "expires_at"),
    )
)
_MESSAGE_READ = _TIMES | {"role", "content", STREAMED}
_STEP_READ = _TIMES | {"step_details", "type"}
_RUN_READ = _TIMES | {"model", "usage", "required_action", "last_error"}


def read_assistants_answer(
    items: list[Object], run: Object | None, rest: Object, errors: list[Json], keeper: Keeper
) -> AnswerReading:
    """Read messages and steps, the run they are of, and what stood beside them.

    `terminal` is left to whoever knows how they came. Never raises.
    """
    state = run or {}
    reader = _Outputs(keeper)
    for item in items:
        reader.take(item)
    if run is not None:
        reader.take_run(run)
    if state.get("last_error"):
        errors = [*errors, state["last_error"]]
    reader.take_rest(rest, errors)
    ending, detail = _evidence([*items, state], errors)
    named = run or (items[0] if len(items) == 1 else as_dict(rest.get("thread")))
    return AnswerReading(
        response=Response(
            outputs=tuple(reader.outputs), error=error_of(errors[0], keeper) if errors else None
        ),
        usage=counted(state.get("usage"), keeper),
        model=_clean(state.get("model")),
        response_id=_clean(named.get("id")),
        finished=has_stopped(state),
        ending=ending,
        detail=detail,
        flags=frozenset(keeper.flags),
    )


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None


def _reason(item: Object) -> str | None:
    """Why it is incomplete, or else its state; none while it is under way."""
    status = item.get("status")
    said = as_dict(item.get("incomplete_details")).get("reason") or status
    return _clean(said) if status != "in_progress" else None


def _evidence(items: list[Object], errors: list[Json]) -> tuple[Ending | None, EndingDetail | None]:
    if any(is_filter_error(error) for error in errors):
        return Ending.FILTERED, EndingDetail.PROMPT_FILTERED
    if any(_reason(item) == "content_filter" for item in items):
        return Ending.FILTERED, EndingDetail.OUTPUT_FILTERED
    failed = any(item.get("status") == "failed" for item in items[-1:])
    return (Ending.FAILED, EndingDetail.ERROR_EVENT) if errors or failed else (None, None)


class _Outputs:
    """Puts outputs one behind the other; what steps hold beside their calls goes to the run."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._content = ThreadContent(keeper)
        self._steps: list[Part] = []
        self._calls: set[ToolCall] = set()
        self.outputs: list[Output] = []

    def take(self, item: Object) -> None:
        """Take the next message or step."""
        if item.get("object") == _STEP or "step_details" in item:
            self._take_step(item)
        else:
            self._take_message(item)

    def _add(self, role: str, parts: list[Part], reason: str | None) -> None:
        output = Output(
            index=len(self.outputs), role=role, parts=tuple(parts), finish_reason=reason
        )
        self.outputs.append(output)

    def _take_message(self, message: Object) -> None:
        parts = self._content.parts(message.get("content"))
        if streamed := as_text(message.get(STREAMED)):
            parts.append(self._keeper.as_extra(f"message.{STREAMED}", streamed))
        parts += self._left("thread.message", message, _MESSAGE_READ)
        self._add(_clean(message.get("role")) or "assistant", parts, _reason(message))

    def _take_step(self, step: Object) -> None:
        parts = step_parts(step.get("step_details"), self._keeper)
        self._calls.update(part for part in parts if isinstance(part, ToolCall))
        if parts:
            self._add("assistant", parts, _reason(step))
        self._steps += self._left(_STEP, step, _STEP_READ)

    def take_run(self, run: Object) -> None:
        """Take the run: the calls it waits for, where no step has told of them, and its state."""
        action = as_dict(as_dict(run.get("required_action")).get("submit_tool_outputs"))
        asked = [call_of(as_dict(call), self._keeper) for call in as_list(action.get("tool_calls"))]
        parts: list[Part] = [call for call in asked if call not in self._calls]
        parts += self._left("thread.run", run, _RUN_READ)
        reason = _reason(run) if has_stopped(run) else None
        self._add("assistant", [*parts, *self._steps], reason)
        self._steps = []

    def take_rest(self, rest: Object, errors: list[Json]) -> None:
        """Take what stood beside messages, steps and run."""
        before = len(self._keeper.media)
        parts = [*self._steps, *beside(rest, frozenset(), self._keeper)]
        parts += [part for error in errors for part in error_parts(error, self._keeper)]
        parts += self._keeper.media[before:]
        self.outputs[-1:] = with_beside(self.outputs[-1:], parts)

    def _left(self, name: str, item: Object, read: frozenset[str]) -> list[Part]:
        before = len(self._keeper.media)
        left = {
            field: value
            for field, value in item.items()
            if field not in read and value not in (None, "", [], {})
        }
        kept: list[Extra] = [self._keeper.as_extra(name, left)] if left else []
        return [*kept, *self._keeper.media[before:]]
